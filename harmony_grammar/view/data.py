"""What a page shows of a transcript, as JSON-ready data, and what belongs together in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.bodies import read_body
from harmony_grammar.bodies.typescript import typescript
from harmony_grammar.checking.declared import declared_tools
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.tree import Message, Role
from harmony_grammar.view.marks import Marks, piece_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.tree import CustomRole, OpenMessage
    from harmony_grammar.view.marks import Mark

__all__ = ["ToolLine", "findings_of", "results", "shown", "tools"]


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
        "tools": [tool._asdict() for tool in tools(grammar, message.text, message.author.role)]
        if declares
        else [],
    }


_TONES: Final = {Use.REASONING: "reasoning", Use.PREAMBLE: "work", Use.ANSWER: "answer"}


def _tone(grammar: Grammar, channel: str | None) -> str:
    """How a channel is coloured."""
    return "" if channel is None else _TONES[grammar.rules.meaning.use_of(channel)]


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


# --- tools ---


class ToolLine(NamedTuple):
    """A tool, as a reader wants it.

    Attributes:
        name: its name, after that of its namespace.
        about: what is said of it.
        takes: the type of its arguments.
    """

    name: str
    about: str
    takes: str


def tools(grammar: Grammar, text: str, role: Role | CustomRole = Role.DEVELOPER) -> list[ToolLine]:
    """The tools that the body of a message declares; by name only where it leaves the template.

    Args:
        grammar: the grammar.
        text: the body.
        role: whose message it is of.
    """
    names = declared_tools(text, grammar.rules)
    if not names:
        return []
    found = {tool.name: tool for tool in _read(grammar, text, role)}
    return [found.get(name, ToolLine(name, "", "")) for name in sorted(names)]


def _read(grammar: Grammar, text: str, role: Role | CustomRole) -> Iterator[ToolLine]:
    content = read_body(text, role, grammar.rules).content if isinstance(role, Role) else None
    for config in (getattr(content, "tools", None) or {}).values():
        if not config.tools:
            yield ToolLine(config.name, config.description or "", "")
        for tool in config.tools:
            takes = "" if tool.parameters is None else typescript(tool.parameters)
            yield ToolLine(f"{config.name}.{tool.name}", tool.description, takes)


# --- calls and results, messages and findings ---


def results(messages: Sequence[Message]) -> dict[int, int]:
    """The indices of results and of the calls that they answer.

    The format has no ids of calls: a result answers the first call of its tool that has none.
    """
    waiting: dict[str, list[int]] = {}
    found = {}
    for index, message in enumerate(messages):
        author = message.author
        if author.role is Role.ASSISTANT and message.recipient is not None:
            waiting.setdefault(message.recipient, []).append(index)
        elif author.role is Role.TOOL and waiting.get(author.name or ""):
            found[index] = waiting[author.name or ""].pop(0)
    return found


def findings_of(
    messages: Sequence[Message], findings: Sequence[Diagnostic]
) -> dict[int, list[Diagnostic]]:
    """The findings by the index of the message that they are in.

    What is in none, such as the error that ends the reading, is under the number of messages.
    """
    found: dict[int, list[Diagnostic]] = {}
    ends = [message.offsets[3] if message.offsets else 0 for message in messages]
    for finding in findings:
        found.setdefault(bisect_right(ends, finding.span.start), []).append(finding)
    return found
