"""The automaton of a constraint: header states, made as they are reached.

A state is a set of positions in chains. Its transitions are over bytes and special ids; they are
worked out when the state is first left, so a constraint with many tools costs only what is
visited. Which bodies and which ends lie behind special tokens is decided here too.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import NO
from harmony_grammar.masking.bodies import engine_of
from harmony_grammar.masking.engine_states import EngineContext, EngineStart
from harmony_grammar.masking.shapes import FREE, Body, Kind, Mark, Word
from harmony_grammar.masking.states import Finished, HeaderState, TextContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.masking.bodies import EngineBody
    from harmony_grammar.masking.frame import Frame
    from harmony_grammar.masking.freetext import FreeText
    from harmony_grammar.masking.shapes import Chain
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.table import Indices, TokenTable

__all__ = ["FIRST", "OPEN", "SPENT", "Graph", "Position"]

# Which kinds of messages may begin: any, reasoning only, or any but reasoning.
OPEN: Final = 0
FIRST: Final = 1
SPENT: Final = 2
_KINDS: Final[Mapping[int, frozenset[Kind]]] = {
    OPEN: frozenset(Kind),
    FIRST: frozenset({Kind.FRAME, Kind.REASONING}),
    SPENT: frozenset(Kind) - {Kind.REASONING},
}

_FAR: Final = 1 << 20
_ANY: Final = 1 << 20
_serials: Final = count()


class Position(NamedTuple):
    """A place in a chain.

    Attributes:
        chain: the number of the chain; `NO` for the end of the completion.
        at: the number of the element.
        inner: the state within the element, if it is text.
        body: the number of the message's body, as far as it is known.
        phase: which kinds of messages may begin.
    """

    chain: int
    at: int
    inner: int
    body: int
    phase: int


_END: Final = Position(NO, 0, 0, 0, 0)


class Graph:
    """The automaton of a constraint.

    Args:
        frame: how completions are arranged.
        chains: what they consist of.
        bodies: the bodies by number, but for the free text.
        free: the tables of free text.
        reserves: how many ids each body that is no text is taken to need, by number.
        most_deviations: how much a header may deviate from the model's own spelling.

    Attributes:
        free: the tables of free text.
        table: the vocabulary.
        ceiling: no state needs more ids than that to come to the end.
    """

    def __init__(  # noqa: PLR0913  a graph is all of this
        self,
        frame: Frame,
        chains: Sequence[Chain],
        bodies: Mapping[int, EngineBody],
        free: FreeText,
        *,
        reserves: Mapping[int, int],
        most_deviations: int,
    ) -> None:
        self.frame = frame
        self.chains = chains
        self.bodies = bodies
        self.free = free
        self.table: TokenTable = free.table
        self.serial = next(_serials)
        self.reserves = reserves
        self.most_reserved = max(reserves.values(), default=0)
        self.most_deviations = most_deviations
        self.finished = Finished(self.table)
        self._engines = {number: engine_of(body, self.table) for number, body in bodies.items()}
        self._closures = [frame.closure(node) for node in range(frame.nodes)]
        self._states: list[HeaderState] = []
        self._numbers: dict[frozenset[Position], int] = {}
        self._behind: dict[frozenset[Position], State] = {}
        self._rows = np.full((16, 256), NO, np.int32)
        self._known = np.zeros(16, bool)
        self._settled: dict[Position, frozenset[Position]] = {}
        self._distances = self._measure()
        self.ceiling = 2 + max(self._distances) + max(map(self._extent, chains), default=0)

    # --- positions ---

    def entries(self, node: int, phase: int, deviations: int) -> frozenset[Position]:
        """Where a message may begin.

        Args:
            node: the node of the frame.
            phase: which kinds of messages may begin.
            deviations: how much their headers may deviate from the model's own spelling.
        """
        reached = self._closures[node]
        out = {_END} if self.frame.end in reached else set()
        for number, chain in enumerate(self.chains):
            if (
                chain.source in reached
                and chain.deviations <= deviations
                and chain.kind in _KINDS[phase]
            ):
                out |= self._enter(Position(number, 0, 0, chain.body, phase))
        return frozenset(out)

    def _enter(self, position: Position) -> frozenset[Position]:
        """The positions where an element begins, or where its chain ends."""
        chain = self.chains[position.chain]
        if position.at == len(chain.elements):
            phase = position.phase
            if phase == FIRST and chain.kind is Kind.REASONING:
                phase = OPEN
            return self.entries(chain.target, phase, self.most_deviations)
        element = chain.elements[position.at]
        return self.settle(position) if isinstance(element, Word) else frozenset({position})

    def settle(self, position: Position) -> frozenset[Position]:
        """A position within text, and those behind it if the text may end there."""
        known = self._settled.get(position)
        if known is None:
            chain, at, inner, body, phase = position
            word = self.chains[chain].elements[at]
            out: frozenset[Position] = frozenset()
            if isinstance(word, Word):
                if word.machine.rows[inner]:
                    out = frozenset({position})
                accepted = word.machine.accepts[inner]
                if accepted != NO:
                    body = accepted if word.named else body
                    out |= self._enter(Position(chain, at + 1, 0, body, phase))
            known = self._settled[position] = out
        return known

    # --- states ---

    def state(self, positions: frozenset[Position]) -> HeaderState:
        """The header state of a set of positions."""
        number = self._numbers.get(positions)
        if number is None:
            number = self._numbers[positions] = len(self._states)
            self._states.append(HeaderState(self, number, positions))
            if number >= len(self._known):
                self._rows = np.concatenate([self._rows, np.full_like(self._rows, NO)])
                self._known = np.concatenate([self._known, np.zeros_like(self._known)])
        return self._states[number]

    def numbered(self, number: int) -> HeaderState:
        """The header state with a number."""
        return self._states[number]

    def start(self, phase: int, deviations: int) -> HeaderState:
        """The state at the beginning of a completion."""
        return self.state(self.entries(0, phase, deviations))

    def bytes_behind(self, positions: Iterable[Position]) -> dict[int, HeaderState]:
        """The states after each byte."""
        targets: dict[int, set[Position]] = {}
        for position in positions:
            if position == _END:
                continue
            chain, at, inner, body, phase = position
            word = self.chains[chain].elements[at]
            if isinstance(word, Word):
                for byte, target in word.machine.rows[inner].items():
                    targets.setdefault(byte, set()).update(
                        self.settle(Position(chain, at, target, body, phase))
                    )
        return {byte: self.state(frozenset(found)) for byte, found in targets.items()}

    def marks_behind(self, positions: Iterable[Position]) -> dict[int, State]:
        """The states after each special id."""
        targets: dict[int, set[Position]] = {}
        for position in positions:
            if position == _END:
                continue
            chain, at, _, body, phase = position
            mark = self.chains[chain].elements[at]
            if isinstance(mark, Mark):
                targets.setdefault(mark.id, set()).update(
                    self._enter(Position(chain, at + 1, 0, body, phase))
                )
        return {token: self.behind(frozenset(found)) for token, found in targets.items()}

    def behind(self, positions: frozenset[Position]) -> State:
        """The state that a set of positions behind a special token is: of whatever sort."""
        known = self._behind.get(positions)
        if known is None:
            known = self._behind[positions] = self._behind_anew(positions)
        return known

    def _behind_anew(self, positions: frozenset[Position]) -> State:
        if positions == {_END}:
            return self.finished
        at_body = [p for p in positions if p != _END and isinstance(self.element(p), Body)]
        if not at_body:
            return self.state(positions)
        bodies = {p.body for p in at_body}
        if len(at_body) < len(positions) or len(bodies) > 1:
            raise GrammarError("two messages with different bodies have headers that are alike")
        exits = self.marks_behind(p._replace(at=p.at + 1) for p in at_body)
        reasoning = any(self.chains[p.chain].kind is Kind.REASONING for p in at_body)
        body = bodies.pop()
        if body == FREE:
            return TextContext(self.free, exits, reasoning=reasoning).state(0)
        return EngineStart(EngineContext(self._engines[body], exits))

    def element(self, position: Position) -> Mark | Word | Body:
        """The element that a position is at."""
        return self.chains[position.chain].elements[position.at]

    def transitions(self, states: Indices) -> Indices:
        """The rows of at least some states: shape `(states, 256)`."""
        known = self._known[states]
        if not known.all():
            for number in np.unique(states[~known]).tolist():
                behind = self._states[number].bytes()  # which may let the array grow
                for byte, target in behind.items():
                    self._rows[number, byte] = target.number
                self._known[number] = True
        return self._rows

    def canonical(self, state: State) -> State:
        """A state without the positions that deviate more than others from the model's spelling."""
        if not isinstance(state, HeaderState):
            return state
        deviations = {p: self.chains[p.chain].deviations for p in state.positions if p != _END}
        least = max(min(deviations.values(), default=0), self.most_deviations)
        kept = frozenset(p for p in state.positions if deviations.get(p, 0) <= least)
        return self.state(kept)

    def spent(self, state: State) -> State:
        """A state from which no more reasoning may begin."""
        if not isinstance(state, HeaderState):
            return state
        return self.state(
            frozenset(
                p._replace(phase=SPENT)
                for p in state.positions
                if p == _END or self.chains[p.chain].kind is not Kind.REASONING
            )
        )

    def prepare(self) -> None:
        """Set up the engines of all bodies."""
        for engine in self._engines.values():
            engine.matcher()

    # --- how far the end is ---

    def _measure(self) -> list[int]:
        """For each node of the frame, how many ids it is from the end, at most."""
        far = [_FAR] * self.frame.nodes
        far[self.frame.end] = 0
        own = [
            (chain, self._ids(chain, 0, 0, chain.body))
            for chain in self.chains
            if chain.deviations <= self.most_deviations
        ]
        for _ in far:
            for chain, ids in own:
                far[chain.source] = min(far[chain.source], ids + far[chain.target])
            far = [min(far[n] for n in reached) for reached in self._closures]
        return far

    def _ids(self, chain: Chain, at: int, inner: int, body: int) -> int:
        """How many ids suffice from a place in a chain to the chain's end."""
        ids, text = 0, b""
        for element in chain.elements[at:]:
            if isinstance(element, Word):
                text += element.machine.tails[inner]
                body = element.machine.accepted(inner) if element.named else body
            else:
                ids += self.table.least(text)
                ids += 1 if isinstance(element, Mark) else self._body_ids(body)
                text = b""
            inner = 0
        return ids + self.table.least(text)

    def _body_ids(self, body: int) -> int:
        if body == FREE:
            return self.table.least(self.free.machine.tails[0])
        return self.reserves.get(body, self.most_reserved)

    def _extent(self, chain: Chain) -> int:
        """More ids than any place in a chain is from the chain's end."""
        extent = 0
        for element in chain.elements:
            if isinstance(element, Word):
                extent += max(map(len, element.machine.tails), default=0) + 1
            else:
                extent += 1 + self.most_reserved * isinstance(element, Body)
        return extent

    def distance(self, positions: Iterable[Position]) -> int:
        """How many ids suffice from any of some positions to the end of the completion."""
        return min(
            (0 if p == _END else self._position_distance(p) for p in positions), default=_FAR
        )

    def _position_distance(self, position: Position) -> int:
        number, at, inner, body, _ = position
        chain = self.chains[number]
        return self._ids(chain, at, inner, body) + self._distances[chain.target]

    # --- in words ---

    def words(self, positions: Iterable[Position]) -> set[str]:
        """What may come at some positions, in words."""
        found = set()
        for position in positions:
            element = None if position == _END else self.element(position)
            if isinstance(element, (Mark, Word)):
                found.add(element.words)
        return found
