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

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.comments import definitions, labelled
from harmony_grammar.tokens import is_marked
from harmony_grammar.tree import CustomRole, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar.load import Production, Source, Symbol
    from harmony_grammar.tree import Author

__all__ = [
    "COMPLETION",
    "DEVELOPER_BODY",
    "STARTS",
    "SYSTEM_BODY",
    "TOOL_TYPE",
    "VALID_CHANNELS",
    "Meaning",
    "Use",
    "below",
    "reach",
    "require_meanings",
    "spelling",
    "starts_of",
]


class Use(str, Enum):
    """What a channel is for."""

    REASONING = "reasoning"
    PREAMBLE = "preamble"
    ANSWER = "answer"


# The labels. What a whole text may be, and what a body or a part of one may be:
COMPLETION: Final = "completion"
STARTS: Final = ("conversation", "prompt", COMPLETION)
VALID_CHANNELS: Final = "valid_channels"
SYSTEM_BODY: Final = "system_body"
DEVELOPER_BODY: Final = "developer_body"
TOOL_TYPE: Final = "tool_type"
_BODY_STARTS: Final = (VALID_CHANNELS, SYSTEM_BODY, DEVELOPER_BODY, TOOL_TYPE)
# What arranges the parts of messages; the ends are those of a message that is not the last of its
# turn, of the last one, and of a call.
_MESSAGE: Final = "message"
_OPENING: Final = "opening"
_OPEN_MESSAGE: Final = "open_message"
_ENDS_MESSAGE: Final = "ends_message"
_ENDS_TURN: Final = "ends_turn"
_ENDS_CALL: Final = "ends_call"
# The fields of a message, by label. A tool's name is that of an author who has no role's word.
_BODY: Final = "body"
_FIELDS: Final = {
    "tool": "tool",
    "name": "name",
    "channel": "channel",
    "recipient": "recipient",
    "content_type": "content_type",
    _BODY: "content",
}
# The words of roles, of channels and of efforts.
_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_USES: Final = {use.value: use for use in Use}
_DECLARED: Final = "declared"  # a channel that the system message declares
_LEVELS: Final = ("low", "medium", "high")
_DEFINITION: Final = "definition"  # a type that a namespace declares for its tools
_SPELLED: Final = "spelled_"  # before the name of a spelling in circulation

_REQUIRED: Final = (
    *STARTS,
    *_BODY_STARTS,
    *(_MESSAGE, _ENDS_MESSAGE, _ENDS_TURN, _ENDS_CALL, _OPENING, _OPEN_MESSAGE),
    *(label for label in _FIELDS if label != "name"),
    *_ROLES,
    *_USES,
)
_KNOWN: Final = frozenset({*_REQUIRED, "name", _DECLARED, _DEFINITION, *_LEVELS})

_ROLE: Final = "role"
_CHANNEL: Final = "channel"
_HEADER: Final = (_CHANNEL, "recipient", "content_type")  # what a header says besides its author


class Header(Protocol):
    """What the header of a message says."""

    @property
    def author(self) -> Author:
        """Who speaks."""

    @property
    def extras(self) -> Mapping[str, str] | Iterable[tuple[str, str]]:
        """The fields that the grammar adds."""


def spelling(label: str | None) -> str | None:
    """The spelling in circulation that a label names, if it names one."""
    return label.removeprefix(_SPELLED) if label and label.startswith(_SPELLED) else None


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

    @classmethod
    def of(cls, source: Source) -> Meaning:
        """The meaning of a grammar.

        Raises:
            GrammarError: if a meaning is missing.
        """
        return _Finder(source).meaning()

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

    def spelled(self, header: Header) -> dict[str, str]:
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

    def use_of(self, channel: str) -> Use:
        """What a channel is for; those that a system message declares are for reasoning."""
        return self.channel_uses.get(channel, Use.REASONING)


