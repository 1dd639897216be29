# ruff: noqa: D102  what the methods of a state do is said once, in `State`
"""The automaton of a turn: states in headers, made as they are reached.

A state is a set of positions in parts. Its transitions are over bytes and special ids; they are
worked out when the state is first left, so a constraint with many tools costs only what is
visited. Which bodies and which ends lie behind special tokens is decided here too.

All matchers of a constraint share its automaton, in whatever threads they are. What is made is
made under its lock and shown when it is whole; what is there already is read without the lock.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import NO, Dfa
from harmony_grammar.masking.budget import Distances
from harmony_grammar.masking.schema_bodies import SchemaBody, engine_of
from harmony_grammar.masking.states import Finished, Shared
from harmony_grammar.masking.text_bodies import TextBody, free_text
from harmony_grammar.masking.turn import (
    END,
    FREE,
    Body,
    Kind,
    Position,
    Special,
    Text,
    TurnGraph,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.masking.schema_bodies import BodyEngine
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.text_bodies import FreeTextBody
    from harmony_grammar.masking.token_table import Indices, Mask, TokenTable
    from harmony_grammar.masking.turn import Plan

__all__ = ["FIRST", "OPEN", "SPENT", "HeaderState", "TurnAutomaton", "automaton_of", "graph_of"]

# Which kinds of messages may begin: any, reasoning only, or any but reasoning.
OPEN: Final = 0
FIRST: Final = 1
SPENT: Final = 2
_KINDS: Final[Mapping[int, frozenset[Kind]]] = {
    OPEN: frozenset(Kind),
    FIRST: frozenset({Kind.OPENING, Kind.REASONING}),
    SPENT: frozenset(Kind) - {Kind.REASONING},
}

_KEPT_AUTOMATA: Final = 16
_serials: Final = count()
_lock: Final = RLock()  # for the automata that are kept


class TurnAutomaton:
    """The automaton of a plan.

    Args:
        rules: the grammar.
        table: the vocabulary.
        plan: what a turn may consist of.

    Attributes:
        plan: what a turn may consist of.
        ids: the ids of the terminals that are special tokens, by name.
    """

    def __init__(self, rules: Rules, table: TokenTable, plan: Plan) -> None:
        self.rules = rules
        self.table = table
        self.ids = {name: table.special_ids[text] for text, name in rules.specials.items()}
        self.graph = graph_of(rules, table)
        self.parts = parts_of(rules, self.graph, self.ids, plan)
        self.serial = next(_serials)
        self.plan = plan
        self.lock = RLock()
        self._closures = [self.graph.closure(node) for node in range(self.graph.nodes)]
        self._states: list[HeaderState] = []
        self._numbers: dict[frozenset[Position], int] = {}
        self._behind: dict[frozenset[Position], State] = {}
        self._rows = np.full((16, 256), NO, np.int32)
        self._known = np.zeros(16, bool)
        self._settled: dict[Position, frozenset[Position]] = {}

    @cached_property
    def free(self) -> FreeTextBody:
        """The tables of free text."""
        ways = [
            [automaton for s in production.symbols if (automaton := self.rules.automaton(s.name))]
            for production in self.rules.productions[self.rules.meaning.body]
        ]
        return free_text(Dfa.of(ways), self.table)

    @cached_property
    def engines(self) -> Sequence[BodyEngine]:
        """The engines of the bodies that are no free text."""
        return [engine_of(body, self.table) for body in self.plan.bodies]

    def prepare(self) -> None:
        """Set up the engines of all bodies."""
        for engine in self.engines:
            engine.matcher()

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """The ids that end a completion."""
        lasts = (p.elements[-1] for p in self.parts if self.graph.end in self._closures[p.target])
        return tuple(sorted({last.id for last in lasts if isinstance(last, Special)}))

    # --- positions ---

    def _entries(self, node: int, phase: int, deviations: int) -> frozenset[Position]:
        """Where a message may begin.

        Args:
            node: the node of the graph.
            phase: which kinds of messages may begin.
            deviations: how much their headers may deviate from the model's own spelling.
        """
        reached = self._closures[node]
        out = {END} if self.graph.end in reached else set()
        for number, part in enumerate(self.parts):
            if (
                part.source in reached
                and part.deviations <= deviations
                and part.kind in _KINDS[phase]
            ):
                out |= self._enter(Position(number, 0, 0, part.body, phase))
        return frozenset(out)

    def _enter(self, position: Position) -> frozenset[Position]:
        """The positions where an element begins, or where its part ends."""
        part = self.parts[position.part]
        if position.at == len(part.elements):
            phase = position.phase
            if phase == FIRST and part.kind is Kind.REASONING:
                phase = OPEN
            return self._entries(part.target, phase, self.plan.deviations)
        text = part.elements[position.at]
        return self._settle(position, text) if isinstance(text, Text) else frozenset({position})

    def _settle(self, position: Position, text: Text) -> frozenset[Position]:
        """A position within text, and those behind it if the text may end there."""
        known = self._settled.get(position)
        if known is None:
            found = {position} if text.dfa.rows[position.inner] else set()
            accepted = text.dfa.accepts[position.inner]
            if accepted != NO:
                body = accepted if text.named else position.body
                found |= self._enter(position._replace(at=position.at + 1, inner=0, body=body))
            known = self._settled[position] = frozenset(found)
        return known

    def element(self, position: Position) -> Special | Text | Body | None:
        """The element that a position is at; None at the end."""
        return None if position == END else self.parts[position.part].elements[position.at]

    # --- states ---

    def state(self, positions: frozenset[Position]) -> HeaderState:
        """The header state of a set of positions."""
        with self.lock:
            number = self._numbers.get(positions)
            if number is None:
                number = len(self._states)
                self._states.append(HeaderState(self, number, positions))
                if number >= len(self._known):
                    self._rows = np.concatenate([self._rows, np.full_like(self._rows, NO)])
                    self._known = np.concatenate([self._known, np.zeros_like(self._known)])
                self._numbers[positions] = number
            return self._states[number]

    def numbered(self, number: int) -> HeaderState:
        """The header state with a number."""
        return self._states[number]

    def start(self, phase: int, deviations: int) -> HeaderState:
        """The state at the beginning of a completion."""
        with self.lock:
            return self.state(self._entries(0, phase, deviations))

    def behind_bytes(self, positions: Iterable[Position]) -> dict[int, HeaderState]:
        """The states after each byte."""
        with self.lock:
            targets: dict[int, set[Position]] = {}
            for position in positions:
                text = self.element(position)
                if isinstance(text, Text):
                    for byte, target in text.dfa.rows[position.inner].items():
                        found = self._settle(position._replace(inner=target), text)
                        targets.setdefault(byte, set()).update(found)
            return {byte: self.state(frozenset(found)) for byte, found in targets.items()}

    def behind_specials(self, positions: Iterable[Position]) -> dict[int, State]:
        """The states after each special id."""
        with self.lock:
            targets: dict[int, set[Position]] = {}
            for position in positions:
                special = self.element(position)
                if isinstance(special, Special):
                    found = self._enter(position._replace(at=position.at + 1, inner=0))
                    targets.setdefault(special.id, set()).update(found)
            return {token: self._state_behind(frozenset(p)) for token, p in targets.items()}

    def _state_behind(self, positions: frozenset[Position]) -> State:
        """The state that a set of positions behind a special token is: of whatever sort."""
        if positions not in self._behind:
            self._behind[positions] = self._made_behind(positions)
        return self._behind[positions]

    def _made_behind(self, positions: frozenset[Position]) -> State:
        if positions == {END}:
            return Finished(self.table)
        at_body = [p for p in positions if isinstance(self.element(p), Body)]
        if not at_body:
            return self.state(positions)
        bodies = {p.body for p in at_body}
        if len(at_body) < len(positions) or len(bodies) > 1:
            raise GrammarError("two messages with different bodies have headers that are alike")
        exits = self.behind_specials(p._replace(at=p.at + 1) for p in at_body)
        reasoning = any(self.parts[p.part].kind is Kind.REASONING for p in at_body)
        body = bodies.pop()
        if body == FREE:
            return TextBody(self.free, exits, reasoning=reasoning).state(0)
        return SchemaBody(self.engines[body - 1], exits).begin()

    def transitions(self, states: Indices) -> Indices:
        """The rows of at least some states: shape `(states, 256)`."""
        if not self._known[states].all():
            with self.lock:
                for number in np.unique(states[~self._known[states]]).tolist():
                    behind = self._states[number].bytes()  # which may let the array grow
                    for byte, target in behind.items():
                        self._rows[number, byte] = target.number
                    self._known[number] = True
        return self._rows

    def canonical(self, state: State) -> State:
        """A state without the positions that deviate more than others from the model's spelling."""
        if not isinstance(state, HeaderState):
            return state
        deviations = {p: self.parts[p.part].deviations for p in state.positions if p != END}
        least = max(min(deviations.values(), default=0), self.plan.deviations)
        return self.state(frozenset(p for p in state.positions if deviations.get(p, 0) <= least))

    def spent(self, state: State) -> State:
        """A state from which no more reasoning may begin."""
        if not isinstance(state, HeaderState):
            return state
        return self.state(
            frozenset(
                p._replace(phase=SPENT)
                for p in state.positions
                if p == END or self.parts[p.part].kind is not Kind.REASONING
            )
        )

    @cached_property
    def distances(self) -> Distances:
        """How far the end is."""
        return Distances(self)


