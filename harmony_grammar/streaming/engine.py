"""The engine of recovery: special tokens and runs of text in, events out.

Theory of operation. The engine is always in one of four modes. In the *gap* it gathers what
stands before a body: text between messages, a header, or what is left of one. In a *body* text
passes through at once. *Ahead* it has met a channel token in a body and waits to see whether a
message begins there. *Over* the turn has ended, and whatever comes is overrun.

A header is first read by the grammar, from the configuration that strict reading would be in;
only if that fails is it read as a damaged one, field by field.
"""

from __future__ import annotations

from codecs import utf_8_decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.checking.codes import DiagnosticCode as Code
from harmony_grammar.checking.codes import Repair
from harmony_grammar.errors import Span
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.meaning import COMPLETION
from harmony_grammar.inputs import Stretch
from harmony_grammar.reading.reader import Reader, StoppedError, valid_channels
from harmony_grammar.streaming.damaged_headers import content_of, read_damaged, rest_of
from harmony_grammar.streaming.events import TurnEnded
from harmony_grammar.streaming.header_words import HeaderWords, MendedHeader, WordsByParser
from harmony_grammar.streaming.padding import take_padding
from harmony_grammar.streaming.record import FaultError, Held, Record, unchain
from harmony_grammar.streaming.stripped import take_stripped
from harmony_grammar.tree import OpenMessage, Role
from harmony_grammar.tree.build import open_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harmony_grammar.inputs import Kind, Piece, Raw
    from harmony_grammar.reading.headers import Configuration, Fields, Header
    from harmony_grammar.reading.strict import Status
    from harmony_grammar.streaming.damaged_headers import DamagedHeader
    from harmony_grammar.streaming.record import Chain
    from harmony_grammar.tree import Start

__all__ = ["BODY", "Engine"]

# What the engine is doing.
GAP: Final = 0
BODY: Final = 1
AHEAD: Final = 2
OVER: Final = 3

_STATE: Final = (
    *("at", "begin", "configuration", "ended", "mode", "over", "pending", "region", "tail"),
)


