"""From what a constraint is told to its automaton."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.grammar.automata import Dfa
from harmony_grammar.masking.bodies import engine_of
from harmony_grammar.masking.budget import UNLIMITED
from harmony_grammar.masking.frame import Frame
from harmony_grammar.masking.freetext import free_text
from harmony_grammar.masking.graph import Graph
from harmony_grammar.masking.shapes import FREE, CallGroup, Kind, chains_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.masking.bodies import EngineBody
    from harmony_grammar.masking.freetext import FreeText
    from harmony_grammar.masking.shapes import Plan
    from harmony_grammar.masking.table import TokenTable
    from harmony_grammar.masking.tools import Tool

__all__ = ["Bodies", "graph_of", "groups_of", "kinds_of", "reserves_of"]

_KEPT_GRAPHS: Final = 16
_RESERVE: Final = 32  # ids that a body with a schema is taken to need, unless it is asked
_FEW_BODIES: Final = 32  # so many of them are asked


class Bodies:
    """The bodies of a constraint, numbered; equal ones are one."""

    def __init__(self) -> None:
        self.numbers: dict[EngineBody, int] = {}

    def number(self, body: EngineBody | None) -> int:
        """The number of a body, the same for equal ones; that of free text for None."""
        if body is None:
            return FREE
        return self.numbers.setdefault(body, len(self.numbers) + FREE + 1)


def reserves_of(bodies: Bodies, table: TokenTable, total: int) -> dict[int, int]:
    """How many ids of a budget are kept free for each body with a schema.

    If there are few of them, each is asked; otherwise all are taken to need some.
    """
    few = len(bodies.numbers) <= _FEW_BODIES and total != UNLIMITED
    some = min(_RESERVE, total // 2)
    found = {}
    for body, number in bodies.numbers.items():
        needed = engine_of(body, table).needed if few else None
        found[number] = some if needed is None else needed
    return found


def kinds_of(reasoning: str, *, preambles: bool) -> frozenset[Kind]:
    """The kinds of messages that may come before the last one."""
    kinds = {Kind.REASONING: reasoning != "forbid", Kind.PREAMBLE: preambles}
    return frozenset(kind for kind, allowed in kinds.items() if allowed)


def groups_of(tools: Sequence[Tool], bodies: Bodies) -> tuple[CallGroup, ...]:
    """The tools by the way in which they are called."""
    groups: dict[tuple[str, bool], dict[str, int]] = {}
    for tool in tools:
        key = (tool.channel, tool.body is not None and tool.body.typed)
        groups.setdefault(key, {})[tool.name] = bodies.number(tool.body)
    return tuple(CallGroup(channel, typed, names) for (channel, typed), names in groups.items())


def _free(rules: Rules, table: TokenTable) -> FreeText:
    sequences = [
        [automaton for s in production.symbols if (automaton := rules.automaton(s.name))]
        for production in rules.productions[rules.meaning.body]
    ]
    return free_text(Dfa.of(sequences), table)


def graph_of(  # noqa: PLR0913  what makes up a graph, and the key that it is shared by
    rules: Rules,
    table: TokenTable,
    *,
    ids: Mapping[str, int],
    plan: Plan,
    bodies: Bodies,
    deviations: int,
    reserves: Mapping[int, int],
) -> Graph:
    """The automaton of a plan; equal plans share it, and with it all states and masks."""
    groups = tuple((g.channel, g.typed, tuple(g.bodies.items())) for g in plan.groups)
    kinds, numbers = plan.kinds, tuple(bodies.numbers)
    key = (
        rules,
        groups,
        plan.answer,
        plan.typed,
        kinds,
        plan.channels,
        numbers,
        deviations,
        tuple(reserves.items()),
    )
    graphs: OrderedDict[Any, Graph] = table.shared.setdefault("graphs", OrderedDict())
    graph = graphs.get(key)
    if graph is None:
        frames: dict[Rules, Frame] = table.shared.setdefault("frames", {})
        frame = frames[rules] = frames.get(rules) or Frame.of(rules)
        graph = graphs[key] = Graph(
            frame,
            chains_of(rules, frame, ids, plan),
            {number: body for body, number in bodies.numbers.items()},
            _free(rules, table),
            reserves=reserves,
            most_deviations=deviations,
        )
        if len(graphs) > _KEPT_GRAPHS:
            graphs.popitem(last=False)
    return graph
