"""Random conversations that both implementations can write, with odd texts in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies_contents import developer_contents, system_contents

from harmony_grammar import Author, ContentType, Conversation, Message, Role, TextContent

if TYPE_CHECKING:
    from harmony_grammar import Content

CHANNELS = ("analysis", "commentary", "final")
WORK_CHANNELS = (None, *CHANNELS[:2])
ROLE_WORDS = {role.value for role in Role}

_SPELLED = ("<|start|>", "<|end|>", "<|channel|>analysis", "<|call|>", "<|return|>", "<|x|>", "<|")
_bodies = (
    st.sampled_from(("", " ", "Hi", "\n", "🦜 parrot", "日本語", "{}", "\ufffd", "e\u0301"))
    | st.text(max_size=20)
    | st.lists(st.sampled_from((*_SPELLED, "word ", "é", "\n\n")), max_size=5).map("".join)
)
_segments = st.text("abzAZ09_/-", min_size=1, max_size=6).filter(
    lambda name: name not in ROLE_WORDS | {"all"}
)
_dotted = st.lists(_segments, min_size=2, max_size=3).map(".".join) | st.just("functions.f")
_names = _dotted | _segments
_people = st.text(
    st.characters(exclude_characters=":<>|", exclude_categories=("Z", "C")), min_size=1, max_size=5
)
_types = st.sampled_from(("json", "code", "text/plain")) | st.builds(
    "{}{}".format, st.sampled_from("aZ"), st.text("azAZ09_.+/-", max_size=4)
)
_content_types = (_types | _types.map("<|constrain|>{}".format)).map(ContentType)
_channels = st.none() | st.sampled_from(CHANNELS)


def _pieces(role: Role, *, rich: bool) -> st.SearchStrategy[list[Content]]:
    piece: st.SearchStrategy[Content] = st.builds(TextContent, _bodies)
    if rich and role is Role.SYSTEM:
        piece |= system_contents()
    if rich and role is Role.DEVELOPER:
        piece |= developer_contents()
    return st.lists(piece, max_size=3)


@st.composite
def messages(draw: st.DrawFn, *, rich: bool = False) -> Message:
    """Messages of every role, with every field that the format allows it.

    Those that are rich have system and developer contents, which take long to make.
    """
    role = draw(st.sampled_from(Role))
    author, recipient, channel = Author(role, draw(st.none() | _people)), None, draw(_channels)
    if role is Role.TOOL:
        author = Author(role, draw(_names))
        dotted = "." in (author.name or "")
        recipient = draw(st.just("assistant") | _names | (st.none() if dotted else st.nothing()))
    elif role is not Role.ASSISTANT:
        recipient = draw(st.none() | st.just("assistant") | _names)
    elif channel in WORK_CHANNELS:
        recipient = draw(st.none() | _names)
    content_type = draw(st.none() | _content_types)
    return Message(author, list(draw(_pieces(role, rich=rich))), channel, recipient, content_type)


def plain(message: Message) -> Message:
    """The message with only what the reference reads back as it wrote it."""
    role, recipient = message.author.role, message.recipient
    if role is Role.TOOL:
        recipient = recipient or "assistant"
    author = message.author if role is Role.TOOL else Author(role)
    content_type = message.content_type if recipient else None
    return Message(author, message.content, message.channel, recipient, content_type)


def plain_messages() -> st.SearchStrategy[Message]:
    """Messages that the reference reads back as it wrote them."""
    return messages().map(plain)


def conversations(
    of: st.SearchStrategy[Message] | None = None, most: int = 6
) -> st.SearchStrategy[Conversation]:
    """Conversations of up to `most` messages."""
    return st.lists(messages() if of is None else of, max_size=most).map(Conversation.from_messages)
