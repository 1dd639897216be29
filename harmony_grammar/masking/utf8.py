"""Ranges of code points as ranges of bytes: what a terminal looks like in UTF-8.

A range of code points whose encodings have one length splits into few products of byte ranges:
at each byte, the encodings that begin like the lowest, those that begin like the highest, and
all in between, behind which any continuation may come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ByteRanges", "byte_ranges"]

ByteRanges = tuple[tuple[int, int], ...]
"""For each byte of a sequence, the lowest and the highest it may be."""

# Ranges whose encodings have one length; between the third and the fourth lie the surrogates,
# which UTF-8 cannot encode.
_LENGTHS: Final = (
    (0x0, 0x7F),
    (0x80, 0x7FF),
    (0x800, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, 0x10FFFF),
)
_LOWEST: Final = 0x80
_HIGHEST: Final = 0xBF


def byte_ranges(low: int, high: int) -> Iterator[ByteRanges]:
    """The sequences of bytes that encode the code points from `low` to `high`, both included.

    Args:
        low: the lowest code point.
        high: the highest code point.

    Yields:
        Products of byte ranges, disjoint and in order; together they are exactly the encodings.

    Example:
        >>> list(byte_ranges(0x41, 0x5A))
        [((65, 90),)]
    """
    for begin, end in _LENGTHS:
        if low <= end and begin <= high:
            yield from _products(
                chr(max(low, begin)).encode("utf-8"), chr(min(high, end)).encode("utf-8")
            )


def _products(low: bytes, high: bytes) -> Iterator[ByteRanges]:
    """The products for all sequences from `low` to `high`, which have one length."""
    first, last = low[0], high[0]
    if len(low) == 1:
        yield ((first, last),)
        return
    if first == last:
        yield from _behind(first, low[1:], high[1:])
        return
    rest = len(low) - 1
    lowest, highest = bytes([_LOWEST]) * rest, bytes([_HIGHEST]) * rest
    if low[1:] != lowest:
        yield from _behind(first, low[1:], highest)
        first += 1
    full = last if high[1:] == highest else last - 1
    if first <= full:
        yield ((first, full), *((_LOWEST, _HIGHEST),) * rest)
    if full < last:
        yield from _behind(last, lowest, high[1:])


def _behind(byte: int, low: bytes, high: bytes) -> Iterator[ByteRanges]:
    return (((byte, byte), *rest) for rest in _products(low, high))
