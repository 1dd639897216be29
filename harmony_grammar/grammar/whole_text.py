"""Reading a text by any start symbol of the grammar: what stands inside bodies.

A body is there as a whole, may nest and holds free text; so it is read here, by the same table as
headers are.

At each place the terminals that are legal there are tried: the longest match wins, a fixed word
wins over a pattern of the same length, and where none matches, blanks are skipped. A terminal of
a lower priority is the last resort: it is read where no other matches, or where reading another
led nowhere. So reading remembers the latest place where there was such a choice, and goes back to
it once; to a line of text only if it has read no more than that line, since what looks like a
section and is broken further down is a mistake and no text. What is read again is bounded by the
length of the text. A rule that ends is built, however long it is, and built again where reading
went back to before its end; so a text that has often gone back looks ahead first, without
building anything. So reading is linear.

The end of the text ends its last line: a line end that is missing there is supplied.
"""

from __future__ import annotations

from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from harmony_grammar.grammar.lexing import choice
from harmony_grammar.grammar.lr import END_OF_INPUT, Driver

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Sequence

    from harmony_grammar.grammar.lexing import Choice, Match
    from harmony_grammar.grammar.load import Production
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Builder", "Leaf", "Reading", "TextReader"]

Builder: TypeAlias = "Callable[[Any, str], Any]"
"""Makes the value of a rule from those of its parts and from the whole text."""

BuilderOf: TypeAlias = "Callable[[Production], Builder | None]"
"""The builder of an alternative of a rule; None for one that only arranges others."""

_Act: TypeAlias = "tuple[str, bool, Any, int | None, tuple[str, Match] | None]"
"""What a terminal does in a state: its name, whether it has a value, the plan of the first rule
that ends before it, the state after it if none does, and what may be read instead of it."""

_Way: TypeAlias = "tuple[tuple[tuple[Builder, bool], ...], int, Any, int | None]"
"""Where a rule leads: what makes the values of the rules that consist of it alone, and whether
one part stays what it is; the state then; the plan of the next rule that ends, and the action if
there is none."""

_Known: TypeAlias = "tuple[Any, Any, Any, Any]"
"""A choice as a plain tuple, which Python takes apart faster: what is joined, what each group of
it does (None for blanks, and first for no group), fixed words, and the choice; for one fixed word
nothing, what it does, its text, and nothing."""

_SAME: Final = 0  # the value of a rule is that of its one part
_BUILT: Final = 1  # it is built of the parts
_FLAT: Final = 2  # it is built of the parts, and of those of parts that only arrange others
_ARRANGED: Final = 3  # a rule that only arranges others

_MOST_READ_AGAIN: Final = 4  # times the length of the text
_TEXT: Final = -2  # the priority of lines of text
_DEEPEST: Final = 4096  # states on the stack, so that going back stays cheap
_CAREFUL: Final = 16  # times that reading goes back before it looks ahead first
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


_NO_ACT: Final[_Act] = ("", False, None, None, None)
_new: Final = tuple.__new__  # makes a tuple of a class, past its constructor


