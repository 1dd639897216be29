# ruff: noqa: D102  what the methods of a state do is said once, in `State`
"""Bodies that a schema, a regular expression or a grammar of the user's own describes.

They run in llguidance, which is entered where the body begins and left at a special token, so
no token straddles the border. What is ours is around it: the tokens that may end the body, and
a memory. After the same ids of the same body the mask is the same, so the ids that were seen
form a tree, and a point of it that is visited again remembers its mask. A matcher asks
llguidance only where the memory has no answer.

The tree is shared by all matchers; a `BodyWalk`, which holds a matcher of llguidance's, belongs to
one. Where a body begins nobody has walked yet, so that state makes a walk for whoever leaves it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakValueDictionary

import numpy as np

from harmony_grammar.errors import ConstraintError
from harmony_grammar.masking.states import Shared, State, beyond
from harmony_grammar.masking.token_table import Mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.masking.token_table import TokenTable

__all__ = ["BodyEngine", "BodyGrammar", "SchemaBody", "SchemaState", "engine_of"]

_MOST_POINTS: Final = 4096
_MOST_MASKS: Final = 256
_REMEMBER_FROM: Final = 2  # a mask is kept from this visit on; most points are seen once
_HORIZON: Final = 64  # so many ids before the last it is asked how the body comes to its end
_MARGIN: Final = 6  # so many ids are kept for what one more id of the body may ask for
_TRIALS: Final = 2
_DEAD_END: Final = "NoExtension"  # how llguidance says that nothing can follow
_serials: Final = count()
# What llguidance may take for a grammar and for a step of it; more than usual schemas ask for.
_LIMITS: Final = MappingProxyType(
    {"initial_lexer_fuel": 10_000_000, "step_lexer_fuel": 5_000_000, "verbose_errors": False}
)
# Tokens that are the inside of strings, which llguidance then needs not walk through.
_SLICES: Final = tuple(r'[^"\\\x00-\x1F\x7F]' + times for times in ("{1,10}", "+"))
_lock: Final = RLock()  # for what is made once for a vocabulary


@dataclass(frozen=True, slots=True)
class BodyGrammar:
    """What a body must be.

    Attributes:
        grammar: the description, in llguidance's JSON.
        label: what it is called in messages to people.
        typed: whether a header calls it JSON.
        cut: whether its grammar named tokens, which may have left it without an end.
    """

    grammar: str
    label: str
    typed: bool
    cut: bool = False


class BodyPoint:
    """A point in a body: behind which ids it stands.

    Attributes:
        parent: the point before the last id; None at the beginning.
        token: the last id.
        depth: how many ids lead here.
        children: the points that are remembered behind this one, by id.
        mask: the mask, if it is remembered.
        accepting: whether the body may end here, if that is known.
        key: the key of the mask, if it was asked for.
        closing: ids that bring the body to an end, if they were asked for; None if none are found.
    """

    __slots__ = (
        *("accepting", "children", "closing", "depth", "key", "mask"),
        *("parent", "token", "visits"),
    )

    def __init__(self, parent: BodyPoint | None, token: int) -> None:
        self.parent = parent
        self.token = token
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: dict[int, BodyPoint] | None = None
        self.mask: Mask | None = None
        self.accepting: bool | None = None
        self.key: object = None
        self.closing: tuple[int, ...] | Literal["unknown"] | None = "unknown"
        self.visits = 0


class BodyEngine:
    """A body's grammar over one vocabulary, with the points that are remembered.

    Args:
        body: the description.
        table: the vocabulary.

    Raises:
        ConstraintError: if llguidance cannot use the grammar.
    """

    def __init__(self, body: BodyGrammar, table: TokenTable) -> None:
        self.body = body
        self.table = table
        self.end = min(table.specials)
        self._lock = RLock()
        self._prototype: Any = None
        self._roots: dict[frozenset[int], BodyPoint] = {}
        self._points = 0
        self._masks = 0

    @cached_property
    def needed(self) -> int | None:
        """How many ids suffice for the body, if an end was found."""
        way = self.way_out(self.matcher())
        return None if way is None else len(way)

    def way_out(self, matcher: Any) -> tuple[int, ...] | None:
        """Ids that bring a body to an end from where a matcher is; None if none are found."""
        way = way_out(matcher, self.table)
        if matcher.is_error():
            self.renew()
        return way

    def matcher(self) -> Any:
        """A fresh matcher of llguidance's.

        Raises:
            ConstraintError: if llguidance gives up at once.
        """
        with self._lock:
            if self._prototype is None:
                lib = importlib.import_module("llguidance")
                limits = lib.LLParserLimits(**_LIMITS)
                made = lib.LLMatcher(
                    tokenizer_of(self.table), self.body.grammar, log_level=0, limits=limits
                )
                if made.is_error():
                    raise self.failure(made)
                self._prototype = made
            return self._prototype.deep_copy()

    def require_beginning(self, where: str) -> None:
        """Refuse a body that cannot begin.

        Raises:
            ConstraintError: if it cannot.
        """
        matcher = self.matcher()
        matcher.compute_bitmask()
        if matcher.is_error():
            raise ConstraintError(
                f"{where}: it asks for a special token, which no body may hold; a body is text"
            )

    def renew(self) -> None:
        """Let the next matcher be made anew.

        What llguidance learns about a grammar all copies of a matcher share; so when one of them
        gives up, none of them is any good.
        """
        with self._lock:
            self._prototype = None

    def failure(self, matcher: Any) -> ConstraintError:
        """What to raise when a matcher has given up."""
        why = matcher.get_error().partition("\n")[0]
        if why.startswith(_DEAD_END):
            return ConstraintError(
                f"{self.body.label}: nothing can follow here, and it is not whole"
            )
        return ConstraintError(f"{self.body.label}: llguidance gave up: {why}")

    def root(self, exits: frozenset[int]) -> BodyPoint:
        """The beginning of the body, where these special tokens may end it."""
        with self._lock:
            return self._roots.setdefault(exits, BodyPoint(None, -1))

    def child(self, point: BodyPoint, token: int) -> BodyPoint:
        """The point behind one more id, remembered if there is room."""
        fresh = BodyPoint(point, token)
        if isinstance(point.closing, tuple) and point.closing[:1] == (token,):
            fresh.closing = point.closing[1:]
        with self._lock:
            if self._points >= _MOST_POINTS:
                for root in self._roots.values():
                    root.children = None
                self._points = self._masks = 0
            if point.children is None:
                point.children = {}
            point.children[token] = fresh
            self._points += 1
        return fresh

    def worth(self, point: BodyPoint) -> bool:
        """Whether the mask of a point is to be kept; call it once for each visit."""
        point.visits += 1
        keep = point.depth == 0 or point.visits >= _REMEMBER_FROM
        if keep and self._masks < _MOST_MASKS:
            self._masks += 1
            return True
        return point.depth == 0


class SchemaBody:
    """A body with a schema in a message: how it is left, and where it begins.

    Args:
        engine: the body.
        exits: the states behind the special ids that may end it.
    """

    def __init__(self, engine: BodyEngine, exits: Mapping[int, State]) -> None:
        self.engine = engine
        self.exits = exits
        self.ends = frozenset(exits)
        self.root = engine.root(self.ends)

    @cached_property
    def far(self) -> int:
        """How many ids suffice from the end of the body to the end of the completion."""
        return beyond(self.exits)

    def begin(self) -> SchemaState:
        """The state where the body begins, which all matchers share."""
        return SchemaState(self, None, self.root)


class BodyWalk:
    """One matcher's way through a body.

    Args:
        body: the body.
        at: the point where `matcher` is.
        matcher: one of llguidance's; None for one that is made when it is needed.
    """

    __slots__ = ("_at", "_matcher", "_pointer", "_scratch", "body", "engine")

    def __init__(self, body: SchemaBody, at: BodyPoint, matcher: Any = None) -> None:
        self.body = body
        self.engine = body.engine
        self._at = at
        self._matcher = matcher
        self._scratch: Any = None
        self._pointer = 0

    def fork(self) -> BodyWalk:
        """A walk at the same point that goes its own way."""
        return BodyWalk(self.body, self._at, self._matcher and self._matcher.deep_copy())

    def _go(self, point: BodyPoint) -> Any:
        """Bring llguidance's matcher to a point; one that has given up is made anew, once.

        Raises:
            ConstraintError: if llguidance gives up again.
        """
        matcher = self._matcher
        if matcher is not None and self._at is not point:
            back, ids = _way(self._at, point)
            if not ((not back or matcher.rollback(back)) and matcher.consume_tokens(ids)):
                matcher = None
        if matcher is None or matcher.is_error():
            matcher = self._fresh(point)
        self._matcher = matcher
        self._at = point
        return matcher

    def _fresh(self, point: BodyPoint) -> Any:
        """A new matcher at a point."""
        if self._matcher is not None:
            self.engine.renew()
        self._matcher = None
        _, ids = _way(self.body.root, point)
        for _ in range(_TRIALS):
            matcher = self.engine.matcher()
            if matcher.consume_tokens(ids):
                return matcher
            self.engine.renew()
        raise self.engine.failure(matcher)

    def step(self, point: BodyPoint, token: int) -> BodyPoint | None:
        """The point behind an ordinary id; None if it is illegal."""
        children = point.children
        if children is not None and token in children:
            return children[token]
        if point.mask is not None and token not in point.mask:
            return None
        if token in self.engine.table.specials or not 0 <= token < self.engine.table.size:
            return None
        if self._go(point).try_consume_tokens([token]) != 1:
            # Refused, or the engine has given up: it does not say, but the mask does.
            row = self.compute(point)
            if not (int(row[token >> 5]) >> (token & 31)) & 1:
                return None
            matcher = self._go(point)
            if matcher.try_consume_tokens([token]) != 1:
                raise self.engine.failure(matcher)
        self._at = self.engine.child(point, token)
        return self._at

    def accepting(self, point: BodyPoint) -> bool:
        """Whether the body may end at a point."""
        if point.accepting is None:
            point.accepting = bool(self._go(point).is_accepting())
        return point.accepting

    def closing(self, point: BodyPoint) -> tuple[int, ...] | None:
        """Ids that bring the body from a point to an end; None if none are found."""
        if isinstance(point.closing, str):
            point.closing = self.engine.way_out(self._go(point).deep_copy())
        return point.closing

    def compute(self, point: BodyPoint) -> Any:
        """The words of a point's mask, in an array that the next call overwrites."""
        if self._scratch is None:
            self._scratch = np.zeros(self.engine.table.words, np.uint32)
            self._pointer = self._scratch.ctypes.data
        row = self._scratch
        for _ in range(_TRIALS):
            matcher = self._go(point)
            matcher.unsafe_compute_mask_ptr(self._pointer, row.nbytes)
            if not matcher.is_error():  # one that has given up allows its end token
                return self._ended(row, point)
        self.engine.renew()
        raise self.engine.failure(matcher)

    def _ended(self, row: Any, point: BodyPoint) -> Any:
        """The words of a mask, with the ids that may end the body for the engine's own."""
        end = self.engine.end
        word, bit = end >> 5, 1 << (end & 31)
        found = int(row[word])
        # The engine says by its own end token, which is none of ours, that the body may end.
        accepting = bool(found & bit)
        point.accepting = accepting
        if accepting:
            row[word] = found & ~bit
            for token in self.body.ends:
                row[token >> 5] |= np.uint32(1 << (token & 31))
        return row

    def mask(self, point: BodyPoint) -> Mask:
        """The mask of a point, made and perhaps remembered."""
        mask = self._make(point)
        if self.engine.worth(point):
            point.mask = mask
        return mask

    def words(self, point: BodyPoint) -> memoryview:
        """The words of a point's mask as bytes, which the next call may overwrite."""
        if not self.engine.worth(point):
            return memoryview(self.compute(point)).cast("B")
        mask = point.mask = self._make(point)
        return mask.data

    def _make(self, point: BodyPoint) -> Mask:
        mask = Mask(self.compute(point).view(np.int32).copy())
        if point.key is not None:
            mask.key = point.key
        return mask


