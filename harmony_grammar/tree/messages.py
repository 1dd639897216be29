"""Messages, whole and open, and the pieces of what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

from harmony_grammar.errors import FieldError, Span
from harmony_grammar.tree.authors import Author, ContentType, Role, role_of, wire_role
from harmony_grammar.tree.nodes import (
    OURS,
    PLAIN_TEXT,
    ByName,
    FieldKind,
    FieldMisfit,
    Listed,
    Nested,
    Node,
    Optionally,
    Worded,
    expect,
    must_be,
    object_schema,
    require_known,
    unchecked,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

__all__ = [
    "Content",
    "Conversation",
    "HeaderSpelling",
    "Message",
    "OpenMessage",
    "Start",
    "TextContent",
]


class Content(Node):
    """One piece of what a message says."""

    if TYPE_CHECKING:
        # Only a text content has one. Yet almost every content is that, and programs written for
        # the reference say `message.content[0].text` without asking.
        text: str
    else:
        __slots__ = ()

    kind: ClassVar[str]
    """The `type` of the piece in wire JSON."""

    _known: ClassVar[dict[str, type[Content]]] = {}

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            Content._known[cls.kind] = cls

    def canonical(self) -> Content:
        """A copy of the piece without the memory of how it was written."""
        raise NotImplementedError

    def marks(self) -> dict[str, Any]:
        """The `type` of the piece."""
        return {"type": self.kind}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The piece that wire JSON data describes.

        Raises:
            FieldError: if it is of another kind, a field is missing or there is no such field, or
                one has what it cannot hold.
        """
        expect(Mapping, f"what {cls.__name__} is read from", raw)
        if raw.get("type", cls.kind) != cls.kind:
            raise FieldError(f"{cls.__name__} has the type {cls.kind!r}, not {raw['type']!r}")
        rest = {key: value for key, value in raw.items() if key != "type"}
        return super().from_dict(rest)

    @classmethod
    def of_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """The piece of whichever kind a mapping says, where any content may stand."""
        return Content.of_dict(raw) if cls is Content else cls.from_dict(raw)  # type: ignore[return-value]  # `cls` is `Content`

    @staticmethod
    def of_dict(raw: Mapping[str, Any]) -> Content:
        """The piece of whichever kind `raw["type"]` names.

        Raises:
            FieldError: if no kind of content has that name; or as for `from_dict`.
        """
        if _is_plain_text(raw):  # as nearly all are, and a transcript has many
            return unchecked(TextContent, text=raw["text"], ids=None)
        expect(Mapping, "a content", raw)
        from harmony_grammar.tree import contents  # noqa: F401, PLC0415  makes their kinds known

        kind = Content._known.get(raw.get("type", ""))
        if kind is None:
            raise FieldError(
                f"Unknown content variant: {raw!r} (the variants are {', '.join(Content._known)})"
            )
        return kind.from_dict(raw)

    @classmethod
    def model_json_schema(cls, **options: Any) -> dict[str, Any]:
        """The JSON Schema of wire JSON."""
        if cls is not Content:
            schema = super().model_json_schema(**options)
            schema["properties"]["type"] = {"const": cls.kind}
            return {**schema, "required": [*schema.get("required", ()), "type"]}
        from harmony_grammar.tree import contents  # noqa: F401, PLC0415  makes their kinds known

        return {"anyOf": [kind.model_json_schema() for kind in Content._known.values()]}


def _is_plain_text(raw: Any) -> bool:
    """Whether wire JSON is a text content without anything else."""
    is_text = type(raw) is dict and raw.get("type") == "text" and len(raw) == 2  # noqa: PLR2004  type and text
    return is_text and type(raw.get("text")) is str


