"""Rendering: the tree back to text or ids.

A message is its header, its body and its terminator. Header and terminator come from the form
that the message's fields fit (`forms`), found once for each set of fields and remembered; the
body is what its contents say. What was read is given back as it was: the form that it was read
from is preferred, and headers and bodies keep the ids that they were read from.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.bodies.sections import body_text, has_function_tools
from harmony_grammar.errors import RenderError
from harmony_grammar.reading.reader import valid_channels
from harmony_grammar.reading.violations import header_violation
from harmony_grammar.tokens import special_pattern
from harmony_grammar.tree import Conversation, OpenMessage, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.writing.forms import Spelling, Wish, best_form, forms, labels_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.ways import Way
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.tree import Content, CustomRole, Message
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["Manner", "Offsets", "Renderer"]

_MOST_FORMS: Final = 4096
_LONGEST_FORM: Final = 256  # characters of a header; longer ones are not remembered
_SYSTEM: Final = Role.SYSTEM  # looked up once: enumerations are slow

# Which roles a content may stand in a message of; the others may stand anywhere.
_PLACES: Final[Mapping[type[Content], Role]] = {
    SystemContent: _SYSTEM,
    DeveloperContent: Role.DEVELOPER,
}


class _WrittenHeader(NamedTuple):
    """A header and its terminator, ready to be written.

    Attributes:
        text: the header's text.
        ids: the header's ids; empty until ids are asked for.
        terminator: the terminator's text; empty for an open message.
        terminator_ids: its ids.
    """

    text: str
    ids: list[int]
    terminator: str
    terminator_ids: list[int]


class _Job(NamedTuple):
    """A message and where it stands.

    Attributes:
        message: the message.
        sequence: the rules that it is written by.
        implied_role: the role that need not be written, because the prompt has written it.
        declared: the channels that the conversation declares.
        terminator: the terminator that is wanted, whichever the message was read with; None for
            that one.
    """

    message: Message | OpenMessage
    sequence: tuple[str, ...]
    implied_role: Role | CustomRole | None = None
    declared: frozenset[str] = frozenset()
    terminator: str | None = None


class Manner(NamedTuple):
    """How a message is written where there is a choice.

    Attributes:
        spelling: how the header of a message is written that was not read.
        function_tools: whether the conversation declares function tools.
        schema_style: how what tools take is written in a content that was not read.
    """

    spelling: Spelling = "openai"
    function_tools: bool = False
    schema_style: Style = "compatible"


# Where a header, its body and its terminator begin and where the terminator ends, in ids.
Offsets: TypeAlias = "tuple[int, int, int, int]"


class Renderer:
    """Rendering with one grammar and one vocabulary.

    Args:
        rules: the grammar.
        vocabulary: gives the vocabulary, which only ids need.
    """

    def __init__(self, rules: Rules, vocabulary: Callable[[], Vocabulary]) -> None:
        self.rules = rules
        self._vocabulary = vocabulary
        self._remembered: dict[object, _WrittenHeader] = {}
        self._spelled = special_pattern(rules.specials)

    def render(
        self,
        node: Conversation | Message | OpenMessage,
        *,
        spelling: Spelling = "openai",
        schema_style: Style = "compatible",
    ) -> str:
        """Render to text; see `harmony_grammar.render`."""
        manner = Manner(spelling, _function_tools(node), schema_style)
        return "".join(text for job in self._jobs(node) for text in self._texts(job, manner))

    def encode(
        self,
        node: Conversation | Message | OpenMessage,
        *,
        spelling: Spelling = "openai",
        schema_style: Style = "compatible",
    ) -> list[int]:
        """Render to ids; see `harmony_grammar.encode`."""
        out: list[int] = []
        manner = Manner(spelling, _function_tools(node), schema_style)
        for job in self._jobs(node):
            self._extend(out, job, manner)
        return out

    def extend(
        self, out: list[int], messages: Iterable[tuple[Message, str | None]], manner: Manner
    ) -> list[Offsets]:
        """Append the ids of whole messages.

        Args:
            out: what to append to.
            messages: the messages, each with the terminator that is wanted where the grammar
                leaves a choice; None for the usual one.
            manner: how to write them.

        Returns:
            Where each message is in `out`.

        Raises:
            RenderError: if no production writes a message's fields.
        """
        return [self._extend(out, job, manner) for job in self._whole(messages)]

    def marked_ids(self, text: str) -> list[int]:
        """The ids of a header or terminator, in which special tokens are spelled."""
        _require_whole_characters(text)
        return self._vocabulary().encode_marked(text, self.rules.specials)

    # --- what is written by which rule ---

    def _jobs(self, node: Conversation | Message | OpenMessage) -> Iterator[_Job]:
        if isinstance(node, OpenMessage):
            yield _Job(node, (self.rules.meaning.open_message,))
        elif not isinstance(node, Conversation):
            yield _Job(node, (self.rules.meaning.message,))
        elif node.start == "completion":
            yield from self._completion(node.messages)
        else:
            yield from self._conversation(node)

    def _whole(self, messages: Iterable[tuple[Message, str | None]]) -> Iterator[_Job]:
        declared: frozenset[str] = frozenset()
        one = (self.rules.meaning.message,)
        for message, terminator in messages:
            yield _Job(message, one, None, declared, terminator)
            if message.author.role is _SYSTEM:
                declared = self._declared(message)

    def _conversation(self, node: Conversation) -> Iterator[_Job]:
        yield from self._whole((message, None) for message in node.messages)
        if node.open_message is not None:
            system = [m for m in node.messages if m.author.role is _SYSTEM]
            declared = self._declared(system[-1]) if system else frozenset()
            yield _Job(node.open_message, (self.rules.meaning.open_message,), declared=declared)
        elif node.start == "prompt":
            raise RenderError("a prompt ends in an open message: set Conversation.open_message")

    def _completion(self, messages: Sequence[Message]) -> Iterator[_Job]:
        if not messages:
            raise RenderError("a completion has at least one message")
        meaning, role = self.rules.meaning, self.rules.meaning.model_role
        for index, message in enumerate(messages):
            rule = meaning.last if index == len(messages) - 1 else meaning.interim
            yield _Job(message, (meaning.opening, rule)) if index else _Job(message, (rule,), role)

    def _declared(self, message: Message) -> frozenset[str]:
        line = valid_channels(self.rules, self._body(message, Manner()))
        return frozenset(line.channels)

    # --- headers and terminators ---

    def _written(self, job: _Job, spelling: Spelling) -> _WrittenHeader:
        """The header and the terminator of a message, from memory if it has been seen."""
        m, sequence, implied, declared, terminator = job
        author, header = m.author, m.header
        symbols = () if header is None else header.symbols
        if terminator is None and not isinstance(m, OpenMessage):
            terminator = m.terminator
        key = (
            author.role,
            author.name,
            m.channel,
            m.recipient,
            m.content_type,
            symbols,
            terminator,
            spelling,
            sequence,
            implied,
            declared,
            m.content is None,
            *m.extras.items(),
        )
        written = self._remembered.get(key)
        if written is None:
            wish = Wish(symbols, terminator, labels_of(self.rules, spelling, m.channel))
            constrains = spelling == "oss" and header is None
            written = self._remember(key, self._form(job, wish, constrains=constrains))
        return written

    def _remember(self, key: object, form: Way) -> _WrittenHeader:
        written = _WrittenHeader(text_of(form.header), [], text_of(form.ending), [])
        if len(written.text) <= _LONGEST_FORM:
            if len(self._remembered) >= _MOST_FORMS:
                self._remembered.clear()
            self._remembered[key] = written
        return written

    def _form(self, job: _Job, wish: Wish, *, constrains: bool) -> Way:
        fields = self._fields(job, constrains=constrains)
        declared = job.declared | self._once_declared(job.message)
        body = job.message.content is not None
        found = forms(self.rules, job.sequence, fields, declared)
        form = best_form([f for f in found if f.has_body == body], wish)
        if form is None:
            raise RenderError(self._misfit(job, fields, declared))
        violation = header_violation(self.rules, job.message)
        if violation is not None:
            raise RenderError(f"{violation.message}: {violation.hint}")
        if fields.get("tool") in self.rules.roles:
            raise RenderError(
                f"a tool cannot have the name {fields['tool']!r}, which is a role and would be "
                "read as one: give the tool another name"
            )
        return form

    def _fields(self, job: _Job, *, constrains: bool) -> dict[str, str]:
        """The fields of a message that are to be written."""
        author = job.message.author
        if author.role is Role.TOOL and author.name is None:
            raise RenderError("a tool's message needs the tool's name: Author.new(Role.TOOL, name)")
        fields = self.rules.meaning.spelled(job.message)
        if author.role == job.implied_role:
            del fields["role"]
        kind = job.message.content_type
        if constrains and kind is not None and not kind.constrained:
            fields["content_type"] = self.rules.literal(self.rules.meaning.constrain_marker) + kind
        return fields

    def _once_declared(self, message: Message | OpenMessage) -> frozenset[str]:
        """The channel of a message that was read where it was declared."""
        declared = {name for name, t in self.rules.terminals.items() if t.pattern is None}
        if message.header is None or message.channel is None:
            return frozenset()
        return frozenset({message.channel} if declared & set(message.header.symbols) else ())

    def _misfit(self, job: _Job, fields: dict[str, str], declared: frozenset[str]) -> str:
        """What to say of fields that no production writes."""
        said = ", ".join(f"{name} {value!r}" for name, value in fields.items())
        for name in ("channel", "role"):
            words = self.rules.field_words(name)
            if name in fields and fields[name] not in words:
                near = get_close_matches(fields[name], words, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(words)}"
                return f"the format has no {name} {fields[name]!r}: {hint}"
        return f"no message of the format has {said}{self._remedy(job, fields, declared)}"

    def _remedy(self, job: _Job, fields: dict[str, str], declared: frozenset[str]) -> str:
        """What to change about fields that no production writes, if one change is enough."""
        for name in ("recipient", "channel", "content_type", "name"):
            rest = {key: value for key, value in fields.items() if key != name}
            if name in fields and forms(self.rules, job.sequence, rest, declared):
                return f": leave out the {name}, or give another"
        addressed = {**fields, "recipient": self.rules.opening_role}
        fits = forms(self.rules, job.sequence, addressed, declared)
        return f": name a recipient, such as {self.rules.opening_role!r}" if fits else ""

    # --- bodies ---

    def _body(self, message: Message | OpenMessage, manner: Manner) -> str:
        return "".join(self._content(message, piece, manner) for piece in message.content or ())

    def _content(self, message: Message | OpenMessage, piece: Content, manner: Manner) -> str:
        if isinstance(piece, TextContent):
            return piece.text
        role = _PLACES.get(type(piece))
        if role is not None and message.author.role is not role:
            raise RenderError(
                f"a {type(piece).__name__} belongs in a {role.value} message, "
                f"not in one of the {message.author.role.value}"
            )
        source = _source(piece)
        if source is not None:
            return source.text
        tools, style = manner.function_tools, manner.schema_style
        return body_text(piece, function_tools=tools, rules=self.rules, schema_style=style)

    # --- text ---

    def _texts(self, job: _Job, manner: Manner) -> Iterator[str]:
        written = self._written(job, manner.spelling)
        header = job.message.header
        body = self._body(job.message, manner)
        if spelled := self._spelled.search(body):
            raise RenderError(
                f"a body spells the special token {spelled.group()} at character "
                f"{spelled.start()}, and as text the two are the same: render it to ids instead"
            )
        yield header.text if header is not None and header.usual == written.text else written.text
        yield body
        yield written.terminator

    # --- ids ---

    def _extend(self, out: list[int], job: _Job, manner: Manner) -> Offsets:
        """Append the ids of a message; where its parts are then."""
        written = self._written(job, manner.spelling)
        message, header = job.message, job.message.header
        if not written.ids:
            written.ids.extend(self.marked_ids(written.text))
            written.terminator_ids.extend(self.marked_ids(written.terminator))
        start = len(out)
        if header is not None and header.usual == written.text:
            out.extend(self.marked_ids(header.text) if header.ids is None else header.ids)
        else:
            out.extend(written.ids)
        body = len(out)
        for piece in message.content or ():
            out.extend(self._piece_ids(message, piece, manner))
        end = len(out)
        out.extend(written.terminator_ids)
        return start, body, end, len(out)

    def _piece_ids(
        self, message: Message | OpenMessage, piece: Content, manner: Manner
    ) -> Sequence[int]:
        if type(piece) is TextContent:  # most are, and `isinstance` of an abstract class is slow
            return self._encode(piece.text) if piece.ids is None else piece.ids
        text = self._content(message, piece, manner)
        source = _source(piece)
        return self._encode(text) if source is None or source.ids is None else source.ids

    @cached_property
    def _encoder(self) -> Callable[[str], list[int]]:
        return self._vocabulary().encode

    def _encode(self, text: str) -> list[int]:
        """Text as ordinary ids."""
        if not text.isascii():  # only then can it hold half a character
            _require_whole_characters(text)
        return self._encoder(text)


def _source(piece: Content) -> TextContent | None:
    """The text that a content was read from, if it was."""
    return piece.source if isinstance(piece, (SystemContent, DeveloperContent)) else None


def _require_whole_characters(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RenderError(
            f"a lone surrogate at character {error.start} is half a character and has no ids: "
            "decode the text with errors='replace' where it comes from"
        ) from None


def _function_tools(node: Conversation | Message | OpenMessage) -> bool:
    return isinstance(node, Conversation) and has_function_tools(node.messages)
