"""Reading id by id: a message's fields and text as they come.

Almost every id of a stream is ordinary text inside a body, and its text is a whole number of
characters. Such ids cost one look-up; all others go to a method that knows where the stream is:

- in a header, ids are collected until one opens the body, and the header is then read as the
  reader of whole inputs reads it, through the same memory;
- in a body, an id that ends inside a character is held back until the character is whole, or
  until it is certain that it never will be;
- a terminator closes the message as the reader of whole inputs does.

An id that is refused is not taken: the parser is as it was before it. A parser that is not strict
refuses none: from the first wrong id on it reads by recovery, everything before it included.
"""

from __future__ import annotations

from codecs import utf_8_decode
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from operator import index
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from harmony_grammar.errors import HarmonyError, HarmonySyntaxError
from harmony_grammar.inputs import Stretch, list_of_ids
from harmony_grammar.reading.faults import diagnose
from harmony_grammar.reading.headers import Fields
from harmony_grammar.reading.reader import Reader, StoppedError
from harmony_grammar.tree import Message, TextContent
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Self

    from harmony_grammar.compat.encoding import HarmonyEncoding
    from harmony_grammar.inputs import IdSource
    from harmony_grammar.reading.headers import Header
    from harmony_grammar.streaming.events import Event
    from harmony_grammar.streaming.stream_parser import StreamParser
    from harmony_grammar.tree import CustomRole, Role

__all__ = ["StreamState", "StreamableParser"]

_NO_TEXTS: Final[Mapping[int, str]] = MappingProxyType({})
_ERRORS: Final = ("early", "reference")
_UNKNOWN: Final = "\ufffd"


class StreamState(Enum):
    """Where a stream is."""

    EXPECT_START = "ExpectStart"
    HEADER = "Header"
    CONTENT = "Content"


