"""Budgets: how many ids may still come, and how many of reasoning.

A budget is a state around a state. As long as the end is far off, it only counts. When it comes
near, it narrows the mask to the ids behind which the end is still within reach; so a text is
closed in time, a character is never cut, and what must follow is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from harmony_grammar.masking.automaton import TurnAutomaton
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import Mask

__all__ = ["UNLIMITED", "BudgetState"]

UNLIMITED: Final = 1 << 40


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
        return self.total > self.automaton.ceiling and (
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
