"""What a page shows of a transcript, as JSON-ready data, and what belongs together in it."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.bodies import read_body
from harmony_grammar.bodies.typescript import typescript
from harmony_grammar.checking.declared import declared_tools
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.reading.strict import Report
from harmony_grammar.tree import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Diagnostic, Span
    from harmony_grammar.tree import CustomRole, OpenMessage, Start

__all__ = [
    "UNREAD",
    "IdField",
    "Mark",
    "Marks",
    "ToolLine",
    "fields_of_ids",
    "findings_of",
    "piece_of",
    "results",
    "shown",
    "tools",
    "whole",
]


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
    messages = [_message(grammar, source, message) for message in read]
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


def whole(grammar: Grammar, source: str | list[int], start: Start, report: Report) -> Report:
    """A report with what stands behind the place where strict reading stopped.

    Args:
        grammar: the grammar that the transcript was read with.
        source: the transcript.
        start: what it was read as.
        report: what a check found; of a transcript that is complete it is returned.

    Returns:
        The same verdict, what recovery reads, and the findings with what was mended.
    """
    if report.status == "complete":
        return report
    recovery = grammar.recover(source, start)
    told = {(found.code, found.span.start) for found in report.diagnostics}
    mended = [one for one in recovery.diagnostics if (one.code, one.span.start) not in told]
    findings = sorted([*report.diagnostics, *mended], key=lambda found: found.span)
    open_message = recovery.pending
    read = Conversation(
        list(recovery.messages), open_message, start="prompt" if open_message else start
    )
    return Report(report.status, tuple(findings), read)


def _message(
    grammar: Grammar, source: str | list[int], message: Message | OpenMessage
) -> dict[str, Any]:
    declares = message.author.role in {Role.SYSTEM, Role.DEVELOPER}
    offsets = message.offsets or (0, 0)
    header = _text(grammar, source[offsets[0] : offsets[1]])
    return {
        "role": message.author.role.value,
        "name": message.author.name,
        "channel": message.channel,
        "tone": _tone(grammar, message.channel),
        "to": message.recipient,
        "type": message.content_type and message.content_type.name,
        "extras": dict(message.extras),
        "text": message.text,
        "header": message.header.text if message.header else header,
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


_WIDE: Final = re.compile("[\U00010000-\U0010ffff]")  # these are two code units each
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}".encode()


class Mark(NamedTuple):
    """Where a finding is.

    Attributes:
        where: the index of its message; that after the last one for what could not be read.
        part: `header`, `text` or `end`; empty if it is about a message as a whole.
        range: where in the text of this part, in code units; empty with the part.
    """

    where: int
    part: str = ""
    range: tuple[int, ...] = ()


class _Stretch(NamedTuple):
    """A part of the input: what it is, and where it begins and ends."""

    part: str
    begin: int
    end: int


class Marks:
    """Finds the places of findings.

    Args:
        grammar: the grammar, which has the vocabulary.
        source: the transcript.
        read: the messages that could be read of it.
    """

    def __init__(
        self, grammar: Grammar, source: str | list[int], read: Sequence[Message | OpenMessage]
    ) -> None:
        self._grammar, self._source, self._read = grammar, source, read
        self._ends = [message.offsets[-1] if message.offsets else 0 for message in read]
        self._units: dict[_Stretch, list[int]] = {}

    def of(self, span: Span) -> Mark:
        """Where a span is."""
        where = bisect_right(self._ends, span.start)
        if where == len(self._read) and self._read and self._ends[-1] == len(self._source):
            where -= 1  # the input ends too early, within the last message
        for stretch in self._stretches(where):
            if stretch.begin <= span.start and span.end <= stretch.end:
                units = [self._unit(stretch, at) for at in (span.start, span.end)]
                return Mark(where, stretch.part, (units[0], max(units)))
        return Mark(where)

    def _stretches(self, where: int) -> Iterator[_Stretch]:
        if where == len(self._read):
            yield _Stretch("text", self._ends[-1] if self._ends else 0, len(self._source))
            return
        offsets = self._read[where].offsets or (0, 0, 0)
        yield from map(_Stretch, ("header", "text", "end"), offsets, offsets[1:])

    def _unit(self, stretch: _Stretch, at: int) -> int:
        """How many code units of the text of a stretch come before a place of the input."""
        if stretch not in self._units:
            count = self._wide if isinstance(self._source, str) else self._of_ids
            self._units[stretch] = count(stretch)
        units = self._units[stretch]
        if isinstance(self._source, str):
            return at - stretch.begin + bisect_left(units, at)
        return units[at - stretch.begin]

    def _wide(self, stretch: _Stretch) -> list[int]:
        """Where the characters of two code units are."""
        text = str(self._source)
        return [found.start() for found in _WIDE.finditer(text, stretch.begin, stretch.end)]

    def _of_ids(self, stretch: _Stretch) -> list[int]:
        """How many code units there are before each id, and in the end."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        units, found = 0, list[int]()
        for token in self._source[stretch.begin : stretch.end]:
            found.append(units)
            text = decoder.decode(piece_of(self._grammar, int(token)))
            units += len(text) + len(_WIDE.findall(text))
        return [*found, units + len(decoder.decode(b"", final=True))]


