"""The gap: what stands before a body, and what is left of headers that never reach one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.codes import DiagnosticCode as Code
from harmony_grammar.checking.codes import Repair
from harmony_grammar.errors import Span
from harmony_grammar.inputs import Stretch
from harmony_grammar.reading.reader import Reader, StoppedError
from harmony_grammar.streaming.damaged import read_loose
from harmony_grammar.streaming.events import TurnEnded
from harmony_grammar.streaming.header_words import Lexicon, Mended
from harmony_grammar.streaming.ledger import FaultError, Held, Ledger
from harmony_grammar.tree import Role
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.inputs import Kind, Piece, Raw
    from harmony_grammar.reading.headers import Configuration, Fields, Header, Machine
    from harmony_grammar.streaming.damaged import Loose
    from harmony_grammar.tree import Start, TextContent

__all__ = ["BODY", "COMPLETION", "GAP", "OVER", "Gap", "Lexicons"]

# What the engine is doing.
GAP: Final = 0
BODY: Final = 1
AHEAD: Final = 2
OVER: Final = 3

_MOST_LEXICONS: Final = 64  # there is one for each set of declared channels

COMPLETION: Final = "completion"


class Lexicons(dict["Machine", Lexicon]):
    """The lexicon of each parser, made when it is first needed."""

    def __missing__(self, machine: Machine) -> Lexicon:
        if len(self) >= _MOST_LEXICONS:
            self.clear()
        lexicon = self[machine] = Lexicon(machine)
        return lexicon


class Gap(Ledger):
    """The part of the engine that reads what stands before a body.

    Args:
        lexicons: the words of the grammar.
        kind: the kind of input.
        start: the start symbol.
        root: the parser before the input.
    """

    __slots__ = ("lexicons",)

    def __init__(self, lexicons: Lexicons, kind: Kind, start: Start, root: Configuration) -> None:
        super().__init__(root.machine.rules, kind, start, root)
        self.lexicons = lexicons

    @property
    def lexicon(self) -> Lexicon:
        """The words where the input is."""
        return self.lexicons[self.configuration.machine]

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
            if name == self.lexicon.start and self.region is not None:
                self.abandon(self.gathered())
            self.gather(raw)

    def open_body(self, raw: Raw) -> None:
        """A header is complete: read it by the grammar, or else loosely."""
        self.gather(raw)
        header = self.gathered()
        known = self.read_strictly(self.configuration, header)
        if known is not None:
            self.begin_body(known, known.fields, len(header))
        elif self.strict:
            raise FaultError
        else:
            self.mend_header(header)

    def begin_body(self, header: Header | None, fields: Fields, length: int) -> None:
        """The body begins behind a header of this length."""
        self.begin_message(header, fields, self.begin, self.begin + length)
        self.mode = BODY

    def mend_header(self, raw: Raw) -> None:
        """A header that the grammar refuses, from memory if it was mended here before."""
        key = (self.configuration, self.kind.key(raw))
        mended = self.lexicon.mended.get(key)
        if mended is None:
            mended = self.mended(raw)
            self.lexicon.remember(key, mended)
        if mended.lead:
            end = self.begin + mended.lead
            self.discard(Code.TEXT_BETWEEN_MESSAGES, end, raw[: mended.lead])
            self.begin = end
        self.make(mended.repairs)
        self.begin_body(mended.header, mended.fields, len(raw) - mended.lead)

    def mended(self, raw: Raw) -> Mended:
        """Read a header elsewhere by the grammar, or else loosely."""
        pieces = self.pieces(raw)
        started = pieces[0].special == self.lexicon.start
        header = self.read_strictly(self.elsewhere(started=started), raw)
        opening = []
        if started or self.lexicon.start in self.configuration.expected:
            opening.append(self.opening(pieces[0], started=started))
        if header is not None:
            return Mended(header, header.fields, tuple(opening))
        if self.leads(pieces):
            lead = pieces[0].end
            return self.mended(raw[lead:])._replace(lead=lead)
        loose = read_loose(self.lexicon, pieces[:-1], closed=True)
        repairs = [*(() if started else opening), *self.repairs_of(loose, raw)]
        if not repairs:
            span = Span(0, len(raw))
            repairs.append(Repair(Code.ODD_HEADER, span, self.found(raw), "its fields"))
        return Mended(None, loose.fields, tuple(repairs))

    def leads(self, pieces: Sequence[Piece]) -> bool:
        """Whether a header begins with text that is none of it, before its channel."""
        if pieces[0].special is not None or pieces[1].special != self.lexicon.channel:
            return False
        alone = read_loose(self.lexicon, pieces[:1], closed=True)
        whole = read_loose(self.lexicon, pieces[:-1], closed=True)
        words = all(mend.code is Code.UNEXPECTED_TEXT for mend in alone.mends)
        return words and not alone.named and whole.fields.author.role is not Role.TOOL

    def make(self, repairs: Iterable[Repair]) -> None:
        """Make repairs whose places are counted from where the gathering began."""
        begin = self.begin
        for code, span, found, assumed in repairs:
            self.repair(code, (begin + span.start, begin + span.end), found, assumed)

    def elsewhere(self, *, started: bool) -> Configuration:
        """Where else a header may begin: with the opening repeated, or without it."""
        return self.lexicon.between if started else self.lexicon.implied

    def opening(self, piece: Piece, *, started: bool) -> Repair:
        """The repair of a header whose opening is repeated or missing."""
        code = Code.REPEATED_OPENING if started else Code.MISSING_START
        words = "".join(self.rules.opening_words)
        return Repair(code, Span(0, piece.end), piece.text, "" if started else words)

    def repairs_of(self, loose: Loose, raw: Raw) -> list[Repair]:
        """The repairs of a header that was read loosely."""
        places = self.kind.source(raw)
        repairs = [
            Repair(code, places.span(piece, at, width), piece.text[at : at + width], assumed)
            for code, piece, at, width, assumed in loose.mends
        ]
        role = loose.fields.author.role
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
        self.repair(code, (self.begin, end), self.found(raw), "nothing")
        self.skip(self.begin, end)

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
        if name != self.lexicon.interim_end:
            self.release(self.rules.meaning.answer)
        self.configuration = self.lexicon.between
        self.settle(name, stop)

    def hold(self, raw: Raw, terminator: str, stop: int) -> None:
        """Text without a header: its channel depends on whether a message follows."""
        if self.strict:
            raise FaultError
        self.malformed = True
        self.release(self.rules.meaning.reasoning)
        offsets = (self.begin, self.begin, self.begin + len(raw), stop)
        self.held = Held(self.kind.content(raw, marked=False), offsets, terminator)

    def read_unclosed(self, pieces: Sequence[Piece], raw: Raw, name: str | None, stop: int) -> None:
        """A header that never reaches its body: fields from the front, then its content."""
        if self.strict:
            raise FaultError
        loose = read_loose(self.lexicon, pieces, closed=False)
        text, at = self.rest(loose, pieces, raw)
        end = self.begin + len(raw)
        if not text.strip() and (name is None or not loose.named):
            twice = not loose.named and pieces[0].special == self.lexicon.start
            code = Code.DOUBLED_START if twice else Code.EMPTY_HEADER
            self.discard(code, stop, raw)
            return
        self.make(self.repairs_of(loose, raw))
        begin = self.begin + at
        self.repair(Code.MISSING_MESSAGE, (begin, end), text, "the body begins here")
        content = self.rest_content(text, raw[at:])
        terminator = None if name is None else self.rules.literal(name)
        self.tell(loose.fields, content, (self.begin, begin, end, stop), terminator)

    def rest(self, loose: Loose, pieces: Sequence[Piece], raw: Raw) -> tuple[str, int]:
        """The content of an unclosed header, and where it begins."""
        if loose.rest is None:
            return "", len(raw)
        first, offset = pieces[loose.rest], loose.rest_offset
        lead = first.text[offset:]
        offset += len(lead) - len(lead.lstrip())
        text = first.text[offset:] + "".join(p.text for p in pieces[loose.rest + 1 :])
        return text, self.kind.source(raw).span(first, offset, 1).start

    def rest_content(self, text: str, raw: Raw) -> TextContent:
        """The content of an unclosed header, with its ids if it begins with one."""
        whole = all(name is None for name, _ in self.kind.cut(raw))
        content = self.kind.content(raw, marked=not whole)
        return content if whole and content.text == text else text_content(text, None)

    def settle(self, name: str, stop: int) -> None:
        """A terminator was read: the turn may be over."""
        self.mode = GAP
        if name not in self.lexicon.turn_ends:
            return
        self.events.append(TurnEnded(self.rules.literal(name), stop))
        if self.start == COMPLETION:
            self.mode, self.over = OVER, stop
