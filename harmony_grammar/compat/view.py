"""What a stream says of itself while it is read."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harmony_grammar.compat.entrances import Entrances
    from harmony_grammar.reading.headers import Fields
    from harmony_grammar.tree import CustomRole, Message, Role

__all__ = ["StreamState", "StreamView"]


class StreamState(Enum):
    """Where a stream is."""

    EXPECT_START = "ExpectStart"
    HEADER = "Header"
    CONTENT = "Content"


class StreamView:
    """The state of a stream, and what its properties make of it."""

    __slots__ = (
        "_body",
        "_content",
        "_delta",
        "_entrances",
        "_fields",
        "_fresh",
        "_held",
        "_messages",
        "_role",
        "_start",
        "_tokens",
    )

    def __init__(self, entrances: Entrances, role: Role | CustomRole | None) -> None:
        self._entrances = entrances
        self._role = role  # until its header is read
        self._tokens: list[int] = []
        self._messages: list[Message] = []
        self._start = 0  # of the message, in ids
        self._body = 0
        self._fields: Fields | None = None  # of the body that is open
        self._content = ""  # of the open body, up to what is fresh
        self._fresh: list[str] = []
        self._held = b""  # an unfinished character, and what else its ids stand for
        self._delta: str | None = None

    @property
    def current_content(self) -> str:
        """The text of the open body so far; empty where none is open.

        Reading it after each id costs as much time as there is text, all in all: new text is
        added in place, which CPython does to a text that nothing else refers to. A caller that
        keeps an earlier value pays for a copy.
        """
        fresh = self._fresh
        if fresh:
            content = self._content
            self._content = ""  # so that `content` is the only reference
            content += fresh[0] if len(fresh) == 1 else "".join(fresh)
            self._content = content
            fresh.clear()
        return self._content

    @property
    def current_role(self) -> Role | CustomRole | None:
        """Who speaks; None where that is not known yet."""
        fields = self._fields
        return self._role if fields is None else fields.author.role

    @property
    def current_channel(self) -> str | None:
        """The channel of the open body."""
        fields = self._fields
        return None if fields is None else fields.channel

    @property
    def current_recipient(self) -> str | None:
        """The recipient of the open body."""
        fields = self._fields
        return None if fields is None else fields.recipient

    @property
    def current_content_type(self) -> str | None:
        """The content type of the open body, in wire spelling."""
        fields = self._fields
        return None if fields is None else fields.content_type

    @property
    def last_content_delta(self) -> str | None:
        """The text that the last id added to a body; None if it added none."""
        return self._delta

    @property
    def messages(self) -> list[Message]:
        """The messages that are whole."""
        return list(self._messages)

    @property
    def tokens(self) -> list[int]:
        """The ids that were taken."""
        return list(self._tokens)

    @property
    def state(self) -> StreamState:
        """Where the stream is."""
        if self._fields is not None:
            return StreamState.CONTENT
        opened = self._role is not None or len(self._tokens) > self._start
        return StreamState.HEADER if opened else StreamState.EXPECT_START

    @property
    def state_data(self) -> dict[str, Any]:
        """Where the stream is and what it has of the unfinished message, as JSON data."""
        state, fields = self.state, self._fields
        data: dict[str, Any] = {"state": state.value}
        if fields is not None:
            data["header"] = _header_data(fields)
            data["content_tokens"] = self._tokens[self._body : len(self._tokens) - self._pending()]
        elif state is StreamState.HEADER:
            begun = self._start + (self._role is None)
            data["header_tokens"] = self._tokens[begun:]
        return data

    def _pending(self) -> int:
        """How many ids are held back."""
        missing, count = len(self._held), 0
        while missing > 0:
            count += 1
            missing -= len(self._entrances.table.vocabulary.piece(self._tokens[-count]))
        return count


def _header_data(fields: Fields) -> dict[str, Any]:
    author, channel, recipient, content_type, _ = fields
    name = {} if author.name is None else {"name": author.name}
    return {
        "author": {"role": author.role.value, **name},
        "recipient": recipient,
        "channel": channel,
        "content_type": None if content_type is None else str(content_type),
    }
