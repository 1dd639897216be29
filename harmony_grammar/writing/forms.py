"""Finding the production that a message's fields fit: the grammar, walked backward.

A form is one way to write a message: its terminals with their texts, where a body stands, and
how it ends. Of all that spell exactly the given fields (`ways`) the best is taken: the one that
the message was read from, else the alternative with the wanted label, else the first in the order
of the grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from harmony_grammar.grammar.ways import ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.ways import Way, WayPart

__all__ = ["Spelling", "Wish", "best_form", "forms", "text_of"]

Spelling: TypeAlias = Literal["openai", "model"]
"""Which of the spellings in circulation is written: that of openai_harmony, or the model's own."""


def names_of(form: Way) -> tuple[str, ...]:
    """The names of the terminals of a form's header."""
    return tuple(part.name for part in form.header)


def text_of(parts: Iterable[WayPart]) -> str:
    """The text of some parts, which all have one."""
    return "".join(part.text or "" for part in parts)


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
) -> list[Way]:
    """All forms that write these fields.

    Args:
        rules: the grammar.
        sequence: the rules that the form consists of, one after another.
        fields: the values of the fields; all must be written.
        declared: the words that the input declares.
    """
    return list(ways(rules, sequence, fields, declared))


def best_form(found: Sequence[Way], wish: Wish) -> Way | None:
    """The form that is nearest to what is wanted; None if there is none."""
    return min(found, key=lambda form: _distance(form, wish), default=None)


def _distance(form: Way, wish: Wish) -> tuple[bool, bool, bool, bool]:
    """How far a form is from what is wanted; of equals, `min` takes the first."""
    other_order = bool(wish.symbols) and _order(form, wish) != _order(form, wish, of_wish=True)
    other_label = bool(form.labels) and wish.spelling not in form.labels
    ends = text_of(form.ending)
    other_end = wish.terminator is not None and ends != wish.terminator
    other_symbols = bool(wish.symbols) and names_of(form) != wish.symbols
    return (other_symbols, other_order, other_end, other_label)


def _order(form: Way, wish: Wish, *, of_wish: bool = False) -> list[str]:
    """The order of the signs between fields that a form and a wish share.

    A header whose channel was changed has other symbols than it was read with, but keeps its
    order by this.
    """
    signs = [part.name for part in form.header if not part.kept]
    return [
        name
        for name in (wish.symbols if of_wish else signs)
        if name in signs and name in wish.symbols
    ]