class SchemaState(Shared):
    """A state in a body with a schema.

    Args:
        body: the body.
        walk: a matcher's way through it; None where it begins, which no matcher owns.
        point: where this is.
    """

    __slots__ = ("_point", "_walk", "body")

    def __init__(self, body: SchemaBody, walk: BodyWalk | None, point: BodyPoint) -> None:
        self.body = body
        self._walk = walk
        self._point = point

    def _own(self) -> BodyWalk:
        """The matcher's walk; a fresh one where the body begins, which remembers its answers."""
        return self._walk or BodyWalk(self.body, self.body.root)

    def after(self, token: int) -> State | None:
        walk = self._own()
        target = self.body.exits.get(token)
        if target is not None:
            return target if walk.accepting(self._point) else None
        point = walk.step(self._point, token)
        return None if point is None else SchemaState(self.body, walk, point)

    def mask(self) -> Mask:
        return self._point.mask or self._own().mask(self._point)

    def write(self, view: memoryview, begin: int, end: int) -> None:
        known = self._point.mask
        view[begin:end] = self._own().words(self._point) if known is None else known.data

    def key(self) -> object:
        point = self._point
        if point.mask is not None:
            return point.mask.key
        if point.key is None:
            point.key = ("point", next(_serials))
        return point.key

    def distance(self) -> int:
        return self.body.far

    def limited(self, total: int, _reasoning: int) -> Mask:
        spare = total - self.body.far
        if spare > _HORIZON:
            return self.mask()
        way = self._own().closing(self._point)
        if way is None or len(way) + _MARGIN < spare:
            return self.mask()
        return self.body.engine.table.mask(way[:1] or self.body.ends)

    def fork(self) -> SchemaState:
        return SchemaState(self.body, self._own().fork(), self._point)

    def apart(self) -> SchemaState:
        return SchemaState(self.body, BodyWalk(self.body, self.body.root), self._point)

    def expected(self) -> set[str]:
        names = self.body.engine.table.names
        exits = self.body.ends if self._own().accepting(self._point) else ()
        return {self.body.engine.body.label, *(f"`{names[token]}`" for token in exits)}

    def place(self) -> str:
        return f"{self.body.engine.body.label} is open"