class StreamableParser:
    """Reads a completion, or whole messages, id by id.

    Args:
        encoding: the encoding.
        role: whose header the ids begin inside of; None if they begin with a whole message.
        strict: whether what the format does not allow is an error; if not, it is mended as
            `harmony_grammar.recover` does.
        errors: when a strict parser tells of one: `"early"`, at the first id that is wrong, which
            is not taken; `"reference"`, in `process_eos` only. Then any special token but a
            terminator is text in a body, any terminator ends a message, and an id that belongs to
            no header and no body is passed over.

    Raises:
        ValueError: if `errors` is neither.

    Example:
        >>> from harmony_grammar.compat import load_harmony_encoding
        >>> encoding = load_harmony_encoding("HarmonyGptOss")
        >>> stream = StreamableParser(encoding, None)
        >>> for token in (200006, 1428, 200008, 12194):
        ...     _ = stream.process(token)
        >>> stream.current_content
        'Hi'
    """

    __slots__ = (
        "_before",
        "_begun_as",
        "_body",
        "_content",
        "_delta",
        "_encoding",
        "_ends",
        "_entrances",
        "_error",
        "_fields",
        "_fresh",
        "_header",
        "_held",
        "_late",
        "_lenient",
        "_messages",
        "_reader",
        "_role",
        "_source",
        "_start",
        "_strays",
        "_strict",
        "_texts",
        "_tokens",
    )

    def __init__(
        self,
        encoding: HarmonyEncoding,
        role: Role | CustomRole | None,
        *,
        strict: bool = True,
        errors: Literal["early", "reference"] = "early",
    ) -> None:
        if errors not in _ERRORS:
            raise ValueError(f"errors must be one of {', '.join(_ERRORS)}, not {errors!r}")
        self._late = errors == "reference"
        self._error: HarmonySyntaxError | None = None  # which is told late
        self._strays = False  # whether special tokens are text in the open body
        self._encoding = encoding
        self._entrances = encoding.entrances
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
        self._strict = strict
        self._ends: list[int] = []  # how many ids had been taken when the input ended
        self._begun_as = role
        self._before = 0  # ids that recovery was given before the first
        self._source: IdSource = self._entrances.source(self._tokens)
        self._reader = Reader(self._entrances.machine(role), self._source)
        self._messages = self._reader.outcome.messages
        self._header: Header | None = None  # of the body that is open
        self._lenient: StreamParser | None = None  # reads what is not strictly legal
        self._texts = _NO_TEXTS  # the texts of ids that need no care here

    @classmethod
    def resuming(
        cls, encoding: HarmonyEncoding, role: Role | CustomRole | None, reader: Reader
    ) -> StreamableParser:
        """Go on, with care for each id, where a reader of ids stopped.

        Raises:
            HarmonySyntaxError: if the reader stopped because of what the format does not allow.
        """
        messages = reader.outcome.messages
        begun = messages[-1].offsets[3] if messages and messages[-1].offsets else 0
        ids = list_of_ids(reader.source.ids)  # type: ignore[union-attr]  # it reads ids
        parser = cls(encoding, None if messages else role)
        parser._reader, parser._messages = reader, messages
        parser._tokens = ids[:begun]
        reader.source = parser._source = parser._entrances.source(parser._tokens)
        parser._start = begun
        return parser.process_many(ids[begun:])

    # --- what it says of itself ---

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
        return self._role if fields is None else fields.role

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

    def __reduce__(self) -> tuple[Callable[..., StreamableParser], tuple[Any, ...]]:
        # What was taken says all: the reader's states lead to all that the grammar has met.
        how = {"role": self._begun_as, "strict": self._strict, "errors": _ERRORS[self._late]}
        return _again, (self._encoding, how, self._tokens, self._ends)

    # --- taking ids ---

    def process(self, token: int) -> Self:
        """Take the next id.

        Raises:
            HarmonySyntaxError: if the format does not allow it; the id is not taken then.
        """
        text = self._texts.get(token)
        if text is None:
            self._take(token)
        else:
            self._tokens.append(token)
            self._fresh.append(text)
            self._delta = text
        return self

    def process_many(self, ids: Iterable[int]) -> Self:
        """Take ids, as `process` takes each of them, but faster.

        Raises:
            HarmonySyntaxError: at the first id that the format does not allow; those before it
                are taken.
        """
        tokens, at = list_of_ids(ids), 0
        for position in (*self._source.kind.special_positions(tokens), len(tokens)):
            self._take_run(tokens[at:position])
            for token in tokens[position : position + 1]:
                self.process(token)
            at = position + 1
        return self

    def process_eos(self) -> Self:
        """Take the end of the input; a message that is cut off in its body is closed.

        Raises:
            HarmonySyntaxError: if the input ends inside a header.
        """
        self._ends.append(len(self._tokens))
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._lenient is not None:
            self._tell(self._lenient.finish())
        elif self._header is not None:
            self._close_cut(self._header)
        elif self.state is StreamState.HEADER:
            self._end_in_header()
        return self

    def _end_in_header(self) -> None:
        try:
            self._check_header(at_end=True)
        except StoppedError as stopped:
            if self._strict:
                raise HarmonySyntaxError(diagnose(self._reader, stopped.stop)) from None
            self._tell(self._mend().finish())

    def _take(self, token: int) -> None:
        """Take an id that needs care."""
        token = index(token)
        self._tokens.append(token)
        try:
            if self._lenient is not None:
                self._tell(self._feed(self._lenient, token))
            elif self._header is not None:
                self._take_in_body(self._header, token)
            elif token in self._entrances.table.openers:
                self._open()
            else:
                self._take_in_header(token)
        except StoppedError as stopped:
            if self._strict and self._late:
                self._pass_over(stopped, token)
            elif self._strict:
                raise self._refusal(stopped) from None
            else:
                self._mend()

    def _refusal(self, stopped: StoppedError) -> HarmonySyntaxError:
        """The error for the last id, which is given back."""
        error = HarmonySyntaxError(diagnose(self._reader, stopped.stop))
        self._tokens.pop()
        return error

    def _take_run(self, run: list[int]) -> None:
        """Take ordinary ids; all at once, if a header or whole characters of a body."""
        if self._lenient is None and self.state is StreamState.HEADER:
            self._tokens += run
            self._delta = None
            return
        if self._header is not None and len(run) > 1:
            table = self._entrances.table
            data = self._held + table.vocabulary.decode_bytes(run[:-1])
            try:
                text = data.decode()
            except UnicodeDecodeError:
                pass
            else:
                self._tokens += run[:-1]
                self._emit(text)
                run = run[-1:]
        for token in run:
            self.process(token)

    # --- headers ---

    def _take_in_header(self, token: int) -> None:
        """An id of a header; whether a header can go on so is asked where it may matter."""
        self._delta = None
        begins = self._role is None and len(self._tokens) == self._start + 1
        if begins or not 0 <= token < self._entrances.table.first_special:
            self._check_header(at_end=False)

    def _check_header(self, *, at_end: bool) -> None:
        """Refuse what cannot become a header, or is none yet at the end."""
        configuration, ids = self._reader.configuration, tuple(self._tokens[self._start :])
        if not at_end and (configuration, ids) in self._entrances.prefixes:
            return
        self._sync()
        try:
            self._reader.end_in_header(self._start)
        except StoppedError as stopped:
            if at_end or stopped.stop.status == "malformed":
                raise
        self._entrances.remember_prefix(configuration, ids)

    def _open(self) -> None:
        """The header is whole."""
        self._sync()
        body = len(self._tokens)
        key = tuple(self._tokens[self._start :])
        frame = Stretch(self._start, key, body, None, body, None)
        self._header = header = self._reader.header(frame, body)
        self._fields = header.fields
        self._role = None
        self._body = body
        self._texts = self._entrances.texts
        self._delta = None

    def _sync(self) -> None:
        """Tell the reader how far the input goes."""
        self._source.length = len(self._tokens)

    # --- bodies ---

    def _take_in_body(self, header: Header, token: int) -> None:
        table = self._entrances.table
        if 0 <= token < table.first_special:
            self._take_bytes(token, table.vocabulary.piece(token))
        elif 0 <= token < table.vocabulary.size:
            self._close(header, token)
        else:
            self._emit(self._flushed() + _UNKNOWN)
            self._texts = self._entrances.texts

    def _take_bytes(self, token: int, data: bytes) -> None:
        """The bytes of an ordinary id, which may end or begin inside a character."""
        held = self._held + data
        try:
            text, used = utf_8_decode(held, "strict", False)  # noqa: FBT003  it takes no keywords
        except UnicodeDecodeError:
            text, used = utf_8_decode(held, "replace", False)  # noqa: FBT003
            self._emit(text, held[used:])
            return
        if used < len(held):
            self._held, self._delta, self._texts = held, None, _NO_TEXTS
            return
        if not self._held:
            self._entrances.texts[token] = text
        self._emit(text)

    def _emit(self, text: str, held: bytes = b"") -> None:
        """Add text to the body."""
        self._fresh.append(text)
        self._delta = text
        self._held = held
        self._texts = _NO_TEXTS if held else self._entrances.texts

    def _flushed(self) -> str:
        """What an unfinished character becomes."""
        return utf_8_decode(self._held, "replace", True)[0]  # noqa: FBT003

    def _close(self, header: Header, token: int) -> None:
        """A special token: it ends the message, or is wrong here."""
        self._sync()
        end = len(self._tokens) - 1
        frame = Stretch(self._start, (), self._body, end, end + 1, token)
        rest = self._flushed()
        self._reader.close(header, frame, self._whole_content(end, rest))
        self._between(rest)

    def _close_cut(self, header: Header, *, behind: int = 0) -> None:
        """Add a message that ends without its terminator, `behind` ids before the last."""
        end, rest = len(self._tokens) - behind, self._flushed()
        content = self._whole_content(end, rest)
        _, _, channel, recipient, content_type, extras = header.fields
        self._messages.append(
            Message(
                header.fields.author,
                [content],
                channel,
                recipient,
                content_type,
                extras=dict(extras),
                header=header.spelling,
                offsets=(self._start, self._body, end, len(self._tokens)),
            )
        )
        before = header.in_body(empty=end == self._body)
        rules = self._entrances.grammar
        for terminator in sorted(before.expected & rules.rules.terminators)[:1]:
            self._reader.configuration = before.after(terminator) or before
        self._between(rest)

    def _whole_content(self, end: int, rest: str) -> TextContent:
        ids = None if self._strays else self._tokens[self._body : end]
        return text_content(self.current_content + rest, ids)

    def _between(self, rest: str) -> None:
        """After a message."""
        self._start = len(self._tokens)
        self._header = self._fields = None
        self._strays = False
        self._texts = _NO_TEXTS
        self._content, self._held = "", b""
        self._fresh.clear()
        self._delta = rest or None

    # --- what is not strictly legal ---

    def _pass_over(self, stopped: StoppedError, token: int) -> None:
        """Take an id that is wrong as the reference does; in the end the first error is told."""
        table, header = self._entrances.table, self._header
        name = table.specials.get(token)
        begins = self._role is None and len(self._tokens) == self._start + 1
        if header is not None and name in self._entrances.grammar.rules.terminators:
            self._close_cut(header, behind=1)
        elif header is not None:
            self._strays = True
            self._emit(self._flushed() + table.spelled([token]))
        elif begins or token in table.openers:
            self._error = self._error or HarmonySyntaxError(diagnose(self._reader, stopped.stop))
            self._reader.configuration = self._entrances.machine(None).root
            self._role = None
            self._between("")

    def _mend(self) -> StreamParser:
        """Read everything so far again, by recovery; only new text is told."""
        told, self._messages = self.current_content, []
        self._between("")
        self._start = 0
        self._lenient, before = self._entrances.recovering(self._begun_as)
        self._before = len(before)
        self._tell(self._lenient.feed([*before, *self._tokens]))
        self._delta = self.current_content.removeprefix(told) or None
        return self._lenient

    def _feed(self, lenient: StreamParser, token: int) -> list[Event]:
        try:
            return lenient.feed([token])
        except ValueError as error:  # it has been told of the end of the input
            self._tokens.pop()
            raise HarmonyError("the stream has ended: read what follows with a new one") from error

    def _tell(self, events: Iterable[Event]) -> None:
        """Take what recovery has found out."""
        from harmony_grammar.streaming import events as told  # noqa: PLC0415  few need it

        deltas: list[str] = []
        for event in events:
            if isinstance(event, told.MessageStarted):
                self._fields = Fields(event.author.role, event.author.name, None, None, None)
            elif isinstance(event, told.HeaderCompleted) and self._fields is not None:
                said = (event.channel, event.recipient, event.content_type)
                self._fields = Fields(self._fields.role, self._fields.name, *said)
                self._role, self._body = None, len(self._tokens)
            elif isinstance(event, (told.TextDelta, told.ArgumentsDelta)):
                self._fresh.append(event.text)
                deltas.append(event.text)
            elif isinstance(event, told.MessageEnded):
                self._messages.append(_moved(event.message, -self._before))
                self._between("")
        self._delta = "".join(deltas) or None


def _again(
    encoding: HarmonyEncoding, how: Mapping[str, Any], tokens: list[int], ends: list[int]
) -> StreamableParser:
    """A parser that took these ids, and was told so often that the input ends."""
    parser, at = StreamableParser(encoding, **how), 0
    for end in ends:
        with suppress(HarmonySyntaxError):  # which it raised then, and was as before
            parser.process_many(tokens[at:end]).process_eos()
        at = end
    return parser.process_many(tokens[at:])


def _moved(message: Message, by: int) -> Message:
    """The message with its places moved, but not before the beginning."""
    if message.offsets is None or not by:
        return message
    start, body, end, stop = (max(0, place + by) for place in message.offsets)
    return replace(message, offsets=(start, body, end, stop))


def _header_data(fields: Fields) -> dict[str, Any]:
    role, name, channel, recipient, content_type, _ = fields
    named = {} if name is None else {"name": name}
    return {
        "author": {"role": role.value, **named},
        "recipient": recipient,
        "channel": channel,
        "content_type": None if content_type is None else str(content_type),
    }
