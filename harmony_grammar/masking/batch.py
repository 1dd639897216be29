"""Several matchers side by side, for samplers that work on batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.masking.matcher import Matcher

__all__ = ["BatchMatcher"]


class BatchMatcher:
    """Matchers in the order of the rows of a batch.

    It remembers which mask each row of the bitmask holds, so a row whose mask is the same as
    before is not written again. That asks for one thing: the bitmask that it fills is written by
    nobody else; otherwise call `forget` before `fill`.

    Args:
        matchers: the matchers; they may belong to different constraints, but to one vocabulary.
    """

    def __init__(self, matchers: Iterable[Matcher]) -> None:
        self._matchers = list(matchers)
        self._bitmask: Any = None
        self._keys: list[object] = []

    def __len__(self) -> int:
        return len(self._matchers)

    def __getitem__(self, row: int) -> Matcher:
        return self._matchers[row]

    def __iter__(self) -> Iterator[Matcher]:
        return iter(self._matchers)

    def fill(self, bitmask: Any) -> None:
        """Write the mask of each matcher into its row.

        Args:
            bitmask: as for `Matcher.fill`, with at least as many rows as there are matchers.
        """
        if bitmask is not self._bitmask or len(self._keys) != len(self._matchers):
            self._bitmask = bitmask
            self._keys = [None] * len(self._matchers)
        keys = self._keys
        for row, matcher in enumerate(self._matchers):
            key = matcher.mask_key
            if key != keys[row]:
                matcher.fill(bitmask, row)
                keys[row] = key

    def forget(self) -> None:
        """Take nothing for granted about the bitmask."""
        self._bitmask = None

    def accept(self, ids: Sequence[int]) -> None:
        """Take one id for each row; rows that have ended take none.

        Args:
            ids: the ids, in the order of the rows.

        Raises:
            ConstraintViolation: if one may not come; then no row has taken any.
            ValueError: if there are not as many ids as rows.
        """
        taken: list[Matcher] = []
        try:
            for matcher, token in zip(self._matchers, ids, strict=True):
                if not matcher.is_finished:
                    matcher.accept(token)
                    taken.append(matcher)
        except ValueError:  # a violation is one too
            for matcher in taken:
                matcher.rollback(1)
            raise

    def keep(self, rows: Iterable[int]) -> None:
        """Choose and reorder rows, as a beam search does; a row chosen twice is copied.

        Args:
            rows: for each new row, which old one it goes on from.
        """
        used: set[int] = set()
        kept = []
        for row in rows:
            kept.append(self._matchers[row].copy() if row in used else self._matchers[row])
            used.add(row)
        self._matchers = kept
        self._bitmask = None

    @property
    def is_finished(self) -> bool:
        """Whether all rows have ended."""
        return all(matcher.is_finished for matcher in self._matchers)
