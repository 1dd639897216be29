"""Reading a text by any start symbol of the grammar: what stands inside bodies.

Headers are read piece by piece, so that reading can stop and go on (`harmony_grammar.parsing`).
A body is there as a whole, may nest and holds free text; so it is read here, by the same table.

At each place the terminals that are legal there are tried: the longest match wins, a fixed word
wins over a pattern of the same length, and where none matches, blanks are skipped. A terminal of
a lower priority is the last resort: it is read where no other matches, or where reading another
led nowhere. So reading remembers the latest place where there was such a choice, and goes back to
it once. What is read again is bounded by the length of the text, and so reading is linear.

The end of the text ends its last line: a line end that is missing there is supplied.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar.rules import END_OF_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.grammar.patterns import Automaton
    from harmony_grammar.grammar.rules import Rules
    from harmony_grammar.grammar.source import Production, Terminal

__all__ = ["Leaf", "Reading", "TextReader"]

Builder: TypeAlias = "Callable[[list[Any], str], Any]"
"""Makes the value of a rule from those of its parts and from the whole text."""

_Match: TypeAlias = "Callable[[str, int], re.Match[str] | None]"

_MOST_READ_AGAIN: Final = 4  # times the length of the text
_DEEPEST: Final = 4096  # states on the stack, so that going back stays cheap
_MOST_CHARACTERS: Final = 512  # that a state remembers, so that no input fills the memory


class Leaf(NamedTuple):
    """A terminal as it was read.

    Attributes:
        name: the terminal.
        text: its text.
        start: where it begins.
    """

    name: str
    text: str
    start: int


class Reading(NamedTuple):
    """What a text was read as.

    Attributes:
        value: what was made of it; None if it could not be read.
        at: where it could not be read on; the end if it was read.
        expected: the terminals that could have stood there.
        steps: how many terminals were read, those that were read again included.
    """

    value: Any
    at: int
    expected: tuple[str, ...]
    steps: int


class _Choice(NamedTuple):
    """What may begin with a character in a state.

    Attributes:
        usual: the terminals and what matches them, fixed ones first.
        last: the terminal of the last resort.
    """

    usual: tuple[tuple[str, _Match], ...]
    last: tuple[str, _Match] | None


class _Step(NamedTuple):
    """What a production does to the stack.

    Attributes:
        rule: its rule.
        size: the number of its symbols.
        kept: the places of those that have a value, from the end.
        build: makes its value; None for a rule that only arranges others.
    """

    rule: str
    size: int
    kept: tuple[int, ...]
    build: Builder | None


class _Back(NamedTuple):
    """A place to go back to.

    Attributes:
        at: the place.
        states: the parser's stack there.
        values: the values there.
        last: the terminal that is to be read there instead.
    """

    at: int
    states: list[int]
    values: list[Any]
    last: tuple[str, _Match]


class _Stuck(NamedTuple):
    """Where reading could not go on.

    Attributes:
        at: the place.
        state: the state there.
    """

    at: int
    state: int


class _Parts(tuple[Any, ...]):
    """The values of a rule that only arranges others."""

    __slots__ = ()


class TextReader:
    """Reads texts of one start symbol.

    Args:
        rules: the grammar.
        start: the start symbol.
        builders: what makes the value of a rule, by rule; a rule without one only arranges
            others, and its parts are parts of what it is a part of.
        punctuation: whether a rule's parts hold terminals that carry no value, too.
    """

    def __init__(
        self,
        rules: Rules,
        start: str,
        builders: Mapping[str, Builder],
        *,
        punctuation: bool = False,
    ) -> None:
        source = rules.source
        self.rules = rules
        self._table = source.table
        self._begin, self._end = source.starts[start], source.ends[start]
        self._choices: list[dict[str, _Choice]] = [{} for _ in source.table]
        self._steps = [_step(p, builders.get(p.rule), punctuation) for p in source.productions]
        self._blank = _matcher(rules, source.ignored)

    def read(self, text: str) -> Reading:
        """Read a whole text."""
        text += "\n"
        states, values = [self._begin], list[Any]()
        at = count = 0
        back: _Back | None = None
        stuck, budget = _Stuck(0, self._begin), _MOST_READ_AGAIN * len(text)
        while True:
            name, stop, last = self._scan(text, at, states[-1])
            if name is None and (blanks := self._blank(text, at)):
                at = blanks.end()
                continue
            if last is not None:
                back = _Back(at, states[:], values[:], last)
            while not self._shift(name, Leaf(name or "", text[at:stop], at), states, values, text):
                stuck = max(stuck, _Stuck(at, states[-1]))
                if back is None or budget < 0 or len(states) > _DEEPEST:
                    return Reading(None, stuck.at, self._expected(stuck.state), count)
                budget -= at - back.at
                at, states, values, (name, match) = back
                stop, back = _end(match(text, at)), None
            count += 1
            if name == END_OF_INPUT:
                return Reading(values[0], at, (), count)
            at = stop

    def _scan(
        self, text: str, at: int, state: int
    ) -> tuple[str | None, int, tuple[str, _Match] | None]:
        """The longest terminal at a place, where it ends, and one to read in its place."""
        if at == len(text):
            return END_OF_INPUT, at, None
        choice = self._choices[state].get(text[at]) or self._choice(state, text[at])
        name, stop = None, at
        for candidate, match in choice.usual:
            found = match(text, at)
            if found is not None and found.end() > stop:
                name, stop = candidate, found.end()
        if name is not None or choice.last is None:
            return name, stop, choice.last
        return choice.last[0], _end(choice.last[1](text, at)), None

    def _shift(
        self, name: str | None, leaf: Leaf, states: list[int], values: list[Any], text: str
    ) -> bool:
        """Reduce as a terminal asks and put it on the stack; whether it is legal."""
        table, steps = self._table, self._steps
        action = table[states[-1]].get(name)  # type: ignore[arg-type]  # None is no terminal
        while action is not None and action < 0:
            rule, size, kept, build = steps[~action]
            parts = [values[index] for index in kept] if size else []
            if size:
                del states[-size:], values[-size:]
            if build is None:
                values.append(parts[0] if len(parts) == 1 else _Parts(parts))
            else:
                values.append(build(_flat(parts), text))
            states.append(table[states[-1]][rule])
            action = table[states[-1]].get(name)  # type: ignore[arg-type]
        if name == END_OF_INPUT:
            return states[-1] == self._end
        if action is None:
            return False
        states.append(action)
        values.append(leaf)
        return True

    def _choice(self, state: int, char: str) -> _Choice:
        """What may begin with a character in a state; remembered."""
        known, terminals = self._choices[state], self.rules.terminals
        if len(known) >= _MOST_CHARACTERS:
            known.clear()
        legal = [n for n in self._expected(state) if _begins(self.rules.automaton(n), ord(char))]
        legal.sort(key=lambda name: not terminals[name].fixed)
        usual = [name for name in legal if terminals[name].priority >= 0]
        last = [name for name in legal if terminals[name].priority < 0]
        pairs = [(name, _matcher(self.rules, (name,))) for name in (*usual, *last)]
        known[char] = _Choice(tuple(pairs[: len(usual)]), pairs[-1] if last else None)
        return known[char]

    def _expected(self, state: int) -> tuple[str, ...]:
        """The terminals with an action in a state."""
        return tuple(name for name in self._table[state] if name in self.rules.terminals)


def _step(production: Production, build: Builder | None, punctuation: bool) -> _Step:  # noqa: FBT001  private
    """What a production does to the stack."""
    size = len(production.symbols)
    symbols = enumerate(production.symbols)
    kept = (i - size for i, s in symbols if s.kept or not s.terminal or punctuation)
    return _Step(production.rule, size, tuple(kept), build)


def _flat(parts: list[Any]) -> list[Any]:
    """The values with those of rules that only arrange others in their place."""
    if not any(part.__class__ is _Parts for part in parts):
        return parts
    out, todo = [], parts[::-1]
    while todo:
        part = todo.pop()
        if part.__class__ is _Parts:
            todo.extend(reversed(part))
        else:
            out.append(part)
    return out


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _begins(automaton: Automaton | None, code: int) -> bool:
    """Whether something that an automaton matches begins with a character."""
    return automaton is not None and bool(
        automaton.step(automaton.closure([automaton.start]), code)
    )


def _matcher(rules: Rules, names: Sequence[str]) -> _Match:
    """What matches any of some terminals."""
    return re.compile("|".join(_pattern(rules.terminals[name]) for name in names)).match


def _pattern(terminal: Terminal) -> str:
    pattern = terminal.pattern or ""
    dot = "(?s:" if "s" in terminal.flags else "(?:"
    return re.escape(pattern) if terminal.fixed else f"{dot}{pattern})"
