"""What a turn may consist of: the grammar's productions, specialised to one constraint.

A completion is a regular arrangement of messages, and a message a sequence of terminals around
a body. `Frame` is the arrangement, read off the productions; a `Part` is one way to write one
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
from functools import cached_property
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import ConstraintError
from harmony_grammar.grammar.automata import Dfa
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.grammar.patterns import compile_literal
from harmony_grammar.masking.frame import BODY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.automata import Automaton
    from harmony_grammar.masking.callable_tools import Tool
    from harmony_grammar.masking.frame import Derivation, DerivedPiece, Frame
    from harmony_grammar.masking.schema_bodies import BodyGrammar

__all__ = ["FREE", "Body", "CallGroup", "Kind", "Part", "Plan", "Special", "Text", "parts_of"]

FREE: Final = 0
"""The number of the body that is free text."""

JSON: Final = "json"
"""The content type of a body that is JSON."""

_MODEL: Final = "model"  # the label of the model's own spelling
_CHANNEL: Final = "channel"
_RECIPIENT: Final = "recipient"
_TYPE: Final = "content_type"


class Kind(Enum):
    """What a part of a turn is for."""

    FRAME = "the opening of a message"
    REASONING = "reasoning"
    PREAMBLE = "a preamble"
    ANSWER = "the answer"
    CALL = "a call"
    NOTHING = "nothing that a completion should hold"


_KINDS: Final[Mapping[Use, Kind]] = {
    Use.REASONING: Kind.REASONING,
    Use.PREAMBLE: Kind.PREAMBLE,
    Use.ANSWER: Kind.ANSWER,
}


# --- what a part consists of ---


@dataclass(frozen=True, slots=True)
class Special:
    """A special token."""

    words: str
    id: int


@dataclass(frozen=True, eq=False)
class Text:
    """Text between special tokens; if it is named, what it is says which body the message has.

    Attributes:
        name: the name of its terminal.
        words: what it is called in messages to people.
        make: makes its automaton, which costs too much for one that no matcher comes to.
        named: whether it is one of the names of tools.
    """

    name: str
    words: str
    make: Callable[[], Dfa]
    named: bool = False

    @cached_property
    def dfa(self) -> Dfa:
        """Its automaton over bytes."""
        return self.make()


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a message."""


