"""The engine: special tokens and runs of text in, events out.

Theory of operation. The engine is always in one of four modes. In the *gap* it gathers what
stands before a body: text between messages, a header, or what is left of one. In a *body* text
passes through at once. *Ahead* it has met a channel token in a body and waits to see whether a
message begins there. *Over* the turn has ended, and whatever comes is overrun. Which method
handles a token is one look-up in a table by mode.

A header is first read by the grammar, from the configuration that strict reading would be in;
as long as that succeeds, the engine does what strict reading does. Only then is it read loosely.
"""

from __future__ import annotations

from codecs import utf_8_decode
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.codes import DiagnosticCode as Code
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.reading.reader import StoppedError, valid_channels
from harmony_grammar.streaming.damaged import read_loose
from harmony_grammar.streaming.gap import AHEAD, BODY, COMPLETION, GAP, OVER, Gap, Lexicons
from harmony_grammar.streaming.ledger import FaultError
from harmony_grammar.tree import OpenMessage, Role
from harmony_grammar.tree.build import open_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harmony_grammar.inputs import Piece, Raw
    from harmony_grammar.reading.headers import Configuration, Fields
    from harmony_grammar.reading.strict import Status

__all__ = ["BODY", "Engine", "Lexicons"]


class Engine(Gap):
    """One reading of one input, token by token."""

    __slots__ = ()

    def take(self, raw: Raw) -> None:
        """Read a stretch of input whose last token is whole."""
        for name, part in self.kind.cut(raw):
            try:
                if name is None:
                    _RUNS[self.mode](self, part)
                else:
                    _TOKENS[self.mode](self, name, part)
            except FaultError as fault:
                fault.stop = self.at + len(part)
                raise
            self.at += len(part)

    def resume(self, terminator: str) -> None:
        """Go on behind a message that strict reading ended."""
        if self.start == COMPLETION and self.rules.specials[terminator] in self.lexicon.turn_ends:
            self.mode, self.over = OVER, self.at

    def finish(self) -> None:
        """The input ends."""
        if self.mode == AHEAD:
            self.spell_out()
        if self.mode == BODY:
            self.end_in_body()
        elif self.mode == GAP and self.region is not None:
            self.end_in_gap(self.gathered())
        if self.over is not None and self.over < self.at and not self.strict:
            self.repair(Code.OVERRUN, (self.over, self.at), "", "nothing: the turn is over")
        self.release(self.rules.meaning.answer)

    @property
    def status(self) -> Status:
        """The verdict of strict reading, once the input has ended."""
        if self.malformed:
            return "malformed"
        if self.ended is not None:
            return self.ended
        return "complete" if END_OF_INPUT in self.configuration.expected else "truncated"

    # --- in a body ---

    def run_in_body(self, raw: Raw) -> None:
        """Text of a body."""
        text, self.tail = self.kind.decode(raw, self.tail)
        self.body = (self.body, raw)
        self.delta(text)

    def flush(self) -> None:
        """An unfinished character is not going to be finished."""
        if self.tail:
            text, _ = utf_8_decode(self.tail, "replace", True)  # noqa: FBT003  positional only
            self.tail = b""
            self.delta(text)

    def token_in_body(self, name: str, raw: Raw) -> None:
        """A special token in a body: its end, or the beginning of another message, or text."""
        self.flush()
        if name in self.rules.terminators:
            self.terminate(name, raw)
        elif name == self.lexicon.start:
            self.break_off(self.at, raw)
            self.gather(raw)
            self.mode = GAP
        elif name == self.lexicon.channel:
            if self.strict:
                raise FaultError
            self.gather(raw)
            self.mode = AHEAD
        else:
            self.literal(raw, self.at)

    def literal(self, raw: Raw, at: int) -> None:
        """A special token that is text."""
        text = self.kind.spelled(raw)
        self.repair(Code.STRAY_TOKEN, (at, at + len(raw)), text, "text")
        self.flush()
        self.body = (self.body, raw)
        self.marked = True
        self.delta(text)

    def break_off(self, at: int, raw: Raw) -> None:
        """A message begins inside a body."""
        ends = self.rules.literal(self.lexicon.interim_end)
        found = self.kind.spelled(raw)
        self.repair(Code.MISSING_TERMINATOR, (at, at + len(raw)), found, ends)
        self.end_and_declare(at, at, None)
        self.configuration = self.lexicon.between

    def terminate(self, name: str, raw: Raw) -> None:
        """The body ends as it should, or at least in a terminator."""
        header, fields, _, body = self.current
        after = None
        if header is not None:
            after = header.in_body(empty=self.at == body).after(name)
        code = self.wrong_end(fields, name)
        stop = self.at + len(raw)
        if code is not None or (header is not None and after is None):
            found = self.kind.spelled(raw)
            self.repair(code or Code.WRONG_TERMINATOR, (self.at, stop), found, "the message's end")
        follows = after is not None and after.machine.start == self.start
        self.configuration = after if after and follows else self.lexicon.between
        self.end_and_declare(self.at, stop, self.rules.literal(name))
        self.settle(name, stop)

    def wrong_end(self, fields: Fields, name: str) -> Code | None:
        """What is wrong about a terminator of a message with these fields."""
        calls = name == self.lexicon.call
        if fields.author.role != self.rules.meaning.model_role:
            return None if name == self.lexicon.interim_end else Code.WRONG_TERMINATOR
        if calls and fields.recipient is None:
            return Code.CALL_WITHOUT_RECIPIENT
        if not calls and fields.recipient is not None:
            return Code.RECIPIENT_WITHOUT_CALL
        return None

    def end_and_declare(self, end: int, stop: int, terminator: str | None) -> None:
        """Enter the message, and go on with the channels that it declares."""
        declares = self.current.fields.author.role is Role.SYSTEM
        content = self.end_message(end, stop, terminator)
        if declares:
            line = valid_channels(self.rules, content.text)
            channels = frozenset(line.channels)
            machine = self.configuration.machine.declaring(channels)
            self.configuration = machine.configuration(self.configuration.stack)

    # --- ahead of a channel token in a body ---

    def token_ahead(self, name: str, raw: Raw) -> None:
        """A special token behind a channel token in a body."""
        if name == self.lexicon.constrain:
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
        author, header = self.current.fields.author, None
        full = self.kind.join([gathered, raw])
        if author.role == self.rules.meaning.model_role and author.name is None:
            header = self.read_strictly(self.lexicon.implied, full)
        pieces = self.pieces(gathered)
        loose = read_loose(self.lexicon, pieces, closed=True, author=author)
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
        if self.strict:
            raise FaultError

    def token_over(self, name: str, raw: Raw) -> None:
        """Overrun."""
        del name
        self.run_over(raw)

    # --- the end of the input ---

    def end_in_body(self) -> None:
        """The input ends in a body: a prefilled message, or one that was cut off."""
        self.flush()
        header, _, begin, body = self.current
        after = None if header is None else header.in_body(empty=self.at == body)
        if header is not None and after is not None and END_OF_INPUT in after.expected:
            self.pending = open_message(header, self.content(), (begin, body, self.at))
            self.ended = "complete"
            return
        said = "the message ends with the input"
        self.note(Code.TRUNCATED_BODY, (self.at, self.at), "", said)
        self.end_message(self.at, self.at, None)
        self.ended = "truncated"

    def end_in_gap(self, raw: Raw) -> None:
        """The input ends before a body."""
        blank = self.only_text(raw) and not self.found(raw).strip()
        if self.end_legally(self.configuration, raw):
            if blank:
                self.skip(self.begin, self.at)
                self.pending = None
            return
        if self.strict:
            return
        pieces = self.pieces(raw)
        started = pieces[0].special == self.lexicon.start
        if self.only_text(raw):
            self.end_in_text(raw, blank=blank)
        elif self.end_legally(self.elsewhere(started=started), raw):
            self.make([self.opening(pieces[0], started=started)])
        else:
            self.end_in_vain_header(pieces, raw)

    def only_text(self, raw: Raw) -> bool:
        """Whether a stretch holds no special token."""
        return all(name is None for name, _ in self.kind.cut(raw))

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
            self.note(Code.TRUNCATED_HEADER, (self.at, self.at), "", "no message")
            return True
        self.ended = "complete"
        found = reader.outcome.open_message
        if found is not None:
            self.pending = replace(found, offsets=(self.begin, self.at, self.at))
        return True

    def leave_open(self, fields: Fields) -> None:
        """A message whose header is not complete is no message."""
        offsets = (self.begin, self.at, self.at)
        author, channel, recipient, kind, extras = fields
        self.pending = OpenMessage(
            author, None, channel, recipient, kind, extras=dict(extras), offsets=offsets
        )

    def end_in_text(self, raw: Raw, *, blank: bool) -> None:
        """The input ends in text without a header: the answer, in a completion."""
        if blank or self.start != COMPLETION:
            self.discard(Code.TEXT_BETWEEN_MESSAGES, self.at, raw)
        else:
            self.hold(raw, "", self.at)

    def end_in_vain_header(self, pieces: Sequence[Piece], raw: Raw) -> None:
        """The input ends in a header that is none."""
        loose = read_loose(self.lexicon, pieces, closed=False)
        if self.rest(loose, pieces, raw)[0].strip():
            self.read_unclosed(pieces, raw, None, self.at)
        else:
            self.make(self.repairs_of(loose, raw))
            self.note(Code.TRUNCATED_HEADER, (self.at, self.at), "", "no message")
            self.malformed = True
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
    Engine.token_over,
)
