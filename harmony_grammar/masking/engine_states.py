# ruff: noqa: D102  what the methods do is said once, in `State`
"""The states of a matcher in a body with a schema."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Final

from harmony_grammar.masking.bodies import Session
from harmony_grammar.masking.states import FAR, Shared, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.masking.bodies import Engine, Place
    from harmony_grammar.masking.table import Mask

__all__ = ["EngineContext", "EngineStart", "EngineState"]

_serials: Final = count()
_HORIZON: Final = 64  # so many ids before the last it is asked how the body comes to its end
_MARGIN: Final = 6  # so many ids are kept for what one more id of the body may ask for


class EngineContext:
    """A body with a schema in a message: how it is left, and where it begins.

    Args:
        engine: the body.
        exits: the states behind the special ids that may end it.
    """

    def __init__(self, engine: Engine, exits: Mapping[int, State]) -> None:
        self.engine = engine
        self.exits = exits
        self.ends = frozenset(exits)
        self.root = engine.root(self.ends)

    @cached_property
    def far(self) -> int:
        """How many ids suffice from the end of the body to the end of the completion."""
        return 1 + min((target.distance() for target in self.exits.values()), default=FAR)

    def session(self) -> Session:
        """A way through the body."""
        return Session(self.engine, self.ends, self.root)


class EngineState(Shared):
    """A state in a body with a schema, on one matcher's way through it."""

    __slots__ = ("_place", "_session", "context")

    def __init__(self, context: EngineContext, session: Session, place: Place) -> None:
        self.context = context
        self._session = session
        self._place = place

    def after(self, token: int) -> State | None:
        target = self.context.exits.get(token)
        if target is not None:
            return target if self._session.accepting(self._place) else None
        place = self._session.step(self._place, token)
        return None if place is None else EngineState(self.context, self._session, place)

    def mask(self) -> Mask:
        return self._session.mask(self._place)

    def write(self, view: memoryview, begin: int, end: int) -> None:
        view[begin:end] = self._session.words(self._place)

    def key(self) -> object:
        place = self._place
        if place.mask is not None:
            return place.mask.key
        if place.key is None:
            place.key = ("place", next(_serials))
        return place.key

    def distance(self) -> int:
        return self.context.far

    def limited(self, total: int, _reasoning: int) -> Mask:
        spare = total - self.context.far
        if spare > _HORIZON:
            return self.mask()
        way = self._session.closing(self._place)
        if way is None or len(way) + _MARGIN < spare:
            return self.mask()
        table = self.context.engine.table
        return table.mask(way[:1] or self.context.ends)

    def fork(self) -> State:
        return EngineState(self.context, self._session.fork(), self._place)

    def words(self) -> set[str]:
        names = self.context.engine.table.names
        exits = self.context.ends if self._session.accepting(self._place) else ()
        return {self.context.engine.body.label, *(f"`{names[token]}`" for token in exits)}

    def place(self) -> str:
        return f"{self.context.engine.body.label} is open"


class EngineStart(EngineState):
    """The beginning of a body with a schema, which all matchers share."""

    __slots__ = ()

    def __init__(self, context: EngineContext) -> None:
        super().__init__(context, context.session(), context.root)

    def after(self, token: int) -> State | None:
        return self.fork().after(token)

    def fork(self) -> State:
        return EngineState(self.context, self.context.session(), self._place)
