"""What a page shows of a transcript, as JSON-ready data.

Places in bodies are in UTF-16 code units, since that is how scripts count.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harmony_grammar.nodes import Message, Role
from harmony_grammar.view.joined import results
from harmony_grammar.view.tools import tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.nodes import OpenMessage
    from harmony_grammar.parsing.strict import Report

__all__ = ["encoded", "groups", "shown"]


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
    done = _end(read[-1]) if read else 0
    messages = [_message(grammar, message) for message in read]
    for index, data in enumerate(messages):
        data["call"], data["result"] = answered.get(index), calls.get(index)
    return {
        "title": title,
        "status": report.status,
        "start": report.conversation.start,
        "messages": messages,
        "findings": [_finding(found, read, source, done) for found in report.diagnostics],
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
        "tools": [tool._asdict() for tool in tools(message.text)] if declares else [],
    }


def _tone(grammar: Grammar, channel: str | None) -> str:
    """How a channel is coloured."""
    tones = {"ANALYSIS": "reasoning", "COMMENTARY": "work", "FINAL": "answer"}
    words = {grammar.literal(name): tone for name, tone in tones.items()}
    return words.get(channel or "", "")


def _finding(
    found: Diagnostic, read: Sequence[Message | OpenMessage], source: str | list[int], done: int
) -> dict[str, Any]:
    where = bisect_right(read, found.span.start, key=_end)
    begin, text = done, source[done:]
    if where < len(read):
        begin, text = (read[where].offsets or (0, 0))[1], read[where].text
    mark = None
    if isinstance(source, str) and isinstance(text, str):
        mark = _mark(text, found.span.start - begin, found.span.end - begin)
    return {
        "code": found.code,
        "severity": str(found.severity),
        "message": found.message,
        "hint": found.hint,
        "place": found.place,
        "where": where,
        "mark": mark,
    }


def _end(message: Message | OpenMessage) -> int:
    return message.offsets[-1] if message.offsets else 0


def _mark(text: str, begin: int, end: int) -> list[int] | None:
    """A range of a text in code units; None if it is outside, such as in the header."""
    if begin < 0 or end > len(text):
        return None
    return [_units(text[:begin]), _units(text[:end])]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _text(grammar: Grammar, source: str | list[int]) -> str:
    if isinstance(source, str):
        return source
    return "".join(_piece(grammar, token)[0] for token in source)


# --- tokens ---


def encoded(grammar: Grammar, source: str | list[int]) -> list[int]:
    """The ids of a transcript: a decoded text is encoded as the server encodes it."""
    if not isinstance(source, str):
        return source
    return grammar.vocabulary.encode_marked(source, grammar.specials)


def groups(
    grammar: Grammar, ids: Sequence[int], places: Iterable[tuple[int | None, str]]
) -> list[dict[str, Any]]:
    """The tokens of each message, and last those that could not be read.

    Args:
        grammar: the grammar, which has the vocabulary.
        ids: the ids.
        places: for each id the index of its message, or None, and the part of it.
    """
    special = sorted(grammar.special_ids)
    pairs = zip(ids, places, strict=True)
    return [
        _group(grammar, special, [(token, part) for token, (_, part) in group])
        for _, group in groupby(pairs, key=lambda pair: pair[1][0])
    ]


def _group(grammar: Grammar, special: list[int], rows: Sequence[tuple[int, str]]) -> dict[str, Any]:
    pieces = [_piece(grammar, token) for token, _ in rows]
    return {
        "ids": [token for token, _ in rows],
        "texts": [text for text, _ in pieces],
        "raw": {index: raw for index, (_, raw) in enumerate(pieces) if raw},
        "parts": [[part, len(list(run))] for part, run in groupby(part for _, part in rows)],
        "special": special,
    }


def _piece(grammar: Grammar, token: int) -> tuple[str, str]:
    """What an id stands for, and its bytes in hexadecimal if they are no text."""
    if not 0 <= token < grammar.vocabulary.size:
        return "(not in the vocabulary)", "unknown"
    piece = grammar.vocabulary.piece(token)
    try:
        return piece.decode(), ""
    except UnicodeDecodeError:
        return piece.decode("utf-8", "backslashreplace"), piece.hex(" ")
