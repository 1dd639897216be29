"""Finding the production that a message's fields fit: the grammar, walked backward.

A form is one way to write a message: its terminals with their texts, where a body stands, and
how it ends. Of all that spell exactly the given fields (`ways`) the best is taken: the one that
the message was read from, else the alternative with the wanted label, else the first in the order
of the grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

from harmony_grammar.errors import RenderError
from harmony_grammar.grammar.ways import ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.ways import Way, WayPart

__all__ = ["Spelling", "Wish", "best_form", "forms", "labels_of", "require_spelling", "text_of"]

Spelling: TypeAlias = Literal["openai", "model", "oss"]
"""Which of the spellings in circulation is written: that of openai_harmony, the model's own, or
that of oss-harmony, which writes recipients on the channel of calls where the model does, those of
tools' results too, and constrains every content type."""

_SPELLINGS: Final = get_args(Spelling)
_OF_MODEL: Final = frozenset({"model"})
_OF_OPENAI: Final = frozenset({"openai"})
_OF_OSS: Final = frozenset({"oss", "model"})


def labels_of(rules: Rules, spelling: Spelling, channel: str | None) -> frozenset[str]:
    """The labels of the alternatives that a message on a channel is written by."""
    if spelling == "oss":
        return _OF_OSS if channel == rules.meaning.preamble else _OF_OPENAI
    return _OF_MODEL if spelling == "model" else _OF_OPENAI


def require_spelling(spelling: str) -> None:
    """Refuse a spelling that there is not.

    Raises:
        RenderError: if it is none; it names those that there are.
    """
    if spelling not in _SPELLINGS:
        raise RenderError(f"there is no spelling {spelling!r}: there are {', '.join(_SPELLINGS)}")


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
        labels: of the alternatives that are wanted.
    """

    symbols: tuple[str, ...] = ()
    terminator: str | None = None
    labels: frozenset[str] = _OF_OPENAI


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


def _distance(form: Way, wish: Wish) -> tuple[bool, bool, bool, int]:
    """How far a form is from what is wanted; of equals, `min` takes the first."""
    other_order = bool(wish.symbols) and _order(form, wish) != _order(form, wish, of_wish=True)
    unlike = 1 if not form.labels else 2 * form.labels.isdisjoint(wish.labels)
    ends = text_of(form.ending)
    other_end = wish.terminator is not None and ends != wish.terminator
    other_symbols = bool(wish.symbols) and names_of(form) != wish.symbols
    return (other_symbols, other_order, other_end, unlike)


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
