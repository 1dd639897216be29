"""Bodies that a schema, a regular expression or a grammar of the user's own describes.

They run in llguidance, which is entered where the body begins and left at a special token, so
no token straddles the border. What is ours is around it: the tokens that may end the body, and
a memory. After the same ids of the same body the mask is the same, so the ids that were seen
form a tree, and a place in it that is visited again remembers its mask. A matcher asks
llguidance only where the memory has no answer.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakValueDictionary

import numpy as np

from harmony_grammar.errors import ConstraintError
from harmony_grammar.masking.closing import way_out
from harmony_grammar.masking.table import Mask

if TYPE_CHECKING:
    from harmony_grammar.masking.table import TokenTable

__all__ = ["Engine", "EngineBody", "Place", "Session", "engine_of", "refusal"]

_MOST_PLACES: Final = 4096
_MOST_MASKS: Final = 256
_REMEMBER_FROM: Final = 2  # a mask is kept from this visit on; most places are seen once


@dataclass(frozen=True, slots=True)
class EngineBody:
    """What a body must be.

    Attributes:
        grammar: the description, in llguidance's JSON.
        label: what it is called in messages to people.
        typed: whether a header calls it JSON.
        foreign: whether its grammar might name special tokens, which no body may hold.
    """

    grammar: str
    label: str
    typed: bool
    foreign: bool = False


@lru_cache(maxsize=1024)
def refusal(grammar: str) -> str:
    """Why llguidance cannot use a grammar; empty if it can."""
    matcher = importlib.import_module("llguidance").LLMatcher
    return str(matcher.validate_grammar(grammar))


class Place:
    """A point in a body: behind which ids it stands.

    Attributes:
        parent: the place before the last id; None at the beginning.
        token: the last id.
        depth: how many ids lead here.
        children: the places that are remembered behind this one, by id.
        mask: the mask, if it is remembered.
        accepting: whether the body may end here, if that is known.
        key: the key of the mask, if it was asked for.
        closing: ids that bring the body to an end, if they were asked for; None if none are found.
    """

    __slots__ = (
        "accepting",
        "children",
        "closing",
        "depth",
        "key",
        "mask",
        "parent",
        "token",
        "visits",
    )

    def __init__(self, parent: Place | None, token: int) -> None:
        self.parent = parent
        self.token = token
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: dict[int, Place] | None = None
        self.mask: Mask | None = None
        self.accepting: bool | None = None
        self.key: object = None
        self.closing: tuple[int, ...] | Literal["unknown"] | None = "unknown"
        self.visits = 0


class Engine:
    """A body's grammar over one vocabulary, with the places that are remembered.

    Args:
        body: the description.
        table: the vocabulary.

    Raises:
        ConstraintError: if llguidance cannot use the grammar.
    """

    def __init__(self, body: EngineBody, table: TokenTable) -> None:
        self.body = body
        self.table = table
        self.end = min(table.specials)
        self._prototype: Any = None
        self._roots: dict[frozenset[int], Place] = {}
        self._places = 0
        self._masks = 0

    @cached_property
    def needed(self) -> int | None:
        """How many ids suffice for the body, if an end was found."""
        way = way_out(self.matcher(), self.table)
        return None if way is None else len(way)

    def matcher(self) -> Any:
        """A fresh matcher of llguidance's."""
        if self._prototype is None:
            maker = importlib.import_module("llguidance").LLMatcher
            self._prototype = maker(tokenizer_of(self.table), self.body.grammar, log_level=0)
            self.check(self._prototype)
        return self._prototype.deep_copy()

    def check(self, matcher: Any) -> None:
        """Raise a `ConstraintError` if a matcher has given up."""
        if matcher.is_error():
            raise ConstraintError(f"{self.body.label}: {matcher.get_error()}")

    def root(self, exits: frozenset[int]) -> Place:
        """The beginning of the body, where these special tokens may end it."""
        return self._roots.setdefault(exits, Place(None, -1))

    def child(self, place: Place, token: int) -> Place:
        """The place behind one more id, remembered if there is room."""
        fresh = Place(place, token)
        if isinstance(place.closing, tuple) and place.closing[:1] == (token,):
            fresh.closing = place.closing[1:]
        if self._places >= _MOST_PLACES:
            for root in self._roots.values():
                root.children = None
            self._places = self._masks = 0
        if place.children is None:
            place.children = {}
        place.children[token] = fresh
        self._places += 1
        return fresh

    def worth(self, place: Place) -> bool:
        """Whether the mask of a place is to be kept; call it once for each visit."""
        place.visits += 1
        keep = place.depth == 0 or place.visits >= _REMEMBER_FROM
        if keep and self._masks < _MOST_MASKS:
            self._masks += 1
            return True
        return place.depth == 0


