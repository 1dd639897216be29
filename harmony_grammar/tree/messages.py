"""Messages, whole and open, and the pieces of what they say."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from harmony_grammar.errors import Span
from harmony_grammar.tree.authors import (
    Author,
    ContentType,
    Role,
    expect,
    role_of,
    wire_role,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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


class Content(ABC):
    """One piece of what a message says."""

    __slots__ = ()

    kind: ClassVar[str]
    """The `type` of the piece in wire JSON."""

    if TYPE_CHECKING:
        # Only a text content has one. Yet almost every content is that, and programs written for
        # the reference say `message.content[0].text` without asking.
        text: str

    _kinds: ClassVar[dict[str, type[Content]]] = {}

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            Content._kinds[cls.kind] = cls

    def canonical(self) -> Content:
        """The piece without the memory of how it was written; itself if it has none."""
        return self

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The piece as wire JSON data."""

    @classmethod
    @abstractmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The piece that wire JSON data describes."""

    @staticmethod
    def of_dict(raw: Mapping[str, Any]) -> Content:
        """The piece of whichever kind `raw["type"]` names.

        Raises:
            ValueError: if no kind of content has that name.
        """
        kind = Content._kinds.get(raw.get("type", ""))
        if kind is None:
            message = (
                f"Unknown content variant: {raw!r} (the variants are {', '.join(Content._kinds)})"
            )
            raise ValueError(message)
        return kind.from_dict(raw)


@dataclass(frozen=True, slots=True)
class TextContent(Content):
    """A piece of text.

    Attributes:
        text: the text.
        ids: the ids that it was read from, if it was read from ids.
    """

    kind: ClassVar[str] = "text"

    text: str
    ids: Sequence[int] | None = field(default=None, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        expect(str, "TextContent.text", self.text)

    def canonical(self) -> TextContent:
        """The text without the ids that it was read from."""
        return TextContent(self.text)

    def to_dict(self) -> dict[str, Any]:
        """`{"type": "text", "text": …}`."""
        return {"type": self.kind, "text": self.text}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The content that `to_dict` wrote."""
        return cls(text=raw["text"])


def as_contents(value: object, name: str) -> tuple[Content, ...]:
    """Bring what a caller gives as contents into a tuple of contents."""
    if isinstance(value, (str, Content)):
        value = (value,)
    expect((list, tuple), name, value)
    pieces = tuple(TextContent(p) if isinstance(p, str) else p for p in value)  # type: ignore[attr-defined]
    for piece in pieces:
        expect(Content, f"an item of {name}", piece)
    return pieces


def text_of(contents: tuple[Content, ...]) -> str:
    """The text of the text contents, joined."""
    if len(contents) == 1 and isinstance(only := contents[0], TextContent):
        return only.text  # as in all that was read
    return "".join(piece.text for piece in contents if isinstance(piece, TextContent))


def forgetful(contents: tuple[Content, ...]) -> tuple[Content, ...]:
    """The same contents without the memory of how they were written."""
    return tuple(piece.canonical() for piece in contents)


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


