"""Productions written out: all ways to write rules as terminals.

A way has the terminals in their order, and for each the field that the rule around it is bound to.
The mask asks for all ways; the renderer for those that spell exactly the fields of a message. A
rule that holds itself has no end of ways, so it is written out no deeper than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.grammar.meaning import spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar.load import Symbol
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Way", "WayPart", "ways"]


class WayPart(NamedTuple):
    """A terminal of a way, or the body.

    Attributes:
        name: the terminal; empty where the body stands.
        text: its text; None if it is a pattern and no text is given.
        kept: whether it carries (part of) a field.
        field: the field that the rule around it is bound to.
        alternative: which alternative of that rule it stands in.
    """

    name: str
    text: str | None
    kept: bool = False
    field: str | None = None
    alternative: int = 0


_BODY: WayPart = WayPart("", "")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to write a sequence of rules.

    Attributes:
        parts: its terminals, and the body.
        labels: which spellings it is of.
    """

    parts: tuple[WayPart, ...] = ()
    labels: frozenset[str] = frozenset()

    @property
    def header(self) -> tuple[WayPart, ...]:
        """The parts before the body, or all of them if there is no body."""
        return self.parts[: self.parts.index(_BODY)] if self.has_body else self.parts

    @property
    def ending(self) -> tuple[WayPart, ...]:
        """The parts behind the body."""
        return self.parts[self.parts.index(_BODY) + 1 :] if self.has_body else ()

    @property
    def has_body(self) -> bool:
        """Whether there is a body in it."""
        return _BODY in self.parts

    def carrier(self, field: str) -> WayPart | None:
        """The first terminal that carries a field; None if the field is not written."""
        return next((part for part in self.parts if part.kept and part.field == field), None)


def ways(
    rules: Rules,
    sequence: Iterable[str],
    fields: Mapping[str, str] | None = None,
    declared: frozenset[str] = frozenset(),
) -> Iterator[Way]:
    """All ways to write some rules one after another, in the order of the grammar.

    Args:
        rules: the grammar.
        sequence: the rules.
        fields: the values of the fields, which are all written, and no others; None for all ways
            whatever the values are.
        declared: the words that the input declares.
    """
    writer = _Writing(rules, fields, declared)
    found = [Way()]
    for rule in sequence:
        found = [more for way in found for more in writer.rule(rule, way, ())]
    for way in found:
        if fields is None or fields.keys() <= {part.field for part in way.parts}:
            yield way


class _Writing:
    """Writes rules out."""

    def __init__(
        self, rules: Rules, fields: Mapping[str, str] | None, declared: frozenset[str]
    ) -> None:
        self.rules = rules
        self.fields = fields
        self.declared = declared
        self.bound = rules.meaning.fields

    def rule(self, rule: str, way: Way, path: tuple[str, ...]) -> Iterator[Way]:
        """All ways to go on with a rule."""
        if rule == self.rules.meaning.body:
            yield Way((*way.parts, _BODY), way.labels)
        elif rule in self.bound:
            yield from self.field(rule, self.bound[rule], way)
        elif rule not in path:
            for production in self.rules.productions[rule]:
                spelled = spelling(production.label)
                labels = way.labels | {spelled} if spelled else way.labels
                found = [Way(way.parts, labels)]
                for symbol in production.symbols:
                    found = [m for one in found for m in self.symbol(symbol, one, (*path, rule))]
                yield from found

    def symbol(self, symbol: Symbol, way: Way, path: tuple[str, ...]) -> Iterator[Way]:
        """All ways to go on with one symbol."""
        if not symbol.terminal:
            yield from self.rule(symbol.name, way, path)
            return
        text = self.text(symbol)
        if self.fields is None or text is not None:
            part = WayPart(symbol.name, text, symbol.kept)
            yield Way((*way.parts, part), way.labels)

    def field(self, rule: str, field: str, way: Way) -> Iterator[Way]:
        """All ways to write a field, if it is still to be written."""
        given = self.fields
        if given is not None and (
            field not in given or any(part.field == field for part in way.parts)
        ):
            return
        for number, symbols in enumerate(self.alternatives(rule)):
            texts = [map(self.text, symbols)] if given is None else self.fill(symbols, given[field])
            for filled in texts:
                parts = (
                    WayPart(s.name, text, s.kept, field, number)
                    for s, text in zip(symbols, filled, strict=True)
                )
                yield Way((*way.parts, *parts), way.labels)

    def alternatives(self, rule: str) -> Iterator[tuple[Symbol, ...]]:
        """The sequences of terminals that a rule of a field may be."""
        for production in self.rules.productions[rule]:
            found: list[tuple[Symbol, ...]] = [()]
            for symbol in production.symbols:
                more = [(symbol,)] if symbol.terminal else list(self.alternatives(symbol.name))
                found = [(*one, *rest) for one in found for rest in more]
            yield from found

    def text(self, symbol: Symbol) -> str | None:
        """The text of a terminal that is fixed."""
        terminal = self.rules.terminals[symbol.name]
        return terminal.pattern if terminal.fixed else None

    def fill(self, symbols: Sequence[Symbol], value: str) -> Iterator[tuple[str, ...]]:
        """Texts for some terminals, so that the kept ones spell a value."""
        if not symbols:
            if not value:
                yield ()
            return
        for text in self.fitting(symbols, value):
            rest = value[len(text) :] if symbols[0].kept else value
            for texts in self.fill(symbols[1:], rest):
                yield (text, *texts)

    def fitting(self, symbols: Sequence[Symbol], value: str) -> Iterator[str]:
        """What the first terminal may be, at the head of the value if it is kept."""
        first, text = symbols[0], self.text(symbols[0])
        if text is not None:
            if not first.kept or value.startswith(text):
                yield text
        elif not any(symbol.kept for symbol in symbols[1:]) and self.matches(first.name, value):
            yield value  # a pattern takes the rest of the value

    def matches(self, name: str, text: str) -> bool:
        """Whether a terminal that is not fixed matches the whole of a text."""
        automaton = self.rules.automaton(name)
        return text in self.declared if automaton is None else automaton.matches(text)