Elements = tuple[Special | Text | Body, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One way to write a part of a turn.

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


# --- what a constraint allows ---


@dataclass(frozen=True, slots=True)
class CallGroup:
    """Tools that are called in the same way.

    Attributes:
        channel: the use of the channel that their calls belong on.
        typed: whether their calls say that the body is JSON.
        bodies: each tool's whole name and the number of its body.
    """

    channel: Use
    typed: bool
    bodies: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a constraint lets a turn consist of; equal plans have one automaton.

    Attributes:
        groups: the tools that may be called.
        answer: the number of the body of an answer; None if there may be none.
        typed: whether the answer's body is JSON.
        kinds: the other kinds of messages that are allowed.
        channels: the channels that may be used.
        bodies: the bodies that are no free text; their numbers begin at 1.
        reserves: how many ids each of them is taken to need.
        deviations: how much a header may deviate from the model's own spelling.
    """

    groups: tuple[CallGroup, ...]
    answer: int | None
    typed: bool
    kinds: frozenset[Kind]
    channels: tuple[str, ...]
    bodies: tuple[BodyGrammar, ...]
    reserves: tuple[int, ...]
    deviations: int


def kinds_of(reasoning: str, *, preambles: bool) -> frozenset[Kind]:
    """The kinds of messages that may come before the last one."""
    kinds = {Kind.REASONING: reasoning != "forbid", Kind.PREAMBLE: preambles}
    return frozenset(kind for kind, allowed in kinds.items() if allowed)


def groups_of(
    tools: Sequence[Tool], number: Callable[[BodyGrammar | None], int]
) -> tuple[CallGroup, ...]:
    """The tools by the way in which they are called.

    Args:
        tools: the tools.
        number: numbers a body.
    """
    groups: dict[tuple[Use, bool], dict[str, int]] = {}
    for tool in tools:
        key = (tool.channel, tool.body is not None and tool.body.typed)
        groups.setdefault(key, {})[tool.name] = number(tool.body)
    return tuple(CallGroup(*key, tuple(names.items())) for key, names in groups.items())


# --- the parts ---

# The elements, the number of the group of tools (or of none), the deviations.
_Option = tuple[Elements, int, int]
_NO_GROUP: Final = -1
_MOST_LISTED: Final = 8


class _Specialiser:
    """Makes parts out of the edges of a frame."""

    def __init__(self, rules: Rules, ids: Mapping[str, int], plan: Plan) -> None:
        self.rules = rules
        self.ids = ids
        self.plan = plan
        self.names: dict[tuple[str, int], Text | None] = {}
        self.further = tuple(name for name in plan.channels if name not in rules.channels)

    def parts(self, frame: Frame) -> Iterator[tuple[int, Part]]:
        """The parts, each with the number of its group of tools."""
        for source, derivation, target in frame.edges:
            if not all(map(self.usable, derivation.pieces)):
                continue
            kind = self.kind(derivation, closing=frame.closing(target))
            for elements, group, deviations in self.options(kind, derivation):
                body = (self.plan.answer or FREE) if kind is Kind.ANSWER else FREE
                yield group, Part(elements, source, target, kind, body, deviations)

    def kind(self, derivation: Derivation, *, closing: bool) -> Kind:
        """What a derivation is for."""
        if not derivation.has_body:
            return Kind.FRAME
        if next(derivation.kept(_RECIPIENT), None) is not None:
            return Kind.CALL
        channel = self.channel(derivation)
        use = None if channel is None else self.rules.meaning.use_of(channel)
        return _KINDS[use] if use and (use is Use.ANSWER) == closing else Kind.NOTHING

    def channel(self, derivation: Derivation) -> str | None:
        """The channel of a derivation; empty for one that only a system message can supply."""
        terminal = next(derivation.kept(_CHANNEL), None)
        return None if terminal is None else self.rules.terminals[terminal].pattern or ""

    def usable(self, piece: DerivedPiece) -> bool:
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
        """The parts of a call, for each group that the terminal can spell names of."""
        terminal = next(derivation.kept(_RECIPIENT))
        channel, channel_of = self.channel(derivation), self.rules.meaning.channel_of
        foreign = bool(derivation.labels) and _MODEL not in derivation.labels
        for number, group in enumerate(self.plan.groups):
            names = self.named(terminal, number)
            if names is None:
                continue
            own = int(foreign) + int(channel != channel_of(group.channel))
            for elements, _, deviations in self.typings(derivation, typed=group.typed):
                named = tuple(
                    names if isinstance(e, Text) and e.name == terminal else e for e in elements
                )
                yield named, number, own + deviations

    def named(self, terminal: str, number: int) -> Text | None:
        """The names of a group that a terminal can spell."""
        key = (terminal, number)
        if key not in self.names:
            automaton = self.rules.automaton(terminal)
            group = self.plan.groups[number].bodies
            spelled = {n: body for n, body in group if automaton and spells(automaton, n)}
            self.names[key] = (
                Text(terminal, _listed(spelled), lambda: Dfa.of_names(spelled), named=True)
                if spelled
                else None
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

    def element(self, piece: DerivedPiece, content_type: str | None) -> Special | Text | Body:
        """The element that a piece becomes."""
        name = piece.name
        if name == BODY:
            return Body()
        words = self.rules.words(name)
        if name in self.ids:
            return Special(words, self.ids[name])
        terminal = self.rules.terminals[name]
        if terminal.pattern is None:
            return Text(name, _listed(self.further), lambda: _dfa_of_words(self.further))
        if content_type and piece.kept and piece.field == _TYPE and not terminal.fixed:
            return self.typed(name, content_type)
        return Text(name, words, lambda: _dfa(self.rules.automaton(name)))

    def typed(self, name: str, content_type: str) -> Text:
        """A content type, which the grammar must be able to spell."""
        automaton = self.rules.automaton(name)
        if automaton is None or not spells(automaton, content_type):
            raise ConstraintError(
                f"response_format: the grammar cannot spell the type `{content_type}`"
            )
        return Text(name, f"`{content_type}`", lambda: _dfa_of_words([content_type]))


def _dfa(automaton: Automaton | None) -> Dfa:
    return Dfa.of([] if automaton is None else [[automaton]])


def _dfa_of_words(words: Iterable[str]) -> Dfa:
    return Dfa.of([[compile_literal(word)] for word in words])


def spells(automaton: Automaton, text: str) -> bool:
    """Whether a terminal matches the whole of a text."""
    return _dfa(automaton).matches(text.encode("utf-8", "surrogatepass"))


def _listed(names: Iterable[str]) -> str:
    """Names in words, not more than people would read."""
    quoted = [f"`{name}`" for name in sorted(names)]
    more = len(quoted) - _MOST_LISTED
    return " or ".join(quoted if more <= 0 else [*quoted[:_MOST_LISTED], f"{more} more"])


def parts_of(rules: Rules, frame: Frame, ids: Mapping[str, int], plan: Plan) -> tuple[Part, ...]:
    """Specialise a frame.

    Args:
        rules: the grammar.
        frame: how its completions are arranged.
        ids: the ids of the terminals that are special tokens, by name.
        plan: what may come.

    Returns:
        The parts, also those that are not spelled as the model spells them.
    """
    grouped = list(_Specialiser(rules, ids, plan).parts(frame))
    # A grammar that lacks the model's own way has another, which deviates least.
    least: dict[tuple[Kind, int], int] = {}
    for group, part in grouped:
        key = (part.kind, group)
        least[key] = min(least.get(key, part.deviations), part.deviations)
    return tuple(
        replace(part, deviations=part.deviations - least[part.kind, group])
        for group, part in grouped
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