@dataclass(slots=True)
class TextContent(Content):
    """A piece of text.

    Attributes:
        text: the text.
        ids: the ids that it was read from, if it was read from ids and not changed since.
    """

    kind: ClassVar[str] = "text"
    kinds: ClassVar[Mapping[str, FieldKind]] = {"text": PLAIN_TEXT}

    text: str
    ids: Sequence[int] | None = field(default=None, compare=False, repr=False, kw_only=True)

    if not TYPE_CHECKING:  # whoever checks types knows the fields; this would allow any name

        def __setattr__(self, name: str, value: object) -> None:
            Node.__setattr__(self, name, value)
            if name == "text":
                object.__setattr__(self, "ids", None)  # they spell what it was

    def canonical(self) -> TextContent:
        """The text without the ids that it was read from."""
        return TextContent(self.text)

    def to_dict(self) -> dict[str, Any]:
        """`{"type": "text", "text": …}`."""
        return {"type": self.kind, "text": self.text}


class _ContentList:
    """The contents of a message: a list, or one content; a text stands for a text content."""

    def take(self, value: Any) -> list[Content]:
        """A new list of contents."""
        if isinstance(value, (str, Content)):
            value = (value,)
        if not isinstance(value, (list, tuple)):
            raise FieldMisfit("", must_be((list, tuple), value))
        return [self._piece(item) for item in value]

    def _piece(self, item: Any) -> Content:
        if isinstance(item, Content):
            return item
        if isinstance(item, str):
            return TextContent(item)
        if isinstance(item, Mapping):
            return Content.of_dict(item)
        raise FieldMisfit("an item of ", must_be(Content, item))

    def schema(self) -> dict[str, Any]:
        """A text, or a list of contents."""
        items = {"type": "array", "items": Content.model_json_schema()}
        return {"anyOf": [{"type": "string"}, items]}


PIECES: Final = _ContentList()


def text_of(contents: Sequence[Content]) -> str:
    """The text of the text contents, joined."""
    if len(contents) == 1 and isinstance(only := contents[0], TextContent):
        return only.text  # as in all that was read
    return "".join(piece.text for piece in contents if isinstance(piece, TextContent))


def forgetful(contents: Sequence[Content]) -> list[Content]:
    """Copies of contents without the memory of how they were written."""
    return [piece.canonical() for piece in contents]


@dataclass(frozen=True, slots=True)
class HeaderSpelling:
    """How a header was written: its production, and the ids it was read from.

    Attributes:
        symbols: the names of the header's terminals, in order, as the grammar calls them.
        text: the header's text.
        ids: its ids, if it was read from ids; they may be a tokenisation of the model's own.
        usual: its text with the blanks that the grammar writes; the text itself unless given.
    """

    symbols: tuple[str, ...]
    text: str
    ids: tuple[int, ...] | None = None
    usual: str = ""

    def __post_init__(self) -> None:
        if not self.usual:
            object.__setattr__(self, "usual", self.text)


HEADER_KINDS: Final[dict[str, FieldKind]] = {
    "author": Nested(Author),
    "channel": Optionally(PLAIN_TEXT),
    "recipient": Optionally(PLAIN_TEXT),
    "content_type": Optionally(Worded(ContentType)),
    "extras": ByName(PLAIN_TEXT),
}
_WIRE: Final = (
    *("role", "custom_role", "name", "content", "channel", "recipient", "content_type", "extras"),
)


