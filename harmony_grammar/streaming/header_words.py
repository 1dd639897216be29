"""What recovery asks the grammar: which terminals are which field, and where messages begin.

Nothing here spells a word of the format. Terminals are found by the rule that they stand in and
the field that the rule is bound to, so a grammar of one's own is recovered by its own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.checking.codes import DiagnosticCode as Code
from harmony_grammar.grammar.meaning import COMPLETION
from harmony_grammar.grammar.scanner import Scanner
from harmony_grammar.reading.headers import Machine
from harmony_grammar.tree import Role
from harmony_grammar.writing.forms import forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.grammar import Symbol
    from harmony_grammar.inputs import Key
    from harmony_grammar.reading.headers import Configuration, Fields, Header

__all__ = ["CODE_TOOLS", "AddedField", "HeaderWords", "MendedHeader", "WordsByParser"]

CODE_TOOLS: Final = frozenset({"python", "container.exec"})
"""The tools of the format whose bodies are code, not JSON."""

_MOST_PARSERS: Final = 64  # there is one for each set of declared channels
_MOST: Final = 4096  # fields and headers that are remembered
_LONGEST: Final = 256  # characters or ids of a header; longer ones are not remembered
_LESS_NEEDED: Final = ("recipient", "content_type", "channel")  # dropped in this order


def _without(fields: Fields, name: str) -> Fields:
    left: dict[str, Any] = {name: None}
    return fields._replace(**left)


class MendedHeader(NamedTuple):
    """A header that the grammar refuses where it stands.

    Attributes:
        header: the header, if the grammar accepts it elsewhere.
        fields: its fields.
        repairs: what was mended, with places counted from the header's beginning.
        lead: how much text stands before the header that is none of it.
    """

    header: Header | None
    fields: Fields
    repairs: tuple[Repair, ...]
    lead: int = 0


class AddedField(NamedTuple):
    """How a field that the grammar adds is found in a damaged header.

    Attributes:
        rule: its rule.
        special: the special token that it begins with; empty if it begins with none.
        sign: the text that it begins with, with its space; empty if it begins with none.
        word: what it is, if it is one word and that word is all there is of it.
        texts: what may stand behind the token or the sign.
    """

    rule: str
    special: str
    sign: str
    word: str | None
    texts: Scanner


class HeaderWords:
    """The words of headers where certain channels are declared.

    Args:
        machine: the parser, which knows the grammar and the declared channels.

    Attributes:
        start: the special token that opens a message.
        channel: the special token that a channel is named after.
        constrain: the special token of a constrained content type.
        marker: what a recipient is named after, with its space.
        colon: what a name is named after.
        added: the fields that the grammar adds.
        turn_ends: the terminators after which a turn is over.
        call: the terminator of a call.
        interim_end: the terminator after which the turn goes on.
        mended: headers that were mended, by where and what they are.
        between: the parser between two messages.
        implied: the parser inside a message of the assistant, where a completion begins.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.rules = rules = machine.rules
        self.start = rules.meaning.message_start
        self.channel = self._special("channel")
        self.constrain = self._special("content_type")
        self.marker = self._punctuation("recipient")
        self.core = self.marker.strip()
        self.colon = self._punctuation("name")
        self.turn_ends = (
            frozenset(s.name for s in rules.below(rules.meaning.last)) & rules.terminators
        )
        self.call = rules.meaning.end_of_call
        self.interim_end = rules.meaning.end_of_message
        self.between = self._between()
        self.implied = self._inside()
        self.roles = self._scanner("role")
        self.authors = self._scanner("role", "tool")
        self.people = self._scanner("name")
        self.recipients = self._scanner("recipient")
        self.channels = self._scanner("channel")
        self.types = self._scanner("content_type")
        self.added = tuple(map(self._added, rules.meaning.extras))
        self.mended: dict[tuple[Configuration, Key], MendedHeader] = {}
        self._fitting: dict[Fields, Fields] = {}

    def remember(self, key: tuple[Configuration, Key], mended: MendedHeader) -> None:
        """Remember a header that was mended."""
        if len(key[1]) > _LONGEST:
            return
        if len(self.mended) >= _MOST:
            self.mended.clear()
        self.mended[key] = mended

    # --- terminals by field ---

    def _symbols(self, field: str) -> Iterator[Symbol]:
        for rule in (rule for rule, bound in self.rules.meaning.fields.items() if bound == field):
            yield from self.rules.below(rule)

    def _special(self, field: str) -> str:
        found = (s.name for s in self._symbols(field) if s.name in self.rules.special_names)
        return next(found, "")

    def _punctuation(self, field: str) -> str:
        """The fixed words of a field that carry none of it; empty if there are none."""
        specials = self.rules.special_names
        plain = (s.name for s in self._symbols(field) if not s.kept and s.name not in specials)
        fixed = (self.rules.terminals[name] for name in plain)
        return next((t.pattern for t in fixed if t.fixed and t.pattern), "")

    def _scanner(self, *fields: str) -> Scanner:
        names = frozenset(s.name for field in fields for s in self._symbols(field) if s.kept)
        return Scanner(list(self.machine.candidates(names)))

    def _added(self, rule: str) -> AddedField:
        special, sign = self._special(rule), self._punctuation(rule)
        (kept, *_) = [s.name for s in self._symbols(rule) if s.kept]
        word = self.rules.terminals[kept].pattern if self.fixed(kept) else None
        alone = word is not None and (special == kept or not (special or sign))
        sign = "" if special else sign or word or ""
        return AddedField(rule, special, sign, word if alone else None, self._scanner(rule))

    def added_at(self, text: str, at: int) -> AddedField | None:
        """The field that the grammar adds and of which the sign stands at a place of a text."""
        signs = ((added, added.sign.strip()) for added in self.added)
        return next((one for one, sign in signs if sign and text.startswith(sign, at)), None)

    def marked(self, text: str, at: int) -> bool:
        """Whether a field begins at a place of a text: a recipient, or one that is added."""
        recipient = bool(self.core) and text.startswith(self.core, at)
        return recipient or self.added_at(text, at) is not None

    def fixed(self, name: str) -> bool:
        """Whether a terminal is a fixed word."""
        return self.rules.terminals[name].fixed

    # --- where messages begin ---

    def _between(self) -> Configuration:
        """The nearest configuration where a message of one's own may begin."""
        todo, seen = [self.machine.root], {self.machine.root}
        for configuration in todo:
            if self.start in configuration.expected:
                return configuration
            after = (configuration.after(name) for name in sorted(configuration.expected))
            fresh = [one for one in after if one is not None and one not in seen]
            seen.update(fresh)
            todo.extend(fresh)
        return self.machine.root

    def _inside(self) -> Configuration:
        if self.machine.start == COMPLETION:
            return self.machine.root
        return Machine(self.rules, COMPLETION).declaring(self.machine.declared).root

    def wrong_end(self, fields: Fields, name: str) -> Code | None:
        """What is wrong about a terminator of a message with these fields."""
        calls = name == self.call
        if fields.role != self.rules.meaning.model_role:
            return None if name == self.interim_end else Code.WRONG_TERMINATOR
        if calls and fields.recipient is None:
            return Code.CALL_WITHOUT_RECIPIENT
        if not calls and fields.recipient is not None:
            return Code.RECIPIENT_WITHOUT_CALL
        return None

    def is_tool(self, recipient: str) -> bool:
        """Whether a recipient is a tool, and not a person or a role."""
        return "." in recipient or recipient in CODE_TOOLS

    def may_call(self, channel: str) -> bool:
        """Whether a call may be on a channel."""
        meaning = self.rules.meaning
        return channel in meaning.call_channels or channel not in meaning.channel_uses

    # --- fields that can stand together ---

    def fit(self, fields: Fields) -> Fields:
        """The nearest fields that some message of the grammar can have.

        Each message that recovery returns can be rendered; fields that no production writes
        together lose one of them, and a tool whose name alone would be no author's gets the
        recipient that all tools have.
        """
        known = self._fitting.get(fields)
        if known is None:
            known = next((one for one in self._nearby(fields) if self._writable(one)), fields)
            if sum(len(one) for one in fields if isinstance(one, str)) <= _LONGEST:
                if len(self._fitting) >= _MOST:
                    self._fitting.clear()
                self._fitting[fields] = known
        return known

    def _nearby(self, fields: Fields) -> Iterator[Fields]:
        yield fields
        if fields.role is Role.TOOL and fields.recipient is None:
            yield fields._replace(recipient=self.rules.opening_role)
        less = fields._replace(extras=())
        yield less
        for name in _LESS_NEEDED:
            yield _without(fields._replace(extras=()), name)
            less = _without(less, name)
            yield less
        yield less._replace(name=None)

    def _writable(self, fields: Fields) -> bool:
        meaning = self.rules.meaning
        given = meaning.spelled(fields)
        return bool(forms(self.rules, (meaning.message,), given, self.machine.declared))


class WordsByParser(dict[Machine, HeaderWords]):
    """The words of headers for each parser, found when they are first needed."""

    def __missing__(self, machine: Machine) -> HeaderWords:
        if len(self) >= _MOST_PARSERS:
            self.clear()
        words = self[machine] = HeaderWords(machine)
        return words
