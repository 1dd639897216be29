"""Reading one header: pieces of input in, a `Header` or a `Fault` out.

A header is what stands between the end of one message and the body of the next. It comes as
pieces: special tokens, and the runs of text between them. Runs are scanned for the terminals
that the configuration expects; a special token is a terminal of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.inputs import Piece
from harmony_grammar.reading.machine import Token
from harmony_grammar.tree import Author, ContentType, HeaderSpelling, Role
from harmony_grammar.tree.build import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.reading.machine import Configuration, Field

__all__ = ["Ending", "Fault", "Fields", "Header", "Walk", "fields_of", "header_of", "walk"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where nothing legal can follow.

    Attributes:
        configuration: the parser before it.
        tokens: the terminals of the unfinished message before it.
        piece: the piece of input where it stands.
        offset: where in the piece, in characters.
        width: how many characters are wrong.
    """

    configuration: Configuration
    tokens: tuple[Token, ...]
    piece: Piece
    offset: int
    width: int

    @property
    def found(self) -> str:
        """What stands there, through the end of the piece."""
        return self.piece.text[self.offset :]


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the pieces of a header could be read.

    Attributes:
        tokens: the terminals that were read.
        configuration: the parser after them.
        fault: what stopped it; None if all was read.
        cut: whether the input ends inside a terminal that is still possible.
        before_last: the parser before the last word, if the input ends with it, so that it may
            be the beginning of another.
    """

    tokens: tuple[Token, ...]
    configuration: Configuration
    fault: Fault | None = None
    cut: bool = False
    before_last: Configuration | None = None


_BEYOND: Final = Piece("", "", 0, 0)  # what follows where the input goes on


class Ending(NamedTuple):
    """Where a terminator leads.

    Attributes:
        configuration: the parser after the message.
        spelling: the terminator's spelling.
    """

    configuration: Configuration
    spelling: str


class Header:
    """A header that was read, and what may end the message that it begins.

    Attributes:
        fields: its fields.
        spelling: how it was written.
        tokens: its terminals.
        configuration: the parser before the body.
        endings: the parser after the message, by the spelling or id of the terminator.
        bare_endings: the same for a message with an empty body.
        declares: whether the message may declare channels.
    """

    __slots__ = (
        "bare_endings",
        "configuration",
        "declares",
        "endings",
        "fields",
        "spelling",
        "tokens",
    )

    def __init__(
        self,
        fields: Fields,
        spelling: HeaderSpelling,
        tokens: tuple[Token, ...],
        configuration: Configuration,
    ) -> None:
        self.fields = fields
        self.spelling = spelling
        self.tokens = tokens
        self.configuration = configuration
        self.endings: dict[str | int, Ending] = {}
        self.bare_endings: dict[str | int, Ending] = {}
        self.declares = fields.author.role is Role.SYSTEM

    def in_body(self, *, empty: bool) -> Configuration:
        """The parser after the body."""
        terminal = None if empty else self.configuration.text_terminal
        after = None if terminal is None else self.configuration.after(terminal)
        return after or self.configuration


def walk(
    configuration: Configuration, pieces: Iterable[Piece], *, at_end: bool, spelled: bool
) -> Walk:
    """Read pieces of input as far as they go.

    Args:
        configuration: the parser before them.
        pieces: the pieces.
        at_end: whether the input ends after them.
        spelled: whether special tokens come as text, so that one may be cut in the middle.
    """
    tokens: list[Token] = []
    for piece, following in _with_next(pieces, None if at_end else _BEYOND):
        body = configuration.text_terminal if piece.special is None else None
        if piece.special is None and body is None:
            run = _Run(configuration, tokens, piece, following, spelled=spelled)
            stopped = run.read()
            if stopped is not None:
                return stopped
            configuration = run.configuration
            if following is None:
                return Walk(tuple(tokens), configuration, before_last=run.reached_from)
        else:
            terminal = body or piece.special
            after = configuration.after(terminal) if terminal else None
            if terminal is None or after is None:
                fault = Fault(configuration, tuple(tokens), piece, 0, len(piece.text))
                return Walk(tuple(tokens), configuration, fault)
            tokens.append(Token(terminal, piece.text, piece, 0))
            configuration = after
    return Walk(tuple(tokens), configuration)


def _with_next(pieces: Iterable[Piece], last: Piece | None) -> Iterator[tuple[Piece, Piece | None]]:
    """Each piece with the one after it; `last` after the last."""
    before: Piece | None = None
    for piece in pieces:
        if before is not None:
            yield before, piece
        before = piece
    if before is not None:
        yield before, last


class _Run:
    """Scanning one run of text."""

    def __init__(
        self,
        configuration: Configuration,
        tokens: list[Token],
        piece: Piece,
        following: Piece | None,
        *,
        spelled: bool,
    ) -> None:
        self.configuration = configuration
        self.tokens = tokens
        self.piece = piece
        self.text = piece.text
        self.following = following
        self.spelled = spelled
        self.at = 0
        # The furthest that any terminal could be read, and from where.
        self.reach = -1
        self.reached_from = configuration
        self.reached_after = len(tokens)

    def read(self) -> Walk | None:
        """Scan the run, extending the tokens; a walk if it stops before the end of the run."""
        while self.at < len(self.text):
            name, end, reach = self.configuration.scanner.scan(self.text, self.at)
            if reach >= self.reach:
                self.reach = reach
                self.reached_from = self.configuration
                self.reached_after = len(self.tokens)
            if name is None:
                return self._stopped()
            self.tokens.append(Token(name, self.text[self.at : end], self.piece, self.at))
            self.configuration = self.configuration.after(name) or self.configuration
            self.at = end
        return None

    def _stopped(self) -> Walk:
        """The run cannot be read to its end: it was cut off, or there is a fault."""
        before = tuple(self.tokens[: self.reached_after])
        if self.reach == len(self.text):  # all of it could be read; what follows is wrong
            if self.following is None:
                return Walk(before, self.reached_from, cut=True)
            return self._fault(before, self.following, 0, len(self.following.text))
        if self.reach > self.at or not self.spelled:
            return self._fault(before, self.piece, self.reach, 1)
        width, cut = _half_spelled(self.configuration, self.text[self.at :])
        if cut and self.following is None:
            return Walk(tuple(self.tokens), self.configuration, cut=True)
        return self._fault(tuple(self.tokens), self.piece, self.reach, width)

    def _fault(self, tokens: tuple[Token, ...], piece: Piece, offset: int, width: int) -> Walk:
        fault = Fault(self.reached_from, tokens, piece, offset, width)
        return Walk(tokens, self.reached_from, fault)


def _half_spelled(configuration: Configuration, text: str) -> tuple[int, bool]:
    """How much of `text` is wrong, if it begins like a special token that is expected here.

    Returns:
        The number of characters through the first wrong one, and whether there is none because
        the text ends inside the spelling.
    """
    rules = configuration.machine.rules
    spellings = [s for s, name in rules.specials.items() if name in configuration.expected]
    common = max((_common(spelling, text) for spelling in spellings), default=0)
    return common + 1, common == len(text)


def _common(one: str, other: str) -> int:
    """The length of the common beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def header_of(
    configuration: Configuration,
    walked: Walk,
    found: Sequence[Field],
    key: str | tuple[int, ...],
) -> Header:
    """The header that a walk from `configuration` has read to its end.

    Args:
        configuration: the parser before the header.
        walked: how it was read.
        found: the fields that its productions spell.
        key: the text or the ids that it was read from.
    """
    opened = configuration.machine.opened_before(configuration)
    tokens = (*opened.tokens, *walked.tokens)
    text = "".join(token.text for token in tokens)
    ids = (*opened.ids, *key) if isinstance(key, tuple) else None
    spelling = HeaderSpelling(tuple(token.name for token in tokens), text, ids)
    fields = fields_of(configuration.machine.rules, found)
    return Header(fields, spelling, walked.tokens, walked.configuration)


def fields_of(rules: Rules, found: Sequence[Field]) -> Fields:
    """Join the fields that productions spell into the fields of a message."""
    by_name = {field.name: field.text for field in found}
    content_type = by_name.get("content_type")
    return Fields(
        _author(rules, by_name),
        by_name.get("channel"),
        by_name.get("recipient"),
        None if content_type is None else ContentType(content_type),
        tuple((name, by_name[name]) for name in rules.meaning.extras if name in by_name),
    )


def _author(rules: Rules, by_name: dict[str, str]) -> Author:
    if "tool" in by_name:
        return Author(Role.TOOL, by_name["tool"])
    word = by_name.get("role", rules.opening_role)
    return Author(rules.meaning.role_of(word), by_name.get("name"))
