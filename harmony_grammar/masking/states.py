# ruff: noqa: D102  what the methods do is said once, in `State`
"""The states of a matcher: what all of them answer, and the one at the end.

A state is in a header (`automaton`), in a free text (`text_bodies`), in a body with a schema
(`schema_bodies`) or at the end, and a budget may be around it (`budget`). All answer the same
questions: which state is behind an id, which ids are legal, how far the end is, what may come in
words. A matcher holds one of them and nothing else about the language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from harmony_grammar.masking.token_table import Mask, TokenTable

__all__ = ["FAR", "Finished", "Shared", "State", "beyond"]

FAR: Final = 1 << 20
"""More ids than any end is away."""


class State(Protocol):
    """Where a matcher may be."""

    @property
    def complete(self) -> bool:
        """Whether the completion may end here."""

    @property
    def reasoning(self) -> bool:
        """Whether an ordinary id here is part of reasoning."""

    def after(self, token: int) -> State | None:
        """The state behind an id; None if the id is illegal."""

    def mask(self) -> Mask:
        """The legal ids."""

    def write(self, view: memoryview, begin: int, end: int) -> None:
        """Write the words of the mask into bytes `begin` to `end` of a bitmask."""

    def key(self) -> object:
        """What stays equal as long as the mask does."""

    def distance(self) -> int:
        """How many ids suffice to come to the end of the completion."""

    def limited(self, total: int, reasoning: int) -> Mask:
        """The legal ids if only so many ids, and so many of reasoning, may still come."""

    def fork(self) -> State:
        """The same state for another matcher."""

    def apart(self) -> State:
        """As `fork`, without a look at what a matcher in another thread may be using."""

    def expected(self) -> set[str]:
        """What may come, in words."""

    def place(self) -> str:
        """Where this is, in words."""


class Shared:
    """What states have in common that belong to no matcher."""

    __slots__ = ()

    complete = False
    reasoning = False

    def mask(self) -> Mask:
        raise NotImplementedError

    def write(self, view: memoryview, begin: int, end: int) -> None:
        view[begin:end] = self.mask().data

    def key(self) -> object:
        return self.mask().key

    def fork(self) -> Self:
        return self

    def apart(self) -> Self:
        return self


class Finished(Shared):
    """The end: nothing may follow."""

    __slots__ = ("_mask",)

    complete = True

    def __init__(self, table: TokenTable) -> None:
        self._mask = table.nothing

    def after(self, _token: int) -> State | None:
        return None

    def mask(self) -> Mask:
        return self._mask

    def distance(self) -> int:
        return 0

    def limited(self, _total: int, _reasoning: int) -> Mask:
        return self._mask

    def expected(self) -> set[str]:
        return set()

    def place(self) -> str:
        return "the completion has ended"


def beyond(exits: Mapping[int, State]) -> int:
    """How many ids suffice from the end of a body to the end of the completion.

    Args:
        exits: the states behind the special ids that may end the body.
    """
    return 1 + min((target.distance() for target in exits.values()), default=FAR)
