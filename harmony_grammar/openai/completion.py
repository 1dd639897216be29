"""Reading a completion for a client: what each message is, and what of it may be shown.

`CompletionReader` takes ids or text as they come and tells what opens, grows and closes. Both
APIs, streamed and whole, are made of what it tells, so they agree by construction. Reading never
fails: a damaged completion is mended, and a note says how.

A call is told as soon as its header is whole, unless that header had to be mended, or its tool
must not be called: then it waits until it has ended and is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.inputs import list_of_ids
from harmony_grammar.openai.notes import NoteCode, NoteList
from harmony_grammar.openai.request_tools import PREDEFINED, custom_input
from harmony_grammar.streaming.events import (
    ArgumentsDelta,
    HeaderCompleted,
    MessageEnded,
    MessageStarted,
    Repaired,
    TextDelta,
    TurnEnded,
)
from harmony_grammar.streaming.recovery import Recovery
from harmony_grammar.streaming.stream_parser import StreamParser
from harmony_grammar.streaming.tool_calls import CallJudge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.openai.prepared import Prepared
    from harmony_grammar.openai.request_tools import RequestTool
    from harmony_grammar.streaming.events import Event
    from harmony_grammar.streaming.tool_calls import ToolCall
    from harmony_grammar.tree import Author, Message

__all__ = [
    "CompletionReader",
    "OutputClosed",
    "OutputGrew",
    "OutputKind",
    "OutputMessage",
    "OutputOpened",
    "ReadMessage",
]


class OutputKind(Enum):
    """What a message of a completion is to a client."""

    REASONING = "reasoning"
    PREAMBLE = "preamble"
    ANSWER = "answer"
    CALL = "call"
    BUILTIN = "builtin"


@dataclass(slots=True)
class OutputMessage:
    """One thing that a completion says.

    Attributes:
        kind: what it is.
        place: which message of the completion it is.
        tool: the tool that a call is of; None for one that the request does not have.
        name: the name of the tool in the API.
        whole: whether it is closed, and not cut.
        call: the judged call, once it has ended.
        pieces: its text.
    """

    kind: OutputKind
    place: int
    tool: RequestTool | None = None
    name: str = ""
    whole: bool = False
    call: ToolCall | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text so far."""
        return "".join(self.pieces)

    @property
    def is_custom(self) -> bool:
        """Whether it is a call of a custom tool."""
        return self.tool is not None and self.tool.kind == "custom"

    @property
    def input(self) -> str:
        """What a custom tool is called with."""
        text = self.text
        known = custom_input(text)
        return text if known is None else known


class OutputOpened(NamedTuple):
    """An output has begun."""

    output: OutputMessage


class OutputGrew(NamedTuple):
    """An output goes on."""

    output: OutputMessage
    text: str


class OutputClosed(NamedTuple):
    """An output is over."""

    output: OutputMessage


Told: TypeAlias = "OutputOpened | OutputGrew | OutputClosed"


class ReadMessage(NamedTuple):
    """A message that was read.

    Attributes:
        message: the message.
        offsets: where it begins, where its body begins and ends, and where it ends, in all that
            was read, the prefix of the prompt included.
        call_id: the id of the call that it is; None if it is none that was told.
    """

    message: Message
    offsets: tuple[int, int, int, int]
    call_id: str | None


_DELTAS: Final = (TextDelta, ArgumentsDelta)