def _way(start: BodyPoint, goal: BodyPoint) -> tuple[int, list[int]]:
    """How many ids to go back from one point, and which to take then, to reach another."""
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


# --- what is made once for a vocabulary ---


class _Tokens:
    """The tokens of a vocabulary, in the form that llguidance asks for."""

    bos_token_id = None

    def __init__(self, table: TokenTable) -> None:
        self.eos_token_id = min(table.specials)
        self.special_token_ids = sorted(table.names)
        self.tokens = [b""] * table.size
        for piece, token in table.ranks.items():
            self.tokens[token] = piece
        for token, spelling in table.names.items():
            self.tokens[token] = spelling.encode()
        self._encode = table.encode

    def __call__(self, text: str | bytes) -> list[int]:
        """The ids of a text."""
        return self._encode(text if isinstance(text, str) else text.decode("utf-8", "replace"))


def tokenizer_of(table: TokenTable) -> Any:
    """The vocabulary as llguidance has it, made when a body first needs it."""
    with _lock:
        known = table.shared.get("llguidance")
        if known is None:
            lib = importlib.import_module("llguidance")
            wrapper = lib.TokenizerWrapper(_Tokens(table))
            known = table.shared["llguidance"] = lib.LLTokenizer(wrapper, slices=list(_SLICES))
        return known


