"""What a page shows of a transcript, as JSON-ready data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmony_grammar.tree import Message, Role
from harmony_grammar.view.joined import results
from harmony_grammar.view.marks import Marks, piece_of
from harmony_grammar.view.tools import tools

if TYPE_CHECKING:
    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.tree import OpenMessage
    from harmony_grammar.view.marks import Mark

__all__ = ["shown"]


def shown(grammar: Grammar, source: str | list[int], report: Report, title: str) -> dict[str, Any]:
    """What a page shows, without the tokens.

    Args:
        grammar: the grammar that the transcript was read with.
        source: the transcript.
        report: what reading it gave.
        title: the title of the page.
    """
    read: list[Message | OpenMessage] = [*report.conversation]
    if report.conversation.open_message is not None:
        read.append(report.conversation.open_message)
    answered = results(report.conversation.messages)
    calls = {call: result for result, call in answered.items()}
    marks = Marks(grammar, source, read)
    done = (read[-1].offsets or (0,))[-1] if read else 0
    messages = [_message(grammar, message) for message in read]
    for index, data in enumerate(messages):
        data["call"], data["result"] = answered.get(index), calls.get(index)
    return {
        "title": title,
        "status": report.status,
        "start": report.conversation.start,
        "messages": messages,
        "findings": [_finding(found, marks.of(found.span)) for found in report.diagnostics],
        "rest": _text(grammar, source[done:]),
    }


def _message(grammar: Grammar, message: Message | OpenMessage) -> dict[str, Any]:
    declares = message.author.role in {Role.SYSTEM, Role.DEVELOPER}
    offsets = message.offsets or (0, 0)
    return {
        "role": message.author.role.value,
        "name": message.author.name,
        "channel": message.channel,
        "tone": _tone(grammar, message.channel),
        "to": message.recipient,
        "type": message.content_type and message.content_type.name,
        "text": message.text,
        "header": message.header.text if message.header else "",
        "end": message.terminator if isinstance(message, Message) else None,
        "open": not isinstance(message, Message),
        "place": f"{offsets[0]}..{offsets[-1]}",
        "tools": [tool._asdict() for tool in tools(message.text, message.author.role)]
        if declares
        else [],
    }


def _tone(grammar: Grammar, channel: str | None) -> str:
    """How a channel is coloured."""
    tones = {"ANALYSIS": "reasoning", "COMMENTARY": "work", "FINAL": "answer"}
    words = {grammar.literal(name): tone for name, tone in tones.items()}
    return words.get(channel or "", "")


def _finding(found: Diagnostic, mark: Mark) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": str(found.severity),
        "message": found.message,
        "hint": found.hint,
        "place": found.place,
        "where": mark.where,
        "part": mark.part,
        "mark": mark.range,
    }


def _text(grammar: Grammar, source: str | list[int]) -> str:
    if isinstance(source, str):
        return source
    return b"".join(piece_of(grammar, token) for token in source).decode("utf-8", "replace")
