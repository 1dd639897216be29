"""What masks are made of: the tokens of a vocabulary, and sets of ids as words of bits.

All constraints in one vocabulary share its table, in whatever threads they are. What it keeps is
put in place whole; two threads that ask for the same at once may both make it, and either is right.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from harmony_grammar.masking.token_tree import build_tree, stored_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from numpy.typing import NDArray

    from harmony_grammar.masking.token_tree import Steps, TokenTree
    from harmony_grammar.vocabulary import Vocabulary

    Indices = NDArray[np.int32]

__all__ = ["Mask", "MaskCache", "Row", "TokenTable", "table_of"]

Row = Any
"""An array of int32 words, one bit for each id."""

_BITS: Final = 32
_KEPT_MASKS: Final = 512
_KEPT_COUNTS: Final = 4096
_serials: Final = count()


class Mask:
    """A set of ids as a bitmask; made once, then shared and never written.

    Attributes:
        row: the words, int32 of shape `(words,)`, read-only; id `t` is in the set if and only if
            `(row[t >> 5] >> (t & 31)) & 1`.
        data: the same as bytes, for copying.
        key: what no other mask has.
    """

    __slots__ = ("data", "key", "row")

    def __init__(self, row: Row) -> None:
        row.flags.writeable = False
        self.row = row
        self.data = memoryview(row).cast("B")
        self.key: object = next(_serials)

    def __contains__(self, token: int) -> bool:
        return 0 <= token < len(self.row) * _BITS and bool(
            (int(self.row[token >> 5]) >> (token & 31)) & 1
        )

    def ids(self) -> Indices:
        """The ids in the set, ascending."""
        bits = np.unpackbits(self.row.view(np.uint8), bitorder="little")
        return np.flatnonzero(bits).astype(np.int32)


class MaskCache:
    """The masks that were asked for of late; the oldest go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Mask] = OrderedDict()

    def get(self, key: Hashable) -> Mask | None:
        """The mask, if it is kept."""
        known = self._kept.get(key)
        if known is not None:
            with suppress(KeyError):  # another thread may have dropped it since
                self._kept.move_to_end(key)
        return known

    def put(self, key: Hashable, mask: Mask) -> Mask:
        """Keep a mask; the answer is that mask."""
        self._kept[key] = mask
        if len(self._kept) > _KEPT_MASKS:
            with suppress(KeyError):
                self._kept.popitem(last=False)
        return mask


class TokenTable:
    """What masks are made of: the bytes of every ordinary id, and which ids are special.

    Args:
        ranks: the ordinary ids by their bytes, none of them empty.
        special_ids: the id of each special token by its spelling.
        size: one more than the highest id.
        encode: text to ordinary ids.
        pattern: how the encoding splits text, for engines that encode for themselves.
        plant: makes the tree of the ordinary ids, when it is first needed; None to build it.

    Attributes:
        words: how many 32-bit words a mask has.
        specials: the ids that are no text.
        names: their spellings by id.
        shared: what else is made once for a vocabulary, by whoever makes it.
        header_masks: the masks of states that were visited of late.
    """

    def __init__(  # noqa: PLR0913  what a vocabulary is to an engine
        self,
        ranks: Mapping[bytes, int],
        special_ids: Mapping[str, int],
        size: int,
        encode: Callable[[str], list[int]],
        *,
        pattern: str = "",
        plant: Callable[[], TokenTree | None] | None = None,
    ) -> None:
        self.ranks = ranks
        self.pattern = pattern
        self.special_ids = special_ids
        self.size = size
        self.encode = encode
        self.words = -(-size // _BITS)
        self.specials = frozenset(special_ids.values())
        self.names: dict[int, str] = {}
        for spelling, token in special_ids.items():
            self.names.setdefault(token, spelling)
        self.shared: dict[Hashable, Any] = {}
        self.header_masks = MaskCache()
        self._masks = MaskCache()
        self._counts: dict[bytes, int] = {}
        self._plant = plant

    @cached_property
    def tree(self) -> TokenTree:
        """The ordinary ids as a tree over their bytes."""
        planted = self._plant() if self._plant is not None else None
        return planted or build_tree(list(self.ranks), list(self.ranks.values()))

    @cached_property
    def pieces(self) -> Mapping[int, bytes]:
        """The bytes of each ordinary id."""
        return {token: piece for piece, token in self.ranks.items()}

    def walk(self, steps: Steps, start: int) -> tuple[Indices, Indices]:
        """All ordinary ids that are legal in a state; see `TokenTree.walk`."""
        return self.tree.walk(steps, start)

    def mask(self, ids: Indices | Iterable[int]) -> Mask:
        """The mask of some ids; the same object for the same ids, as long as it is kept."""
        row = self.row(ids)
        digest = blake2b(row, digest_size=16).digest()
        return self._masks.get(digest) or self._masks.put(digest, Mask(row))

    def row(self, ids: Indices | Iterable[int]) -> Row:
        """The words of some ids, int32 of shape `(words,)`."""
        bits = np.zeros(self.words * _BITS, bool)
        bits[np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), np.int64)] = True
        return np.packbits(bits, bitorder="little").view(np.int32)

    @cached_property
    def nothing(self) -> Mask:
        """The mask of no ids."""
        return self.mask(())

    def least(self, text: bytes) -> int:
        """How many ids a text takes at least; many more than any text has if none spell it."""
        known = self._counts.get(text)
        if known is None:
            if len(self._counts) >= _KEPT_COUNTS:
                self._counts.clear()
            known = self._counts[text] = self._least(text)
        return known

    def _least(self, text: bytes) -> int:
        best = [0]
        for end in range(1, len(text) + 1):
            begins = range(max(0, end - self.tree.depth), end)
            best.append(
                1 + min((best[b] for b in begins if text[b:end] in self.ranks), default=1 << 30)
            )
        return best[-1]


_tables: Final[WeakKeyDictionary[Vocabulary, TokenTable]] = WeakKeyDictionary()
_lock: Final = RLock()


def table_of(vocabulary: Vocabulary) -> TokenTable:
    """The table of a vocabulary, made when first asked for and kept as long as the vocabulary."""
    with _lock:
        table = _tables.get(vocabulary)
        if table is None:
            encoding = vocabulary.encoding
            table = _tables[vocabulary] = TokenTable(
                encoding._mergeable_ranks,  # noqa: SLF001  tiktoken's guide reads it, too
                vocabulary.special_ids,
                vocabulary.size,
                vocabulary.encode,
                pattern=encoding._pat_str,  # noqa: SLF001  llguidance's adapter reads it too
                plant=lambda: stored_tree(encoding),
            )
        return table
