"""Reading an input whole: stretches in, messages out, and what stopped it.

The reader follows the stretches of a source through the configurations of a machine. What it has
met before costs two look-ups a message; what it has not is walked, terminal by terminal. It
never raises on bad input: it stops, and says where and in which configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from harmony_grammar.checking.declared import ValidChannels
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.meaning import VALID_CHANNELS
from harmony_grammar.inputs import Piece
from harmony_grammar.reading.headers import (
    Ending,
    Fault,
    Machine,
    Token,
    fields_of,
    header_of,
    walk,
)
from harmony_grammar.reading.violations import header_violation
from harmony_grammar.tree.build import message, open_message

if TYPE_CHECKING:
    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Source, Stretch
    from harmony_grammar.reading.headers import (
        Configuration,
        Fields,
        FieldText,
        Header,
        Walk,
    )
    from harmony_grammar.reading.violations import Violation
    from harmony_grammar.tree import Message, OpenMessage, TextContent

__all__ = ["Outcome", "Reader", "Stop", "StoppedError", "valid_channels"]

Place = Literal["turn", "header", "body"]

_LONGEST_LINE: Final = 1000  # characters of the line of channels
_END: Final = Token(END_OF_INPUT, "", Piece(END_OF_INPUT, "", 0, 0), 0)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why reading stopped before a sentence was complete.

    Attributes:
        status: whether something could still follow.
        place: whether it stopped in a header, in a body, or between messages, where the turn is
            not over.
        fields: the fields of the unfinished message, as far as they were read.
        fault: where nothing legal can follow; None if the input was cut off.
        configuration: the parser where it stopped.
        violation: the rule that the header breaks, if that is why.
        before_last: the parser before the last word, if that may be unfinished.
    """

    status: Literal["truncated", "malformed"]
    place: Place
    fields: Fields
    fault: Fault | None
    configuration: Configuration
    violation: Violation | None = None
    before_last: Configuration | None = None

    @property
    def expected(self) -> frozenset[str]:
        """The terminals that could have stood there."""
        if self.violation:
            return frozenset()
        stopped = self.fault.configuration if self.fault else self.configuration
        return stopped.expected.union(self.before_last.expected if self.before_last else ())


@dataclass(slots=True)
class Outcome:
    """What was read.

    Attributes:
        messages: the whole messages.
        open_message: the open message at the end of a prompt.
        stop: why reading stopped; None if the input is a sentence.
    """

    messages: list[Message] = field(default_factory=list)
    open_message: OpenMessage | None = None
    stop: Stop | None = None