class Session:
    """One matcher's way through a body.

    Args:
        engine: the body.
        exits: the special tokens that may end it.
        root: where it begins.
    """

    __slots__ = ("_at", "_matcher", "_pointer", "_scratch", "engine", "exits")

    def __init__(self, engine: Engine, exits: frozenset[int], root: Place) -> None:
        self.engine = engine
        self.exits = exits
        self._at = root
        self._matcher: Any = None
        self._scratch: Any = None
        self._pointer = 0

    def fork(self) -> Session:
        """A session at the same place that goes its own way."""
        twin = Session(self.engine, self.exits, self._at)
        twin._matcher = self._matcher and self._matcher.deep_copy()
        return twin

    def _go(self, place: Place) -> Any:
        """Bring llguidance's matcher to a place."""
        matcher = self._matcher
        if matcher is None:
            matcher = self._matcher = self.engine.matcher()
            self._at = _root(place)
        if self._at is not place:
            back, ids = _way(self._at, place)
            if back:
                matcher.rollback(back)
            if ids:
                matcher.consume_tokens(ids)
            self.engine.check(matcher)
            self._at = place
        return matcher

    def step(self, place: Place, token: int) -> Place | None:
        """The place behind an ordinary id; None if it is illegal."""
        children = place.children
        if children is not None and token in children:
            return children[token]
        if place.mask is not None and token not in place.mask:
            return None
        if token in self.engine.table.specials or not 0 <= token < self.engine.table.size:
            return None
        if self._go(place).try_consume_tokens([token]) != 1:
            return None
        self._at = self.engine.child(place, token)
        return self._at

    def accepting(self, place: Place) -> bool:
        """Whether the body may end at a place."""
        if place.accepting is None:
            place.accepting = bool(self._go(place).is_accepting())
        return place.accepting

    def closing(self, place: Place) -> tuple[int, ...] | None:
        """Ids that bring the body from a place to an end; None if none are found."""
        if isinstance(place.closing, str):
            place.closing = way_out(self._go(place).deep_copy(), self.engine.table)
        return place.closing

    def compute(self, place: Place) -> Any:
        """The words of a place's mask, in an array that the next call overwrites."""
        matcher = self._go(place)
        if self._scratch is None:
            self._scratch = np.zeros(self.engine.table.words, np.uint32)
            self._pointer = self._scratch.ctypes.data
        row = self._scratch
        matcher.unsafe_compute_mask_ptr(self._pointer, row.nbytes)
        end = self.engine.end
        word, bit = end >> 5, 1 << (end & 31)
        found = int(row[word])
        # The engine says by its own end token, which is none of ours, that the body may end.
        place.accepting = bool(found & bit)
        if self.engine.body.foreign:
            np.bitwise_and(row, ordinary_row(self.engine.table), out=row)
        elif place.accepting:
            row[word] = found & ~bit
        if place.accepting:
            for token in self.exits:
                row[token >> 5] |= np.uint32(1 << (token & 31))
        elif not found:  # an engine that has given up allows nothing
            self.engine.check(matcher)
        return row

    def mask(self, place: Place) -> Mask:
        """The mask of a place, remembered or made."""
        if place.mask is not None:
            return place.mask
        mask = self._make(place)
        if self.engine.worth(place):
            place.mask = mask
        return mask

    def words(self, place: Place) -> memoryview:
        """The words of a place's mask as bytes, which the next call may overwrite."""
        if place.mask is not None:
            return place.mask.data
        if not self.engine.worth(place):
            return memoryview(self.compute(place)).cast("B")
        place.mask = self._make(place)
        return place.mask.data

    def _make(self, place: Place) -> Mask:
        mask = Mask(self.compute(place).view(np.int32).copy())
        if place.key is not None:
            mask.key = place.key
        return mask


def _root(place: Place) -> Place:
    while place.parent is not None:
        place = place.parent
    return place


def _way(start: Place, goal: Place) -> tuple[int, list[int]]:
    """How many ids to go back from one place, and which to take then, to reach another."""
    back = 0
    ids: list[int] = []
    while start is not goal:
        if goal.parent is not None and goal.depth >= start.depth:
            ids.append(goal.token)
            goal = goal.parent
        elif start.parent is not None:
            back += 1
            start = start.parent
        else:
            break
    return back, ids[::-1]


def ordinary_row(table: TokenTable) -> Any:
    """The words of all ids that are text."""
    known = table.shared.get("ordinary")
    if known is None:
        known = table.shared["ordinary"] = table.row(list(table.ranks.values())).view(np.uint32)
    return known


def tokenizer_of(table: TokenTable) -> Any:
    """The vocabulary as llguidance has it, made when a body first needs it."""
    known = table.shared.get("llguidance")
    if known is None:
        known = table.shared["llguidance"] = importlib.import_module(
            "llguidance"
        ).LLTokenizer.from_tiktoken(
            encoder=dict(table.ranks),
            special_tokens={spelling: token for token, spelling in table.names.items()},
            pattern=table.pattern,
            eos_token=min(table.specials),
            n_vocab=table.size,
            slices=None,
        )
    return known


def engine_of(body: EngineBody, table: TokenTable) -> Engine:
    """The engine of a body, shared by all constraints that are alive."""
    engines: WeakValueDictionary[EngineBody, Engine] = table.shared.setdefault(
        "engines", WeakValueDictionary()
    )
    engine = engines.get(body)
    if engine is None:
        engine = engines[body] = Engine(body, table)
    return engine
