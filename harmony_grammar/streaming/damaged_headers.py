"""Reading a damaged header: its fields, by the grammar's terminals, in whatever order they stand.

The rules are those of recovery. A header that reached its body may hold unknown words, which
are dropped. One that never did has its fields read from the front; the text after the last of
them is its content, and it has no recipient, so that it can never become a call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.checking.codes import DiagnosticCode as Code
from harmony_grammar.reading.headers import Fields
from harmony_grammar.tree import Author, ContentType, Role
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.inputs import Kind, Piece, Raw, Source
    from harmony_grammar.streaming.header_words import AddedField, HeaderWords
    from harmony_grammar.tree import TextContent

__all__ = ["DamagedHeader", "Mend", "content_of", "read_damaged", "rest_of"]

_LONGEST_NAME: Final = 64  # characters of an unknown channel that a suggestion is made from


class Mend(NamedTuple):
    """A repair of a header, in the terms of its pieces.

    Attributes:
        code: which mistake was mended.
        piece: the piece where it stands.
        offset: where in the piece, in characters.
        width: how many characters it has.
        assumed: what was read instead.
    """

    code: Code
    piece: Piece
    offset: int
    width: int
    assumed: str


@dataclass(slots=True)
class DamagedHeader:
    """What was found in a damaged header.

    Attributes:
        fields: the fields.
        mends: the repairs.
        named: whether any field was found.
        clean: whether nothing but fields was found, and a channel among them.
        rest: the piece where the content of an unclosed header begins; None if there is none.
        rest_offset: where in that piece.
    """

    fields: Fields
    mends: list[Mend]
    named: bool
    clean: bool
    rest: int | None
    rest_offset: int


def read_damaged(
    words: HeaderWords, pieces: Sequence[Piece], *, closed: bool, author: Author | None = None
) -> DamagedHeader:
    """Read a header.

    Args:
        words: the words of headers.
        pieces: the header, without the token that opens its body.
        closed: whether such a token followed.
        author: who speaks, if that is known already.
    """
    reader = _HeaderReader(words, pieces, closed=closed)
    reader.author = author
    return reader.read()


@dataclass(slots=True)
class _Found:
    """The fields of a header as they were met, repeated ones included."""

    channels: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    types: list[ContentType] = field(default_factory=list)
    extras: dict[str, str] = field(default_factory=dict)


class _HeaderReader:
    """One reading of a damaged header: a place in its pieces, and what was found on the way.

    Attributes:
        index: the piece.
        at: the character in it, if it is a run of text.
        mends: the repairs so far.
        rest: the piece where the content of an unclosed header begins, if that was found.
        rest_offset: where in that piece.
    """

    def __init__(self, words: HeaderWords, pieces: Sequence[Piece], *, closed: bool) -> None:
        self.pieces = pieces
        self.index = 0
        self.at = 0
        self.mends: list[Mend] = []
        self.rest: int | None = None
        self.rest_offset = 0
        self.words = words
        self.closed = closed
        self.author: Author | None = None
        self.candidate: str | None = None
        self.found = _Found()
        self.unnamed = False  # whether a channel has no name
        self.bare: list[tuple[Piece, int, int]] = []

    def read(self) -> DamagedHeader:
        if self.author is None:
            self.read_author()
        while self.rest is None and self.index < len(self.pieces):
            self.step()
        found = self.found
        read = (found.channels, found.recipients, found.types, found.extras)
        named = bool(self.author or any(read))
        fields = self.fields()
        clean = bool(found.channels) and not self.mends
        return DamagedHeader(fields, self.mends, named, clean, self.rest, self.rest_offset)

    # --- where it is ---

    @property
    def piece(self) -> Piece:
        """The piece here."""
        return self.pieces[self.index]

    @property
    def text(self) -> str:
        """The run of text here; empty before a special token and at the end."""
        inside = self.index < len(self.pieces) and self.pieces[self.index].special is None
        return self.pieces[self.index].text if inside else ""

    def next_piece(self) -> None:
        """Go on to the next piece."""
        self.index += 1
        self.at = 0

    def skip_space(self) -> bool:
        """Skip white space of any kind; whether there was some."""
        text, begin = self.text, self.at
        while self.at < len(text) and text[self.at].isspace():
            self.at += 1
        return self.at > begin

    def word_end(self, begin: int) -> int:
        """Where the word at `begin` ends: at white space, or with the run."""
        text = self.text
        return next((i for i in range(begin, len(text)) if text[i].isspace()), len(text))

    def mend(self, code: Code, begin: int, end: int, assumed: str) -> None:
        """Note a repair of some characters of the piece here."""
        self.mends.append(Mend(code, self.piece, begin, end - begin, assumed))

    def content_from(self, offset: int) -> None:
        """What stands here is the content of a header that never opened its body."""
        self.rest, self.rest_offset = self.index, offset

    def about_all(self, code: Code, assumed: str) -> None:
        """A repair that the whole header asks for."""
        if self.pieces:
            self.mends.append(Mend(code, self.pieces[0], 0, len(self.pieces[0].text), assumed))

    # --- who speaks ---

    def read_author(self) -> None:
        if not self.pieces:
            return
        started = self.piece.special == self.words.start
        if started:
            self.next_piece()
        begin = self.at
        self.skip_space()
        if self.text and (started or self.at == begin):
            self.read_author_word(started=started)
        else:
            self.at = begin
        if started and self.author is None:
            self.about_all(Code.MISSING_ROLE, self.words.rules.opening_role)

    def read_author_word(self, *, started: bool) -> None:
        text, begin = self.text, self.at
        cut = text.find(self.words.core, begin) if self.words.core else -1
        word = text[: cut if cut >= 0 else len(text)]
        name, end, _ = self.words.roles.scan(word, begin) if not self.closed else (None, begin, 0)
        if name is None:
            name, end, _ = self.words.authors.scan(word, begin)
        if name is None:
            return
        if self.words.fixed(name):
            self.author = Author(self.words.rules.meaning.role_of(word[begin:end]))
            self.at = end
            self.read_name()
        elif self.read_glued(word, begin, end, started=started):
            self.at = end
        elif started:
            self.author = Author(Role.TOOL, word[begin:end])
            self.at = end
        elif self.closed and self.channel_alone(word, begin, end):
            self.at = end
        else:
            self.candidate = word[begin:end]

    def read_glued(self, word: str, begin: int, end: int, *, started: bool) -> bool:
        """A role with something stuck to it, or a channel where a role should stand."""
        if self.joined_words(word[begin:end], begin):
            return True
        return started and (self.channel_alone(word, begin, end) or self.role_and_junk(begin, end))

    def role_and_junk(self, begin: int, end: int) -> bool:
        """The model's role with text stuck to it, where a channel follows."""
        word = self.words.rules.opening_role
        follows = self.index + 1 < len(self.pieces) and end == len(self.text)
        if not follows or not self.text.startswith(word, begin) or not self.closed:
            return False
        if self.pieces[self.index + 1].special != self.words.channel:
            return False
        self.author = Author(self.words.rules.meaning.model_role)
        self.mend(Code.UNEXPECTED_TEXT, begin + len(word), end, "")
        return True

    def channel_alone(self, word: str, begin: int, end: int) -> bool:
        """A channel where an author could stand: only its token is missing."""
        name, stop, _ = self.words.channels.scan(word, begin)
        if name is None or stop != end:
            return False
        self.found.channels.append(word[begin:end])
        self.mend(Code.MISSING_CHANNEL_TOKEN, begin, end, word[begin:end])
        return True

    def read_name(self) -> None:
        """A name after its role."""
        colon = self.words.colon
        if not colon or not self.text.startswith(colon, self.at) or self.author is None:
            return
        begin = self.at + len(colon)
        name, end, _ = self.words.people.scan(self.text, begin)
        if name is not None:
            self.author = Author(self.author.role, self.text[begin:end])
            self.at = end

    def joined_words(self, word: str, begin: int) -> bool:
        """A word that is a role several times, or a role and a channel without its token."""
        role, end, _ = self.words.roles.scan(word, 0)
        if role is None:
            return False
        first, rest = word[:end], word[end:]
        rest = _unrepeated(rest, first)
        channel, end, _ = self.words.channels.scan(rest, 0)
        if rest and (channel is None or end < len(rest)):
            return False
        self.author = Author(self.words.rules.meaning.role_of(first))
        if len(word) - len(rest) > len(first):
            self.mend(Code.DOUBLED_ROLE, begin, begin + len(word) - len(rest), first)
        if rest:
            self.found.channels.append(rest)
            at = begin + len(word) - len(rest)
            self.mend(Code.MISSING_CHANNEL_TOKEN, at, begin + len(word), rest)
        return True

    # --- fields ---

    def step(self) -> None:
        special = self.piece.special
        if special is None:
            self.read_word()
        elif special == self.words.channel:
            self.drop_early_types()
            self.next_piece()
            self.read_channel()
        elif special == self.words.constrain:
            self.next_piece()
            self.read_constrained()
        elif added := next((a for a in self.words.added if a.special == special), None):
            self.read_added_token(added)
        else:
            self.mend(Code.UNEXPECTED_TOKEN, 0, len(self.piece.text), "")
            self.next_piece()

    def read_word(self) -> None:
        text, begin = self.text, self.at
        spaced = self.skip_space()
        if self.at >= len(text):
            self.next_piece()
        elif self.words.core and text.startswith(self.words.core, self.at):
            self.read_recipient(begin)
        elif added := self.words.added_at(text, self.at):
            self.read_added(added, begin)
        elif not self.closed:
            self.content_from(self.at)
        elif not (spaced and self.read_bare_type()):
            self.drop_word()

    def drop_word(self) -> None:
        """Drop an unknown word; those that follow each other are one repair."""
        begin, end = self.at, self.word_end(self.at)
        last = self.mends[-1] if self.mends else None
        if last and last.code is Code.UNEXPECTED_TEXT and last.piece is self.piece:
            between = self.text[last.offset + last.width : begin]
            if not between or between.isspace():
                begin = last.offset
                self.mends.pop()
        self.mend(Code.UNEXPECTED_TEXT, begin, end, "")
        self.at = end

    def read_recipient(self, before: int) -> None:
        text, core = self.text, self.words.core
        if text[before : self.at] + core != self.words.marker:
            self.mend(Code.MISSING_SPACE, before, self.at + len(core), self.words.marker)
        begin = self.at + len(core)
        end = self.word_end(begin)
        name, stop, _ = self.words.recipients.scan(text, begin)
        if name is not None and stop == end:
            self.found.recipients.append(text[begin:end])
        else:
            self.mend(Code.EMPTY_SEGMENT, begin, end, "")
        self.at = end

    def read_added_token(self, added: AddedField) -> None:
        """A field that the grammar adds, behind its special token."""
        token = self.piece
        self.next_piece()
        if added.word is not None:
            self.found.extras.setdefault(added.rule, added.word)
            return
        begin = self.at
        self.skip_space()
        if not self.take_added(added, self.at):
            self.at = begin
            self.mends.append(Mend(Code.UNEXPECTED_TOKEN, token, 0, len(token.text), ""))

    def read_added(self, added: AddedField, before: int) -> None:
        """A field that the grammar adds, behind its sign."""
        core = added.sign.strip()
        behind = self.at + len(core)
        if self.text[before:behind] != added.sign:
            self.mend(Code.MISSING_SPACE, before, behind, added.sign)
        if added.word is not None:
            self.found.extras.setdefault(added.rule, added.word)
            self.at = behind
        elif not self.take_added(added, behind):
            self.drop_word()

    def take_added(self, added: AddedField, begin: int) -> bool:
        """The text of a field that the grammar adds; of several the first counts."""
        name, end, _ = added.texts.scan(self.text, begin)
        if name is None or end < self.word_end(begin):
            return False
        if self.found.extras.setdefault(added.rule, self.text[begin:end]) != self.text[begin:end]:
            self.mend(Code.UNEXPECTED_TEXT, begin, end, "")
        self.at = end
        return True

    def read_bare_type(self) -> bool:
        """A content type without its token; only a whole word is one."""
        end = self.word_end(self.at)
        name, stop, _ = self.words.types.scan(self.text, self.at)
        if name is None or stop < end:
            return False
        self.bare.append((self.piece, self.at, end))
        self.at = end
        return True

    def drop_early_types(self) -> None:
        """A bare word before the channel is no content type."""
        for piece, begin, end in self.bare:
            self.mends.append(Mend(Code.UNEXPECTED_TEXT, piece, begin, end - begin, ""))
        self.bare.clear()

    def read_constrained(self) -> None:
        begin = self.at
        self.skip_space()
        text = self.text
        name, end, _ = self.words.types.scan(text, self.at)
        if name is None:
            self.index -= 1
            self.mend(Code.MISSING_TYPE, 0, len(self.piece.text), "")
            self.index += 1
            self.at = begin
            return
        marker = self.words.rules.literal(self.words.constrain)
        self.found.types.append(ContentType(marker + text[self.at : end]))
        self.at = end
        self.junk_after(Code.UNEXPECTED_TEXT, "")

    def read_channel(self) -> None:
        self.skip_space()
        text, begin = self.text, self.at
        name, end, _ = self.words.channels.scan(text, begin)
        word, end = end, len(text) - len(_unrepeated(text[end:], text[begin:end]))
        whole = end == len(text) or not text[end].isalpha()
        marked = self.words.marked(text, end)
        if name is None or not (whole or marked):
            self.unknown_channel()
            return
        if begin > 0:
            self.mend(Code.UNEXPECTED_TEXT, 0, begin, "")
        if end > word:
            self.mend(Code.DUPLICATE_CHANNEL, begin, end, text[begin:word])
        self.found.channels.append(text[begin:word])
        self.at = end
        if not marked:
            self.junk_after(Code.CHANNEL_JUNK, text[begin:word])

    def junk_after(self, code: Code, assumed: str) -> None:
        """What sticks to a field is no part of it."""
        end = self.word_end(self.at)
        if end == self.at:
            return
        if self.closed:
            self.mend(code, self.at, end, assumed)
            self.at = end
        else:
            self.content_from(self.at)

    def unknown_channel(self) -> None:
        begin, end = self.at, self.word_end(self.at)
        if begin == end or self.words.marked(self.text, begin):
            self.index -= 1
            self.mend(Code.UNKNOWN_CHANNEL, 0, len(self.piece.text), "")
            self.index += 1
            self.unnamed = True
            return
        near = get_close_matches(
            self.text[begin : min(end, begin + _LONGEST_NAME)], self.words.rules.channels, n=1
        )
        said = f"no channel; did it mean {near[0]}?" if near else "no channel"
        self.mend(Code.UNKNOWN_CHANNEL, begin, end, said)
        if self.closed:
            self.at = end
        else:
            self.content_from(begin)

    # --- what the fields come to ---

    def fields(self) -> Fields:
        """Join what was found: equal values count once; see the rules of recovery."""
        recipient = self.recipient()
        if self.author is None and self.candidate and recipient == self.words.rules.opening_role:
            self.author = Author(Role.TOOL, self.candidate)
        author = self.author or Author(self.words.rules.meaning.model_role)
        if author.role is Role.ASSISTANT and recipient == self.words.rules.opening_role:
            self.about_all(Code.SELF_RECIPIENT, "no recipient")
            recipient = None
        if not self.closed:
            recipient = None
        channel = self.last_channel(calls=self.calls(author, recipient))
        extras = self.found.extras
        added = tuple((a.rule, extras[a.rule]) for a in self.words.added if a.rule in extras)
        said = (channel, recipient, self.content_type(), added)
        fields = Fields(author.role, author.name, *said)
        fitting = self.words.fit(fields)
        if fitting[:-1] != fields[:-1]:
            tool = fitting.recipient is not None and fields.recipient is None
            self.about_all(Code.UNKNOWN_ROLE if tool else Code.FINAL_CALL, _changed(fitting))
        elif fitting != fields:
            self.about_all(Code.UNEXPECTED_TEXT, _changed(fitting))
        return fitting

    def calls(self, author: Author, recipient: str | None) -> bool:
        """Whether the model calls a tool: its recipient has a namespace, or is on its own."""
        model = author.role == self.words.rules.meaning.model_role
        return model and recipient is not None and self.words.is_tool(recipient)

    def last_channel(self, *, calls: bool) -> str | None:
        """The last channel; for a call the last that may have one."""
        channels = self.found.channels
        if calls and (channels or self.unnamed):
            callable_ = [channel for channel in channels if self.words.may_call(channel)]
            if not callable_:
                preamble = self.words.rules.meaning.preamble
                if channels:
                    self.about_all(Code.FINAL_CALL, f"channel {preamble}")
                return preamble
            if len(set(channels)) > 1:
                self.about_all(Code.CONFLICTING_CHANNELS, callable_[-1])
                return callable_[-1]
        if len(set(channels)) > 1:
            self.about_all(Code.CONFLICTING_CHANNELS, channels[-1])
        elif len(channels) > 1:
            self.about_all(Code.DUPLICATE_CHANNEL, channels[-1])
        return channels[-1] if channels else None

    def recipient(self) -> str | None:
        recipients = self.found.recipients
        if len(set(recipients)) > 1:
            self.about_all(Code.CONFLICTING_RECIPIENTS, "no recipient")
            return None
        if len(recipients) > 1:
            self.about_all(Code.DUPLICATE_RECIPIENT, recipients[0])
        return recipients[0] if recipients else None

    def content_type(self) -> ContentType | None:
        """The last constrained type, else the first bare one."""
        constrained = self.found.types
        bare = [ContentType(piece.text[begin:end]) for piece, begin, end in self.bare]
        if not constrained and not bare:
            return None
        best = constrained[-1] if constrained else bare[0]
        if len({*constrained, *bare}) > 1:
            self.about_all(Code.CONFLICTING_TYPES, str(best))
        return best


