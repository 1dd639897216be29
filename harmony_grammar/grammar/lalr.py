"""Reading a text by any start symbol of the grammar: what stands inside bodies.

Headers are read piece by piece, so that reading can stop and go on (`harmony_grammar.parsing`).
A body is there as a whole, may nest and holds free text; so it is read here, by the same table.

At each place the terminals that are legal there are tried: the longest match wins, a fixed word
wins over a pattern of the same length, and where none matches, blanks are skipped. A terminal of
a lower priority is the last resort: it is read where no other matches, or where reading another
led nowhere. So reading remembers the latest place where there was such a choice, and goes back to
it once; to a line of text only if it has read no more than that line, since what looks like a
section and is broken further down is a mistake and no text. What is read again is bounded by the
length of the text, and so reading is linear.

The end of the text ends its last line: a line end that is missing there is supplied.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar.choices import Choice, choice, expected
from harmony_grammar.grammar.rules import END_OF_INPUT

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Mapping, Sequence

    from harmony_grammar.grammar.choices import Match
    from harmony_grammar.grammar.rules import Rules
    from harmony_grammar.grammar.source import Production

__all__ = ["Leaf", "Reading", "TextReader"]

Builder: TypeAlias = "Callable[[Any, str], Any]"
"""Makes the value of a rule from those of its parts and from the whole text."""

_MOST_READ_AGAIN: Final = 4  # times the length of the text
_TEXT: Final = -2  # the priority of lines of text
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


class _Step(NamedTuple):
    """What a production does to the stack.

    Attributes:
        size: the number of its symbols.
        pick: takes the values of those that have one from the end of all values.
        build: makes its value; None for a rule that only arranges others.
        mixed: whether a symbol of it may be a rule that only arranges others.
        alone: whether one part of it is what that part is.
    """

    size: int
    pick: Callable[[list[Any]], Sequence[Any]]
    build: Builder | None
    mixed: bool
    alone: bool


class _Way(NamedTuple):
    """Where a rule leads, past the rules that consist of it alone.

    Attributes:
        builders: what makes the values of these rules, and whether one part stays what it is.
        state: the state then.
        action: the action there.
    """

    builders: tuple[tuple[Builder, bool], ...]
    state: int
    action: int | None


class _Back(NamedTuple):
    """A place to go back to.

    Attributes:
        at: the place.
        states: the parser's stack there.
        values: the values there.
        last: the terminal that is to be read there instead.
        stop: where the terminal that was read there ends.
    """

    at: int
    states: list[int]
    values: list[Any]
    last: tuple[str, Match]
    stop: int


class _Stuck(NamedTuple):
    """Where reading could not go on.

    Attributes:
        at: the place.
        state: the state there.
    """

    at: int
    state: int


_leaf: Final = tuple.__new__  # makes a leaf, past its constructor


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
        alone: rules of which one part is what that part is.
        punctuation: whether a rule's parts hold terminals that carry no value, too.
    """

    def __init__(
        self,
        rules: Rules,
        start: str,
        builders: Mapping[str, Builder],
        *,
        alone: Collection[str] = (),
        punctuation: bool = False,
    ) -> None:
        source = rules.source
        self.rules = rules
        self._table = source.table
        self._begin, self._end = source.starts[start], source.ends[start]
        self._choices: list[dict[str, Choice]] = [{} for _ in source.table]
        self._steps = [
            _step(p, builders, alone, punctuation=punctuation) for p in source.productions
        ]
        self._productions = source.productions
        self._ways: dict[tuple[int, int, str | None], _Way] = {}
        self._valued = rules.kept_terminals | (frozenset(rules.terminals) if punctuation else set())

    def read(self, text: str) -> Reading:  # noqa: C901, PLR0912  calls cost more than the work
        """Read a whole text."""
        text += "\n"
        table, choices, valued = self._table, self._choices, self._valued
        states, values = [self._begin], list[Any]()
        at, count, end = 0, 0, len(text)
        back: _Back | None = None
        stuck, budget = _Stuck(0, self._begin), _MOST_READ_AGAIN * end
        while True:
            state, name, stop = states[-1], None, at
            if at == end:
                name = END_OF_INPUT
            else:
                known = choices[state].get(text[at]) or self._choice(state, text[at])
                joined, names, words = known[:3]
                if joined is not None:
                    found = joined(text, at)
                    if found is not None:
                        group = found.lastindex
                        at, stop = found.span(group)  # type: ignore[arg-type]  # there is one
                        name = names[group]  # type: ignore[index]
                        if not name:  # blanks only
                            at = stop
                            continue
                        if words and (word := words.get(text[at:stop])) is not None:
                            name = word if self._legal(states, word) else name
                else:
                    name, stop, last = self._longest(known, text, at, states)
                    if name == "":  # blanks only
                        at = stop
                        continue
                    if last is not None:
                        back = _Back(at, states[:], values[:], last, stop)
            while True:
                action = table[states[-1]].get(name)  # type: ignore[arg-type]  # None is none
                if action is not None and action < 0:
                    action = self._reduce(action, name, states, values, text)
                if action is not None:
                    break
                if name == END_OF_INPUT and states[-1] == self._end:
                    return Reading(values[0], at, (), count)
                stuck = max(stuck, _Stuck(at, states[-1]))
                if back is None or budget < 0 or not self._may_go(back, text, at):
                    return Reading(None, stuck.at, expected(self.rules, stuck.state), count)
                budget -= at - back.at
                at, states, values, (name, match), _ = back
                stop, back = _end(match(text, at)), None
            count += 1
            states.append(action)
            values.append(_leaf(Leaf, (name, text[at:stop], at)) if name in valued else None)
            at = stop

    def _longest(
        self, known: Choice, text: str, at: int, states: list[int]
    ) -> tuple[str | None, int, tuple[str, Match] | None]:
        """The longest terminal at a place, where it ends, and one to read in its place."""
        if len(known.single) == 1:
            name, match = known.single[0]
            found = match(text, at)
            if found is not None:
                return name, found.end(), known.last
        tried = [(name, match(text, at)) for name, match in known.single]
        ends = {name: found.end() for name, found in tried if found is not None}
        if len(ends) > 1:  # a state of the table may be that of several places
            ends = {n: end for n, end in ends.items() if not n or self._legal(states, n)} or ends
        if ends:
            name = max(ends, key=lambda name: (bool(name), ends[name]))
            return name, ends[name], known.last
        if known.last is None:
            return None, at, None
        name, match = known.last
        return name, _end(match(text, at)), None

    def _may_go(self, back: _Back, text: str, at: int) -> bool:
        """Whether to go back from a place: to text only from its line or from right below it."""
        if len(back.states) > _DEEPEST:
            return False
        near = "\n" not in text[back.at : at] or not text[back.stop : at].strip()
        return near or self.rules.terminals[back.last[0]].priority > _TEXT

    def _legal(self, states: list[int], name: str) -> bool:
        """Whether a terminal can be put on the stack, which the table alone does not say."""
        stack = states[:]
        while (action := self._table[stack[-1]].get(name)) is not None and action < 0:
            size = self._steps[~action].size
            del stack[len(stack) - size :]
            stack.append(self._table[stack[-1]][self._productions[~action].rule])
        return action is not None

    def _reduce(
        self, action: int | None, name: str | None, states: list[int], values: list[Any], text: str
    ) -> int | None:
        """Reduce as a terminal asks; the action then."""
        steps, ways = self._steps, self._ways
        while action is not None and action < 0:
            size, pick, build, mixed, alone = steps[~action]
            parts = pick(values)
            if size:
                del states[-size:], values[-size:]
            if mixed and build is not None:
                parts = _flat(parts)
            if (build is None or alone) and len(parts) == 1:
                value = parts[0]
            else:
                value = _Parts(parts) if build is None else build(parts, text)
            key = (states[-1], action, name)
            builders, state, action = ways.get(key) or self._way(key)
            for further, single in builders:
                if value.__class__ is _Parts:
                    value = further(_flat([value]), text)
                elif not single:
                    value = further([value], text)
            states.append(state)
            values.append(value)
        return action

    def _way(self, key: tuple[int, int, str | None]) -> _Way:
        """Where a production leads in a state before a terminal; remembered."""
        below, action, name = key
        builders: list[tuple[Builder, bool]] = []
        while True:
            state = self._table[below][self._productions[~action].rule]
            following = self._table[state].get(name)  # type: ignore[arg-type]  # None is none
            if following is None or following >= 0 or self._steps[~following].size != 1:
                break
            action = following
            step = self._steps[~action]
            if step.build is not None:
                builders.append((step.build, step.alone))
        self._ways[key] = way = _Way(tuple(builders), state, following)
        return way

    def _choice(self, state: int, char: str) -> Choice:
        """What may begin with a character in a state; remembered."""
        known = self._choices[state]
        if len(known) >= _MOST_CHARACTERS:
            known.clear()
        known[char] = choice(self.rules, state, char)
        return known[char]


def _step(
    production: Production,
    builders: Mapping[str, Builder],
    alone: Collection[str],
    *,
    punctuation: bool,
) -> _Step:
    """What a production does to the stack."""
    symbols, rule = production.symbols, production.rule
    size = len(symbols)
    kept = [i - size for i, s in enumerate(symbols) if s.kept or not s.terminal or punctuation]
    mixed = any(not s.terminal and s.name not in builders for s in symbols)
    return _Step(size, _picker(kept), builders.get(rule), mixed, rule in alone)


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """What takes some items, counted from the end, as a sequence of them."""
    if not places:
        return itemgetter(slice(0, 0))
    first, end = places[0], places[-1] + 1
    if len(places) == end - first:
        return itemgetter(slice(first, end or None))
    return itemgetter(*places)


def _flat(parts: Sequence[Any]) -> list[Any]:
    """The values with those of rules that only arrange others in their place."""
    out: list[Any] = []
    todo = [*reversed(parts)]
    while todo:
        part = todo.pop()
        if part.__class__ is _Parts:
            todo.extend(part[::-1])
        else:
            out.append(part)
    return out


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
