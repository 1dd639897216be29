"""The tokens of a vocabulary as a tree over their bytes.

The tree is kept level by level in flat arrays, the children of a node side by side. One pass
down the levels finds all tokens that are legal in a state, together with the states they lead
to: where the automaton allows little, few nodes are touched; where it allows nearly everything,
each level is a handful of array operations.

It is built in the same manner, without a look at any single token: the tokens are sorted eight
bytes at a time, as numbers, and then each level is where neighbours begin to differ. Since that
still takes a fifth of a second, a tree can be written as bytes, and that of the packaged
vocabulary comes with the package; `tools/build_vocabulary.py` makes both files. Without the file,
or with one that is damaged, the tree is made anew.
"""

from __future__ import annotations

import pkgutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from harmony_grammar.vocabulary import default_encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import tiktoken
    from numpy.typing import NDArray
    from typing_extensions import Self

    Indices = NDArray[np.int32]
    Wide = NDArray[np.int64]

__all__ = ["FILE_NAME", "FILE_SHA256", "Steps", "TokenTree", "build_tree", "stored_tree"]

FILE_NAME: Final = "o200k_base.tree"
FILE_SHA256: Final = "7c5e30115c79db2e34468e66fcf9d0ac2301271ab33a52580904b3afb6b1bd8b"

_CHUNK: Final = 8
_NONE: Final = -1
_HEAD: Final = np.dtype("<u4")  # how the numbers of a written tree are stored


class Steps(Protocol):
    """An automaton that a walk can ask for its transitions."""

    def transitions(self, states: Indices) -> Indices:
        """The rows of at least `states`: shape `(states, 256)`, -1 where nothing follows."""


