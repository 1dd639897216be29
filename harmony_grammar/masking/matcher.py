"""A matcher: one sequence on its way through the language of a constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harmony_grammar.errors import ConstraintViolation
from harmony_grammar.masking.automaton import HeaderState
from harmony_grammar.masking.budget import BudgetState

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harmony_grammar.masking.constraint import Constraint
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import Row, TokenTable

__all__ = ["BatchMatcher", "Matcher", "explanation", "forced_ids", "random_completion"]

_WORD: Final = 4


class Matcher:
    """One sequence under a constraint; `Constraint.matcher` makes it.

    It is not to be used from several threads at once; each sequence has its own.

    A body with a schema may be too hard for the engine that it runs in, mostly by a pattern that
    branches at every sign. Then whatever asks for a mask raises a `ConstraintError`, and goes on
    doing so; other matchers of the same constraint are not concerned.

    Args:
        state: where it begins.
        table: the vocabulary.
        begun: the constraint, and the ids that stand before the completion.

    Example:
        >>> from harmony_grammar.masking import Constraint
        >>> matcher = Constraint().matcher()
        >>> matcher.expected()
        ('`<|channel|>`',)
        >>> matcher.accept_all(matcher.forced())
        >>> matcher.is_finished
        False
    """

    __slots__ = (
        *("_begun", "_bitmask", "_borrowed", "_bytes", "_state", "_table", "_taken", "_trail"),
        *("_view", "_width"),
    )

    def __init__(
        self, state: State, table: TokenTable, begun: tuple[Constraint, Sequence[int]]
    ) -> None:
        self._state = state
        self._table = table
        self._begun = begun
        self._taken: list[int] = []
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
        wide = array.itemsize == _WORD and array.dtype.kind in "iu"
        if not wide or array.ndim != 2 or shape[1] < words:  # noqa: PLR2004
            raise ValueError(
                f"a bitmask must have 32-bit integers and the shape (rows, {words}), "
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
        state = self._state
        following = state.after(token)
        if following is None:
            raise ConstraintViolation(self.explain(token))
        self._trail.append(state)
        self._taken.append(token)
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
            del self._taken[-count:]
            borrowed = len(self._trail) < self._borrowed
            self._borrowed = min(self._borrowed, len(self._trail))
            self._state = state.apart() if borrowed else state

    def copy(self) -> Matcher:
        """A matcher at the same point that goes its own way."""
        twin = Matcher(self._state.fork(), self._table, self._begun)
        twin._trail = self._trail.copy()
        twin._taken = self._taken.copy()
        twin._borrowed = len(twin._trail)
        return twin

    def __copy__(self) -> Matcher:
        return self.copy()

    def __deepcopy__(self, _memo: object) -> Matcher:
        return self.copy()  # what else it holds is never changed

    def __reduce__(self) -> tuple[Callable[..., Matcher], tuple[Any, ...]]:
        return _again, (*self._begun, self._taken)

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


def _again(constraint: Constraint, prefix: Sequence[int], taken: Iterable[int]) -> Matcher:
    """A matcher that took these ids."""
    matcher = constraint.matcher(prefix)
    matcher.accept_all(taken)
    return matcher


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

    def __reduce__(self) -> tuple[type[BatchMatcher], tuple[list[Matcher]]]:
        return BatchMatcher, (self._matchers,)

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


_MOST_FORCED: Final = 1000


def forced_ids(state: State, table: TokenTable) -> list[int]:
    """The ids that must follow a state; see `Matcher.forced`."""
    state = state.fork()
    out: list[int] = []
    while len(out) < _MOST_FORCED:
        ids = _forced_text(state, table)
        if not ids:
            only = state.mask().ids()
            ids = only.tolist() if only.size == 1 else []
        if not ids:
            break
        for token in ids:
            following = state.after(token)
            if following is None:
                return out
            out.append(token)
            state = following
    return out


def _forced_text(state: State, table: TokenTable) -> list[int]:
    """The ids of a text that a header must go on with."""
    while isinstance(state, BudgetState) and state.ample:
        state = state.state
    text = b""
    while isinstance(state, HeaderState) and len(state.bytes()) == 1 and not state.specials():
        ((byte, state),) = state.bytes().items()
        text += bytes([byte])
    try:
        ids = table.encode(text.decode("utf-8"))
    except UnicodeDecodeError:
        return []
    # Behind a choice of texts the last id may be another, since it may reach across.
    return ids if isinstance(state, HeaderState) and not state.bytes() else ids[:-1]


def explanation(state: State, table: TokenTable, token: int) -> str:
    """Why an id may not follow a state; see `Matcher.explain`."""
    name = _name(table, token)
    if name is None:
        return f"{token} is no id of the vocabulary, which has {table.size}"
    if token in state.mask():
        return f"{name} may come here"
    expected = ", ".join(sorted(state.expected())) or "nothing"
    reason = _reason(state, table, token)
    return f"{name} may not come here: {reason}; expected: {expected}"


def _name(table: TokenTable, token: int) -> str | None:
    if token in table.names:
        return f"{table.names[token]} ({token})"
    if token in table.pieces:
        return f"{table.pieces[token].decode('utf-8', 'replace')!r} ({token})"
    return None


def _reason(state: State, table: TokenTable, token: int) -> str:
    if isinstance(state, BudgetState):
        if state.state.after(token) is not None:
            return _shortage(state)
        state = state.state
    if isinstance(state, HeaderState) and token in table.pieces:
        return f"{state.place()}, {_misfit(state, table.pieces[token])}"
    return state.place()


def _shortage(state: BudgetState) -> str:
    if state.reasoning and state.thought <= state.automaton.free.most:
        return f"{max(state.thought, 0)} ids of reasoning are left"
    return f"{state.total} ids are left"


def _misfit(state: HeaderState, piece: bytes) -> str:
    """How far a text fits into a header."""
    for length, byte in enumerate(piece):
        following = state.bytes().get(byte)
        if following is None:
            fits = piece[:length].decode("utf-8", "replace")
            wrong = piece[length:].decode("utf-8", "replace")
            return f"where {wrong!r} does not fit" + (f" behind {fits!r}" if fits else "")
        state = following
    return "where it fits"
