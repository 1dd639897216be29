"""Budgets: how far the end is, how many ids may still come, and how many of reasoning.

A budget is a state around a state. As long as the end is far off, it only counts. When it comes
near, it narrows the mask to the ids behind which the end is still within reach; so a text is
closed in time, a character is never cut, and what must follow is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.masking.states import FAR
from harmony_grammar.masking.turn import END, FREE, Body, Special, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.masking.automaton import TurnAutomaton
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import Mask
    from harmony_grammar.masking.turn import Part, Position

__all__ = ["UNLIMITED", "BudgetState", "Distances"]

UNLIMITED: Final = 1 << 40


class Distances:
    """How many ids suffice to come to the end of a completion.

    Args:
        automaton: the automaton of the completion.

    Attributes:
        most_reserved: the most ids that a body with a schema is taken to need.
        ceiling: no state needs more ids than that.
    """

    def __init__(self, automaton: TurnAutomaton) -> None:
        self.automaton = automaton
        self.most_reserved = max(automaton.plan.reserves, default=0)
        self._nodes = self._of_nodes()
        extents = map(self._extent, automaton.parts)
        self.ceiling = 2 + max(self._nodes) + max(extents, default=0)

    def _of_nodes(self) -> Sequence[int]:
        """For each node of the turn's graph, how many ids it is from the end, at most."""
        graph = self.automaton.graph
        far = [FAR] * graph.nodes
        far[graph.end] = 0
        own = [
            (part, self._ids(part, 0, 0, part.body))
            for part in self.automaton.parts
            if part.deviations <= self.automaton.plan.deviations
        ]
        closures = [graph.closure(node) for node in range(graph.nodes)]
        for _ in closures:
            for part, ids in own:
                far[part.source] = min(far[part.source], ids + far[part.target])
            far = [min(far[n] for n in found) for found in closures]
        return far

    def _ids(self, part: Part, at: int, inner: int, body: int) -> int:
        """How many ids suffice from a place in a part to the part's end."""
        ids, text = 0, b""
        for element in part.elements[at:]:
            if isinstance(element, Text):
                text += element.dfa.tails[inner]
                body = element.dfa.accepted(inner) if element.named else body
            else:
                ids += self.automaton.table.least(text)
                ids += 1 if isinstance(element, Special) else self._body_ids(body)
                text = b""
            inner = 0
        return ids + self.automaton.table.least(text)

    def _body_ids(self, body: int) -> int:
        if body == FREE:
            return self.automaton.table.least(self.automaton.free.dfa.tails[0])
        return self.automaton.plan.reserves[body - 1]

    def _extent(self, part: Part) -> int:
        """More ids than any place in a part is from the part's end."""
        extent = 0
        for element in part.elements:
            if isinstance(element, Text):
                extent += max(map(len, element.dfa.tails), default=0) + 1
            else:
                extent += 1 + self.most_reserved * isinstance(element, Body)
        return extent

    def of(self, positions: Iterable[Position]) -> int:
        """How many ids suffice from any of some positions to the end of the completion."""
        return min((0 if p == END else self._of_position(p) for p in positions), default=FAR)

    def _of_position(self, position: Position) -> int:
        part = self.automaton.parts[position.part]
        ids = self._ids(part, position.at, position.inner, position.body)
        return ids + self._nodes[part.target]


class BudgetState:
    """A state with what is left.

    Args:
        state: the state.
        automaton: the automaton that it belongs to.
        total: how many ids may still come.
        thought: how many ids of reasoning may still come.
    """

    __slots__ = ("_narrow", "automaton", "complete", "reasoning", "state", "thought", "total")

    def __init__(self, state: State, automaton: TurnAutomaton, total: int, thought: int) -> None:
        self.state = state if thought > 0 else automaton.spent(state)
        self.automaton = automaton
        self.total = total
        self.thought = thought
        self.complete: bool = state.complete
        self.reasoning: bool = state.reasoning
        self._narrow: Mask | None = None

    @property
    def ample(self) -> bool:
        """Whether neither budget can narrow the mask here."""
        return self.total > self.automaton.distances.ceiling and (
            not self.reasoning or self.thought > self.automaton.free.most
        )

    def after(self, token: int) -> State | None:
        """The state behind an id; None if the id is illegal."""
        following = self.state.after(token)
        if following is None or not (self.ample or token in self.mask()):
            return None
        spent = 1 if self.reasoning and token not in self.automaton.table.specials else 0
        return BudgetState(following, self.automaton, self.total - 1, self.thought - spent)

    def mask(self) -> Mask:
        """The legal ids."""
        if self.ample:
            return self.state.mask()
        if self._narrow is None:
            self._narrow = self.state.limited(self.total, self.thought)
        return self._narrow

    def write(self, view: memoryview, begin: int, end: int) -> None:
        """Write the words of the mask into bytes `begin` to `end` of a bitmask."""
        if self.ample:
            self.state.write(view, begin, end)
        else:
            view[begin:end] = self.mask().data

    def key(self) -> object:
        """What stays equal as long as the mask does."""
        return self.state.key() if self.ample else self.mask().key

    def distance(self) -> int:
        """How many ids suffice to come to the end of the completion."""
        return self.state.distance()

    def limited(self, total: int, reasoning: int) -> Mask:
        """The legal ids if only so many ids, and so many of reasoning, may still come."""
        return self.state.limited(min(total, self.total), min(reasoning, self.thought))

    def fork(self) -> State:
        """The same state for another matcher."""
        return BudgetState(self.state.fork(), self.automaton, self.total, self.thought)

    def apart(self) -> State:
        """The same state for another matcher, in another thread."""
        return BudgetState(self.state.apart(), self.automaton, self.total, self.thought)

    def expected(self) -> set[str]:
        """What may come, in words."""
        return self.state.expected()

    def place(self) -> str:
        """Where this is, in words."""
        return self.state.place()
