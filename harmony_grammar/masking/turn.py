"""What a turn may consist of: the grammar's productions, specialised to one constraint.

A completion is a regular arrangement of messages, and a message a sequence of terminals around
a body. The `TurnGraph` is read off the productions: the rules that use themselves are loops of
a graph, and every other rule is written out in full on an edge of it. A `Part` is one way to
write one message, with the names of the declared tools where the grammar has a recipient's
terminal, and a number that says which body it has.

What a message is for follows from its fields: with a recipient it is a call; otherwise its
channel says whether it is reasoning, a preamble or the answer. Which spelling of a header is the
model's own follows from the grammar too: the alternative with that label, and the first way to
write a content type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.errors import ConstraintError, GrammarError
from harmony_grammar.grammar.automata import NO, Dfa, reached
from harmony_grammar.grammar.meaning import COMPLETION, Use
from harmony_grammar.grammar.patterns import compile_literal
from harmony_grammar.grammar.ways import Way, WayPart, ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harmony_grammar.grammar import Rules, Symbol
    from harmony_grammar.grammar.automata import Automaton
    from harmony_grammar.masking.callable_tools import Tool
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

    OPENING = "the opening of a message"
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
        source: the node of the graph that it begins at.
        target: the node of the graph that it ends at.
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


class Position(NamedTuple):
    """A place in a part.

    Attributes:
        part: the number of the part; `NO` for the end of the completion.
        at: the number of the element.
        inner: the state within the element, if it is text.
        body: the number of the message's body, as far as it is known.
        phase: which kinds of messages may begin.
    """

    part: int
    at: int
    inner: int
    body: int
    phase: int


END: Final = Position(NO, 0, 0, 0, 0)


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


# --- how messages are arranged ---


@dataclass
class TurnGraph:
    """How a completion is arranged: a graph whose edges are rules written out.

    Attributes:
        edges: from where, what, and to where.
        jumps: which node is reached from which without anything.
        nodes: how many nodes there are; the first is where a completion begins.
        end: the node where it ends.
    """

    edges: list[tuple[int, Way, int]] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(default_factory=list)
    nodes: int = 1
    end: int = 0

    @classmethod
    def of(cls, rules: Rules) -> TurnGraph:
        """How the completions of a grammar are arranged.

        Raises:
            GrammarError: if the arrangement of the messages is not regular.
        """
        found = cls()
        found.end = found.node()
        found.rule(rules, rules.meaning.starts[COMPLETION], 0, found.end)
        return found

    def recipients(self) -> frozenset[str]:
        """The terminals that spell a recipient."""
        found = (way.carrier(_RECIPIENT) for _, way, _ in self.edges)
        return frozenset(part.name for part in found if part is not None)

    def node(self) -> int:
        """Add a node."""
        self.nodes += 1
        return self.nodes - 1

    def closure(self, node: int) -> frozenset[int]:
        """The nodes reached from one without anything, itself included."""
        return frozenset(reached([node], lambda at: (to for of, to in self.jumps if of == at)))

    def closing(self, node: int) -> bool:
        """Whether nothing can come behind a node."""
        found = self.closure(node)
        return self.end in found and all(source not in found for source, _, _ in self.edges)

    def rule(self, rules: Rules, name: str, source: int, target: int) -> None:
        """Add the edges of a rule between two nodes."""
        below = _below(rules, name)
        if name in below:
            self.repeat(rules, name, source, target)
        elif any(other in _below(rules, other) for other in below):
            for production in rules.productions[name]:
                self.sequence(rules, production.symbols, source, target)
        else:
            self.edges.extend((source, way, target) for way in ways(rules, [name]))

    def sequence(self, rules: Rules, symbols: Sequence[Symbol], source: int, target: int) -> None:
        """Add the edges of symbols, one behind another."""
        for symbol in symbols:
            after = self.node()
            if symbol.terminal:
                fixed = rules.terminals[symbol.name]
                part = WayPart(symbol.name, fixed.pattern if fixed.fixed else None, symbol.kept)
                self.edges.append((source, Way((part,)), after))
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

    def used(rule: str) -> list[str]:
        return [s.name for p in rules.productions[rule] for s in p.symbols if not s.terminal]

    return set(reached(used(name), used))


# --- the parts ---

# The elements, the number of the group of tools (or of none), the deviations.
_Option = tuple[Elements, int, int]
# What stands for terminals of fields, by field and terminal.
_Given = Mapping[tuple[str | None, str], Text]
_NO_GROUP: Final = -1
_MOST_LISTED: Final = 8


class _Specialiser:
    """Makes parts out of the edges of a graph."""

    def __init__(self, rules: Rules, ids: Mapping[str, int], plan: Plan) -> None:
        self.rules = rules
        self.ids = ids
        self.plan = plan
        self.names: dict[tuple[str, int], Text | None] = {}
        self.further = tuple(name for name in plan.channels if name not in rules.channels)

    def parts(self, graph: TurnGraph) -> Iterator[tuple[int, Part]]:
        """The parts, each with the number of its group of tools."""
        for source, way, target in graph.edges:
            if not all(map(self.usable, way.parts)):
                continue
            kind = self.kind(way, closing=graph.closing(target))
            for elements, group, deviations in self.options(kind, way):
                body = (self.plan.answer or FREE) if kind is Kind.ANSWER else FREE
                yield group, Part(elements, source, target, kind, body, deviations)

    def kind(self, way: Way, *, closing: bool) -> Kind:
        """What a way is for."""
        if not way.has_body:
            return Kind.OPENING
        if way.carrier(_RECIPIENT):
            return Kind.CALL
        channel = self.channel(way)
        use = None if channel is None else self.rules.meaning.use_of(channel)
        return _KINDS[use] if use and (use is Use.ANSWER) == closing else Kind.NOTHING

    def channel(self, way: Way) -> str | None:
        """The channel of a way; empty for one that only a system message can supply."""
        part = way.carrier(_CHANNEL)
        return None if part is None else part.text or ""

    def usable(self, part: WayPart) -> bool:
        """Whether a part is no channel but those that may be used, and has a text at all."""
        if part.text is not None:
            channel = part.kept and part.field == _CHANNEL
            return not channel or part.text in self.plan.channels
        if self.rules.terminals[part.name].pattern is not None:
            return True
        return part.field == _CHANNEL and bool(self.further)  # only a system message supplies it

    def options(self, kind: Kind, way: Way) -> Iterator[_Option]:
        """The ways to specialise a way of a kind."""
        if kind is Kind.CALL:
            yield from self.calls(way)
        elif kind is Kind.ANSWER and self.plan.answer is not None:
            yield from self.typings(way, typed=self.plan.typed)
        elif kind is Kind.OPENING or kind in self.plan.kinds:
            yield from self.typings(way, typed=False)

    def calls(self, way: Way) -> Iterator[_Option]:
        """The parts of a call, for each group that the terminal can spell names of."""
        recipient = way.carrier(_RECIPIENT)
        channel, channel_of = self.channel(way), self.rules.meaning.channel_of
        foreign = bool(way.labels) and _MODEL not in way.labels
        for number, group in enumerate(self.plan.groups):
            names = recipient and self.named(recipient.name, number)
            if names is None:
                continue
            own = int(foreign) + int(channel != channel_of(group.channel))
            for elements, _, deviations in self.typings(way, typed=group.typed, names=names):
                yield elements, number, own + deviations

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

    def typings(self, way: Way, *, typed: bool, names: Text | None = None) -> Iterator[_Option]:
        """The elements of a way, once for each way to write its content type.

        Args:
            way: the way.
            typed: whether its content type says that the body is JSON.
            names: what stands for the recipient's pattern.
        """
        given: _Given = {} if names is None else {(_RECIPIENT, names.name): names}
        carrier = way.carrier(_TYPE)
        if carrier is not None and typed and carrier.alternative == 0:
            yield self.elements(way, {**given, **self.json(way)}), _NO_GROUP, 0
        yield self.elements(way, given), _NO_GROUP, int(typed or carrier is not None)

    def elements(self, way: Way, given: _Given) -> Elements:
        """What a way consists of; what is given stands for the terminals of fields."""
        return tuple(self.element(part, given) for part in way.parts)

    def element(self, part: WayPart, given: _Given) -> Special | Text | Body:
        """The element that a part becomes."""
        name = part.name
        if not name:
            return Body()
        if part.kept and (text := given.get((part.field, name))):
            return text
        words = self.rules.words(name)
        if name in self.ids:
            return Special(words, self.ids[name])
        if self.rules.terminals[name].pattern is None:
            return Text(name, _listed(self.further), lambda: _dfa_of_words(self.further))
        return Text(name, words, lambda: _dfa(self.rules.automaton(name)))

    def json(self, way: Way) -> _Given:
        """That the content type is JSON, which the grammar must be able to spell."""
        found: dict[tuple[str | None, str], Text] = {}
        for part in way.parts:
            if part.kept and part.field == _TYPE and part.text is None:
                automaton = self.rules.automaton(part.name)
                if automaton is None or not spells(automaton, JSON):
                    raise ConstraintError(
                        f"response_format: the grammar cannot spell the type `{JSON}`"
                    )
                text = Text(part.name, f"`{JSON}`", lambda: _dfa_of_words([JSON]))
                found[_TYPE, part.name] = text
        return found


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


def parts_of(
    rules: Rules, graph: TurnGraph, ids: Mapping[str, int], plan: Plan
) -> tuple[Part, ...]:
    """Specialise a graph.

    Args:
        rules: the grammar.
        graph: how its completions are arranged.
        ids: the ids of the terminals that are special tokens, by name.
        plan: what may come.

    Returns:
        The parts, also those that are not spelled as the model spells them.
    """
    grouped = list(_Specialiser(rules, ids, plan).parts(graph))
    # A grammar that lacks the model's own way has another, which deviates least.
    least: dict[tuple[Kind, int], int] = {}
    for group, part in grouped:
        key = (part.kind, group)
        least[key] = min(least.get(key, part.deviations), part.deviations)
    return tuple(
        replace(part, deviations=part.deviations - least[part.kind, group])
        for group, part in grouped
    )
