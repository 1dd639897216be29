"""The shapes of a completion: the grammar's productions, specialised to one constraint.

A completion is a regular arrangement of messages, and a message a sequence of terminals around
a body. `Frame` is the arrangement, read off the productions; a `Chain` is one way to write one
message, with the names of the declared tools where the grammar has a recipient's terminal, and
a number that says which body it has.

What a message is for follows from its fields: with a recipient it is a call; otherwise its
channel says whether it is reasoning, a preamble or the answer. Which spelling of a header is the
model's own follows from the grammar too: the alternative with that label, and the first way to
write a content type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import ConstraintError, GrammarError
from harmony_grammar.grammar.bindings import BODY, FIELDS
from harmony_grammar.grammar.patterns import compile_literal
from harmony_grammar.masking.machine import Machine, machine_of, machine_of_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar import Rules, Symbol
    from harmony_grammar.grammar.patterns import Automaton

__all__ = ["FREE", "CallGroup", "Chain", "Frame", "Kind", "Mark", "Plan", "Word", "chains_of"]

START: Final = "completion"
ANALYSIS: Final = "ANALYSIS"
COMMENTARY: Final = "COMMENTARY"
FINAL: Final = "FINAL"

FREE: Final = 0
"""The number of the body that is free text."""

JSON: Final = "json"
"""The content type of a body that is JSON."""

_MODEL: Final = "model"  # the label of the model's own spelling
_CHANNEL: Final = "channel"
_RECIPIENT: Final = "recipient"
_TYPE: Final = "content_type"


class Kind(Enum):
    """What a chain is for."""

    FRAME = "the opening of a message"
    REASONING = "reasoning"
    PREAMBLE = "a preamble"
    ANSWER = "the answer"
    CALL = "a call"
    NOTHING = "nothing that a completion should hold"


@dataclass(frozen=True, slots=True)
class Mark:
    """A special token in a chain."""

    name: str
    words: str
    id: int


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """Text in a chain; if it is named, acceptance says which body the message has."""

    name: str
    words: str
    machine: Machine
    named: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """The body in a chain."""


Elements = tuple[Mark | Word | Body, ...]
_Option = tuple[Elements, int, int]  # the elements, the number of the body, the deviations


@dataclass(frozen=True, slots=True)
class Chain:
    """One way to write a part of a completion.

    Attributes:
        elements: what it consists of.
        source: the node of the frame that it begins at.
        target: the node of the frame that it ends at.
        kind: what it is for.
        body: the number of its body, unless its recipient decides.
        deviations: in how many places it is not spelled as the model spells it.
    """

    elements: Elements
    source: int
    target: int
    kind: Kind
    body: int
    deviations: int


@dataclass(frozen=True, slots=True)
class CallGroup:
    """Tools that are called in the same way.

    Attributes:
        channel: the name of the terminal of the channel that their calls belong on.
        typed: whether their calls say that the body is JSON.
        bodies: the number of each tool's body, by the tool's whole name.
    """

    channel: str
    typed: bool
    bodies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a constraint lets a completion consist of.

    Attributes:
        groups: the tools that may be called.
        answer: the number of the answer's body; None if there may be none.
        typed: whether the answer says that its body is JSON.
        kinds: the other kinds of messages that are allowed.
    """

    groups: tuple[CallGroup, ...]
    answer: int | None
    typed: bool
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class _Piece:
    name: str
    kept: bool
    field: str | None


@dataclass(frozen=True, slots=True)
class _Derivation:
    """A rule written out in full.

    Attributes:
        pieces: its terminals, and the body.
        labels: the labels of the alternatives taken.
        typing: which alternative of the content type was taken, if one was.
    """

    pieces: tuple[_Piece, ...] = ()
    labels: frozenset[str] = frozenset()
    typing: int | None = None

    def then(self, other: _Derivation) -> _Derivation:
        typing = self.typing if other.typing is None else other.typing
        return _Derivation(self.pieces + other.pieces, self.labels | other.labels, typing)

    def kept(self, field: str) -> Iterator[str]:
        """The terminals that spell a field."""
        return (piece.name for piece in self.pieces if piece.kept and piece.field == field)

    @property
    def has_body(self) -> bool:
        return any(piece.name == BODY for piece in self.pieces)


