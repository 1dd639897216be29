"""A matcher: one sequence on its way through the language of a constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harmony_grammar.errors import ConstraintViolation
from harmony_grammar.masking.explain import explanation, forced_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import Row, TokenTable

__all__ = ["Matcher"]

_WORD: Final = 4


class Matcher:
    """One sequence under a constraint; `Constraint.matcher` makes it.

    It is not to be used from several threads at once; each sequence has its own.

    Args:
        state: where it begins.
        table: the vocabulary.

    Example:
        >>> from harmony_grammar.masking import Constraint
        >>> matcher = Constraint().matcher()
        >>> matcher.expected()
        ('`<|channel|>`',)
        >>> matcher.accept_all(matcher.forced())
        >>> matcher.is_finished
        False
    """

    __slots__ = ("_bitmask", "_borrowed", "_bytes", "_state", "_table", "_trail", "_view", "_width")

    def __init__(self, state: State, table: TokenTable) -> None:
        self._state = state
        self._table = table
        self._trail: list[State] = []
        self._borrowed = 0  # so many states of the trail are another matcher's, too
        self._bitmask: Any = None
        self._view = memoryview(b"")
        self._width = 0
        self._bytes = table.words * _WORD

    # --- what may come ---

    def mask(self) -> Row:
        """The ids that may come next.

        Returns:
            A shared, read-only array of int32 words of shape `(words,)`: id `t` may come if and
            only if `(row[t >> 5] >> (t & 31)) & 1`. When the completion has ended, no bit is set.
        """
        return self._state.mask().row

    def fill(self, bitmask: Any, row: int = 0) -> None:
        """Write the mask into a row of a bitmask.

        Args:
            bitmask: a writable array of 32-bit words of shape `(rows, words)`, contiguous and in
                the memory of the processor: of numpy, or a tensor of torch. Words beyond the
                vocabulary are left alone.
            row: which row.

        Raises:
            ValueError: if the bitmask is of another form.
            IndexError: if it has no such row.
        """
        if bitmask is not self._bitmask:
            self._bind(bitmask)
        begin = row * self._width
        if not 0 <= begin < len(self._view):
            raise IndexError(f"the bitmask has no row {row}")
        self._state.write(self._view, begin, begin + self._bytes)

    def _bind(self, bitmask: Any) -> None:
        """Look at a bitmask as bytes, and remember it for the next time."""
        array = np.asarray(bitmask)
        if array.ndim == 1:
            array = array[None]
        words = self._table.words
        shape = array.shape
        if array.itemsize != _WORD or array.ndim != 2 or shape[1] < words:  # noqa: PLR2004
            raise ValueError(
                f"a bitmask must have 32-bit words and the shape (rows, {words}), "
                f"not {array.dtype} and {shape}"
            )
        if not (array.flags.c_contiguous and array.flags.writeable):
            raise ValueError("a bitmask must be contiguous and writable")
        self._bitmask = bitmask
        self._width = shape[1] * _WORD
        self._view = array.data.cast("B")

    @property
    def mask_key(self) -> object:
        """Equal as long as the mask is: a sampler that holds the mask may keep it."""
        return self._state.key()

    def allows(self, token: int) -> bool:
        """Whether an id may come next."""
        return token in self._state.mask()

    def forced(self) -> list[int]:
        """The ids that must come next, as the encoding spells what must come.

        A text that must come can be cut into ids in several ways, all of which are legal; these
        are the ids of the text encoded as a whole, as far as they do not depend on what follows.

        Returns:
            The ids, in order; empty if there is a choice.
        """
        return forced_ids(self._state, self._table)

    def expected(self) -> tuple[str, ...]:
        """What may come next, in words, sorted."""
        return tuple(sorted(self._state.expected()))

    def explain(self, token: int) -> str:
        """Why an id may not come here, in words; or that it may."""
        return explanation(self._state, self._table, token)

    # --- what has come ---

    def accept(self, token: int) -> None:
        """Take the next id.

        Raises:
            ConstraintViolation: if it may not come here; the matcher is as it was.
        """
        following = self._state.after(token)
        if following is None:
            raise ConstraintViolation(self.explain(token))
        self._trail.append(self._state)
        self._state = following

    def accept_all(self, ids: Iterable[int]) -> None:
        """Take ids, all or none.

        Raises:
            ConstraintViolation: if one may not come; the matcher is as it was.
        """
        before = len(self._trail)
        try:
            for token in ids:
                self.accept(token)
        except ConstraintViolation as error:
            taken = len(self._trail) - before
            self.rollback(taken)
            raise ConstraintViolation(f"at index {taken} of the ids: {error}") from None

    def rollback(self, count: int) -> None:
        """Take back the last ids.

        Args:
            count: how many.

        Raises:
            ValueError: if fewer have been taken; a prefix that the matcher began with does not
                count.
        """
        if not 0 <= count <= len(self._trail):
            raise ValueError(f"{len(self._trail)} ids have been taken, so not {count} back")
        if count:
            state = self._trail[-count]
            del self._trail[-count:]
            borrowed = len(self._trail) < self._borrowed
            self._borrowed = min(self._borrowed, len(self._trail))
            self._state = state.apart() if borrowed else state

    def copy(self) -> Matcher:
        """A matcher at the same point that goes its own way."""
        twin = Matcher(self._state.fork(), self._table)
        twin._trail = self._trail.copy()
        twin._borrowed = len(twin._trail)
        return twin

    def __len__(self) -> int:
        """How many ids have been taken, without the prefix."""
        return len(self._trail)

    def __bool__(self) -> bool:
        return True

    @property
    def is_complete(self) -> bool:
        """Whether the ids so far are a whole completion."""
        return self._state.complete

    @property
    def is_finished(self) -> bool:
        """Whether nothing may follow."""
        return self._state.complete and not self._state.mask().row.any()
