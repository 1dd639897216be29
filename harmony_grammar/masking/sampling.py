"""Random sentences of a constraint: walks that follow the mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from harmony_grammar.masking.constraint import Constraint
    from harmony_grammar.masking.matcher import Matcher

__all__ = ["random_completion"]

_END: Final = 0.2  # how often a step takes a special token, if it may
_CLOSE: Final = 0.5  # how often a step takes a sign that brings a JSON text on, if it may
_SIGNS: Final = ('"', '"}', "}", "]", ",", ":", '":', '"]', "{}", "1", "a", "true", "null")


def random_completion(
    constraint: Constraint,
    rng: random.Random,
    *,
    prefix: str | Iterable[int] = (),
    most: int = 1000,
) -> list[int]:
    """A random completion of a constraint.

    Special tokens, and what brings a JSON text to its end, are taken more often than chance
    would have it, so that completions are short.

    Args:
        constraint: the constraint.
        rng: the source of chance; the same one gives the same completion.
        prefix: what the completion goes on from; see `Constraint.matcher`.
        most: how many ids there are at most; a completion may be cut there.

    Returns:
        The ids behind the prefix.

    Example:
        >>> import random
        >>> from harmony_grammar.masking import Constraint
        >>> ids = random_completion(Constraint(max_tokens=8), random.Random(0))
        >>> ids[-1], len(ids) <= 8
        (200002, True)
    """
    matcher = constraint.matcher(prefix)
    ids: list[int] = []
    while not matcher.is_finished and len(ids) < most:
        ids.append(_step(constraint, matcher, rng))
        matcher.accept(ids[-1])
    return ids


def _step(constraint: Constraint, matcher: Matcher, rng: random.Random) -> int:
    """A legal id."""
    for share, choices in ((_END, constraint.structural_ids), (_CLOSE, _signs(constraint))):
        legal = [token for token in choices if matcher.allows(token)]
        if legal and rng.random() < share:
            return rng.choice(legal)
    row = matcher.mask()
    word = int(rng.choice(row.nonzero()[0]))
    bits = int(row[word])
    return (word << 5) + rng.choice([bit for bit in range(32) if (bits >> bit) & 1])


def _signs(constraint: Constraint) -> list[int]:
    encoded = [constraint.vocabulary.encode(sign) for sign in _SIGNS]
    return [ids[0] for ids in encoded if len(ids) == 1]