class CompletionReader:
    """Reads a completion.

    Args:
        prepared: the prompt that it completes.

    Attributes:
        notes: what is noted.
        outputs: what has been told, in order.
        read: the messages that have ended.
        ended_by: the token that ended the turn; None if nothing has.
        output: what is being read, if it is told.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._options = prepared.options
        self._grammar = prepared.grammar
        rules = self._grammar.rules
        self._meaning = rules.meaning
        self._tools = prepared.tools
        self._judge = CallJudge(rules, None)
        self._judge.tools = dict(self._tools.schemas())
        self.notes = NoteList()
        self.outputs: list[OutputMessage] = []
        self.read: list[ReadMessage] = []
        self.ended_by: str | None = None
        self._begun = False
        self._is_text = False
        self._base = 0  # where this segment begins in all that was read
        self._fed = 0  # how much of it was fed
        self._prefix = 0  # how much of all that was read is the prompt's
        self._rest: Any = None  # what stands behind a call, until it is known what it is
        self._over = self._overran = False
        self._flows = False  # whether an id can go the short way
        self._repairs: list[Repair] = []
        self._author: Author | None = None
        self._begins = 0
        self.output: OutputMessage | None = None
        self._held: OutputMessage | None = None
        self._undecided: tuple[Message, list[Repair], OutputMessage] | None = None
        self._count = 0
        self._reasoning_ids = 0
        self._texts: list[str] = []
        self._stopped = False
        self._in_body = False

    @cached_property
    def _parser(self) -> StreamParser:
        return StreamParser("completion", recover=True, grammar=self._grammar)

    # --- feeding ---

    def feed(self, source: str | int | Iterable[int]) -> list[Told]:
        """Read on.

        Args:
            source: more text, or more ids; not text once and ids then.

        Raises:
            TypeError: if it is neither, or not what came before.
        """
        ids = [source] if isinstance(source, int) else source
        raw: Any = ids if isinstance(ids, str) else list(list_of_ids(ids))
        if not self._begun:
            self._begin(isinstance(raw, str))
        elif isinstance(raw, str) != self._is_text:
            raise TypeError("a completion is text or ids, not both")
        if self._is_text:
            self._texts.append(raw)
        told: list[Told] = []
        self._take(raw, told)
        self._flows = not self._is_text and self._rest is None and not self._over
        return told

    def take(self, source: str | Iterable[int], reason: str | None = "stop") -> None:
        """Read a whole completion, telling nobody of what comes of it.

        Args:
            source: the completion.
            reason: as for `finish`.

        Raises:
            TypeError: if it is neither text nor ids.
        """
        raw: Any = source if isinstance(source, str) else list(list_of_ids(source))
        read = None if self._prepared.prefix else self._grammar.recover(raw, "completion")
        if read is None or not read.ok:  # what is damaged is mended as it is in a stream
            self.feed(raw)
            self.finish(reason)
            return
        self._begin(isinstance(raw, str))
        if self._is_text:
            self._texts.append(raw)
        self._stopped = reason == "stop"
        told: list[Told] = []
        for message in read.messages:
            self._author = message.author
            self._open(message, told)
            if self.output is not None:
                self.output.pieces.append(message.text)
            self._close(message, told)
        self._fed, self.ended_by = len(raw), read.messages[-1].terminator
        self._end(told)

    def flow(self, token: int) -> str | None:
        """Read on by an id that is told as it is: the shortest way through a body.

        Args:
            token: the id.

        Returns:
            The text that `output` grows by; None if the id was not read and has to be fed.
        """
        output = self.output
        if output is None or not self._flows or output is self._held:
            return None
        text = self._parser.feed_text(token)
        if text:
            output.pieces.append(text)
            self._fed += 1
        return text

    def _begin(self, is_text: bool) -> None:  # noqa: FBT001  private
        self._begun, self._is_text = True, is_text
        prepared = self._prepared
        prefix: Any = prepared.prefix_text if is_text else list(prepared.prefix)
        if prefix:
            told: list[Told] = []
            self._take(prefix, told)
            for output in self.outputs:
                output.pieces.clear()  # the client has sent it
        self._prefix = self._fed

    def _take(self, raw: Any, told: list[Told]) -> None:
        if self._rest is not None:
            self._rest += raw
            self._go_on(told)
            return
        self._fed += len(raw)
        if self._over:
            self._overrun(len(raw), told)
        else:
            self._take_events(self._parser.feed(raw), raw, told)

    def _overrun(self, length: int, told: list[Told]) -> None:
        """Something stands behind the end of the turn."""
        if length and not self._overran:
            self._overran = True
            self._resolve(told, last=False)
            self.notes.add(NoteCode.OVERRUN, self._path(len(self.read)))

    def _take_events(self, events: list[Event], raw: Any, told: list[Told]) -> None:
        for event in events:
            self._event(event, told)
            if isinstance(event, TurnEnded):
                self._end_turn(event, raw, told)

    def _end_turn(self, event: TurnEnded, raw: Any, told: list[Told]) -> None:
        """The turn is over; behind a call another message of the model may follow."""
        self.ended_by = event.terminator
        end = self._base + event.at
        behind = raw[len(raw) - (self._fed - end) :] if self._fed > end else raw[:0]
        self._fed -= len(behind)
        self._rest = behind
        self._flows = False
        self._go_on(told)

    def _go_on(self, told: list[Told]) -> None:
        """Read on behind the end of a turn, if the model opens a message again."""
        opening: Any = self._prepared.opening_text if self._is_text else self._prepared.opening
        rest = self._rest
        calls = self.ended_by == self._judge.terminator
        if not calls or rest[: len(opening)] != opening[: len(rest)]:
            self._rest, self._over = None, True
            self._fed += len(rest)
            self._overrun(len(rest), told)
            return
        if len(rest) < len(opening):
            return
        self._resolve(told, last=False)
        self._rest = None
        self._base = self._fed + len(opening)
        self._fed = self._base
        del self._parser  # another one begins
        self._repairs = []
        self._take(rest[len(opening) :], told)

    def finish(self, reason: str | None = "stop") -> list[Told]:
        """The completion ends.

        Args:
            reason: why; at `stop`, a server may have kept the last token to itself.
        """
        self._stopped = reason == "stop"
        told: list[Told] = []
        if not self._begun:
            self._begin(is_text=False)
        self._overrun(len(self._rest or ()), told)
        for event in self._parser.finish():
            self._event(event, told)
            if isinstance(event, TurnEnded):
                self.ended_by = event.terminator
        self._end(told)
        return told

    def _end(self, told: list[Told]) -> None:
        self._resolve(told, last=True)
        shown = [o.kind for o in self.outputs]
        if shown and all(kind is OutputKind.REASONING for kind in shown) and self.ended_by:
            self.notes.add(NoteCode.NO_ANSWER, "")

    @property
    def pending(self) -> bool:
        """Whether the completion, which has ended, ends inside a header."""
        result = self._parser.close()
        return isinstance(result, Recovery) and result.pending is not None

    # --- counting ---

    @property
    def completion_tokens(self) -> int:
        """How many ids the completion has."""
        if not self._is_text:
            return self._fed + len(self._rest or ()) - self._prefix
        return self._length("".join(self._texts))

    def _length(self, text: str) -> int:
        """How many ids a text has; half a character counts as the sign that stands for it."""
        return len(self._prepared.ids_of(text.encode("utf-8", "replace").decode()))

    @property
    def reasoning_tokens(self) -> int:
        """How many ids of it are reasoning."""
        return self._reasoning_ids

    # --- events ---

    def _event(self, event: Event, told: list[Told]) -> None:
        if isinstance(event, _DELTAS):
            output = self.output
            if output is not None:
                output.pieces.append(event.text)
                if output is not self._held:
                    told.append(OutputGrew(output, event.text))
        elif isinstance(event, MessageStarted):
            self._resolve(told, last=False)
            self._author, self._begins = event.author, event.at
        elif isinstance(event, HeaderCompleted):
            self._open(event, told)
        elif isinstance(event, MessageEnded):
            self._close(event.message, told)
        elif isinstance(event, Repaired):
            self._mended(event.repair)

    def _mended(self, repair: Repair) -> None:
        if repair.code is DiagnosticCode.OVERRUN:
            return  # told where it is met
        self._repairs.append(repair)
        if self._stopped and repair.code is DiagnosticCode.TRUNCATED_BODY:
            return  # the token that ended it was kept by the server
        said = repair.code.meaning
        said += f" ({repair.found!r} was read as {repair.assumed!r})" if repair.assumed else ""
        place = self._count - 1 if self._in_body else self._count
        self.notes.add(NoteCode.REPAIRED, self._path(place), said)

    def _path(self, place: int) -> str:
        return f"/{place}"

    def _open(self, header: HeaderCompleted | Message, told: list[Told]) -> None:
        self.output = self._held = None
        self._in_body = True
        path = self._path(self._count)
        self._count += 1
        if self._author is None or self._author.role != self._meaning.model_role:
            self.notes.add(NoteCode.OTHER_AUTHOR, path)
            return
        if header.recipient is not None:
            self._open_call(header.recipient, path, told)
            return
        channel = header.channel
        if channel is None:
            self.notes.add(NoteCode.NO_CHANNEL, path)
        use = Use.ANSWER if channel is None else self._meaning.use_of(channel)
        if use is Use.PREAMBLE and any(r.code in _LOST_RECIPIENT for r in self._of_header()):
            self.notes.add(NoteCode.AMBIGUOUS, path)  # what a tool was to get is not for the user
            return
        self._show(OutputMessage(_KINDS[use], self._count - 1), told)

    def _open_call(self, recipient: str, path: str, told: list[Told]) -> None:
        tool = self._tools.called(recipient)
        output = OutputMessage(OutputKind.CALL, self._count - 1, tool, recipient)
        if tool is None:
            self._withhold(output, recipient, path)
            return
        output.name = tool.name
        if tool.recipient != recipient:
            self.notes.add(NoteCode.BARE, path, recipient)
        if not self._prepared.choice.allows(tool):
            self.notes.add(NoteCode.FORBIDDEN, path, recipient)
            return
        if tool.kind == "builtin":
            output.kind = OutputKind.BUILTIN
        doubted = any(map(self._judge.doubtful, self._of_header()))
        self.output = output
        if doubted or self._options.ready_only:
            self._held = output
        else:
            self._show(output, told)

    def _of_header(self) -> Iterator[Repair]:
        """What was mended in the header that is open."""
        return (repair for repair in self._repairs if repair.span.start >= self._begins)

    def _withhold(self, output: OutputMessage, recipient: str, path: str) -> None:
        """A call of a tool that the request does not have."""
        builtin = recipient.split(".", 1)[0] in PREDEFINED
        self.notes.add(NoteCode.UNINVITED if builtin else NoteCode.UNKNOWN_TOOL, path, recipient)
        if self._options.unknown_tools == "surface" and not builtin:
            output.name = recipient.rpartition(".")[2]
            self.output = self._held = output

    def _show(self, output: OutputMessage, told: list[Told]) -> None:
        self.output = output
        self.outputs.append(output)
        told.append(OutputOpened(output))

    def _close(self, message: Message, told: list[Told]) -> None:
        start, body, end, stop = message.offsets or (0, 0, 0, 0)
        base, output = self._base, self.output
        offsets = (base + start, base + body, base + end, base + stop)
        repairs = [r for r in self._repairs if start <= r.span.start < max(stop, start + 1)]
        self._repairs = [r for r in self._repairs if r.span.start >= stop]
        self.output, self._in_body = None, False
        is_call = output is not None and output.kind in _CALLS
        call_id = self._prepared.call_id(output.place) if output and is_call else None
        self.read.append(ReadMessage(message, offsets, call_id))
        if output is None:
            return
        if is_call:
            self._undecided = (message, repairs, output)
            if message.terminator == self._judge.terminator:
                self._resolve(told, last=False)
            return
        output.whole = message.terminator is not None or self._stopped
        if output.kind is OutputKind.REASONING:
            self._count_reasoning(output, offsets)
        told.append(OutputClosed(output))

    def _count_reasoning(self, output: OutputMessage, offsets: tuple[int, int, int, int]) -> None:
        if self._is_text:
            self._reasoning_ids += self._length(output.text)
        else:
            self._reasoning_ids += offsets[2] - max(offsets[1], self._prefix)

    # --- calls ---

    def _resolve(self, told: list[Told], *, last: bool) -> None:
        """Judge the call that has ended, now that it is known whether anything follows."""
        if self._undecided is None:
            return
        (message, repairs, output), self._undecided = self._undecided, None
        tool, path = output.tool, self._path(output.place)
        asked = message
        if tool is not None and tool.recipient != message.recipient:
            asked = replace(message, recipient=tool.recipient)
        call = self._judged(asked, repairs, path, last=last)
        output.call = call
        output.whole = message.terminator is not None or (call is not None and call.ready)
        held, self._held = self._held, None
        surfaced = held is None or (call is not None and (call.ready or tool is None))
        if surfaced and self._options.ready_only and not (call and call.ready):
            surfaced = False
        self._note(output, path)
        if not surfaced:
            self._forget(output)
            return
        if held is not None:
            self.outputs.append(output)
            told += [
                OutputOpened(output),
                *([OutputGrew(output, output.text)] if output.pieces else []),
            ]
        told.append(OutputClosed(output))

    def _judged(
        self, message: Message, repairs: list[Repair], path: str, *, last: bool
    ) -> ToolCall | None:
        try:
            return self._judge.call(message, repairs, last=last)
        except ValueError as error:  # the request's schema is none, and says nothing
            self.notes.add(NoteCode.INVALID, path, str(error))
            schemas = {**(self._judge.tools or {}), message.recipient or "": None}
            self._judge.tools = schemas
            return self._judge.call(message, repairs, last=last)

    def _note(self, output: OutputMessage, path: str) -> None:
        call = output.call
        if call is not None and not call.ready and call.status in _STATUSES:
            said = f"{output.name}: {call.suggestion}" if call.suggestion else output.name
            self.notes.add(_STATUSES[call.status], path, said)
        if output.is_custom and call is not None and call.ready and not _is_custom(output):
            self.notes.add(NoteCode.CUSTOM_INPUT, path, output.name)

    def _forget(self, output: OutputMessage) -> None:
        """No result can come of a call that is not told."""
        for index, known in enumerate(self.read):
            if known.call_id == self._prepared.call_id(output.place):
                self.read[index] = known._replace(call_id=None)


# Mended by leaving out whom the model calls.
_LOST_RECIPIENT: Final = (DiagnosticCode.EMPTY_SEGMENT, DiagnosticCode.CONFLICTING_RECIPIENTS)
_KINDS: Final = {
    Use.REASONING: OutputKind.REASONING,
    Use.PREAMBLE: OutputKind.PREAMBLE,
    Use.ANSWER: OutputKind.ANSWER,
}
_CALLS: Final = (OutputKind.CALL, OutputKind.BUILTIN)
_STATUSES: Final = {
    "truncated": NoteCode.TRUNCATED,
    "invalid_arguments": NoteCode.INVALID,
    "ambiguous": NoteCode.AMBIGUOUS,
}


def _is_custom(output: OutputMessage) -> bool:
    return custom_input(output.text) is not None