class StoppedError(Exception):
    """Carries a `Stop` out of the depth of a stretch."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop


class Reader:
    """One reading of one source.

    Args:
        machine: the parser.
        source: the input.
    """

    def __init__(self, machine: Machine, source: Source) -> None:
        self.source = source
        self.configuration = machine.root
        self.outcome = Outcome()

    def read(self) -> Outcome:
        """Read the source as far as it goes."""
        try:
            for stretch in self.source.stretches():
                self._read_stretch(stretch)
        except StoppedError as stopped:
            self.outcome.stop = stopped.stop
        return self.outcome

    def _read_stretch(self, stretch: Stretch) -> None:
        body, end = stretch.body, stretch.end
        if body is None:
            self.end_in_header(stretch.start)
            return
        header = self.header(stretch, body)
        if end is None:
            self._end_in_body(header, stretch, body)
        else:
            self.close(header, stretch, self.source.content(body, end))

    def header(self, stretch: Stretch, body: int) -> Header:
        """The header of a stretch, from memory if it was read from here before.

        Raises:
            StoppedError: if it is no header.
        """
        return self.configuration.headers.get(stretch.key) or self._read_header(stretch, body)

    def close(self, header: Header, stretch: Stretch, content: TextContent) -> None:
        """Add the message of a whole stretch, and go on after it.

        Raises:
            StoppedError: if what ends the stretch ends no message with this header.
        """
        start, _, body, end, stop, terminator = stretch
        if body is None or end is None or terminator is None:
            return  # no whole stretch
        endings = header.endings if end > body else header.bare_endings
        ending = endings.get(terminator)
        if ending is None:
            ending = endings[terminator] = self._ending(header, stretch, body, end)
        offsets = (start, body, end, stop)
        self.outcome.messages.append(message(header, content, ending.spelling, offsets))
        self.configuration = ending.configuration
        if header.declares:
            self._declare(content)

    # --- what was not met before ---

    def _read_header(self, stretch: Stretch, body: int) -> Header:
        """Walk a header terminal by terminal, and remember it."""
        configuration = self.configuration
        walked = self._walk(stretch.start, body, at_end=False)
        self._stop_if_wrong(walked)
        header = header_of(configuration, walked, self._fields(walked), stretch.key)
        configuration.remember(stretch.key, header)
        return header

    def _walk(self, start: int, end: int, *, at_end: bool) -> Walk:
        """Walk what may be a header, as far as it is one."""
        configuration, source = self.configuration, self.source
        pieces = list(source.pieces(start, end))
        spelled = source.unit == "text"
        walked = walk(configuration, pieces, at_end=at_end, spelled=spelled)
        if walked.fault is None:
            return walked
        from harmony_grammar.reading.blanks import walk_over_blanks  # noqa: PLC0415  few headers have them

        return walk_over_blanks(walked, configuration, pieces, at_end=at_end, spelled=spelled)

    def _ending(self, header: Header, stretch: Stretch, body: int, end: int) -> Ending:
        """Where the terminator of a stretch leads."""
        (piece,) = self.source.pieces(end, stretch.stop)
        before = header.in_body(empty=body == end)
        after = before.after(piece.special) if piece.special else None
        if after is None:
            fault = Fault(before, header.tokens, piece, 0, len(piece.text))
            raise StoppedError(Stop("malformed", "body", header.fields, fault, before))
        return Ending(after, piece.text)

    def _declare(self, content: TextContent) -> None:
        """Go on with the channels that a system message declares."""
        declared = frozenset(
            valid_channels(self.configuration.machine.rules, content.text).channels
        )
        machine = self.configuration.machine.declaring(declared)
        self.configuration = machine.configuration(self.configuration.stack)

    # --- the end of the input ---

    def end_in_header(self, start: int) -> None:
        """The input ends between messages or in a header.

        Raises:
            StoppedError: if it may not end there.
        """
        configuration, source = self.configuration, self.source
        if start == source.length and END_OF_INPUT in configuration.expected:
            return  # how every sentence of whole messages ends
        walked = self._walk(start, source.length, at_end=True)
        self._stop_if_wrong(walked)
        found = self._fields(walked)
        last = walked.configuration
        if walked.cut or END_OF_INPUT not in last.expected:
            fields = fields_of(configuration.machine.rules, found)
            first = configuration.machine.rules.meaning.message_start
            begun = bool(walked.tokens) or walked.cut or first not in last.expected
            place: Place = "header" if begun else "turn"
            raise StoppedError(
                Stop("truncated", place, fields, None, last, before_last=walked.before_last)
            )
        if walked.tokens:
            key = source.kind.key(source.part(start, source.length))
            header = header_of(configuration, walked, found, key)
            offsets = (start, source.length, source.length)
            self.outcome.open_message = open_message(header, None, offsets)

    def _end_in_body(self, header: Header, stretch: Stretch, body: int) -> None:
        """The input ends in a body: an open message, or a message that was cut off."""
        after = header.in_body(empty=body == self.source.length)
        if END_OF_INPUT not in after.expected:
            raise StoppedError(Stop("truncated", "body", header.fields, None, after))
        content = self.source.content(body, self.source.length)
        offsets = (stretch.start, body, self.source.length)
        self.outcome.open_message = open_message(header, content, offsets)

    # --- stopping ---

    def _stop_if_wrong(self, walked: Walk) -> None:
        """Stop at the first fault, be it the grammar's or that of a rule beyond it."""
        found = self._fields(walked)
        fields = fields_of(self.configuration.machine.rules, found)
        violation, fault = header_violation(self.configuration.machine.rules, fields), walked.fault
        if violation is not None:
            fault = _fault_after(violation.field, found, walked)
        if fault is not None:
            raise StoppedError(
                Stop("malformed", "header", fields, fault, walked.configuration, violation)
            )

    def _fields(self, walked: Walk) -> list[FieldText]:
        """The fields of a header that may be unfinished; a cut one at its end is left out."""
        machine, stack = self.configuration.machine, self.configuration.stack
        expected = sorted(walked.configuration.expected)
        after = [Token(expected[0], "", _END.piece, 0)] if expected and not walked.cut else []
        return machine.fields(stack, [*walked.tokens, *after])


def _fault_after(name: str, found: list[FieldText], walked: Walk) -> Fault | None:
    """The fault that a field makes, at what follows it; None while it may still go on."""
    end = next(field.end for field in found if field.name == name)
    if end == len(walked.tokens):
        return walked.fault
    token = walked.tokens[end]
    return Fault(walked.configuration, walked.tokens, token.piece, token.start, len(token.text))


# --- the channels that a system message declares ---


def valid_channels(rules: Rules, body: str) -> ValidChannels:
    """What the line in the body of a system message says; nothing if it cannot be read.

    Each channel makes the parser larger, so a line of a thousand characters is not read.
    """
    title = rules.channels_title
    at = body.find(title)
    while at > 0 and body[at - 1] != "\n":
        at = body.find(title, at + 1)
    if at < 0:
        return ValidChannels()
    end = body.find("\n", at, at + _LONGEST_LINE)
    line = body[at : at + _LONGEST_LINE] if end < 0 else body[at:end]
    return _read(rules, line) if len(line) < _LONGEST_LINE else ValidChannels()


@lru_cache(maxsize=64)
def _read(rules: Rules, line: str) -> ValidChannels:
    machine = Machine(rules, VALID_CHANNELS)
    walked = walk(machine.root, [Piece(None, line, 0, len(line))], at_end=True, spelled=False)
    if walked.fault or walked.cut or not machine.accepts(walked.configuration.stack):
        return ValidChannels()
    kept = [token for token in walked.tokens if token.name in rules.kept_terminals]
    words = [token for token in kept if not rules.terminals[token.name].fixed]
    return ValidChannels(tuple(token.text for token in words), len(words) < len(kept))