class Engine:
    """One reading of one input, token by token.

    Args:
        words: the words of headers, by parser.
        kind: the kind of input.
        start: the start symbol.
        root: the parser before the input.

    Attributes:
        record: what has been read and told.
        stripped: whether text may be read that has lost its special tokens.
        mode: what the engine is doing.
        at: where the next token stands.
        configuration: the parser between two messages.
        region, begin: what has been gathered, and from where.
        tail: the bytes of an unfinished character.
        ended: the verdict, if the input ended inside a message and all was well before.
        over: where the turn ended, if it has.
        pending: the open message at the end.
    """

    __slots__ = (*_STATE, "kind", "record", "rules", "start", "stripped", "words_of")

    at: int
    begin: int
    configuration: Configuration
    ended: Status | None
    mode: int
    over: int | None
    pending: OpenMessage | None
    region: Chain
    tail: bytes

    def __init__(self, words: WordsByParser, kind: Kind, start: Start, root: Configuration) -> None:
        self.words_of = words
        self.stripped = False
        self.kind = kind
        self.start = start
        self.rules = root.machine.rules
        self.record = Record(self.rules, kind)
        self.configuration = root
        self.at = self.begin = 0
        self.mode = GAP
        self.region = self.ended = self.over = self.pending = None
        self.tail = b""

    def state(self) -> tuple[Any, ...]:
        """Everything, as one value."""
        return (self.record.state(), *(getattr(self, name) for name in _STATE))

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back (or forward) to a state."""
        self.record.restore(state[0])
        for name, value in zip(_STATE, state[1:], strict=True):
            setattr(self, name, value)

    @property
    def words(self) -> HeaderWords:
        """The words where the input is."""
        return self.words_of[self.configuration.machine]

    def take(self, raw: Raw) -> None:
        """Read a stretch of input whose last token is whole."""
        for name, part in self.kind.cut(raw):
            try:
                if name is None:
                    _RUNS[self.mode](self, part)
                elif name or not take_padding(self, part):
                    _TOKENS[self.mode](self, name, part)
            except FaultError as fault:
                fault.stop = self.at + len(part)
                raise
            self.at += len(part)

    def resume(self, terminator: str) -> None:
        """Go on behind a message that strict reading ended."""
        if self.start == COMPLETION and self.rules.specials[terminator] in self.words.turn_ends:
            self.mode, self.over = OVER, self.at

    def finish(self) -> None:
        """The input ends."""
        if self.reads_body():
            self.end_in_body()
        elif self.mode == GAP and self.region is not None:
            self.end_in_gap(self.gathered())
        if self.over is not None and self.over < self.at and not self.record.strict:
            self.record.repair(Code.OVERRUN, (self.over, self.at), "", "nothing: the turn is over")
        self.record.release(self.rules.meaning.answer)

    @property
    def status(self) -> Status:
        """The verdict of strict reading, once the input has ended."""
        if self.record.malformed:
            return "malformed"
        if self.ended is not None:
            return self.ended
        return "complete" if END_OF_INPUT in self.configuration.expected else "truncated"

    def gather(self, raw: Raw) -> None:
        """Keep a stretch until it is clear what it is."""
        if self.region is None:
            self.begin = self.at
        self.region = (self.region, raw)

    def gathered(self) -> Raw:
        """What was kept; it is kept no longer."""
        raw = self.kind.join(unchain(self.region))
        self.region = None
        return raw

    def pieces(self, raw: Raw) -> list[Piece]:
        """The special tokens and the runs of text in a stretch."""
        return list(self.kind.source(raw).pieces(0, len(raw)))

    def found(self, raw: Raw) -> str:
        """What a stretch is, in words."""
        return "".join(piece.text for piece in self.pieces(raw))

    # --- in the gap ---

    def token_in_gap(self, name: str, raw: Raw) -> None:
        """A special token before a body."""
        if name in self.rules.openers:
            self.open_body(raw)
        elif name in self.rules.terminators:
            self.end_in_vain(name, raw)
        else:
            if name == self.words.start and self.region is not None:
                self.abandon(self.gathered())
            self.gather(raw)

    def open_body(self, raw: Raw) -> None:
        """A header is complete: read it by the grammar, or else as a damaged one."""
        self.gather(raw)
        header = self.gathered()
        key = (self.configuration, self.kind.key(header))
        refused = key in self.words.mended  # which was tried before
        known = None if refused else self.read_strictly(self.configuration, header)
        if known is not None:
            self.begin_body(known, known.fields, len(header))
        elif self.record.strict:
            raise FaultError
        else:
            self.mend_header(header)

    def begin_body(self, header: Header | None, fields: Fields, length: int) -> None:
        """The body begins behind a header of this length."""
        self.record.begin_message(header, fields, self.begin, self.begin + length)
        self.mode = BODY

    def mend_header(self, raw: Raw) -> None:
        """A header that the grammar refuses, from memory if it was mended here before."""
        key = (self.configuration, self.kind.key(raw))
        mended = self.words.mended.get(key)
        if mended is None:
            mended = self.mended(raw)
            self.words.remember(key, mended)
        if mended.lead:
            end = self.begin + mended.lead
            self.text_alone(raw[: mended.lead], end, said=not self.record.count)
            self.begin = end
        self.make(mended.repairs)
        self.begin_body(mended.header, mended.fields, len(raw) - mended.lead)

    def mended(self, raw: Raw) -> MendedHeader:
        """Read a header elsewhere by the grammar, or else as a damaged one."""
        pieces = self.pieces(raw)
        started = pieces[0].special == self.words.start
        header = self.read_strictly(self.elsewhere(started=started), raw)
        opening = []
        if started or self.words.start in self.configuration.expected:
            opening.append(self.opening(pieces[0], started=started))
        if header is not None:
            return MendedHeader(header, header.fields, tuple(opening))
        if self.leads(pieces):
            lead = pieces[0].end
            return self.mended(raw[lead:])._replace(lead=lead)
        loose = read_damaged(self.words, pieces[:-1], closed=True)
        repairs = [*(() if started else opening), *self.repairs_of(loose, raw)]
        if not repairs:
            span = Span(0, len(raw))
            repairs.append(Repair(Code.ODD_HEADER, span, self.found(raw), "its fields"))
        return MendedHeader(None, loose.fields, tuple(repairs))

    def leads(self, pieces: Sequence[Piece]) -> bool:
        """Whether a header begins with text that is none of it, before its channel."""
        if pieces[0].special is not None or pieces[1].special != self.words.channel:
            return False
        alone = read_damaged(self.words, pieces[:1], closed=True)
        whole = read_damaged(self.words, pieces[:-1], closed=True)
        loose = (Code.UNEXPECTED_TEXT, Code.CONFLICTING_TYPES)
        words = all(mend.code in loose for mend in alone.mends)
        return words and not alone.named and whole.fields.role is not Role.TOOL

    def make(self, repairs: Iterable[Repair]) -> None:
        """Make repairs whose places are counted from where the gathering began."""
        begin = self.begin
        for code, span, found, assumed in repairs:
            self.record.repair(code, (begin + span.start, begin + span.end), found, assumed)

    def elsewhere(self, *, started: bool) -> Configuration:
        """Where else a header may begin: with the opening repeated, or without it."""
        return self.words.between if started else self.words.implied

    def opening(self, piece: Piece, *, started: bool) -> Repair:
        """The repair of a header whose opening is repeated or missing."""
        code = Code.REPEATED_OPENING if started else Code.MISSING_START
        words = "".join(self.rules.opening_words)
        return Repair(code, Span(0, piece.end), piece.text, "" if started else words)

    def repairs_of(self, loose: DamagedHeader, raw: Raw) -> list[Repair]:
        """The repairs of a header that was read as a damaged one."""
        places = self.kind.source(raw)
        repairs = [
            Repair(code, places.span(piece, at, width), piece.text[at : at + width], assumed)
            for code, piece, at, width, assumed in loose.mends
        ]
        role = loose.fields.role
        if role != self.rules.meaning.model_role and self.start == COMPLETION:
            said = f"a message of the {role.value}"
            repairs.append(Repair(Code.FOREIGN_ROLE, Span(0, len(raw)), role.value, said))
        return repairs

    def read_strictly(self, configuration: Configuration, raw: Raw) -> Header | None:
        """The header that the grammar reads in a stretch, if it does."""
        key = self.kind.key(raw)
        known = configuration.headers.get(key)
        if known is not None:
            return known
        reader = self.reader(configuration, raw)
        end = reader.source.length
        try:
            return reader.header(Stretch(0, key, end, None, end, None), end)
        except StoppedError:
            return None

    def reader(self, configuration: Configuration, raw: Raw) -> Reader:
        """A strict reader of a stretch."""
        reader = Reader(configuration.machine, self.kind.source(raw))
        reader.configuration = configuration
        return reader

    # --- in the gap, in vain ---

    def abandon(self, raw: Raw) -> None:
        """A message begins although what was gathered never came to a body."""
        pieces = self.pieces(raw)
        if all(piece.special is None for piece in pieces):
            self.discard(Code.TEXT_BETWEEN_MESSAGES, self.at, raw)
        else:
            self.read_unclosed(pieces, raw, None, self.at)

    def discard(self, code: Code, end: int, raw: Raw) -> None:
        """What was gathered belongs to no message."""
        self.record.repair(code, (self.begin, end), self.found(raw), "nothing")
        self.record.skip(self.begin, end)

    def text_alone(self, raw: Raw, end: int, *, said: bool) -> None:
        """Text without a header: in a completion what the model says, elsewhere nothing."""
        if said and self.start == COMPLETION and self.found(raw).strip():
            self.hold(raw, "", end)
        else:
            self.discard(Code.TEXT_BETWEEN_MESSAGES, end, raw)

    def end_in_vain(self, name: str, raw: Raw) -> None:
        """A terminator comes although no body has begun."""
        if self.region is None:
            self.begin = self.at
        gathered = self.gathered()
        pieces = self.pieces(gathered)
        stop = self.at + len(raw)
        if any(piece.special is not None for piece in pieces):
            self.read_unclosed(pieces, gathered, name, stop)
        elif self.start != COMPLETION or not self.found(gathered).strip():
            both = self.kind.join([gathered, raw])
            self.discard(Code.DOUBLED_TERMINATOR, stop, both)
        else:
            self.hold(gathered, self.rules.literal(name), stop)
        if name != self.words.interim_end:
            self.record.release(self.rules.meaning.answer)
        self.configuration = self.words.between
        self.settle(name, stop)

    def hold(self, raw: Raw, terminator: str, stop: int) -> None:
        """Text without a header: its channel depends on whether a message follows."""
        if self.record.strict:
            raise FaultError
        self.record.malformed = True
        self.record.release(self.rules.meaning.reasoning)
        offsets = (self.begin, self.begin, self.begin + len(raw), stop)
        self.record.held = Held(self.kind.content(raw, marked=False), offsets, terminator)

    def read_unclosed(self, pieces: Sequence[Piece], raw: Raw, name: str | None, stop: int) -> None:
        """A header that never reaches its body: fields from the front, then its content."""
        if self.record.strict:
            raise FaultError
        loose = read_damaged(self.words, pieces, closed=False)
        text, at = rest_of(loose, pieces, self.kind.source(raw))
        end = self.begin + len(raw)
        if not text.strip() and (name is None or not loose.named):
            twice = not loose.named and pieces[0].special == self.words.start
            code = Code.DOUBLED_START if twice else Code.EMPTY_HEADER
            self.discard(code, stop, raw)
            return
        self.make(self.repairs_of(loose, raw))
        begin = self.begin + at
        self.record.repair(Code.MISSING_MESSAGE, (begin, end), text, "the body begins here")
        content = content_of(self.kind, text, raw[at:])
        terminator = None if name is None else self.rules.literal(name)
        self.record.tell(loose.fields, content, (self.begin, begin, end, stop), terminator)

    def settle(self, name: str, stop: int) -> None:
        """A terminator was read: the turn may be over."""
        self.mode = GAP
        if name not in self.words.turn_ends:
            return
        self.record.events.append(TurnEnded(self.rules.literal(name), stop))
        if self.start == COMPLETION:
            self.mode, self.over = OVER, stop

    # --- in a body ---

    def run_in_body(self, raw: Raw) -> None:
        """Text of a body."""
        text, self.tail = self.kind.decode(raw, self.tail)
        self.record.body = (self.record.body, raw)
        self.record.delta(text)

    def reads_body(self) -> bool:
        """Whether a body is being read; what was gathered in one is text then."""
        if self.mode == AHEAD:
            self.spell_out()
        return self.mode == BODY

    def flush(self) -> None:
        """An unfinished character is not going to be finished."""
        if self.tail:
            text, _ = utf_8_decode(self.tail, "replace", True)  # noqa: FBT003  positional only
            self.tail = b""
            self.record.delta(text)

    def token_in_body(self, name: str, raw: Raw) -> None:
        """A special token in a body: its end, or the beginning of another message, or text."""
        self.flush()
        if name in self.rules.terminators:
            self.terminate(name, raw)
        elif name == self.words.start:
            self.break_off(self.at, raw)
            self.gather(raw)
            self.mode = GAP
        elif name == self.words.channel:
            if self.record.strict:
                raise FaultError
            self.gather(raw)
            self.mode = AHEAD
        else:
            self.literal(raw, self.at)

    def literal(self, raw: Raw, at: int) -> None:
        """A special token that is text."""
        text = self.kind.spelled(raw)
        self.record.repair(Code.STRAY_TOKEN, (at, at + len(raw)), text, "text")
        self.flush()
        self.record.body = (self.record.body, raw)
        self.record.marked = True
        self.record.delta(text)

    def break_off(self, at: int, raw: Raw) -> None:
        """A message begins inside a body."""
        ends = self.rules.literal(self.words.interim_end)
        found = self.kind.spelled(raw)
        self.record.repair(Code.MISSING_TERMINATOR, (at, at + len(raw)), found, ends)
        self.end_and_declare(at, at, None)
        self.configuration = self.words.between

    def terminate(self, name: str, raw: Raw) -> None:
        """The body ends as it should, or at least in a terminator."""
        header, fields, _, body = self.record.current
        after = None
        if header is not None:
            after = header.in_body(empty=self.at == body).after(name)
        code = self.words.wrong_end(fields, name)
        stop = self.at + len(raw)
        if code is not None or (header is not None and after is None):
            found = self.kind.spelled(raw)
            self.record.repair(
                code or Code.WRONG_TERMINATOR, (self.at, stop), found, "the message's end"
            )
        follows = after is not None and after.machine.start == self.start
        self.configuration = after if after and follows else self.words.between
        self.end_and_declare(self.at, stop, self.rules.literal(name))
        self.settle(name, stop)

    def end_and_declare(self, end: int, stop: int, terminator: str | None) -> None:
        """Enter the message, and go on with the channels that it declares."""
        declares = self.record.current.fields.role is Role.SYSTEM
        content = self.record.end_message(end, stop, terminator)
        if declares:
            line = valid_channels(self.rules, content.text)
            channels = frozenset(line.channels)
            machine = self.configuration.machine.declaring(channels)
            self.configuration = machine.configuration(self.configuration.stack)

    # --- ahead of a channel token in a body ---

    def token_ahead(self, name: str, raw: Raw) -> None:
        """A special token behind a channel token in a body."""
        if name == self.words.constrain:
            self.gather(raw)
        elif name not in self.rules.openers:
            self.spell_out()
            self.token_in_body(name, raw)
        elif not self.begin_inside(raw):
            self.spell_out()
            self.literal(raw, self.at)

    def begin_inside(self, raw: Raw) -> bool:
        """Begin a message of the same author, if what was gathered is a header with a channel."""
        region, begin = self.region, self.begin
        gathered = self.gathered()
        author, header = self.record.current.fields.author, None
        full = self.kind.join([gathered, raw])
        if author.role == self.rules.meaning.model_role and author.name is None:
            header = self.read_strictly(self.words.implied, full)
        pieces = self.pieces(gathered)
        loose = read_damaged(self.words, pieces, closed=True, author=author)
        if header is None and not loose.clean:
            self.region, self.begin = region, begin
            return False
        self.break_off(begin, gathered[: pieces[0].end])
        self.begin = begin
        self.begin_body(header, header.fields if header else loose.fields, len(full))
        return True

    def spell_out(self) -> None:
        """What was gathered in a body is text."""
        raw, at = self.gathered(), self.begin
        self.mode = BODY
        for name, part in self.kind.cut(raw):
            if name is None:
                self.run_in_body(part)
            else:
                self.literal(part, at)
            at += len(part)

    # --- when the turn is over ---

    def run_over(self, raw: Raw) -> None:
        """Overrun."""
        del raw
        if self.record.strict:
            raise FaultError

    # --- the end of the input ---

    def end_in_body(self) -> None:
        """The input ends in a body: a prefilled message, or one that was cut off."""
        self.flush()
        header, _, begin, body = self.record.current
        after = None if header is None else header.in_body(empty=self.at == body)
        if header is not None and after is not None and END_OF_INPUT in after.expected:
            self.pending = open_message(header, self.record.content(), (begin, body, self.at))
            self.ended = "complete"
            return
        said = "the message ends with the input"
        self.record.note(Code.TRUNCATED_BODY, (self.at, self.at), "", said)
        self.record.end_message(self.at, self.at, None)
        self.ended = "truncated"

    def end_in_gap(self, raw: Raw) -> None:
        """The input ends before a body."""
        alone = all(name is None for name, _ in self.kind.cut(raw))  # no special token
        blank = alone and not self.found(raw).strip()
        if self.end_legally(self.configuration, raw):
            if blank:
                self.record.skip(self.begin, self.at)
                self.pending = None
            return
        if self.record.strict:
            return
        pieces = self.pieces(raw)
        started = pieces[0].special == self.words.start
        if alone:
            if not (self.stripped and take_stripped(self, raw)):
                self.text_alone(raw, self.at, said=not blank)
        elif self.end_legally(self.elsewhere(started=started), raw):
            self.make([self.opening(pieces[0], started=started)])
        else:
            self.end_in_vain_header(pieces, raw)

    def end_legally(self, configuration: Configuration, raw: Raw) -> bool:
        """Whether the input may end (or be cut off) in a header so; then it is pending."""
        reader = self.reader(configuration, raw)
        try:
            reader.end_in_header(0)
        except StoppedError as stopped:
            if stopped.stop.status == "malformed":
                return False
            self.ended = "truncated"
            self.leave_open(stopped.stop.fields)
            self.record.note(Code.TRUNCATED_HEADER, (self.at, self.at), "", "no message")
            return True
        self.ended = "complete"
        found = reader.outcome.open_message
        if found is not None:
            self.pending = replace(found, offsets=(self.begin, self.at, self.at))
        return True

    def leave_open(self, fields: Fields) -> None:
        """A message whose header is not complete is no message."""
        offsets = (self.begin, self.at, self.at)
        _, _, channel, recipient, kind, extras = fields
        self.pending = OpenMessage(
            fields.author, None, channel, recipient, kind, extras=dict(extras), offsets=offsets
        )

    def end_in_vain_header(self, pieces: Sequence[Piece], raw: Raw) -> None:
        """The input ends in a header that is none."""
        loose = read_damaged(self.words, pieces, closed=False)
        if rest_of(loose, pieces, self.kind.source(raw))[0].strip():
            self.read_unclosed(pieces, raw, None, self.at)
        else:
            self.make(self.repairs_of(loose, raw))
            self.record.note(Code.TRUNCATED_HEADER, (self.at, self.at), "", "no message")
            self.record.malformed = True
            self.leave_open(loose.fields)


_RUNS: Final[tuple[Callable[[Engine, Raw], None], ...]] = (
    Engine.gather,
    Engine.run_in_body,
    Engine.gather,
    Engine.run_over,
)

_TOKENS: Final[tuple[Callable[[Engine, str, Raw], None], ...]] = (
    Engine.token_in_gap,
    Engine.token_in_body,
    Engine.token_ahead,
    lambda engine, _, raw: engine.run_over(raw),
)
