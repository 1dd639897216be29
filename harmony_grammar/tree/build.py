"""Building nodes from what was read, past the checks of their constructors.

What comes from the grammar has the right types already, and a transcript has many messages; so
the slots are filled directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from harmony_grammar.tree.authors import Author
from harmony_grammar.tree.messages import (
    Conversation,
    HeaderSpelling,
    Message,
    OpenMessage,
    TextContent,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.tree.authors import ContentType, CustomRole, Role
    from harmony_grammar.tree.messages import Start


__all__ = [
    "Fields",
    "HeaderRead",
    "author",
    "conversation",
    "header_spelling",
    "message",
    "open_message",
    "text_content",
]


class Fields(NamedTuple):
    """The fields of a header, none of which can be changed."""

    role: Role | CustomRole
    name: str | None
    channel: str | None
    recipient: str | None
    content_type: ContentType | None
    extras: tuple[tuple[str, str], ...] = ()

    @property
    def author(self) -> Author:
        """An author of these, a new one each time."""
        return author(self.role, self.name)


class HeaderRead(Protocol):
    """What a header hands over: its fields, and how it was written."""

    fields: Fields
    spelling: HeaderSpelling


def _bare(kind: type) -> Any:
    """A class with the slots of another, whose attributes are set without a check.

    An object of it becomes one of the other by its `__class__`. That is the fastest way there is
    to make an object past its constructor: half the time of filling slots one by one.
    """
    members = {"__slots__": kind.__slots__, "__setattr__": object.__setattr__}  # type: ignore[attr-defined]
    return type(f"Bare{kind.__name__}", kind.__bases__, members)


_Text: Final = _bare(TextContent)
_Spelling: Final = _bare(HeaderSpelling)
_Author: Final = _bare(Author)
_Conversation: Final = _bare(Conversation)
_Message: Final = _bare(Message)


def header_spelling(
    symbols: tuple[str, ...], text: str, ids: tuple[int, ...] | None, usual: str
) -> HeaderSpelling:
    """How a header was written."""
    node = _Spelling()
    node.symbols, node.text, node.ids, node.usual = symbols, text, ids, usual
    node.__class__ = HeaderSpelling
    return node  # type: ignore[no-any-return]


def author(role: Role | CustomRole, name: str | None) -> Author:
    """An author."""
    node = _Author()
    node.role, node.name = role, name
    node.__class__ = Author
    return node  # type: ignore[no-any-return]


def conversation(messages: list[Message], opened: OpenMessage | None, start: Start) -> Conversation:
    """A conversation; one with an open message is a prompt, whatever it was read as."""
    node = _Conversation()
    node.messages, node.open_message = messages, opened
    node.start = start if opened is None else "prompt"
    node.__class__ = Conversation
    return node  # type: ignore[no-any-return]


def text_content(text: str, ids: Sequence[int] | None) -> TextContent:
    """A text content, of text that is a `str` for sure."""
    node = _Text()
    node.text, node.ids = text, ids
    node.__class__ = TextContent
    return node  # type: ignore[no-any-return]


def message(
    header: HeaderRead,
    content: TextContent,
    terminator: str,
    offsets: tuple[int, int, int, int],
) -> Message:
    """The message that a header, a body and a terminator make."""
    role, name, channel, recipient, content_type, extras = header.fields
    speaker = _Author()
    speaker.role, speaker.name = role, name
    speaker.__class__ = Author
    node = _Message()
    node.author, node.content = speaker, [content]
    node.channel, node.recipient, node.content_type = channel, recipient, content_type
    node.extras = dict(extras) if extras else {}
    node.terminator, node.header, node.offsets = terminator, header.spelling, offsets
    node.__class__ = Message
    return node  # type: ignore[no-any-return]


def open_message(
    header: HeaderRead, content: TextContent | None, offsets: tuple[int, int, int]
) -> OpenMessage:
    """The open message that (the beginning of) a header and of a body make."""
    return OpenMessage(
        header.fields.author,
        None if content is None else [content],
        header.fields.channel,
        header.fields.recipient,
        header.fields.content_type,
        extras=dict(header.fields.extras),
        header=header.spelling,
        offsets=offsets,
    )
