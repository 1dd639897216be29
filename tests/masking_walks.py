"""What the tests of the mask share: walks that follow it, and small vocabularies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tiktoken

from harmony_grammar.grammar import Rules
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from harmony_grammar.masking import Constraint, Matcher

# Pieces that bring a JSON text to its end.
_CLOSERS = (b'"', b'"}', b"}", b"]", b"]}", b'"]', b":", b'":', b"1", b'"a', b"{}")


def set_bits(row: NDArray[np.int32]) -> list[int]:
    """The ids of a mask, read bit by bit as the convention has it."""
    return [
        (index << 5) + bit
        for index, word in enumerate(row.tolist())
        if word
        for bit in range(32)
        if (word >> bit) & 1
    ]


def step(constraint: Constraint, matcher: Matcher, rng: random.Random) -> int:
    """A legal id: often one that ends something, otherwise any."""
    vocabulary = constraint.vocabulary
    special = [
        token
        for spelling in constraint.rules.specials
        if matcher.allows(token := vocabulary.special_ids[spelling])
    ]
    single = vocabulary.encoding.encode_single_token
    closing = [t for piece in _CLOSERS if matcher.allows(t := single(piece))]
    for choice in (special, closing):
        if choice and rng.random() < 0.4:
            return rng.choice(sorted(choice))
    # A word with a bit is found faster than all bits are.
    row = matcher.mask()
    words = row.nonzero()[0].tolist()
    word = rng.choice(words)
    bits = int(row[word])
    choices: list[int] = [(word << 5) + bit for bit in range(32) if (bits >> bit) & 1]
    return rng.choice(choices)


def walk(
    constraint: Constraint, rng: random.Random, *, prefix: str = "", most: int = 400
) -> tuple[list[int], bool]:
    """Ids that follow the mask, and whether they came to the end."""
    matcher = constraint.matcher(prefix)
    ids: list[int] = []
    while not matcher.is_finished and len(ids) < most:
        token = step(constraint, matcher, rng)
        matcher.accept(token)
        ids.append(token)
    return ids, matcher.is_finished


def small_vocabulary(pieces: Iterable[bytes], rules: Rules | None = None) -> Vocabulary:
    """A vocabulary of a few pieces and every byte, with the special tokens of a grammar."""
    rules = rules or Rules.default()
    single = [bytes([byte]) for byte in range(256)]
    ranks = {piece: rank for rank, piece in enumerate(dict.fromkeys([*single, *pieces]))}
    specials = {spelling: len(ranks) + 3 + 2 * n for n, spelling in enumerate(rules.specials)}
    return Vocabulary(
        tiktoken.Encoding(
            "small", pat_str=r"(?s).+", mergeable_ranks=ranks, special_tokens=specials
        )
    )
