"""What a terminal makes a reader's stack do: the rules that end before it, worked out once.

The table says of a state and a terminal that a rule ends there, and of the next state the same
again. Which rule ends first depends on these two, and what follows on the state below that rule;
so both are looked up once and remembered, past rules that consist of one other. What is
remembered are plain tuples, since Python takes these apart fastest.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from harmony_grammar.grammar.lexing import Match
    from harmony_grammar.grammar.load import Production
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Act", "Builder", "Planner"]

Builder: TypeAlias = "Callable[[Any, str], Any]"
"""Makes the value of a rule from those of its parts and from the whole text."""

Act: TypeAlias = "tuple[str, bool, Any, int | None, tuple[str, Match] | None]"
"""What a terminal does in a state: its name, whether it has a value, the plan of the first rule
that ends before it, the state after it if none does, and what may be read instead of it."""

_Way: TypeAlias = "tuple[tuple[tuple[Builder, bool], ...], int, Any, int | None]"
"""Where a rule leads: what makes the values of the rules that consist of it alone, and whether
one part stays what it is; the state then; the plan of the next rule that ends, and the action if
there is none."""

_SAME: Final = 0  # the value of a rule is that of its one part
_BUILT: Final = 1  # it is built of the parts
_FLAT: Final = 2  # it is built of the parts, and of those of parts that only arrange others
_ARRANGED: Final = 3  # a rule that only arranges others

_new: Final = tuple.__new__  # makes a tuple of a class, past its constructor


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


class Planner:
    """Knows what each terminal does in each state.

    Args:
        rules: the grammar.
        builders: what makes the value of a rule, by rule; others only arrange their parts.
        alone: rules of which one part is what that part is.
        punctuation: whether terminals that carry no field have a value, too.
    """

    def __init__(
        self,
        rules: Rules,
        builders: Mapping[str, Builder],
        alone: Collection[str],
        *,
        punctuation: bool,
    ) -> None:
        source = rules.source
        self._table, self._productions = source.table, source.productions
        self._valued = frozenset(rules.terminals) if punctuation else rules.kept_terminals
        self._steps = [
            _step(p, builders, alone, punctuation=punctuation) for p in source.productions
        ]
        self._plans: dict[tuple[int, str], tuple[Any, ...]] = {}

    def act(self, state: int, name: str, instead: tuple[str, Match] | None = None) -> Act:
        """What a terminal does in a state, where another may be read instead."""
        action = self._table[state].get(name)
        plan = self._plan(action, name)
        return name, name in self._valued, plan, None if plan else action, instead

    def legal(self, states: list[int], name: str) -> bool:
        """Whether a terminal can be put on a stack, which the table alone does not say."""
        action = self._table[states[-1]].get(name)
        if action is None or action >= 0:  # most are so
            return action is not None
        stack = states[:]
        while (action := self._table[stack[-1]].get(name)) is not None and action < 0:
            del stack[self._steps[~action].cut]
            stack.append(self._table[stack[-1]][self._productions[~action].rule])
        return action is not None

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

    def _plan(self, action: int | None, name: str) -> tuple[Any, ...] | None:
        """What ends a rule before a terminal; the same each time, with the ways it remembers."""
        if action is None or action >= 0:
            return None
        key = (action, name)
        if key not in self._plans:
            self._plans[key] = (*self._steps[~action], {}, key)
        return self._plans[key]

    def _way(self, key: tuple[int, str], below: int) -> _Way:
        """Where a rule leads above a state and before a terminal; remembered."""
        action, name = key
        plain = self._steps[~action].kind in {_BUILT, _FLAT}
        builders: list[tuple[Builder, bool]] = []
        while True:
            state = self._table[below][self._productions[~action].rule]
            following = self._table[state].get(name)
            if following is None or following >= 0 or len(self._symbols(following)) != 1:
                break
            action = following
            step = self._steps[~action]
            if step.build is not None and not (plain and step.alone):
                builders.append((step.build, step.alone))
                plain = True
        plan = self._plan(following, name)
        way = tuple(builders), state, plan, None if plan else following
        self._plans[key][-2][below] = way
        return way

    def _symbols(self, action: int) -> Sequence[Any]:
        return self._productions[~action].symbols


def _step(
    production: Production,
    builders: Mapping[str, Builder],
    alone: Collection[str],
    *,
    punctuation: bool,
) -> _Step:
    """What a production does to the stack."""
    symbols, build = production.symbols, builders.get(production.rule)
    size, single = len(symbols), production.rule in alone
    kept = [i - size for i, s in enumerate(symbols) if s.kept or not s.terminal or punctuation]
    mixed = any(not s.terminal and s.name not in builders for s in symbols)
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