class _Pieces:
    """Tokens end to end, and where each begins."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        self.text = np.frombuffer(b"".join(pieces) + bytes(_CHUNK), np.uint8)
        self.begins = np.cumsum(self.lengths) - self.lengths

    def chunk(self, which: Wide, depth: int) -> NDArray[np.uint64]:
        """Eight bytes of some tokens as numbers that sort as the bytes do."""
        columns = np.arange(_CHUNK)
        # A token that is shorter is filled up with zeros, wherever it would have to look.
        begins = np.minimum(self.begins[which] + depth, self.text.size - _CHUNK)
        left = (self.lengths[which] - depth)[:, None]
        taken = np.where(columns < left, self.text[begins[:, None] + columns], 0)
        numbers: NDArray[np.uint64] = taken.astype(np.uint8).view(">u8")[:, 0].astype(np.uint64)
        return numbers

    def order(self) -> Wide:
        """The tokens sorted, so that those that begin alike stand together."""
        order = np.argsort(self.chunk(np.arange(self.lengths.size), 0), kind="stable")
        places, groups = np.arange(order.size), np.zeros(order.size, np.int64)
        depth = 0
        while places.size:
            which = order[places]
            keys = self.chunk(which, depth)
            by = np.lexsort((keys, groups))
            which, keys = which[by], keys[by]
            order[places] = which
            same = (keys[1:] == keys[:-1]) & (groups[1:] == groups[:-1])
            tied = np.zeros(places.size, bool)
            tied[1:] |= same
            tied[:-1] |= same
            depth += _CHUNK
            tied &= self.lengths[which] > depth
            groups = np.concatenate([[0], np.cumsum(~same)])[tied]
            places = places[tied]
        return order


class TokenTree:
    """The tokens as a tree, its nodes level by level, the children of a node side by side.

    Args:
        byte: the byte of each node, uint8.
        children: how many children each node has, int32.
        token: the id that ends at each node, int32; -1 where none does.
        depth: how many levels there are: the length of the longest token.
    """

    def __init__(self, byte: Any, children: Indices, token: Indices, depth: int) -> None:
        self._byte, self._children, self._token = byte, children, token
        self._roots = byte.size - int(children.sum())
        self._first = (self._roots + np.cumsum(children) - children).astype(np.int32)
        self.depth = depth

    def to_bytes(self) -> bytes:
        """The tree in a form that `from_bytes` reads.

        Raises:
            ValueError: if a node has more than 255 children.
        """
        if self._children.max(initial=0) > np.iinfo(np.uint8).max:
            raise ValueError("a node has more children than the form can hold")
        ends = self._token != _NONE
        parts = (
            np.array([self._byte.size, self.depth], _HEAD),
            self._byte,
            self._children.astype(np.uint8),
            np.packbits(ends),
            self._token[ends].astype(_HEAD),
        )
        return b"".join(part.tobytes() for part in parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a tree that was written whole."""
        size, depth = (int(number) for number in np.frombuffer(data, _HEAD, 2))
        begin = 2 * _HEAD.itemsize
        byte, children = np.frombuffer(data, np.uint8, 2 * size, begin).reshape(2, size)
        marks = np.frombuffer(data, np.uint8, -(-size // 8), begin + 2 * size)
        token = np.full(size, _NONE, np.int32)
        ends = np.unpackbits(marks, count=size).view(bool)
        token[ends] = np.frombuffer(data, _HEAD, -1, begin + 2 * size + marks.size)
        return cls(byte, children.astype(np.int32), token, depth)

    def walk(self, steps: Steps, start: int) -> tuple[Indices, Indices]:
        """All tokens that are legal in a state, and the states behind them.

        Args:
            steps: the automaton.
            start: the number of the state.

        Returns:
            The ids of the tokens and the numbers of the states, in one order.
        """
        nodes = np.arange(self._roots, dtype=np.int32)
        states = np.full(nodes.size, start, np.int32)
        found: list[Indices] = []
        behind: list[Indices] = []
        while True:
            states = steps.transitions(states)[states, self._byte[nodes]]
            alive = states >= 0
            nodes, states = nodes[alive], states[alive]
            tokens = self._token[nodes]
            whole = tokens >= 0
            found.append(tokens[whole])
            behind.append(states[whole])
            counts = self._children[nodes]
            total = int(counts.sum())
            if not total:
                return np.concatenate(found), np.concatenate(behind)
            shift = self._first[nodes] - np.cumsum(counts) + counts
            nodes = np.repeat(shift, counts) + np.arange(total, dtype=np.int32)
            states = np.repeat(states, counts)


def build_tree(pieces: Sequence[bytes], ids: Sequence[int]) -> TokenTree:
    """Make the tree of some tokens.

    Args:
        pieces: the bytes of each token, no two alike and none empty.
        ids: the id of each.
    """
    levels, nodes = _levels(_Pieces(pieces), np.array(ids, np.int32))
    byte, parent, token = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    below = parent[parent != _NONE]
    return TokenTree(
        byte, np.bincount(below, minlength=nodes).astype(np.int32), token, len(levels) - 1
    )


def _levels(tokens: _Pieces, ids: Indices) -> tuple[list[tuple[Any, Any, Any]], int]:
    """For each level, the byte, the parent and the token of every node; and how many there are."""
    order = tokens.order()
    begins, left, ids = tokens.begins[order], tokens.lengths[order], ids[order]
    parents = np.full(order.size, _NONE, np.int32)
    levels: list[tuple[Any, Any, Any]] = [
        (np.zeros(0, np.uint8), np.zeros(0, np.int32), np.zeros(0, np.int32))
    ]
    base = 0
    while begins.size:
        byte = tokens.text[begins]
        fresh = np.ones(begins.size, bool)
        fresh[1:] = (byte[1:] != byte[:-1]) | (parents[1:] != parents[:-1])
        node = (np.cumsum(fresh) - 1).astype(np.int32)
        ends = left == 1
        token = np.full(int(node[-1]) + 1, _NONE, np.int32)
        token[node[ends]] = ids[ends]
        levels.append((byte[fresh], parents[fresh], token))
        alive = ~ends
        begins, left, ids = begins[alive] + 1, left[alive] - 1, ids[alive]
        parents = node[alive] + base
        base += token.size
    return levels, base


def stored_tree(encoding: tiktoken.Encoding) -> TokenTree | None:
    """The packaged tree, if it is that of an encoding.

    Args:
        encoding: the encoding.

    Returns:
        The tree; None if the encoding is not the packaged one, or the file is not whole.
    """
    loaded = default_encoding.cache_info().currsize  # to ask for the encoding would load it
    if not loaded or encoding is not default_encoding():
        return None
    try:
        data = pkgutil.get_data(__package__, FILE_NAME)
    except OSError:
        return None
    whole = data is not None and sha256(data).hexdigest() == FILE_SHA256
    return TokenTree.from_bytes(data) if data is not None and whole else None