class TextReader:
    """Reads texts of one start symbol.

    Args:
        rules: the grammar.
        start: the start symbol.
        builders: what makes the value of an alternative of a rule; one without a builder only
            arranges others, and its parts are parts of what it is a part of.
        alone: whether one part of an alternative is what that part is.
        punctuation: whether a rule's parts hold terminals that carry no value, too.
    """

    def __init__(
        self,
        rules: Rules,
        start: str,
        builders: BuilderOf,
        *,
        alone: Callable[[Production], bool] = lambda _: False,
        punctuation: bool = False,
    ) -> None:
        self.rules = rules
        self._driver = Driver(rules.source)
        self._start, self._begin = start, self._driver.begin(start)
        self._planner = _Planner(rules, self._driver, builders, alone, punctuation=punctuation)
        self._choices: defaultdict[int, dict[str, _Known]] = defaultdict(dict)

    def read(self, text: str, *, careful: bool = False) -> Reading:  # noqa: C901, PLR0912, PLR0915  calls cost more than the work
        """Read a whole text; if careful, look ahead at each choice and build only what stays."""
        text, patience = text + "\n", -1 if careful else _CAREFUL
        planner, choices, reduce = self._planner, self._choices, self._planner.reduce
        states, values = [*self._begin], list[Any]()
        at, count, end = 0, 0, len(text)
        back, act = cast("_Back | None", None), cast("_Act | None", None)
        stuck, budget, returns = _Stuck(0, states[0]), _MOST_READ_AGAIN * end, 0
        while True:
            state = states[-1]
            if at == end:
                act, stop = planner.act(state, END_OF_INPUT), at
            else:
                joined, acts, words, known = choices[state].get(text[at]) or self._choice(
                    state, text[at]
                )
                if joined is not None:
                    found = joined(text, at)
                    if found is not None:
                        group = found.lastindex
                        at, stop = found.span(group)
                        act = acts[group]
                        if words and (word := words.get(text[at:stop])) is not None:
                            act = planner.act(state, word) if planner.legal(states, word) else act
                    else:
                        act, stop = self._resort(known.last, text, at, state)
                elif known is None:  # one fixed word
                    here = text.startswith(words, at)
                    act, stop = (acts, at + len(words)) if here else (_NO_ACT, at)
                else:
                    act, stop = self._longest(known, text, at, states)
                if act is None:  # blanks only
                    at = stop
                    continue
            name, kept, plan, action, instead = act
            if instead is not None:
                shallow = len(states) <= _DEEPEST
                back = _Back(at, states[:], values[:], instead, stop) if shallow else None
                if returns > patience and (ahead := self._ahead(text, back, name)):
                    stuck, plan, action = max(stuck, ahead), None, None
                    budget -= ahead.at - at
            while True:
                if plan is not None:
                    action = reduce(plan, states, values, text)
                if action is not None:
                    break
                if name == END_OF_INPUT and self._driver.accepts(states, self._start):
                    return Reading(values[0], at, (), count)
                stuck = max(stuck, _Stuck(at, states[-1]))
                if back is None or budget < 0 or not self._may_go(back, text, at):
                    return Reading(None, stuck.at, tuple(self._driver.expected(stuck.state)), count)
                budget, returns = budget - (at - back.at), returns + 1
                at, states, values, (name, match), _ = back
                name, kept, plan, action, _ = planner.act(states[-1], name)
                stop, back = _end(match(text, at)), None
            count += 1
            states.append(action)
            values.append(_new(Leaf, (name, text[at:stop], at)) if kept else None)
            at = stop

    def _longest(
        self, known: Choice, text: str, at: int, states: list[int]
    ) -> tuple[_Act | None, int]:
        """What the longest terminal at a place does, and where it ends."""
        tried = [(name, match(text, at)) for name, match in known.single]
        ends = {name: found.end() for name, found in tried if found is not None}
        if not ends:
            return self._resort(known.last, text, at, states[-1])
        best = sorted(ends, key=lambda name: (bool(name), ends[name]), reverse=True)
        name = best[0]
        if name and len(best) > 1:  # a state of the table may be that of several places
            legal = self._planner.legal
            name = next((one for one in best if not one or legal(states, one)), name)
        return self._planner.act(states[-1], name, known.last) if name else None, ends[name]

    def _resort(
        self, last: tuple[str, Match] | None, text: str, at: int, state: int
    ) -> tuple[_Act, int]:
        """What the last resort does, if there is one, and where it ends."""
        if last is None:
            return _NO_ACT, at
        name, match = last
        return self._planner.act(state, name), _end(match(text, at))

    def _may_go(self, back: _Back, text: str, at: int) -> bool:
        """Whether to go back from a place: to text only from its line or from right below it."""
        near = "\n" not in text[back.at : at] or not text[back.stop : at].strip()
        return near or self.rules.terminals[back.last[0]].priority > _TEXT

    def _ahead(self, text: str, back: _Back | None, name: str) -> _Stuck | None:
        """Where reading gets stuck behind a choice and goes back to it; None if it does not.

        Args:
            text: the text.
            back: the choice, and where what was chosen ends.
            name: what was chosen.
        """
        if back is None:
            return None
        driver, act = self._driver, self._planner.act
        states, at, stop = [*back.states], back.at, back.stop
        while True:
            for _ in driver.end(states, name):
                pass
            following = driver.following(states[-1], name)
            if following is None:
                accepted = name == END_OF_INPUT and driver.accepts(states, self._start)
                goes = not accepted and self._may_go(back, text, at)
                return _Stuck(at, states[-1]) if goes else None
            states.append(following)
            found: _Act | None = None
            at = stop
            while found is None:
                if at == len(text):
                    found, stop = act(states[-1], END_OF_INPUT), at
                else:
                    at, found, stop = self._next(text, at, states)
            name = found[0]
            if found[-1] is not None:
                return None

    def _next(self, text: str, at: int, states: list[int]) -> tuple[int, _Act | None, int]:
        """Where the next terminal begins, what it does, and where it ends; as `read` does it."""
        state = states[-1]
        joined, acts, words, known = self._choices[state].get(text[at]) or self._choice(
            state, text[at]
        )
        if joined is not None:
            found = joined(text, at)
            if found is None:
                return at, *self._resort(known.last, text, at, state)
            at, stop = found.span(found.lastindex)
            word = words.get(text[at:stop]) if words else None
            if word is not None and self._planner.legal(states, word):
                return at, self._planner.act(state, word), stop
            what = acts[found.lastindex]
            return (stop if what is None else at), what, stop
        if known is None:
            here = text.startswith(words, at)
            return (at, acts, at + len(words)) if here else (at, _NO_ACT, at)
        act, stop = self._longest(known, text, at, states)
        return (stop if act is None else at), act, stop

    def _choice(self, state: int, char: str) -> _Known:
        """What may begin with a character in a state; remembered."""
        remembered = self._choices[state]
        if len(remembered) >= _MOST_CHARACTERS:
            remembered.clear()
        known = choice(self.rules, self._driver.expected(state), char)
        act, instead = self._planner.act, known.instead
        acts = [act(state, name, instead.get(name)) if name else None for name in known.names]
        found: _Known = known.joined, [None, *acts], known.words, known
        if known.joined is not None and len(acts) == 1 and acts[0] and not known.words:
            terminal = self.rules.terminals[known.names[0]]
            if terminal.fixed and known.last is None:
                found = None, acts[0], terminal.pattern or "", None
        remembered[char] = found
        return found


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