@dataclass(frozen=True, slots=True)
class Message:
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

    author: Author
    content: tuple[Content, ...] = ()
    channel: str | None = None
    recipient: str | None = None
    content_type: ContentType | None = None
    extras: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False, kw_only=True)
    terminator: str | None = field(default=None, compare=False, repr=False, kw_only=True)
    header: HeaderSpelling | None = field(default=None, compare=False, repr=False, kw_only=True)
    offsets: tuple[int, int, int, int] | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )

    def __post_init__(self) -> None:
        expect(Author, "Message.author", self.author)
        object.__setattr__(self, "content", as_contents(self.content, "Message.content"))
        for name in ("channel", "recipient", "content_type"):
            expect(str, f"Message.{name}", getattr(self, name), optional=True)
        if self.content_type is not None:
            object.__setattr__(self, "content_type", ContentType(self.content_type))

    @classmethod
    def from_author_and_content(cls, author: Author, content: str | Content) -> Self:
        """A message of `author` with one piece of content."""
        return cls(author, as_contents(content, "content"))

    @classmethod
    def from_role_and_content(cls, role: Role, content: str | Content) -> Self:
        """A message of a nameless author with one piece of content."""
        return cls(Author(role), as_contents(content, "content"))

    @classmethod
    def from_role_and_contents(cls, role: Role, contents: Sequence[Content]) -> Self:
        """A message of a nameless author with several pieces of content."""
        return cls(Author(role), tuple(contents))

    def adding_content(self, content: str | Content) -> Self:
        """This message with one more piece at the end."""
        return replace(self, content=(*self.content, *as_contents(content, "content")))

    def with_channel(self, channel: str) -> Self:
        """This message on another channel."""
        return replace(self, channel=channel)

    def with_recipient(self, recipient: str) -> Self:
        """This message addressed to `recipient`."""
        return replace(self, recipient=recipient)

    def with_content_type(self, content_type: str) -> Self:
        """This message with its body declared as `content_type`, in wire spelling."""
        return replace(self, content_type=ContentType(content_type))

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
        """This message without the memory of how it was written."""
        content = forgetful(self.content)
        return replace(self, content=content, terminator=None, header=None, offsets=None)

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
            ValueError: if a role or a content is of no known kind.
        """
        raw = data["content"]
        pieces = [{"type": TextContent.kind, "text": raw}] if isinstance(raw, str) else raw
        return cls(
            Author(role_of(data), data.get("name")),
            tuple(Content.of_dict(piece) for piece in pieces),
            data.get("channel"),
            data.get("recipient"),
            data.get("content_type"),
            extras=dict(data.get("extras") or {}),
        )

    @classmethod
    def from_json(cls, payload: str) -> Self:
        """The message that wire JSON describes."""
        return cls.from_dict(json.loads(payload))


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """The message at the end of a prompt, which the model is to go on with.

    Attributes:
        author: who is to speak.
        content: None while the header is open; the prefilled body (perhaps empty) after it.
        channel, recipient, content_type: as far as the header says them already.
        header: how the header was written, if it was read.
        offsets: where it begins, where its body begins (or would) and where it ends.
    """

    author: Author
    content: tuple[Content, ...] | None = None
    channel: str | None = None
    recipient: str | None = None
    content_type: ContentType | None = None
    extras: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False, kw_only=True)
    header: HeaderSpelling | None = field(default=None, compare=False, repr=False, kw_only=True)
    offsets: tuple[int, int, int] | None = field(
        default=None, compare=False, repr=False, kw_only=True
    )

    def __post_init__(self) -> None:
        expect(Author, "OpenMessage.author", self.author)
        if self.content is not None:
            object.__setattr__(self, "content", as_contents(self.content, "OpenMessage.content"))
        if self.content_type is not None:
            object.__setattr__(self, "content_type", ContentType(self.content_type))

    @property
    def text(self) -> str:
        """The prefilled body; empty while the header is open."""
        return text_of(self.content or ())

    def canonical(self) -> Self:
        """This message without the memory of how it was written."""
        content = self.content and forgetful(self.content)
        return replace(self, content=content, header=None, offsets=None)

    def to_dict(self) -> dict[str, Any]:
        """The open message as JSON data, in the manner of `Message.to_dict`."""
        content = self.content or ()
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


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order, and for a prompt the open message after them.

    Attributes:
        messages: the whole messages.
        open_message: what the model is to go on with; only in a prompt.
        start: how the text begins and ends; no part of equality.
    """

    messages: tuple[Message, ...] = ()
    open_message: OpenMessage | None = None
    start: Start = field(default="conversation", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        expect((list, tuple), "Conversation.messages", self.messages)
        object.__setattr__(self, "messages", tuple(self.messages))
        for message in self.messages:
            expect(Message, "an item of Conversation.messages", message)
        expect(OpenMessage, "Conversation.open_message", self.open_message, optional=True)
        if self.open_message is not None:
            object.__setattr__(self, "start", "prompt")

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> Self:
        """A conversation of these messages."""
        return cls(tuple(messages))

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def canonical(self) -> Self:
        """The normal form: the same messages without the memory of how they were written."""
        return replace(
            self,
            messages=tuple(message.canonical() for message in self.messages),
            open_message=self.open_message and self.open_message.canonical(),
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
        """The conversation that wire JSON data describes."""
        raw = data.get("open_message")
        return cls(
            tuple(Message.from_dict(message) for message in data["messages"]),
            None if raw is None else OpenMessage.from_dict(raw),
        )

    @classmethod
    def from_json(cls, payload: str) -> Self:
        """The conversation that wire JSON describes."""
        return cls.from_dict(json.loads(payload))
