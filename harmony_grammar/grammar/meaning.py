"""What the rules and terminals of a grammar mean: the only module that names any of them.

A grammar text may call its rules and terminals as it likes. What they mean is said by the labels
of their alternatives (`-> recipient`), which are a fixed vocabulary, the tables below. Everything
else in the package asks a `Meaning` and gets whatever the grammar at hand calls the thing: the
rule of a message, the terminal that ends a call, the word of the channel of reasoning.

A label stands on each alternative that it is true of. Some name a whole rule, and then all of its
alternatives have it (`-> message`); some name one word of several (`-> developer`). A word that
stands beside labelled ones without a label is one that the grammar adds: a role of its own, a
further channel of reasoning, an effort that is called as it is spelled.

A grammar is refused when it is loaded if a meaning is missing, a label is unknown, or something
that is read would be lost: a terminal that carries a field, in a rule that is bound to none. The
one exception are fields that a grammar adds to headers. A rule of one's own, such as
`call_id: _ID CALL_ID`, is a field of that name, which messages keep in `extras`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.comments import labelled
from harmony_grammar.grammar.load import below, reach
from harmony_grammar.tokens import is_marked
from harmony_grammar.tree import CustomRole, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar.load import Production, Source
    from harmony_grammar.tree import Author

__all__ = [
    "BODY",
    "COMPLETION",
    "CONVERSATION",
    "DECLARED",
    "DEVELOPER_BODY",
    "KNOWN",
    "MESSAGE",
    "REQUIRED",
    "ROLE",
    "SPELLED",
    "STARTS",
    "SYSTEM_BODY",
    "TOOL",
    "TOOL_TYPE",
    "VALID_CHANNELS",
    "BodyPart",
    "Finder",
    "Meaning",
    "Use",
    "spelling",
    "starts_of",
]


class Use(str, Enum):
    """What a channel is for."""

    REASONING = "reasoning"
    PREAMBLE = "preamble"
    ANSWER = "answer"


class BodyPart(str, Enum):
    """What a rule inside the bodies of system and developer messages is, by its label."""

    SYSTEM_BODY = "system_body"
    DEVELOPER_BODY = "developer_body"
    IDENTITY = "identity"
    TEXT = "text"
    CUTOFF = "cutoff"
    DATE = "date"
    EFFORT = "effort"  # its alternatives are labelled as levels
    CHANNELS = "channels"
    VALID_CHANNELS = "valid_channels"
    CALLS = "calls"
    INSTRUCTIONS = "instructions"
    RESPONSE_FORMATS = "response_formats"
    RESPONSE_FORMAT = "response_format"
    TOOLS = "tools"
    NAMESPACE = "namespace"
    PROSE = "prose"
    BLOCK = "block"
    FUNCTION = "function"
    DEFINITION = "definition"
    TOOL_TYPE = "tool_type"
    UNION = "union"
    NOTED = "noted"
    INTERSECTION = "intersection"
    ARRAY = "array"
    WORD = "word"
    STRING = "string"
    NUMBER = "number"
    TRUE = "true"
    FALSE = "false"
    GROUP = "group"
    TUPLE = "tuple"
    OBJECT = "object"
    FIELD = "field"
    KEY = "key"
    QUOTED_KEY = "quoted_key"
    FURTHER_KEYS = "further_keys"
    NOTES = "notes"
    NOTE_ABOVE = "note_above"
    NOTE_BEHIND = "note_behind"


# The labels. What a whole text may be, and what a body or a part of one may be:
CONVERSATION: Final = "conversation"
COMPLETION: Final = "completion"
STARTS: Final = (CONVERSATION, "prompt", COMPLETION)
VALID_CHANNELS: Final = "valid_channels"
SYSTEM_BODY: Final = "system_body"
DEVELOPER_BODY: Final = "developer_body"
TOOL_TYPE: Final = "tool_type"
_BODY_STARTS: Final = (VALID_CHANNELS, SYSTEM_BODY, DEVELOPER_BODY, TOOL_TYPE)
# What arranges the parts of messages; the ends are those of a message that is not the last of its
# turn, of the last one, and of a call.
MESSAGE: Final = "message"
_OPENING: Final = "opening"
_OPEN_MESSAGE: Final = "open_message"
_ENDS_MESSAGE: Final = "ends_message"
_ENDS_TURN: Final = "ends_turn"
_ENDS_CALL: Final = "ends_call"
# The fields of a message, by label. A tool's name is that of an author who has no role's word.
BODY: Final = "body"
_FIELDS: Final = {
    "tool": "tool",
    "name": "name",
    "channel": "channel",
    "recipient": "recipient",
    "content_type": "content_type",
    BODY: "content",
}
# The words of roles, of channels and of efforts.
_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_USES: Final = {use.value: use for use in Use}
DECLARED: Final = "declared"  # a channel that the system message declares
_LEVELS: Final = ("low", "medium", "high")
_ARRANGES: Final = (BodyPart.SYSTEM_BODY, BodyPart.DEVELOPER_BODY, BodyPart.IDENTITY)
SPELLED: Final = "spelled_"  # before the name of a spelling in circulation

REQUIRED: Final = (
    *STARTS,
    *_BODY_STARTS,
    *(MESSAGE, _ENDS_MESSAGE, _ENDS_TURN, _ENDS_CALL, _OPENING, _OPEN_MESSAGE),
    *(label for label in _FIELDS if label != "name"),
    *_ROLES,
    *_USES,
)
KNOWN: Final = frozenset({*REQUIRED, "name", DECLARED, *_LEVELS, *(p.value for p in BodyPart)})

ROLE: Final = "role"
TOOL: Final = "tool"
_CHANNEL: Final = "channel"
_HEADER: Final = (_CHANNEL, "recipient", "content_type")  # what a header says besides its author


class AnyHeader(Protocol):
    """What the header of a message says."""

    @property
    def author(self) -> Author:
        """Who speaks."""

    @property
    def extras(self) -> Mapping[str, str] | Iterable[tuple[str, str]]:
        """The fields that the grammar adds."""


def spelling(label: str | None) -> str | None:
    """The spelling in circulation that a label names, if it names one."""
    return label.removeprefix(SPELLED) if label and label.startswith(SPELLED) else None


def starts_of(text: str) -> dict[str, str]:
    """The rules that a parse of a grammar may begin with, by what they are called.

    Raises:
        GrammarError: if one of them has no label.
    """
    rules = labelled(text)
    for label in (*STARTS, *_BODY_STARTS):
        if label not in rules:
            raise _missing(label)
    return {label: rules[label] for label in (*STARTS, *_BODY_STARTS)}


def _missing(label: str) -> GrammarError:
    return GrammarError(
        f"no rule of the grammar is labelled `-> {label}`, so nothing says which one that is: "
        f"write the label behind each alternative of the rule that means it"
    )


@dataclass(frozen=True, eq=False)
class Meaning:
    """What the rules and terminals of one grammar mean.

    Rules and terminals are named here as the grammar calls them; a terminal that the grammar
    lacks is an empty name.

    Attributes:
        starts: the rule of each text, body or part of one that can be read, by its label.
        fields: the field of a message that a rule spells, by rule.
        extras: the fields that the grammar adds to headers.
        message: the rule of a whole message.
        interim: the rule of a message of a completion that is not the last of its turn.
        last: the rule of the last message of a turn.
        opening: the rule of what a generation begins with.
        open_message: the rule of the message that a prompt leaves open.
        body: the rule of a message's body.
        model_role: the role that a generation speaks in.
        roles: what each word of a role means.
        role_words: the word of each role.
        channel_uses: what each channel of the grammar is for, in the order of the grammar.
        call_channels: the channels that a call may be on.
        end_of_message: the terminal that ends a message that is not the last of its turn.
        end_of_turn: the terminal that ends a turn.
        end_of_call: the terminal that ends a call.
        message_start: the special token that begins a message.
        channel_marker: the special token before a channel.
        constrain_marker: the special token before the content type of a constrained body.
        recipient_marker: what stands before a recipient.
        name_marker: what stands before the name of an author.
        type_space: what stands before a content type.
        channel_name: the name of a channel in the line of a system message.
        efforts: the level of each word of an effort of reasoning.
        bodies: the start of the body of a role's messages, where it follows a template.
        parts: what the alternatives of rules inside bodies are, by rule and label.
        sections: the sections that the grammar adds to bodies, by rule, each with what it has
            before and behind its text.
    """

    source: Source = field(repr=False)
    starts: Mapping[str, str]
    fields: Mapping[str, str]
    extras: tuple[str, ...]
    message: str
    interim: str
    last: str
    opening: str
    open_message: str
    body: str
    model_role: Role | CustomRole
    roles: Mapping[str, Role | CustomRole]
    role_words: Mapping[Role | CustomRole, str]
    channel_uses: Mapping[str, Use]
    call_channels: frozenset[str]
    end_of_message: str
    end_of_turn: str
    end_of_call: str
    message_start: str
    channel_marker: str
    constrain_marker: str
    recipient_marker: str
    name_marker: str
    type_space: str
    channel_name: str
    efforts: Mapping[str, str]
    bodies: Mapping[Role, str]
    parts: Mapping[tuple[str, str | None], BodyPart]
    sections: Mapping[str, tuple[str, str]]
    _orders: dict[BodyPart, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, source: Source) -> Meaning:
        """The meaning of a grammar.

        Raises:
            GrammarError: if a meaning is missing.
        """
        return Finder(source).meaning()

    @property
    def reasoning(self) -> str:
        """The channel of reasoning, on which built-in tools are called, too."""
        return self.channel_of(Use.REASONING)

    @property
    def preamble(self) -> str:
        """The channel of preambles, on which functions are called, too."""
        return self.channel_of(Use.PREAMBLE)

    @property
    def answer(self) -> str:
        """The channel of answers."""
        return self.channel_of(Use.ANSWER)

    def channel_of(self, use: Use) -> str:
        """The first channel for a use, in the order of the grammar."""
        return next(word for word, found in self.channel_uses.items() if found is use)

    def role_of(self, word: str) -> Role | CustomRole:
        """The role that a word spells; one of its own if the grammar does not know it."""
        return self.roles.get(word) or CustomRole(word)

    def spelled(self, header: AnyHeader) -> dict[str, str]:
        """The fields of a header that are written, as rules spell them.

        Args:
            header: a message, or the fields of one.
        """
        author = header.author
        if author.role is Role.TOOL:
            given: dict[str, str | None] = {"tool": author.name}
        else:
            word = self.role_words.get(author.role) or author.role.value
            given = {"role": word, "name": author.name}
        given |= {name: getattr(header, name) for name in _HEADER} | dict(header.extras)
        return {name: value for name, value in given.items() if value is not None}

    def is_reasoning(self, channel: str | None) -> bool:
        """Whether a channel is one of reasoning: neither that of answers nor of preambles.

        Args:
            channel: a word of the grammar, or one that a system message declares; None for none.
        """
        return channel is not None and self.use_of(channel) is Use.REASONING

    def part_of(self, production: Production) -> BodyPart | None:
        """What an alternative of a rule inside bodies is; None for one that arranges others."""
        return self.parts.get((production.rule, production.label))

    def order(self, part: BodyPart) -> tuple[str, ...]:
        """The rules that a part consists of, in the order of the grammar."""
        known = self._orders.get(part)
        if known is None:
            known = self._orders[part] = self._order(part)
        return known

    def _order(self, part: BodyPart) -> tuple[str, ...]:
        found = [p for p in self.source.productions if self.part_of(p) is part]
        longest = max(found, key=lambda p: len(p.symbols), default=None)
        return tuple(s.name for s in longest.symbols if not s.terminal) if longest else ()

    def signs(self, *parts: BodyPart) -> tuple[str, ...]:
        """The fixed texts that stand in some parts themselves, in the order of the grammar."""
        terminals = [self.source.terminals[name] for name in self.own_terminals(*parts)]
        return tuple(t.pattern for t in terminals if t.fixed and t.pattern is not None)

    def own_terminals(self, *parts: BodyPart) -> tuple[str, ...]:
        """The terminals that stand in some parts themselves, in the order of the grammar."""
        found: dict[str, None] = {}
        helpers = set[str]()

        def collect(productions: Iterable[Production]) -> None:
            for production in sorted(productions, key=lambda p: -len(p.symbols)):
                for symbol in production.symbols:
                    if symbol.terminal:
                        found[symbol.name] = None
                    elif symbol.name.startswith("_") and symbol.name not in helpers:
                        helpers.add(symbol.name)
                        collect(p for p in self.source.productions if p.rule == symbol.name)

        collect(p for p in self.source.productions if self.part_of(p) in parts)
        return tuple(found)

    def use_of(self, channel: str) -> Use:
        """What a channel is for; those that a system message declares are for reasoning."""
        return self.channel_uses.get(channel, Use.REASONING)


class Finder:
    """Looks through the productions of a grammar for what its labels say."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.terminals = source.terminals
        self.productions: dict[str, list[Production]] = {}
        self.labelled: dict[str, list[Production]] = {}
        for production in source.productions:
            self.productions.setdefault(production.rule, []).append(production)
            if production.label:
                self.labelled.setdefault(production.label, []).append(production)
        self.fields = {
            production.rule: name for label, name in _FIELDS.items() for production in self[label]
        }
        self.fields.update(
            {production.rule: ROLE for label in _ROLES for production in self[label]}
        )
        self.extras, self.unbound = self._own_fields()
        self.fields.update({rule: rule for rule in self.extras})
        efforts = {production.rule for label in _LEVELS for production in self[label]}
        known = {part.value: part for part in BodyPart}
        self.parts = {
            (p.rule, p.label): BodyPart.EFFORT if p.rule in efforts else known[p.label or ""]
            for p in source.productions
            if p.rule in efforts or p.label in known
        }
        self.sections, self.lost = self._own_sections()

    def __getitem__(self, label: str) -> Sequence[Production]:
        """The alternatives with a label."""
        return self.labelled.get(label, ())

    def rule(self, label: str) -> str:
        """The rule with a label.

        Raises:
            GrammarError: if there is none.
        """
        if not self[label]:
            raise _missing(label)
        return self[label][0].rule

    def meaning(self) -> Meaning:
        """All of it."""
        for label in REQUIRED:
            self.rule(label)
        roles = self._roles()
        return Meaning(
            source=self.source,
            starts={label: self.rule(label) for label in (*STARTS, *_BODY_STARTS)},
            fields=self.fields,
            extras=self.extras,
            message=self.rule(MESSAGE),
            interim=self.rule(_ENDS_MESSAGE),
            last=self.rule(_ENDS_TURN),
            opening=self.rule(_OPENING),
            open_message=self.rule(_OPEN_MESSAGE),
            body=self.rule(BODY),
            model_role=roles[next(self._words(self.rule(_OPENING)))],
            roles=roles,
            role_words={role: word for word, role in reversed(roles.items())},
            channel_uses=self._channel_uses(),
            call_channels=self._call_channels(),
            end_of_message=self._end(_ENDS_MESSAGE),
            end_of_turn=self._end(_ENDS_TURN),
            end_of_call=self._end(_ENDS_CALL),
            message_start=self._sign([self.rule(_OPENING)], special=True),
            channel_marker=self._sign(self._rules_of(_CHANNEL), special=True),
            constrain_marker=self._sign(self._rules_of("content_type"), special=True),
            recipient_marker=self._sign(self._rules_of("recipient"), special=False),
            name_marker=self._sign(self._rules_of("name"), special=False),
            type_space=self._sign(self._rules_of("content_type"), special=False),
            channel_name=self._channel_name(),
            efforts=self._efforts(),
            bodies={Role.SYSTEM: SYSTEM_BODY, Role.DEVELOPER: DEVELOPER_BODY},
            parts=self.parts,
            sections={rule: self._around(rule) for rule in self.sections},
        )

    # --- words ---

    def _words(self, rule: str) -> Iterator[str]:
        """The fixed words that a rule may be, in the order of the grammar."""
        for symbol in below(self.productions, rule):
            terminal = self.terminals[symbol.name]
            if symbol.kept and terminal.fixed and terminal.pattern is not None:
                yield terminal.pattern

    def _word(self, production: Production) -> str | None:
        """The fixed word of an alternative that has one."""
        kept = [self.terminals[s.name] for s in production.symbols if s.kept]
        return kept[0].pattern if kept and kept[0].fixed else None

    def _rules_of(self, field: str) -> list[str]:
        return [rule for rule, name in self.fields.items() if name == field]

    def _roles(self) -> dict[str, Role | CustomRole]:
        meant = {self._word(p): role for label, role in _ROLES.items() for p in self[label]}
        words = [
            w
            for p in self.source.productions
            if p.rule in self._rules_of(ROLE)
            for w in [self._word(p)]
            if w is not None
        ]
        return {word: meant.get(word) or CustomRole(word) for word in words}

    def _channel_uses(self) -> dict[str, Use]:
        meant = {self._word(p): use for label, use in _USES.items() for p in self[label]}
        rules = [p.rule for p in self.source.productions if p.rule in self._rules_of(_CHANNEL)]
        words = [word for rule in dict.fromkeys(rules) for word in self._words(rule)]
        return {word: meant.get(word, Use.REASONING) for word in words}

    def _call_channels(self) -> frozenset[str]:
        channels = set(self._rules_of(_CHANNEL))
        calls = {s.name for p in self[_ENDS_CALL] for s in p.symbols if not s.terminal}
        reached = reach(self.productions, calls)
        return frozenset(word for rule in reached & channels for word in self._words(rule))

    def _channel_name(self) -> str:
        line = below(self.productions, self.rule(VALID_CHANNELS))
        return next(s.name for s in line if s.kept and not self.terminals[s.name].fixed)

    def _efforts(self) -> dict[str, str]:
        rules = {p.rule for label in _LEVELS for p in self[label]}
        found = [p for p in self.source.productions if p.rule in rules]
        pairs = [(self._word(p), p.label) for p in found]
        return {word: label or word for word, label in pairs if word is not None}

    # --- signs ---

    def _end(self, label: str) -> str:
        return self[label][0].symbols[-1].name

    def _sign(self, rules: Iterable[str], *, special: bool) -> str:
        """The first fixed terminal of some rules that is a special token, or a sign instead."""
        for rule in rules:
            for symbol in below(self.productions, rule):
                terminal = self.terminals[symbol.name]
                marked = terminal.fixed and is_marked(terminal.pattern or "")
                if marked == special and (special or (terminal.fixed and not symbol.kept)):
                    return symbol.name
        return ""

    # --- what the grammar adds to headers ---

    def _own_fields(self) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
        """The rules that are fields of their own, and what carries a field but is bound to none."""
        extras: dict[str, None] = {}
        unbound: list[tuple[str, str]] = []
        ends = self._terminators()
        todo = [p.rule for label in STARTS for p in self[label]]
        seen = set(todo)
        for rule in todo:
            if rule in self.fields:
                continue
            if self._is_own_field(rule):
                extras[rule] = None
                continue
            for symbol in (s for p in self.productions[rule] for s in p.symbols):
                if not symbol.terminal and symbol.name not in seen:
                    seen.add(symbol.name)
                    todo.append(symbol.name)
                elif symbol.kept and symbol.name not in ends:
                    unbound.append((rule, symbol.name))
        return tuple(extras), unbound

    def _is_own_field(self, rule: str) -> bool:
        """Whether a rule is a field that the grammar adds: it carries text, and no field."""
        if rule.startswith("_") or any(p.label for p in self.productions[rule]):
            return False
        if reach(self.productions, [rule]) & set(self.fields):
            return False
        return any(symbol.kept for symbol in below(self.productions, rule))

    # --- what the grammar adds to bodies ---

    def _own_sections(self) -> tuple[tuple[str, ...], list[str]]:
        """The rules that are sections of their own, and those of which the text would be lost."""
        arranged = [
            p for p in self.source.productions if self.parts.get((p.rule, p.label)) in _ARRANGES
        ]
        direct = {s.name for p in arranged for s in p.symbols if not s.terminal}
        bound = {rule for rule, _ in self.parts}
        reached = reach(self.productions, [p.rule for p in arranged])
        own = [rule for rule in reached - bound if not rule.startswith("_")]
        kept = [rule for rule in sorted(own) if any(s.kept for s in below(self.productions, rule))]
        sections = [rule for rule in kept if rule in direct and self._slots(rule) == 1]
        return tuple(sections), [rule for rule in kept if rule not in sections]

    def _slots(self, rule: str) -> int:
        """How many texts a rule has room for; many if its alternatives differ."""
        if len(self.productions[rule]) > 1:
            return len(self.productions[rule])
        return sum(s.kept or not s.terminal for s in self.productions[rule][0].symbols)

    def _around(self, rule: str) -> tuple[str, str]:
        """What a section that the grammar adds has before its text, and behind it."""
        around = ["", ""]
        behind = 0
        for symbol in self.productions[rule][0].symbols:
            terminal = self.terminals.get(symbol.name)
            if symbol.kept or terminal is None:
                behind = 1
            elif terminal.fixed:
                around[behind] += terminal.pattern or ""
            elif not behind:
                around[behind] += "\n\n"  # the end of the line of a title, and a blank line
        return around[0], around[1]

    def _terminators(self) -> set[str]:
        bodies = {p.rule for p in self[BODY]}
        pairs = (
            pair
            for p in self.source.productions
            for pair in zip(p.symbols, p.symbols[1:], strict=False)
        )
        return {after.name for before, after in pairs if before.name in bodies}