@dataclass
class Frame:
    """How a completion is arranged: a graph whose edges are rules written out.

    Attributes:
        edges: from where, what, and to where.
        jumps: which node is reached from which without anything.
        nodes: how many nodes there are; the first is where a completion begins.
        end: the node where it ends.
    """

    edges: list[tuple[int, _Derivation, int]] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(default_factory=list)
    nodes: int = 1
    end: int = 0

    @classmethod
    def of(cls, rules: Rules) -> Frame:
        """The frame of a grammar's completions.

        Raises:
            GrammarError: if the arrangement of the messages is not regular.
        """
        frame = cls()
        frame.end = frame.node()
        frame.rule(rules, START, 0, frame.end)
        return frame

    def node(self) -> int:
        """Add a node."""
        self.nodes += 1
        return self.nodes - 1

    def closure(self, node: int) -> frozenset[int]:
        """The nodes reached from one without anything, itself included."""
        seen = {node}
        todo = [node]
        while todo:
            at = todo.pop()
            fresh = [target for source, target in self.jumps if source == at and target not in seen]
            seen.update(fresh)
            todo.extend(fresh)
        return frozenset(seen)

    def closing(self, node: int) -> bool:
        """Whether nothing can come behind a node."""
        reached = self.closure(node)
        return self.end in reached and all(source not in reached for source, _, _ in self.edges)

    def rule(self, rules: Rules, name: str, source: int, target: int) -> None:
        """Add the edges of a rule between two nodes."""
        below = _below(rules, name)
        if name in below:
            self.repeat(rules, name, source, target)
        elif any(other in _below(rules, other) for other in below):
            for production in rules.productions[name]:
                self.sequence(rules, production.symbols, source, target)
        else:
            self.edges.extend((source, d, target) for d in _derive(rules, name, None))

    def sequence(self, rules: Rules, symbols: Sequence[Symbol], source: int, target: int) -> None:
        """Add the edges of symbols, one behind another."""
        for symbol in symbols:
            after = self.node()
            if symbol.terminal:
                piece = _Piece(symbol.name, symbol.kept, None)
                self.edges.append((source, _Derivation((piece,)), after))
            else:
                self.rule(rules, symbol.name, source, after)
            source = after
        self.jumps.append((source, target))

    def repeat(self, rules: Rules, name: str, source: int, target: int) -> None:
        """Add the edges of a rule that begins or ends with itself: a loop at a node."""
        loop = self.node()
        for production in rules.productions[name]:
            own = [index for index, s in enumerate(production.symbols) if s.name == name]
            last = len(production.symbols) - 1
            if len(own) > 1 or own not in ([], [0], [last]):
                raise GrammarError(f"the rule `{name}` is not regular, so that it has no mask")
            # To begin with itself is to come behind what ends it; to end with itself, before.
            if own == [0]:
                self.sequence(rules, production.symbols[1:], loop, loop)
            elif own:
                self.sequence(rules, production.symbols[:-1], source, source)
            else:
                self.sequence(rules, production.symbols, source, loop)
        self.jumps.append((loop, target))