def engine_of(body: BodyGrammar, table: TokenTable) -> BodyEngine:
    """The engine of a body, shared by all constraints that are alive."""
    with _lock:
        engines: WeakValueDictionary[BodyGrammar, BodyEngine] = table.shared.setdefault(
            "engines", WeakValueDictionary()
        )
        engine = engines.get(body)
        if engine is None:
            engine = engines[body] = BodyEngine(body, table)
        return engine


# --- how a body comes to its end soon, when the budget asks for it ---

# No shortest way is looked for, which could take long; at each id the sign is taken that closes
# most. That finds an end that is near for all but odd schemas, and where it finds none, nothing is
# promised.

# Within a string of JSON these are all legal, and elsewhere never; its end is then the first sign.
_TEXT: Final = (b"}", b"]", b":", b"a")
_QUOTES: Final = (b'"', b"a")
# What brings a JSON text to its end, the best first; then what values are made of.
_SIGNS: Final = (b"}", b"]", b":", b",", b"1", b"0", b'""', b"{}", b"[]", b'"', b"a")
_BLANKS: Final = b" \t\r\n"
_MOST_CLOSING: Final = 64
_FEW_WORDS: Final = 64  # words of a mask; among more ids than these hold, the first is taken


def way_out(matcher: Any, table: TokenTable) -> tuple[int, ...] | None:
    """Ids that bring a body to an end.

    Args:
        matcher: an engine's matcher, which is led to that end.
        table: the vocabulary.

    Returns:
        The ids, none if the body may end at once; None if no end is found.
    """
    row = np.zeros(table.words, np.uint32)
    ids: list[int] = []
    while len(ids) < _MOST_CLOSING:
        if matcher.is_accepting():
            return tuple(ids)
        matcher.unsafe_compute_mask_ptr(row.ctypes.data, row.nbytes)
        token = _closest(row, table)
        if token is None or matcher.try_consume_tokens([token]) != 1:
            return None
        ids.append(token)
    return None


def _legal(row: Any, pieces: tuple[bytes, ...], table: TokenTable) -> list[int]:
    """The ids of those pieces that are legal."""
    tokens = [token for piece in pieces if (token := table.ranks.get(piece)) is not None]
    return [token for token in tokens if (int(row[token >> 5]) >> (token & 31)) & 1]


def _closest(row: Any, table: TokenTable) -> int | None:
    """The legal id that closes most; None if no text is legal."""
    in_string = len(_legal(row, _TEXT, table)) == len(_TEXT)
    signs = _legal(row, _QUOTES if in_string else _SIGNS, table)
    if signs:
        return signs[0]
    words = row.nonzero()[0][:_FEW_WORDS].tolist()
    legal = [(w << 5) + bit for w in words for bit in range(32) if (int(row[w]) >> bit) & 1]
    pieces = {token: table.pieces[token] for token in legal if token in table.pieces}
    # The longest text goes furthest; white space goes nowhere.
    return max(pieces, key=lambda token: len(pieces[token].strip(_BLANKS)), default=None)
