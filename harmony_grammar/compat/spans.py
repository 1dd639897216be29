"""Ids and where the messages are in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.errors import Span

if TYPE_CHECKING:
    from harmony_grammar.tree import Message
    from harmony_grammar.writing.renderer import Offsets

__all__ = ["Rendering", "TokenSpans"]


class TokenSpans(NamedTuple):
    """Where a message is among the ids that it was rendered to.

    Attributes:
        message: the message.
        opening: its start token and, if it is the assistant's, the role: what a prompt ends in.
        header: from the start token through the token that opens the body.
        body: between header and terminator.
        terminator: the terminator.
    """

    message: Message
    opening: Span
    header: Span
    body: Span
    terminator: Span

    @property
    def span(self) -> Span:
        """Where the whole message is."""
        return Span(self.header.start, self.terminator.end)

    @classmethod
    def at(cls, message: Message, offsets: Offsets, opening: int) -> TokenSpans:
        """The spans between the places where the parts of a message begin and end.

        Args:
            message: the message.
            offsets: where its header, its body and its terminator begin and where it ends.
            opening: how many ids its opening has.
        """
        start, body, end, stop = offsets
        parts = (Span(start, start + opening), Span(start, body), Span(body, end), Span(end, stop))
        return cls(message, *parts)


class Rendering(NamedTuple):
    """A rendered conversation.

    Attributes:
        ids: its ids.
        spans: where each of its messages is, without those that were dropped.
    """

    ids: list[int]
    spans: list[TokenSpans]
