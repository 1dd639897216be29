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
    from collections.abc import Callable, Sequence

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
    """The fields of a header."""

    author: Author
    channel: str | None
    recipient: str | None
    content_type: ContentType | None
    extras: tuple[tuple[str, str], ...] = ()


class HeaderRead(Protocol):
    """What a header hands over: its fields, and how it was written."""

    fields: Fields
    spelling: HeaderSpelling


_new: Final = object.__new__


def _slot(kind: type, name: str) -> Callable[[Any, Any], None]:
    setter: Callable[[Any, Any], None] = vars(kind)[name].__set__
    return setter


_set_text: Final = _slot(TextContent, "text")
_set_ids: Final = _slot(TextContent, "ids")
_set_symbols: Final = _slot(HeaderSpelling, "symbols")
_set_header_text: Final = _slot(HeaderSpelling, "text")
_set_header_ids: Final = _slot(HeaderSpelling, "ids")
_set_usual: Final = _slot(HeaderSpelling, "usual")
_set_role: Final = _slot(Author, "role")
_set_name: Final = _slot(Author, "name")
_set_messages: Final = _slot(Conversation, "messages")
_set_open_message: Final = _slot(Conversation, "open_message")
_set_start: Final = _slot(Conversation, "start")
_set_author: Final = _slot(Message, "author")
_set_content: Final = _slot(Message, "content")
_set_channel: Final = _slot(Message, "channel")
_set_recipient: Final = _slot(Message, "recipient")
_set_content_type: Final = _slot(Message, "content_type")
_set_extras: Final = _slot(Message, "extras")
_set_terminator: Final = _slot(Message, "terminator")
_set_header: Final = _slot(Message, "header")
_set_offsets: Final = _slot(Message, "offsets")


def header_spelling(
    symbols: tuple[str, ...], text: str, ids: tuple[int, ...] | None, usual: str
) -> HeaderSpelling:
    """How a header was written."""
    node = _new(HeaderSpelling)
    _set_symbols(node, symbols)
    _set_header_text(node, text)
    _set_header_ids(node, ids)
    _set_usual(node, usual)
    return node


def author(role: Role | CustomRole, name: str | None) -> Author:
    """An author."""
    node = _new(Author)
    _set_role(node, role)
    _set_name(node, name)
    return node


def conversation(
    messages: tuple[Message, ...], opened: OpenMessage | None, start: Start
) -> Conversation:
    """A conversation; one with an open message is a prompt, whatever it was read as."""
    node = _new(Conversation)
    _set_messages(node, messages)
    _set_open_message(node, opened)
    _set_start(node, start if opened is None else "prompt")
    return node


def text_content(text: str, ids: Sequence[int] | None) -> TextContent:
    """A text content, of text that is a `str` for sure."""
    content = _new(TextContent)
    _set_text(content, text)
    _set_ids(content, ids)
    return content


def message(
    header: HeaderRead,
    content: TextContent,
    terminator: str,
    offsets: tuple[int, int, int, int],
) -> Message:
    """The message that a header, a body and a terminator make."""
    node = _new(Message)
    author, channel, recipient, content_type, extras = header.fields
    _set_author(node, author)
    _set_content(node, (content,))
    _set_channel(node, channel)
    _set_recipient(node, recipient)
    _set_content_type(node, content_type)
    _set_extras(node, dict(extras) if extras else {})
    _set_terminator(node, terminator)
    _set_header(node, header.spelling)
    _set_offsets(node, offsets)
    return node


def open_message(
    header: HeaderRead, content: TextContent | None, offsets: tuple[int, int, int]
) -> OpenMessage:
    """The open message that (the beginning of) a header and of a body make."""
    return OpenMessage(
        header.fields.author,
        None if content is None else (content,),
        header.fields.channel,
        header.fields.recipient,
        header.fields.content_type,
        extras=dict(header.fields.extras),
        header=header.spelling,
        offsets=offsets,
    )