def piece_of(grammar: Grammar, token: int) -> bytes:
    """What an id stands for; U+FFFD if the vocabulary does not know it."""
    known = 0 <= token < grammar.vocabulary.size
    return grammar.vocabulary.piece(token) if known else _UNKNOWN


UNREAD: Final = "unread"
START: Final = "start"
BODY: Final = "body"
BODY_START: Final = "body-start"
TERMINATOR: Final = "end"

# Fields that are parts of one thing, and fields with a longer name.
_PART_OF_FIELD: Final = {
    "role": "author",
    "tool": "author",
    "name": "author",
    "content_type": "content-type",
    "content": BODY,
}


class IdField(NamedTuple):
    """Where an id stands.

    Attributes:
        message: the index of its message; None beyond the last one that could be read.
        part: the part of the message.
    """

    message: int | None
    part: str


def fields_of_ids(
    grammar: Grammar, ids: Sequence[int], conversation: Conversation
) -> Iterator[IdField]:
    """Where each of the ids stands.

    Args:
        grammar: the grammar that the conversation was read with.
        ids: the ids.
        conversation: what was read of them.
    """
    headers = _HeaderFields(grammar)
    messages: list[Message | OpenMessage] = [*conversation]
    if conversation.open_message is not None:
        messages.append(conversation.open_message)
    done = 0
    for index, message in enumerate(messages):
        begin, body, *rest = message.offsets or (done, done)
        yield from [IdField(None, UNREAD)] * (begin - done)
        header = ids[begin:body]
        yield from (IdField(index, part) for part in headers.of_ids(message, header))
        yield from [IdField(index, BODY)] * (rest[0] - body)
        done = rest[-1]
        yield from [IdField(index, TERMINATOR)] * (done - rest[0])
    yield from [IdField(None, UNREAD)] * (len(ids) - done)


class _HeaderFields:
    """The parts of headers."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._fields = list(_fields(grammar))

    def of_ids(self, message: Message | OpenMessage, ids: Sequence[int]) -> list[str]:
        """The part that each id of a header belongs to, by its first byte."""
        if message.header is None:  # a damaged one
            return [START] * len(ids)
        names = [name for name, _ in self.texts(message)]
        sizes = [len(text.encode()) for _, text in self.texts(message)]
        ends, parts = list(accumulate(sizes)), self.parts(names)
        piece = self._grammar.vocabulary.piece
        begins = accumulate((len(piece(token)) for token in ids[:-1]), initial=0)
        return [parts[bisect_right(ends, begin)] for begin in begins] if ids else []

    def texts(self, message: Message | OpenMessage) -> Iterator[tuple[str, str]]:
        """The terminals of a header and their texts."""
        header, at = message.header, 0
        for name in header.symbols if header else ():
            text = self.text(name, message, header.text if header else "", at)
            yield name, text
            at += len(text)

    def text(self, name: str, message: Message | OpenMessage, header: str, at: int) -> str:
        """The text of a terminal that begins at a place of a header."""
        terminal = self._grammar.rules.terminals[name]
        if terminal.pattern is None:  # a channel of the system message's own
            return message.channel or ""
        pattern = re.escape(terminal.pattern) if terminal.fixed else terminal.pattern
        match = re.compile(pattern).match(header, at)
        return match.group() if match else ""

    def parts(self, names: Sequence[str]) -> list[str]:
        """The part that each terminal of a header belongs to."""
        found: list[str] = []
        for name in names:
            candidates = [part for part, below in self._fields if name in below]
            last = found[-1] if found else ""
            found.append(last if last in candidates else self.first(name, candidates))
        return found

    def first(self, name: str, candidates: Sequence[str]) -> str:
        """The part of a terminal that does not go on with the one before it."""
        if candidates:
            return candidates[0]
        return BODY_START if name in self._grammar.rules.openers else START


def _fields(grammar: Grammar) -> Iterator[tuple[str, set[str]]]:
    """The parts and the terminals that stand under them, in the order of the bindings."""
    for rule, field in grammar.rules.meaning.fields.items():
        below = {symbol.name for symbol in grammar.rules.below(rule)}
        yield _PART_OF_FIELD.get(field, field), below