def _below(rules: Rules, name: str) -> set[str]:
    """The rules that a rule uses, and those that they use."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for production in rules.productions[todo.pop()]:
            fresh = {s.name for s in production.symbols if not s.terminal} - seen
            seen |= fresh
            todo.extend(fresh)
    return seen


def _derive(rules: Rules, name: str, above: str | None) -> Iterator[_Derivation]:
    """All ways to write out a rule that does not use itself."""
    if name == BODY:
        yield _Derivation((_Piece(BODY, kept=True, field=FIELDS[BODY]),))
        return
    bound = FIELDS.get(name, above)
    for number, production in enumerate(rules.productions[name]):
        own = _Derivation(
            labels=frozenset({production.label} - {None}),  # type: ignore[arg-type]
            typing=number if FIELDS.get(name) == _TYPE else None,
        )
        parts = [
            [_Derivation((_Piece(s.name, s.kept, bound),))]
            if s.terminal
            else list(_derive(rules, s.name, bound))
            for s in production.symbols
        ]
        for choice in product(*parts):
            whole = _Derivation()
            for part in choice:
                whole = whole.then(part)
            yield whole.then(own)


class _Specialiser:
    """Makes chains out of the edges of a frame."""

    def __init__(self, rules: Rules, ids: Mapping[str, int], plan: Plan) -> None:
        self.rules = rules
        self.ids = ids
        self.plan = plan
        self.names: dict[tuple[str, int], Word | None] = {}

    def chains(self, frame: Frame) -> Iterator[Chain]:
        for source, derivation, target in frame.edges:
            if self.declared(derivation):
                continue
            kind = _kind(derivation, closing=frame.closing(target))
            for elements, body, deviations in self.options(kind, derivation):
                yield Chain(elements, source, target, kind, body, deviations)

    def declared(self, derivation: _Derivation) -> bool:
        """Whether it has a terminal that only a whole conversation can supply."""
        names = (piece.name for piece in derivation.pieces if piece.name != BODY)
        return any(self.rules.terminals[name].pattern is None for name in names)

    def options(self, kind: Kind, derivation: _Derivation) -> Iterator[_Option]:
        """The ways to specialise a derivation of a kind."""
        if kind is Kind.CALL:
            yield from self.calls(derivation)
        elif kind is Kind.ANSWER:
            yield from self.answers(derivation)
        elif kind is Kind.FRAME or kind in self.plan.kinds:
            yield from self.typings(derivation, typed=False)

    def answers(self, derivation: _Derivation) -> Iterator[_Option]:
        """The chains of an answer, if there may be one."""
        if self.plan.answer is not None:
            for elements, _, deviations in self.typings(derivation, typed=self.plan.typed):
                yield elements, self.plan.answer, deviations

    def calls(self, derivation: _Derivation) -> Iterator[_Option]:
        """The chains of a call, for each group that the terminal can spell names of."""
        terminal = next(derivation.kept(_RECIPIENT))
        channel = next(derivation.kept(_CHANNEL), None)
        foreign = bool(derivation.labels) and _MODEL not in derivation.labels
        for number, group in enumerate(self.plan.groups):
            word = self.named(terminal, number)
            if word is None:
                continue
            own = int(foreign) + int(channel != group.channel)
            for elements, _, deviations in self.typings(derivation, typed=group.typed):
                named = tuple(
                    word if isinstance(e, Word) and e.name == terminal else e for e in elements
                )
                yield named, FREE, own + deviations

    def named(self, terminal: str, number: int) -> Word | None:
        """The names of a group that a terminal can spell."""
        key = (terminal, number)
        if key not in self.names:
            automaton = self.rules.automaton(terminal)
            group = self.plan.groups[number].bodies
            spelled = {n: body for n, body in group.items() if automaton and spells(automaton, n)}
            words = " or ".join(f"`{name}`" for name in sorted(spelled))
            self.names[key] = (
                Word(terminal, words, machine_of_names(spelled), named=True) if spelled else None
            )
        return self.names[key]

    def typings(self, derivation: _Derivation, *, typed: bool) -> Iterator[_Option]:
        """The elements of a derivation, once for each way to write its content type."""
        if derivation.typing is None:
            yield self.elements(derivation, None), FREE, int(typed)
            return
        if typed and derivation.typing == 0:
            yield self.elements(derivation, JSON), FREE, 0
        yield self.elements(derivation, None), FREE, 1

    def elements(self, derivation: _Derivation, content_type: str | None) -> Elements:
        """What a derivation consists of; a content type that is given stands for the pattern."""
        return tuple(self.element(piece, content_type) for piece in derivation.pieces)

    def element(self, piece: _Piece, content_type: str | None) -> Mark | Word | Body:
        if piece.name == BODY:
            return Body()
        terminal = self.rules.terminals[piece.name]
        if piece.name in self.ids:
            return Mark(piece.name, self.rules.words(piece.name), self.ids[piece.name])
        automaton = self.rules.automaton(piece.name)
        if automaton is None:
            raise GrammarError(f"the terminal {piece.name} has no text of its own")
        words = self.rules.words(piece.name)
        if content_type and piece.kept and piece.field == _TYPE and not terminal.fixed:
            if not spells(automaton, content_type):
                raise ConstraintError(
                    f"response_format: the grammar cannot spell the type `{content_type}`"
                )
            automaton, words = compile_literal(content_type), f"`{content_type}`"
        return Word(piece.name, words, machine_of([[automaton]]))


def spells(automaton: Automaton, text: str) -> bool:
    """Whether a terminal matches the whole of a text."""
    states = automaton.closure([automaton.start])
    for char in text:
        states = automaton.step(states, ord(char))
    return automaton.final in states


def _kind(derivation: _Derivation, *, closing: bool) -> Kind:
    """What a derivation is for."""
    if not derivation.has_body:
        return Kind.FRAME
    if next(derivation.kept(_RECIPIENT), None) is not None:
        return Kind.CALL
    channel = next(derivation.kept(_CHANNEL), None)
    if channel is None or (channel == FINAL) != closing:
        return Kind.NOTHING
    return {FINAL: Kind.ANSWER, COMMENTARY: Kind.PREAMBLE}.get(channel, Kind.REASONING)


def chains_of(rules: Rules, frame: Frame, ids: Mapping[str, int], plan: Plan) -> tuple[Chain, ...]:
    """Specialise a frame.

    Args:
        rules: the grammar.
        frame: how its completions are arranged.
        ids: the ids of the terminals that are special tokens, by name.
        plan: what may come.

    Returns:
        The chains, also those that are not spelled as the model spells them.
    """
    return tuple(_Specialiser(rules, ids, plan).chains(frame))


def recipient_automata(rules: Rules) -> Iterable[Automaton]:
    """The automata of the terminals that spell a recipient."""
    names = {
        symbol.name
        for rule, bound in FIELDS.items()
        if bound == _RECIPIENT and rule in rules.productions
        for symbol in rules.below(rule)
        if symbol.kept
    }
    return [a for name in sorted(names) if (a := rules.automaton(name)) is not None]
