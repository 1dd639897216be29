"""The driver of the LALR(1) table: the one place that knows what a row of it means.

A row says, by symbol, either the state that follows, or, as the complement of a number, which
production ends before that terminal. Ending a production takes the states of its symbols off the
stack and goes on from the state below by the production's rule. Who reads, and what is made of
what was read, is decided elsewhere: headers are read piece by piece, so that reading can stop and
go on (`harmony_grammar.reading`); a body is read as a whole (`harmony_grammar.grammar.whole_text`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harmony_grammar.grammar.load import Production, Source

__all__ = ["END_OF_INPUT", "Driver"]

END_OF_INPUT: Final = "$END"

_T = TypeVar("_T")


class Driver:
    """Runs the table of a grammar.

    Args:
        source: the grammar as plain data.

    Attributes:
        productions: the productions, by the numbers that `ending` answers with.
    """

    __slots__ = ("_source", "_table", "productions")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._table = source.table
        self.productions: Sequence[Production] = source.productions

    def begin(self, start: str) -> tuple[int, ...]:
        """The stack before a text of a start symbol."""
        return (self._source.starts[start],)

    def expected(self, state: int) -> list[str]:
        """The terminals with an action in a state, which only the whole stack makes legal."""
        terminals = self._source.terminals
        return [name for name in self._table[state] if name in terminals]

    def following(self, state: int, terminal: str) -> int | None:
        """The state behind a terminal; None if it is not legal there or ends a production first."""
        action = self._table[state].get(terminal, -1)
        return None if action < 0 else action

    def behind(self, state: int, rule: str) -> int:
        """The state behind a rule that has ended."""
        return self._table[state][rule]

    def ending(self, state: int, terminal: str) -> int | None:
        """The number of the production that ends before a terminal; None if none does."""
        action = self._table[state].get(terminal, 0)
        return ~action if action < 0 else None

    def end(self, states: list[int], terminal: str) -> Iterator[Production]:
        """End all productions that end before a terminal; each is given when it has ended."""
        while (number := self.ending(states[-1], terminal)) is not None:
            production = self.productions[number]
            del states[len(states) - len(production.symbols) :]
            states.append(self.behind(states[-1], production.rule))
            yield production

    def after(self, stack: Iterable[int], terminal: str) -> tuple[int, ...] | None:
        """The stack after reading a terminal; None if it is not legal."""
        states = list(stack)
        for _ in self.end(states, terminal):
            pass
        target = self.following(states[-1], terminal)
        return None if target is None else (*states, target)

    def accepts(self, stack: Iterable[int], start: str) -> bool:
        """Whether a text of a start symbol may end here."""
        states = list(stack)
        for _ in self.end(states, END_OF_INPUT):
            pass
        return states[-1] == self._source.ends[start]

    def build(
        self,
        stack: Sequence[int],
        leaves: Iterable[tuple[str, tuple[_T, ...]]],
        make: Callable[[str, tuple[_T, ...], int], tuple[_T, ...]],
    ) -> tuple[_T, ...]:
        """What terminals that are legal make.

        Args:
            stack: the stack before them.
            leaves: the terminals, each with its own value.
            make: makes the value of a rule out of those of its parts, joined, and of the number
                of terminals that were read before it ended.

        Returns:
            The joined values of all that was read, as far as rules have ended before the last.
        """
        states = list(stack)
        values: list[tuple[_T, ...]] = [()] * len(states)
        for count, (name, leaf) in enumerate(leaves):
            for production in self.end(states, name):
                begin = len(values) - len(production.symbols)
                parts = tuple(part for value in values[begin:] for part in value)
                del values[begin:]
                values.append(make(production.rule, parts, count))
            target = self.following(states[-1], name)
            if target is None:
                break
            states.append(target)
            values.append(leaf)
        return tuple(part for value in values for part in value)