def _unrepeated(text: str, word: str) -> str:
    """A text without the repetitions of a word at its head."""
    at = 0
    while word and text.startswith(word, at):
        at += len(word)
    return text[at:]


def _changed(fields: Fields) -> str:
    names = ("channel", "recipient", "content_type")
    said = [f"{name} {getattr(fields, name)}" for name in names if getattr(fields, name)]
    return ", ".join(said) or "no channel, recipient or content type"


# --- the content of a header that never reached its body ---


def rest_of(header: DamagedHeader, pieces: Sequence[Piece], source: Source) -> tuple[str, int]:
    """The content of an unclosed header, and where it begins in its source."""
    if header.rest is None:
        return "", source.length
    first, offset = pieces[header.rest], header.rest_offset
    lead = first.text[offset:]
    offset += len(lead) - len(lead.lstrip())
    text = first.text[offset:] + "".join(p.text for p in pieces[header.rest + 1 :])
    return text, source.span(first, offset, 1).start


def content_of(kind: Kind, text: str, raw: Raw) -> TextContent:
    """The content of an unclosed header, with its ids if it begins with one."""
    whole = all(name is None for name, _ in kind.cut(raw))
    content = kind.content(raw, marked=not whole)
    return content if whole and content.text == text else text_content(text, None)