@dataclass(slots=True)
class Message(Node):
    """One message.

    Attributes:
        author: who it is from.
        content: what it says, in pieces.
        channel: the channel it is on.
        recipient: whom it is addressed to; for the assistant's messages, the tool it calls.
        content_type: what its body is.
        extras: the fields that a grammar of one's own adds to headers, by its rule.
        terminator: the token that ended it, if it was read; rendering chooses by rule otherwise.
        header: how its header was written, if it was read.
        offsets: where it begins, where its body begins, where its terminator begins and where
            it ends, in characters or indices of ids, if it was read.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = HEADER_KINDS | {"content": PIECES}

    author: Author
    content: list[Content] = field(default_factory=list)
    channel: str | None = None
    recipient: str | None = None
    content_type: ContentType | None = None
    extras: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True, metadata=OURS)
    terminator: str | None = field(default=None, compare=False, repr=False, kw_only=True)
    header: HeaderSpelling | None = field(default=None, compare=False, repr=False, kw_only=True)
    offsets: tuple[int, int, int, int] | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )

    @classmethod
    def from_author_and_content(cls, author: Author, content: str | Content) -> Self:
        """A message of `author` with one piece of content."""
        return cls(author, content)  # type: ignore[arg-type]  # made a list of

    @classmethod
    def from_role_and_content(cls, role: Role, content: str | Content) -> Self:
        """A message of a nameless author with one piece of content."""
        return cls(Author(role), content)  # type: ignore[arg-type]  # made a list of

    @classmethod
    def from_role_and_contents(cls, role: Role, contents: Sequence[Content]) -> Self:
        """A message of a nameless author with several pieces of content."""
        return cls(Author(role), list(contents))

    def adding_content(self, content: str | Content) -> Self:
        """Add one more piece at the end of this message, and return it."""
        self.content.extend(PIECES.take(content))
        return self

    def with_channel(self, channel: str) -> Self:
        """Put this message on another channel, and return it."""
        self.channel = channel
        return self

    def with_recipient(self, recipient: str) -> Self:
        """Address this message to `recipient`, and return it."""
        self.recipient = recipient
        return self

    def with_content_type(self, content_type: str) -> Self:
        """Declare the body of this message as `content_type`, in wire spelling, and return it."""
        self.content_type = ContentType(content_type)
        return self

    @property
    def text(self) -> str:
        """The text of all text contents, joined."""
        return text_of(self.content)

    @property
    def span(self) -> Span | None:
        """Where the whole message stood, or None if it was not read."""
        return self.offsets and Span(self.offsets[0], self.offsets[3])

    @property
    def header_span(self) -> Span | None:
        """Where its header stood, from the start token through the token that opens the body."""
        return self.offsets and Span(self.offsets[0], self.offsets[1])

    @property
    def body_span(self) -> Span | None:
        """Where its body stood, between the header and the terminator."""
        return self.offsets and Span(self.offsets[1], self.offsets[2])

    @property
    def terminator_span(self) -> Span | None:
        """Where its terminator stood."""
        return self.offsets and Span(self.offsets[2], self.offsets[3])

    def canonical(self) -> Self:
        """A copy of this message without the memory of how it was written."""
        return replace(
            self,
            author=copy(self.author),
            content=forgetful(self.content),
            terminator=None,
            header=None,
            offsets=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """The message as wire JSON data, as openai_harmony writes it."""
        fields = {
            "channel": self.channel,
            "recipient": self.recipient,
            "content_type": None if self.content_type is None else str(self.content_type),
        }
        return {
            **wire_role(self.author.role),
            "name": self.author.name,
            "content": [piece.to_dict() for piece in self.content],
            **{key: value for key, value in fields.items() if value is not None},
            **({"extras": dict(self.extras)} if self.extras else {}),
        }

    def to_json(self) -> str:
        """The message as wire JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The message that wire JSON data describes; a text may stand for a list with one text.

        Raises:
            KeyError: if `role` or `content` is missing.
            FieldError: if a role or a content is of no known kind, there is no such field, or one
                has what it cannot hold.
        """
        expect(Mapping, f"what {cls.__name__} is read from", data)
        require_known(cls, data, _WIRE)
        fields = {
            "author": Author(role_of(data), data.get("name")),
            "content": data["content"],
            "channel": data.get("channel"),
            "recipient": data.get("recipient"),
            "content_type": data.get("content_type"),
            "extras": data.get("extras") or {},
        }
        if cls is not Message:  # whose constructor may do more
            return cls(**fields)
        message = unchecked(cls, terminator=None, header=None, offsets=None)
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    @classmethod
    def of_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """The message that a mapping of its fields, or of wire JSON, stands for."""
        if "author" not in raw:
            return cls.from_dict(raw)
        require_known(cls, raw, cls.kinds)
        return cls(**raw)

    @classmethod
    def from_json(cls, payload: str) -> Self:
        """The message that wire JSON describes."""
        return cls.from_dict(json.loads(payload))

    @classmethod
    def model_json_schema(cls, **_options: Any) -> dict[str, Any]:
        """The JSON Schema of wire JSON."""
        author = {name: kind.schema() for name, kind in Author.kinds.items()}
        fields = {name: kind.schema() for name, kind in cls.kinds.items() if name != "author"}
        return object_schema(cls.__name__, author | fields, ("role", "content"))


@dataclass(slots=True)
class OpenMessage(Node):
    """The message at the end of a prompt, which the model is to go on with.

    Attributes:
        author: who is to speak.
        content: None while the header is open; the prefilled body (perhaps empty) after it.
        channel, recipient, content_type: as far as the header says them already.
        header: how the header was written, if it was read.
        offsets: where it begins, where its body begins (or would) and where it ends.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = HEADER_KINDS | {"content": Optionally(PIECES)}

    author: Author
    content: list[Content] | None = None
    channel: str | None = None
    recipient: str | None = None
    content_type: ContentType | None = None
    extras: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True, metadata=OURS)
    header: HeaderSpelling | None = field(default=None, compare=False, repr=False, kw_only=True)
    offsets: tuple[int, int, int] | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )

    @property
    def text(self) -> str:
        """The prefilled body; empty while the header is open."""
        return text_of(self.content or ())

    def canonical(self) -> Self:
        """A copy of this message without the memory of how it was written."""
        return replace(
            self,
            author=copy(self.author),
            content=None if self.content is None else forgetful(self.content),
            header=None,
            offsets=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """The open message as JSON data, in the manner of `Message.to_dict`."""
        content = self.content or []
        data = Message(
            self.author,
            content,
            self.channel,
            self.recipient,
            self.content_type,
            extras=self.extras,
        ).to_dict()
        return data if self.content is not None else {**data, "content": None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The open message that `to_dict` wrote."""
        whole = Message.from_dict({**data, "content": data["content"] or []})
        return cls(
            whole.author,
            None if data["content"] is None else whole.content,
            whole.channel,
            whole.recipient,
            whole.content_type,
            extras=whole.extras,
        )


Start: TypeAlias = Literal["conversation", "prompt", "completion"]
"""Where a text begins and ends: whole messages, an open header at the end, or one at the start."""


@dataclass(slots=True)
class Conversation(Node):
    """Messages in order, and for a prompt the open message after them.

    Attributes:
        messages: the whole messages.
        open_message: what the model is to go on with; only in a prompt.
        start: how the text begins and ends; no part of equality.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "messages": Listed(Nested(Message)),
        "open_message": Optionally(Nested(OpenMessage)),
    }

    messages: list[Message] = field(default_factory=list)
    open_message: OpenMessage | None = field(default=None, metadata=OURS)
    start: Start = field(default="conversation", compare=False, kw_only=True)

    if not TYPE_CHECKING:  # whoever checks types knows the fields; this would allow any name

        def __setattr__(self, name: str, value: object) -> None:
            Node.__setattr__(self, name, value)
            # A conversation with an open message is a prompt, whatever it was read as.
            if name == "messages":
                return
            if self.open_message is not None:
                Node.__setattr__(self, "start", "prompt")
            elif name == "open_message" and getattr(self, "start", "prompt") == "prompt":
                Node.__setattr__(self, "start", "conversation")

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> Self:
        """A conversation of these messages."""
        return cls(list(messages))

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def canonical(self) -> Self:
        """The normal form: the same messages without the memory of how they were written."""
        return replace(
            self,
            messages=[message.canonical() for message in self.messages],
            open_message=None if self.open_message is None else self.open_message.canonical(),
        )

    def to_dict(self) -> dict[str, Any]:
        """The conversation as wire JSON data."""
        data: dict[str, Any] = {"messages": [message.to_dict() for message in self.messages]}
        if self.open_message is not None:
            data["open_message"] = self.open_message.to_dict()
        return data

    def to_json(self) -> str:
        """The conversation as wire JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The conversation that wire JSON data describes.

        Raises:
            KeyError: if `messages`, or `role` or `content` of a message, is missing.
            FieldError: if there is no such field, or one has what it cannot hold.
        """
        expect(Mapping, f"what {cls.__name__} is read from", data)
        require_known(cls, data, cls.kinds)
        raw = data.get("open_message")
        return cls(
            [Message.of_mapping(message) for message in data["messages"]],
            None if raw is None else OpenMessage.from_dict(raw),
        )

    @classmethod
    def from_json(cls, payload: str) -> Self:
        """The conversation that wire JSON describes."""
        return cls.from_dict(json.loads(payload))
