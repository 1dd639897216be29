"""Finding the production that a message's fields fit: the grammar, walked backward.

A form is one way to write a message: its terminals with their texts, where a body stands, and
how it ends. All forms that spell exactly the given fields are found by expanding the rules of
the grammar; a rule that is bound to a field takes that field's value, and a form counts only if
no field is left over. Then the best one is taken: the one that the message was read from, else
the alternative with the wanted label, else the first in the order of the grammar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from harmony_grammar.grammar.meaning import spelling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harmony_grammar.grammar import Production, Rules, Symbol

__all__ = ["Form", "FormPart", "Spelling", "Wish", "best_form", "forms"]

Spelling: TypeAlias = Literal["openai", "model"]
"""Which of the spellings in circulation is written: that of openai_harmony, or the model's own."""


class FormPart(NamedTuple):
    """A terminal of a form.

    Attributes:
        name: the terminal; empty where the body stands.
        text: its text.
    """

    name: str
    text: str


_BODY: FormPart = FormPart("", "")


@dataclass(frozen=True, slots=True)
class _Partial:
    """A form while it is being found.

    Attributes:
        parts: its parts so far.
        labels: the labels of the alternatives that it took.
        left: the fields that are still to be written.
    """

    parts: tuple[FormPart, ...]
    labels: frozenset[str]
    left: frozenset[str]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a message.

    Attributes:
        header: the parts before the body, or all of them if there is no body.
        ending: the parts after the body; None if there is no body.
        labels: the labels of the alternatives that it takes.
    """

    header: tuple[FormPart, ...]
    ending: tuple[FormPart, ...] | None
    labels: frozenset[str]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the header's terminals."""
        return tuple(part.name for part in self.header)


class Wish(NamedTuple):
    """Which form is wanted, if several fit.

    Attributes:
        symbols: the header's terminals; empty if it does not matter.
        terminator: the spelling of the terminator; None if it does not matter.
        spelling: the label of the alternatives.
    """

    symbols: tuple[str, ...] = ()
    terminator: str | None = None
    spelling: Spelling = "openai"


def forms(
    rules: Rules, sequence: Sequence[str], fields: Mapping[str, str], declared: frozenset[str]
) -> list[Form]:
    """All forms that write these fields.

    Args:
        rules: the grammar.
        sequence: the rules that the form consists of, one after another.
        fields: the values of the fields; all must be written.
        declared: the words that the input declares.
    """
    return list(_Search(rules, fields, declared).forms(sequence))


def best_form(found: Sequence[Form], wish: Wish) -> Form | None:
    """The form that is nearest to what is wanted; None if there is none."""
    return min(found, key=lambda form: _distance(form, wish), default=None)


def _distance(form: Form, wish: Wish) -> tuple[bool, bool, bool]:
    """How far a form is from what is wanted; of equals, `min` takes the first."""
    other_label = bool(form.labels) and wish.spelling not in form.labels
    ends = "".join(part.text for part in form.ending or ())
    other_end = wish.terminator is not None and ends != wish.terminator
    return (bool(wish.symbols) and form.symbols != wish.symbols, other_end, other_label)


class _Search:
    """Expanding rules into forms."""

    def __init__(self, rules: Rules, fields: Mapping[str, str], declared: frozenset[str]) -> None:
        self.rules = rules
        self.fields = fields
        self.declared = declared
        self.bound = rules.meaning.fields

    def forms(self, sequence: Sequence[str]) -> Iterator[Form]:
        """All forms of a sequence of rules that write every field."""
        partials: list[_Partial] = [_Partial((), frozenset(), frozenset(self.fields))]
        for rule in sequence:
            partials = [more for one in partials for more in self.rule(rule, one, ())]
        return (_form(one) for one in partials if not one.left)

    def rule(self, rule: str, so_far: _Partial, path: tuple[str, ...]) -> Iterator[_Partial]:
        """All ways to go on with a rule."""
        if rule == self.rules.meaning.body:
            yield _Partial((*so_far.parts, _BODY), so_far.labels, so_far.left)
        elif rule in self.bound:
            yield from self.field(rule, self.bound[rule], so_far)
        elif rule not in path:  # a rule that holds itself would go on for ever
            for production in self.rules.productions[rule]:
                yield from self.production(production, so_far, (*path, rule))

    def production(
        self, production: Production, so_far: _Partial, path: tuple[str, ...]
    ) -> Iterator[_Partial]:
        """All ways to go on with one alternative of a rule."""
        spelled = spelling(production.label)
        labels = so_far.labels | ({spelled} if spelled else frozenset())
        partials = [_Partial(so_far.parts, labels, so_far.left)]
        for symbol in production.symbols:
            partials = [more for one in partials for more in self.symbol(symbol, one, path)]
        yield from partials

    def symbol(self, symbol: Symbol, so_far: _Partial, path: tuple[str, ...]) -> Iterator[_Partial]:
        """All ways to go on with one symbol."""
        if not symbol.terminal:
            yield from self.rule(symbol.name, so_far, path)
        elif self.rules.terminals[symbol.name].fixed:
            part = FormPart(symbol.name, self.rules.literal(symbol.name))
            yield _Partial((*so_far.parts, part), so_far.labels, so_far.left)

    def field(self, rule: str, field: str, so_far: _Partial) -> Iterator[_Partial]:
        """All ways to write a field, if it is still to be written."""
        if field not in so_far.left:
            return
        for symbols in _sequences(self.rules, rule):
            for parts in self.fill(symbols, self.fields[field]):
                left = so_far.left - {field}
                yield _Partial((*so_far.parts, *parts), so_far.labels, left)

    def fill(self, symbols: tuple[Symbol, ...], value: str) -> Iterator[tuple[FormPart, ...]]:
        """Give each terminal its text, so that the kept ones spell the value."""
        if not symbols:
            if not value:
                yield ()
            return
        for text in self.texts(symbols, value):
            rest = value[len(text) :] if symbols[0].kept else value
            for parts in self.fill(symbols[1:], rest):
                yield (FormPart(symbols[0].name, text), *parts)

    def texts(self, symbols: tuple[Symbol, ...], value: str) -> Iterator[str]:
        """What the first terminal may be, at the head of the value if it is kept."""
        name, kept = symbols[0].name, symbols[0].kept
        if self.rules.terminals[name].fixed:
            text = self.rules.literal(name)
            if not kept or value.startswith(text):
                yield text
        elif not any(symbol.kept for symbol in symbols[1:]) and self.matches(name, value):
            yield value  # a pattern takes the rest of the value

    def matches(self, name: str, text: str) -> bool:
        """Whether a terminal that is not fixed matches the whole of a text."""
        automaton = self.rules.automaton(name)
        return text in self.declared if automaton is None else automaton.matches(text)


def _form(partial: _Partial) -> Form:
    if _BODY not in partial.parts:
        return Form(partial.parts, None, partial.labels)
    at = partial.parts.index(_BODY)
    return Form(partial.parts[:at], partial.parts[at + 1 :], partial.labels)


def _sequences(rules: Rules, rule: str) -> Iterator[tuple[Symbol, ...]]:
    """The sequences of terminals that a rule may be."""
    for production in rules.productions[rule]:
        found: list[tuple[Symbol, ...]] = [()]
        for symbol in production.symbols:
            more = [(symbol,)] if symbol.terminal else list(_sequences(rules, symbol.name))
            found = [(*one, *rest) for one in found for rest in more]
        yield from found
