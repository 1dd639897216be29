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

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import ConstraintError
from harmony_grammar.grammar.automata import Dfa
from harmony_grammar.grammar.patterns import compile_literal
from harmony_grammar.masking.frame import BODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.automata import Automaton
    from harmony_grammar.masking.frame import Derivation, Frame, Piece

__all__ = ["FREE", "CallGroup", "Chain", "Kind", "Mark", "Plan", "Word", "chains_of"]

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
    machine: Dfa
    named: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """The body in a chain."""


Elements = tuple[Mark | Word | Body, ...]
# The elements, the number of the group of tools (or of none), the deviations.
_Option = tuple[Elements, int, int]
_NO_GROUP: Final = -1
_MOST_LISTED: Final = 8


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
        channels: the channels that may be used.
    """

    groups: tuple[CallGroup, ...]
    answer: int | None
    typed: bool
    kinds: frozenset[Kind]
    channels: tuple[str, ...]


class _Specialiser:
    """Makes chains out of the edges of a frame."""

    def __init__(self, rules: Rules, ids: Mapping[str, int], plan: Plan) -> None:
        self.rules = rules
        self.ids = ids
        self.plan = plan
        self.names: dict[tuple[str, int], Word | None] = {}
        self.further = tuple(name for name in plan.channels if name not in rules.channels)

    def chains(self, frame: Frame) -> Iterator[tuple[int, Chain]]:
        """The chains, each with the number of its group of tools."""
        for source, derivation, target in frame.edges:
            if not all(map(self.usable, derivation.pieces)):
                continue
            kind = _kind(derivation, closing=frame.closing(target))
            for elements, group, deviations in self.options(kind, derivation):
                body = (self.plan.answer or FREE) if kind is Kind.ANSWER else FREE
                yield group, Chain(elements, source, target, kind, body, deviations)

    def usable(self, piece: Piece) -> bool:
        """Whether a piece is no channel but those that may be used, and has a text at all."""
        if piece.name == BODY:
            return True
        terminal = self.rules.terminals[piece.name]
        if terminal.pattern is None:  # only a system message can supply it
            return piece.field == _CHANNEL and bool(self.further)
        channel = piece.kept and piece.field == _CHANNEL and terminal.fixed
        return not channel or terminal.pattern in self.plan.channels

    def options(self, kind: Kind, derivation: Derivation) -> Iterator[_Option]:
        """The ways to specialise a derivation of a kind."""
        if kind is Kind.CALL:
            yield from self.calls(derivation)
        elif kind is Kind.ANSWER and self.plan.answer is not None:
            yield from self.typings(derivation, typed=self.plan.typed)
        elif kind is Kind.FRAME or kind in self.plan.kinds:
            yield from self.typings(derivation, typed=False)

    def calls(self, derivation: Derivation) -> Iterator[_Option]:
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
                yield named, number, own + deviations

    def named(self, terminal: str, number: int) -> Word | None:
        """The names of a group that a terminal can spell."""
        key = (terminal, number)
        if key not in self.names:
            automaton = self.rules.automaton(terminal)
            group = self.plan.groups[number].bodies
            spelled = {n: body for n, body in group.items() if automaton and spells(automaton, n)}
            machine = Dfa.of_names(spelled)
            self.names[key] = (
                Word(terminal, _listed(spelled), machine, named=True) if spelled else None
            )
        return self.names[key]

    def typings(self, derivation: Derivation, *, typed: bool) -> Iterator[_Option]:
        """The elements of a derivation, once for each way to write its content type."""
        if derivation.typing is None:
            yield self.elements(derivation, None), _NO_GROUP, int(typed)
            return
        if typed and derivation.typing == 0:
            yield self.elements(derivation, JSON), _NO_GROUP, 0
        yield self.elements(derivation, None), _NO_GROUP, 1

    def elements(self, derivation: Derivation, content_type: str | None) -> Elements:
        """What a derivation consists of; a content type that is given stands for the pattern."""
        return tuple(self.element(piece, content_type) for piece in derivation.pieces)

    def element(self, piece: Piece, content_type: str | None) -> Mark | Word | Body:
        """The element that a piece becomes."""
        if piece.name == BODY:
            return Body()
        terminal = self.rules.terminals[piece.name]
        if piece.name in self.ids:
            return Mark(piece.name, self.rules.words(piece.name), self.ids[piece.name])
        automaton = self.rules.automaton(piece.name)
        if automaton is None:
            names = [[compile_literal(name)] for name in self.further]
            return Word(piece.name, _listed(self.further), Dfa.of(names))
        words = self.rules.words(piece.name)
        if content_type and piece.kept and piece.field == _TYPE and not terminal.fixed:
            if not spells(automaton, content_type):
                raise ConstraintError(
                    f"response_format: the grammar cannot spell the type `{content_type}`"
                )
            automaton, words = compile_literal(content_type), f"`{content_type}`"
        return Word(piece.name, words, Dfa.of([[automaton]]))


def spells(automaton: Automaton, text: str) -> bool:
    """Whether a terminal matches the whole of a text."""
    return Dfa.of([[automaton]]).matches(text.encode("utf-8", "surrogatepass"))


def _listed(names: Iterable[str]) -> str:
    """Names in words, not more than people would read."""
    quoted = [f"`{name}`" for name in sorted(names)]
    more = len(quoted) - _MOST_LISTED
    return " or ".join(quoted if more <= 0 else [*quoted[:_MOST_LISTED], f"{more} more"])


def _kind(derivation: Derivation, *, closing: bool) -> Kind:
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
    grouped = list(_Specialiser(rules, ids, plan).chains(frame))
    # A grammar that lacks the model's own way has another, which deviates least.
    least: dict[tuple[Kind, int], int] = {}
    for group, chain in grouped:
        key = (chain.kind, group)
        least[key] = min(least.get(key, chain.deviations), chain.deviations)
    return tuple(
        replace(chain, deviations=chain.deviations - least[chain.kind, group])
        for group, chain in grouped
    )


def recipient_automata(rules: Rules) -> Iterable[Automaton]:
    """The automata of the terminals that spell a recipient."""
    names = {
        symbol.name
        for rule, bound in rules.meaning.fields.items()
        if bound == _RECIPIENT and rule in rules.productions
        for symbol in rules.below(rule)
        if symbol.kept
    }
    return [a for name in sorted(names) if (a := rules.automaton(name)) is not None]