class _Finder:
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
            {production.rule: _ROLE for label in _ROLES for production in self[label]}
        )
        self.extras, self.unbound = self._own_fields()
        self.fields.update({rule: rule for rule in self.extras})

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
        for label in _REQUIRED:
            self.rule(label)
        roles = self._roles()
        return Meaning(
            source=self.source,
            starts={label: self.rule(label) for label in (*STARTS, *_BODY_STARTS)},
            fields=self.fields,
            extras=self.extras,
            message=self.rule(_MESSAGE),
            interim=self.rule(_ENDS_MESSAGE),
            last=self.rule(_ENDS_TURN),
            opening=self.rule(_OPENING),
            open_message=self.rule(_OPEN_MESSAGE),
            body=self.rule(_BODY),
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
            if p.rule in self._rules_of(_ROLE)
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

    def _terminators(self) -> set[str]:
        bodies = {p.rule for p in self[_BODY]}
        pairs = (
            pair
            for p in self.source.productions
            for pair in zip(p.symbols, p.symbols[1:], strict=False)
        )
        return {after.name for before, after in pairs if before.name in bodies}


def below(productions: Mapping[str, Sequence[Production]], rule: str) -> list[Symbol]:
    """The terminals that a rule consists of, in the order of the text, each once."""
    found: dict[str, Symbol] = {}
    seen: set[str] = set()

    def collect(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for production in productions.get(name, ()):
            for symbol in production.symbols:
                if symbol.terminal:
                    found.setdefault(symbol.name, symbol)
                else:
                    collect(symbol.name)

    collect(rule)
    return list(found.values())


def reach(productions: Mapping[str, Sequence[Production]], starts: Iterable[str]) -> frozenset[str]:
    """The rules that some rules use, and those that they use, themselves included."""
    found = dict.fromkeys(starts)
    todo = list(found)
    for rule in todo:
        symbols = (s for p in productions.get(rule, ()) for s in p.symbols if not s.terminal)
        todo.extend(fresh := [s.name for s in symbols if s.name not in found])
        found.update(dict.fromkeys(fresh))
    return frozenset(found)


# --- what a grammar is refused for ---


def require_meanings(source: Source, text: str) -> None:
    """Refuse a grammar of which something would be lost.

    Args:
        source: the grammar, loaded.
        text: its text, to point into.

    Raises:
        GrammarError: if a label is unknown, a terminal that carries a field is bound to none, a
            declared terminal is declared by nothing, or a message has no author.
    """
    finder = _Finder(source)
    for needed in _REQUIRED:
        finder.rule(needed)
    for production in source.productions:
        label = production.label
        if label and label not in _KNOWN and spelling(label) is None:
            raise _error(
                text,
                production.rule,
                label,
                f"the label `-> {label}` means nothing: the labels are "
                f"{', '.join(sorted(_KNOWN))}, and `{_SPELLED}NAME` for a spelling; "
                "remove it, or use one of these",
            )
    for rule, name in finder.unbound:
        raise _error(
            text,
            rule,
            name,
            f"{name} carries a field in `{rule}`, which is bound to none, so it would be lost: "
            "give it a rule of its own, which messages then keep as an extra field, or call it "
            f"_{name} if it is punctuation",
        )
    _require_declared(finder, text)
    _require_authors(finder, text)
    _require_single_extras(finder, text)


def _require_declared(finder: _Finder, text: str) -> None:
    """Each declared terminal is a channel, which a system message declares."""
    declared = {s.name for p in finder[_DECLARED] for s in p.symbols}
    free = [name for name, terminal in finder.terminals.items() if terminal.pattern is None]
    for name in sorted(free, key=lambda name: name in declared):
        if name not in declared or len(free) > 1:
            rule = next(
                p.rule for p in finder.source.productions if name in {s.name for s in p.symbols}
            )
            raise _error(
                text,
                rule,
                name,
                f"nothing declares what {name} is: a system message declares channels, and one "
                f"terminal stands for them, in an alternative labelled `-> {_DECLARED}`; give "
                "this one a pattern",
            )


def _require_authors(finder: _Finder, text: str) -> None:
    """Each message says who speaks."""
    authors = {rule for rule, name in finder.fields.items() if name in {_ROLE, "tool"}}
    for production in finder[_MESSAGE]:
        rules = {s.name for s in production.symbols if not s.terminal}
        if not reach(finder.productions, rules) & authors:
            said = "a message says nothing of its author: begin it with a role or a tool"
            raise _error(text, production.rule, production.rule, said)


def _require_single_extras(finder: _Finder, text: str) -> None:
    """A field that the grammar adds stands in a header once at most."""
    bodies = {p.rule for p in finder[_BODY]}
    for rule in finder.productions:
        uses = {s.name for p in finder.productions[rule] for s in p.symbols if not s.terminal}
        reached = reach(finder.productions, uses)
        if rule in reached and not reached & bodies:
            for extra in sorted(reached & set(finder.extras)):
                raise _error(
                    text,
                    extra,
                    extra,
                    f"`{extra}` may stand in a header more than once, and a field has one value: "
                    "let it stand once, or make the whole list one rule",
                )


def _error(text: str, rule: str, word: str, message: str) -> GrammarError:
    """An error that points at a word in the definition of a rule."""
    for definition in definitions(text):
        owner = definition.name
        if rule == owner or rule.startswith(f"__{owner}_"):  # Lark names helpers after their rule
            found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", definition.text)
            lines = definition.text[: found.start() if found else 0].split("\n")
            line, column = definition.line + len(lines) - 1, len(lines[-1]) + 1
            return GrammarError(message, line=line, column=column, text=text)
    return GrammarError(message)