class HeaderState(Shared):
    """A state in a header: a set of positions of the automaton."""

    __slots__ = (
        *("_bytes", "_distance", "_moves", "_specials"),
        *("automaton", "complete", "number", "positions"),
    )

    def __init__(
        self, automaton: TurnAutomaton, number: int, positions: frozenset[Position]
    ) -> None:
        self.automaton = automaton
        self.number = number
        self.positions = positions
        self.complete = END in positions
        self._moves: dict[int, State | None] = {}
        self._bytes: dict[int, HeaderState] | None = None
        self._specials: dict[int, State] | None = None
        self._distance: int | None = None

    def bytes(self) -> dict[int, HeaderState]:
        """The states after each byte."""
        if self._bytes is None:
            self._bytes = self.automaton.behind_bytes(self.positions)
        return self._bytes

    def specials(self) -> dict[int, State]:
        """The states after each special id."""
        if self._specials is None:
            self._specials = self.automaton.behind_specials(self.positions)
        return self._specials

    def after(self, token: int) -> State | None:
        known = self._moves.get(token)
        if known is None:
            known = self._follow(token)
            if known is not None:
                self._moves[token] = known
        return known

    def _follow(self, token: int) -> State | None:
        table = self.automaton.table
        if token in table.specials:
            return self.specials().get(token)
        state = self
        piece = table.pieces.get(token, b"")
        for byte in piece:
            following = state.bytes().get(byte)
            if following is None:
                return None
            state = following
        return state if piece else None

    def mask(self) -> Mask:
        cache = self.automaton.table.header_masks
        key = (self.automaton.serial, self.number)
        return cache.get(key) or cache.put(key, self._mask())

    def _mask(self) -> Mask:
        table = self.automaton.table
        specials = np.array([*self.specials()], np.int32)
        if not self.bytes():
            return table.mask(specials)
        ids, _ = table.walk(self.automaton, self.number)
        return table.mask(np.concatenate([ids, specials]))

    def distance(self) -> int:
        if self._distance is None:
            self._distance = self.automaton.distances.of(self.positions)
        return self._distance

    def limited(self, total: int, _reasoning: int) -> Mask:
        if total > self.automaton.distances.ceiling:
            return self.mask()
        cache = self.automaton.table.header_masks
        key = (self.automaton.serial, self.number, total)
        return cache.get(key) or cache.put(key, self._limited(total))

    def _limited(self, total: int) -> Mask:
        automaton, specials = self.automaton, self.specials()
        ids, numbers = automaton.table.walk(automaton, self.number)
        near = {n: automaton.numbered(n).distance() for n in np.unique(numbers).tolist()}
        distances = [near[n] for n in numbers.tolist()]
        distances += [target.distance() for target in specials.values()]
        far = np.array(distances, np.int64)
        if not far.size:
            return automaton.table.nothing
        everything = np.concatenate([ids, np.array([*specials], np.int32)])
        return automaton.table.mask(everything[far <= max(total - 1, int(far.min()))])

    def expected(self) -> set[str]:
        elements = map(self.automaton.element, self.positions)
        return {e.words for e in elements if isinstance(e, (Special, Text))}

    def place(self) -> str:
        return "a header is open"


def automaton_of(rules: Rules, table: TokenTable, plan: Plan) -> TurnAutomaton:
    """The automaton of a plan; equal plans share it, and with it all states and masks."""
    with _lock:
        kept: OrderedDict[Any, TurnAutomaton] = table.shared.setdefault("automata", OrderedDict())
        known = kept.get((rules, plan))
        if known is None:
            known = kept[rules, plan] = TurnAutomaton(rules, table, plan)
            if len(kept) > _KEPT_AUTOMATA:
                kept.popitem(last=False)
        return known


def graph_of(rules: Rules, table: TokenTable) -> TurnGraph:
    """How completions are arranged; worked out once."""
    known: dict[Rules, TurnGraph] = table.shared.setdefault("turn graphs", {})
    if rules not in known:
        known[rules] = TurnGraph.of(rules)
    return known[rules]