# --- what a terminal does ---


class _Parts(tuple[Any, ...]):
    """The values of a rule that only arranges others."""

    __slots__ = ()


class _Step(NamedTuple):
    """What a production does to the stack.

    Attributes:
        cut: its symbols, on the stack.
        pick: takes the values of those that have one from all values.
        kind: what its value is.
        build: makes its value; None for a rule that only arranges others.
        alone: whether one part of it is what that part is.
    """

    cut: slice
    pick: Callable[[list[Any]], Any]
    kind: int
    build: Builder | None
    alone: bool


class _Planner:
    """Knows what each terminal does in each state.

    The table says of a state and a terminal that a rule ends there, and of the next state the
    same again. Which rule ends first depends on these two, and what follows on the state below
    that rule; so both are looked up once and remembered, past rules that consist of one other.
    What is remembered are plain tuples, since Python takes these apart fastest.

    Args:
        rules: the grammar.
        driver: runs its table.
        builders: what makes the value of an alternative; others only arrange their parts.
        alone: whether one part of an alternative is what that part is.
        punctuation: whether terminals that carry no field have a value, too.
    """

    def __init__(
        self,
        rules: Rules,
        driver: Driver,
        builders: BuilderOf,
        alone: Callable[[Production], bool],
        *,
        punctuation: bool,
    ) -> None:
        arranging = {p.rule for p in driver.productions if builders(p) is None}
        self._driver = driver
        self._valued = frozenset(rules.terminals) if punctuation else rules.kept_terminals
        self._steps = [
            _step(p, builders(p), arranging, alone=alone(p), punctuation=punctuation)
            for p in self._driver.productions
        ]
        self._plans: dict[tuple[int, str], tuple[Any, ...]] = {}

    def act(self, state: int, name: str, instead: tuple[str, Match] | None = None) -> _Act:
        """What a terminal does in a state, where another may be read instead."""
        plan = self._plan(self._driver.ending(state, name), name)
        action = None if plan else self._driver.following(state, name)
        return name, name in self._valued, plan, action, instead

    def legal(self, states: list[int], name: str) -> bool:
        """Whether a terminal can be put on a stack, which the table alone does not say."""
        simply = self._driver.following(states[-1], name) is not None  # most are so
        return simply or self._driver.after(states, name) is not None

    def reduce(self, plan: Any, states: list[int], values: list[Any], text: str) -> int | None:
        """End rules as planned; the action then."""
        action: int | None = None
        while plan is not None:
            cut, pick, kind, build, alone, ways, key = plan
            parts = pick(values)
            del states[cut], values[cut]
            if kind == _BUILT:
                value = build(parts, text)
            elif kind == _SAME:
                value = parts
            elif kind == _ARRANGED:
                value = _new(_Parts, parts)
            else:
                parts = _flat(parts)
                value = parts[0] if alone and len(parts) == 1 else build(parts, text)
            builders, state, plan, action = ways.get(states[-1]) or self._way(key, states[-1])
            for further, single in builders:
                if value.__class__ is _Parts:
                    value = further(_flat(value), text)
                elif not single:
                    value = further([value], text)
            states.append(state)
            values.append(value)
        return action

    def _plan(self, number: int | None, name: str) -> tuple[Any, ...] | None:
        """What ends a rule before a terminal; the same each time, with the ways it remembers."""
        if number is None:
            return None
        key = (number, name)
        if key not in self._plans:
            self._plans[key] = (*self._steps[number], {}, key)
        return self._plans[key]

    def _way(self, key: tuple[int, str], below: int) -> _Way:
        """Where a rule leads above a state and before a terminal; remembered."""
        number, name = key
        driver = self._driver
        plain = self._steps[number].kind in {_BUILT, _FLAT}
        builders: list[tuple[Builder, bool]] = []
        while True:
            state = driver.behind(below, driver.productions[number].rule)
            ending = driver.ending(state, name)
            if ending is None or len(driver.productions[ending].symbols) != 1:
                break
            number = ending
            step = self._steps[number]
            if step.build is not None and not (plain and step.alone):
                builders.append((step.build, step.alone))
                plain = True
        plan = self._plan(ending, name)
        way = tuple(builders), state, plan, None if plan else driver.following(state, name)
        self._plans[key][-2][below] = way
        return way


def _step(
    production: Production,
    build: Builder | None,
    arranging: Collection[str],
    *,
    alone: bool,
    punctuation: bool,
) -> _Step:
    """What a production does to the stack."""
    symbols, single = production.symbols, alone
    size = len(symbols)
    kept = [i - size for i, s in enumerate(symbols) if s.kept or not s.terminal or punctuation]
    mixed = any(not s.terminal and s.name in arranging for s in symbols)
    cut = slice(-size, None) if size else slice(0, 0)
    if len(kept) == 1 and (build is None or (single and not mixed)):
        return _Step(cut, itemgetter(kept[0]), _SAME, build, single)
    kind = _ARRANGED if build is None else _FLAT if mixed else _BUILT
    return _Step(cut, _picker(kept), kind, build, single)


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
    todo = [*parts]
    while todo:
        part = todo.pop()
        if part.__class__ is _Parts:
            todo += part
        else:
            out.append(part)
    out.reverse()
    return out
