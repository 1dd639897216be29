"""Reading a text by any start symbol of the grammar: what stands inside bodies.

Headers are read piece by piece, so that reading can stop and go on (`harmony_grammar.reading`).
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

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from harmony_grammar.grammar.lexing import Choice, choice, expected
from harmony_grammar.grammar.plans import Planner
from harmony_grammar.grammar.rules import END_OF_INPUT

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Mapping

    from harmony_grammar.grammar.lexing import Match
    from harmony_grammar.grammar.plans import Act, Builder
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Leaf", "Reading", "TextReader"]

_Known: TypeAlias = "tuple[Any, Any, Any, Any]"
"""A choice as a plain tuple, which Python takes apart faster: what is joined, what each group of
it does (None for blanks, and first for no group), fixed words, and the choice; for one fixed word
nothing, what it does, its text, and nothing."""

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


_NO_ACT: Final[Act] = ("", False, None, None, None)
_new: Final = tuple.__new__  # makes a tuple of a class, past its constructor


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
        self._begin, self._end = source.starts[start], source.ends[start]
        self._planner = Planner(rules, builders, alone, punctuation=punctuation)
        self._choices: list[dict[str, _Known]] = [{} for _ in source.table]

    def read(self, text: str) -> Reading:  # noqa: C901, PLR0912  calls cost more than the work
        """Read a whole text."""
        text += "\n"
        planner, choices, reduce = self._planner, self._choices, self._planner.reduce
        states, values = [self._begin], list[Any]()
        at, count, end = 0, 0, len(text)
        back, act = cast("_Back | None", None), cast("Act | None", None)
        stuck, budget = _Stuck(0, self._begin), _MOST_READ_AGAIN * end
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
                back = _Back(at, states[:], values[:], instead, stop)
            while True:
                if plan is not None:
                    action = reduce(plan, states, values, text)
                if action is not None:
                    break
                if name == END_OF_INPUT and states[-1] == self._end:
                    return Reading(values[0], at, (), count)
                stuck = max(stuck, _Stuck(at, states[-1]))
                if back is None or budget < 0 or not self._may_go(back, text, at):
                    return Reading(None, stuck.at, expected(self.rules, stuck.state), count)
                budget -= at - back.at
                at, states, values, (name, match), _ = back
                name, kept, plan, action, _ = planner.act(states[-1], name)
                stop, back = _end(match(text, at)), None
            count += 1
            states.append(action)
            values.append(_new(Leaf, (name, text[at:stop], at)) if kept else None)
            at = stop

    def _longest(
        self, known: Choice, text: str, at: int, states: list[int]
    ) -> tuple[Act | None, int]:
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
    ) -> tuple[Act, int]:
        """What the last resort does, if there is one, and where it ends."""
        if last is None:
            return _NO_ACT, at
        name, match = last
        return self._planner.act(state, name), _end(match(text, at))

    def _may_go(self, back: _Back, text: str, at: int) -> bool:
        """Whether to go back from a place: to text only from its line or from right below it."""
        if len(back.states) > _DEEPEST:
            return False
        near = "\n" not in text[back.at : at] or not text[back.stop : at].strip()
        return near or self.rules.terminals[back.last[0]].priority > _TEXT

    def _choice(self, state: int, char: str) -> _Known:
        """What may begin with a character in a state; remembered."""
        remembered = self._choices[state]
        if len(remembered) >= _MOST_CHARACTERS:
            remembered.clear()
        known = choice(self.rules, state, char)
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
