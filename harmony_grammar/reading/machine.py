"""The parser's states, walked once and remembered.

The LALR(1) table of the grammar drives a stack of states. Between two terminals that stack is a
`Configuration`, and there are few of them, since the message level of the format nests nothing.
So each configuration is one object that remembers where each terminal led; after a warm-up,
parsing a terminal is one dictionary access.

Headers repeat even more than configurations do. A configuration therefore also remembers, by
its text or its ids, each header that was read from it: its fields, its production, and the
configuration after it, which in turn remembers what each terminator leads to. Reading a
transcript is then two look-ups a message, and still exactly the grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.automata import Candidate, Scanner
from harmony_grammar.grammar.lr import Driver
from harmony_grammar.grammar.patterns import compile_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Piece
    from harmony_grammar.reading.headers import Header

__all__ = ["NOTHING_OPENED", "Configuration", "Field", "Machine", "Opened", "Token"]

_MOST_HEADERS: Final = 4096  # remembered per configuration
_LONGEST_HEADER: Final = 1024  # characters or ids; longer ones are not remembered


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


class Field(NamedTuple):
    """A field as a production spells it.

    Attributes:
        name: the field.
        text: the text of the terminals that carry it.
        end: the number of tokens up to its last one.
    """

    name: str
    text: str
    end: int


_Parts: TypeAlias = "tuple[Field | Token, ...]"


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
        if declared not in self._variants:
            machine = Machine(self.rules, self.start, declared)
            machine._variants = self._variants
            self._variants[declared] = machine
        return self._variants[declared]

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
            automaton = self.rules.automaton(name)
            if automaton is None:
                yield from (Candidate(name, compile_literal(w), fixed=True) for w in self.declared)
            else:
                yield Candidate(name, automaton, self.rules.terminals[name].fixed)

    def accepts(self, stack: tuple[int, ...]) -> bool:
        """Whether the input may end here."""
        return self.driver.accepts(stack, self.start)

    def fields(self, stack: tuple[int, ...], tokens: Sequence[Token]) -> list[Field]:
        """The fields that `tokens`, read from `stack`, spell.

        A field at the very end is only there when something was read after it, which may be a
        token that says that the input ended.
        """
        if self._opened.tokens and stack == self.root.stack:
            before = self._opened.tokens
            found = self._fields(self._begin, [*before, *tokens])
            return [field._replace(end=field.end - len(before)) for field in found]
        return self._fields(stack, tokens)

    def _fields(self, stack: tuple[int, ...], tokens: Sequence[Token]) -> list[Field]:
        """The fields that `tokens` spell, if all of their message is there."""
        kept, fields = self.rules.kept_terminals, self.rules.meaning.fields

        def make(rule: str, parts: _Parts, end: int) -> _Parts:
            """What a production makes of its parts: one field, if its rule spells one."""
            if rule not in fields:
                return parts
            return (Field(fields[rule], "".join(part.text for part in parts), end),)

        leaves = [(token.name, (token,) if token.name in kept else ()) for token in tokens]
        parts: _Parts = self.driver.build(stack, leaves, make)
        return [part for part in parts if isinstance(part, Field)]
