"""Reading headers: the parser's states, walked once and remembered, and the fields of a header.

The LALR(1) table of the grammar drives a stack of states. Between two terminals that stack is a
`Configuration`, and there are few of them, since the message level of the format nests nothing.
So each configuration is one object that remembers where each terminal led; after a warm-up,
parsing a terminal is one dictionary access.

Headers repeat even more than configurations do. A configuration therefore also remembers, by
its text or its ids, each header that was read from it: its fields, its production, and the
configuration after it, which in turn remembers what each terminator leads to. Reading a
transcript is then two look-ups a message, and still exactly the grammar.

A header is what stands between the end of one message and the body of the next. It comes as
pieces: special tokens, and the runs of text between them. Runs are scanned for the terminals
that the configuration expects; a special token is a terminal of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.lr import Driver
from harmony_grammar.grammar.scanner import Candidate, Scanner, literal
from harmony_grammar.inputs import Piece
from harmony_grammar.tree import ContentType, CustomRole, Role
from harmony_grammar.tree.build import Fields, header_spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import HeaderSpelling

__all__ = [
    "NOTHING_OPENED",
    "Configuration",
    "Ending",
    "Fault",
    "FieldText",
    "Fields",
    "Header",
    "Machine",
    "Opened",
    "Token",
    "Walk",
    "fields_of",
    "header_of",
    "walk",
]

_MOST_HEADERS: Final = 4096  # remembered per configuration
_LONGEST_HEADER: Final = 256  # characters or ids; longer ones are not remembered
_MOST_VARIANTS: Final = 8  # sets of declared channels that are remembered


class Token(NamedTuple):
    """A terminal as it was read.

    Attributes:
        name: the terminal.
        text: its text.
        piece: the piece of input that it stands in.
        start: where it begins in that piece, in characters.
    """

    name: str
    text: str
    piece: Piece
    start: int


class FieldText(NamedTuple):
    """A field as a production spells it.

    Attributes:
        name: the field.
        text: the text of the terminals that carry it.
        end: the number of tokens up to its last one.
    """

    name: str
    text: str
    end: int


_Parts: TypeAlias = "tuple[FieldText | Token, ...]"


class Opened(NamedTuple):
    """What stands before an input that begins inside a header.

    Attributes:
        tokens: the terminals.
        ids: their ids.
    """

    tokens: tuple[Token, ...]
    ids: tuple[int, ...]


NOTHING_OPENED: Final = Opened((), ())


class Configuration:
    """The parser between two terminals.

    Attributes:
        machine: what it is a configuration of.
        stack: the states on the parser's stack.
        headers: the headers read from here, by text or by ids.
    """

    __slots__ = ("_after", "_expected", "_scanner", "headers", "machine", "stack")

    def __init__(self, machine: Machine, stack: tuple[int, ...]) -> None:
        self.machine = machine
        self.stack = stack
        self.headers: dict[str | tuple[int, ...], Header] = {}
        self._after: dict[str, Configuration | None] = {}
        self._expected: frozenset[str] | None = None
        self._scanner: Scanner | None = None

    def after(self, terminal: str) -> Configuration | None:
        """The configuration after reading `terminal`; None if it is not legal here."""
        if terminal not in self._after:
            stack = self.machine.driver.after(self.stack, terminal)
            self._after[terminal] = None if stack is None else self.machine.configuration(stack)
        return self._after[terminal]

    @property
    def expected(self) -> frozenset[str]:
        """The terminals that are legal here; `END_OF_INPUT` if the input may end."""
        if self._expected is None:
            legal = {t for t in self.machine.terminals_at(self.stack[-1]) if self.after(t)}
            ends = {END_OF_INPUT} if self.machine.accepts(self.stack) else set()
            self._expected = frozenset(legal | ends)
        return self._expected

    @property
    def text_terminal(self) -> str | None:
        """The terminal of free text, if a body may stand here."""
        return next(iter(self.expected & self.machine.rules.text_terminals), None)

    @property
    def scanner(self) -> Scanner:
        """A scanner for the words that are legal here."""
        if self._scanner is None:
            self._scanner = Scanner(list(self.machine.candidates(self.expected)))
        return self._scanner

    def remember(self, key: str | tuple[int, ...], header: Header) -> None:
        """Remember a header that was read from here."""
        if len(key) > _LONGEST_HEADER:
            return
        if len(self.headers) >= _MOST_HEADERS:
            self.headers.clear()
        self.headers[key] = header


class Machine:
    """The parser of one start symbol, with the channels that the input has declared.

    Args:
        rules: the grammar.
        start: the start symbol.
        declared: further channel names that a system message allows.
        opened: what was read before the input, if it begins inside a header.
    """

    __slots__ = (
        "_begin",
        "_configurations",
        "_opened",
        "_variants",
        "declared",
        "driver",
        "root",
        "rules",
        "start",
    )

    def __init__(
        self,
        rules: Rules,
        start: str,
        declared: frozenset[str] = frozenset(),
        opened: Opened = NOTHING_OPENED,
    ) -> None:
        self.rules = rules
        self.start = start
        self.declared = declared
        self.driver = Driver(rules.source)
        self._configurations: dict[tuple[int, ...], Configuration] = {}
        self._variants: dict[frozenset[str], Machine] = {declared: self}
        self._opened = opened
        self._begin = self.driver.begin(start)
        self.root = self._after_opened()

    def _after_opened(self) -> Configuration:
        """Where the input begins."""
        configuration = self.configuration(self._begin)
        for token in self._opened.tokens:
            configuration = configuration.after(token.name) or configuration
        return configuration

    def opened_before(self, configuration: Configuration) -> Opened:
        """What was read before the input, for a header that begins with it."""
        return self._opened if configuration.stack == self.root.stack else NOTHING_OPENED

    def configuration(self, stack: tuple[int, ...]) -> Configuration:
        """The one configuration with this stack."""
        if stack not in self._configurations:
            self._configurations[stack] = Configuration(self, stack)
        return self._configurations[stack]

    def declaring(self, channels: frozenset[str]) -> Machine:
        """The same parser where the input has declared these channels."""
        declared = channels - set(self.rules.channels)
        known = self._variants.get(declared)
        if known is not None:
            return known
        if len(self._variants) > _MOST_VARIANTS:  # the first declares none
            del self._variants[list(self._variants)[1]]
        machine = self._variants[declared] = Machine(self.rules, self.start, declared)
        machine._variants = self._variants
        return machine

    def terminals_at(self, state: int) -> Iterator[str]:
        """The terminals with an action in a state of the table."""
        declares_none = not self.declared
        for name in self.driver.expected(state):
            if not (declares_none and self.rules.terminals[name].pattern is None):
                yield name

    def candidates(self, names: frozenset[str]) -> Iterator[Candidate]:
        """What a scanner runs for those of `names` that are words of a header."""
        skipped = self.rules.special_names | self.rules.text_terminals | {END_OF_INPUT}
        for name in sorted(names - skipped):
            recognizer = self.rules.recognizers.get(name)
            if recognizer is None:
                yield from (Candidate(name, literal(word), fixed=True) for word in self.declared)
            else:
                yield Candidate(name, recognizer, self.rules.terminals[name].fixed)

    def accepts(self, stack: tuple[int, ...]) -> bool:
        """Whether the input may end here."""
        return self.driver.accepts(stack, self.start)

    def fields(self, stack: tuple[int, ...], tokens: Sequence[Token]) -> list[FieldText]:
        """The fields that `tokens`, read from `stack`, spell.

        A field at the very end is only there when something was read after it, which may be a
        token that says that the input ended.
        """
        if self._opened.tokens and stack == self.root.stack:
            before = self._opened.tokens
            found = self._fields(self._begin, [*before, *tokens])
            return [field._replace(end=field.end - len(before)) for field in found]
        return self._fields(stack, tokens)

    def _fields(self, stack: tuple[int, ...], tokens: Sequence[Token]) -> list[FieldText]:
        """The fields that `tokens` spell, if all of their message is there."""
        kept, fields = self.rules.kept_terminals, self.rules.meaning.fields

        def make(rule: str, parts: _Parts, end: int) -> _Parts:
            """What a production makes of its parts: one field, if its rule spells one."""
            if rule not in fields:
                return parts
            return (FieldText(fields[rule], "".join(part.text for part in parts), end),)

        leaves = [(token.name, (token,) if token.name in kept else ()) for token in tokens]
        parts: _Parts = self.driver.build(stack, leaves, make)
        return [part for part in parts if isinstance(part, FieldText)]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where nothing legal can follow.

    Attributes:
        configuration: the parser before it.
        tokens: the terminals of the unfinished message before it.
        piece: the piece of input where it stands.
        offset: where in the piece, in characters.
        width: how many characters are wrong.
        unfinished: the text before it, if that is the beginning of a word and no word.
    """

    configuration: Configuration
    tokens: tuple[Token, ...]
    piece: Piece
    offset: int
    width: int
    unfinished: str = ""

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
        text: the text of the pieces, if it has other blanks than the terminals have.
    """

    tokens: tuple[Token, ...]
    configuration: Configuration
    fault: Fault | None = None
    cut: bool = False
    before_last: Configuration | None = None
    text: str | None = None


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
        self.declares = fields.role is Role.SYSTEM

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
            walked = self._fault(before, self.following, 0, len(self.following.text))
            found = walked.fault and replace(walked.fault, unfinished=self.text[self.at :])
            return replace(walked, fault=found)
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
    found: Sequence[FieldText],
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
    text = usual = "".join(token.text for token in tokens)
    if walked.text is not None:
        text = "".join(token.text for token in opened.tokens) + walked.text
    ids = (*opened.ids, *key) if isinstance(key, tuple) else None
    spelling = header_spelling(tuple(token.name for token in tokens), text, ids, usual)
    fields = fields_of(configuration.machine.rules, found)
    return Header(fields, spelling, walked.tokens, walked.configuration)


def fields_of(rules: Rules, found: Sequence[FieldText]) -> Fields:
    """Join the fields that productions spell into the fields of a message."""
    by_name = {field.name: field.text for field in found}
    content_type = by_name.get("content_type")
    return Fields(
        *_speaker(rules, by_name),
        by_name.get("channel"),
        by_name.get("recipient"),
        None if content_type is None else ContentType(content_type),
        tuple((name, by_name[name]) for name in rules.meaning.extras if name in by_name),
    )


def _speaker(rules: Rules, by_name: dict[str, str]) -> tuple[Role | CustomRole, str | None]:
    if "tool" in by_name:
        return Role.TOOL, by_name["tool"]
    word = by_name.get("role")
    meaning = rules.meaning
    role = meaning.model_role if word is None else meaning.roles.get(word) or CustomRole(word)
    return role, by_name.get("name")
