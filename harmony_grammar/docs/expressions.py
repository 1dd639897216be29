"""The rules of a grammar as they are written, and the same as EBNF.

A loaded grammar has its repetitions and options expanded into productions of their own, which
is what parsers want and readers do not. So the text is read again, with the grammar of Lark's
language that Lark ships.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache, singledispatch
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.errors import GrammarError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lark import Lark, Tree

__all__ = [
    "Alternatives",
    "Expression",
    "FixedText",
    "Name",
    "Pattern",
    "Repeat",
    "Sequence",
    "definition",
    "definitions",
    "ebnf",
    "names",
    "replaced",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Name:
    """A rule or a terminal by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class FixedText:
    """A fixed text."""

    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression, with its slashes."""

    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same several times.

    Attributes:
        item: what is repeated.
        least: how often at least.
        most: how often at most; None for any number.
    """

    item: Expression
    least: int
    most: int | None


Expression: TypeAlias = "Name | FixedText | Pattern | Sequence | Alternatives | Repeat"

_BOUNDS: Final = {"?": (0, 1), "*": (0, None), "+": (1, None)}


def definitions(text: str) -> dict[str, Expression]:
    """The rules and terminals of a grammar text, in its order.

    Args:
        text: a grammar that Lark can load.

    Raises:
        GrammarError: if it is in a form that Lark can load and its own grammar of its language
            does not have.
    """
    from lark.exceptions import LarkError  # noqa: PLC0415  only documents need it

    found = {}
    try:
        items: list[Any] = _language().parse(text + "\n").children
    except LarkError as error:
        raise GrammarError(f"the grammar cannot be documented: {error}") from None
    for item in items:
        if item.data in {"rule", "token"}:
            name = str(item.children[0]).lstrip("?!")
            found[name] = _expression(item.children[-1])
    return found


def names(expression: Expression) -> list[Name]:
    """The names that an expression uses, in order."""
    if isinstance(expression, Name):
        return [expression]
    return [name for item in _items(expression) for name in names(item)]


def _items(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, (Sequence, Alternatives)):
        return expression.items
    return (expression.item,) if isinstance(expression, Repeat) else ()


def replaced(expression: Expression, change: Callable[[Name], Expression]) -> Expression:
    """An expression with something else in place of its names."""
    if isinstance(expression, Name):
        return change(expression)
    if isinstance(expression, Repeat):
        return Repeat(replaced(expression.item, change), expression.least, expression.most)
    if isinstance(expression, (Sequence, Alternatives)):
        items = tuple(replaced(item, change) for item in expression.items)
        return type(expression)(items)
    return expression


@cache
def _language() -> Lark:
    """The parser of Lark's language."""
    from lark import Lark  # noqa: PLC0415  only documents need it

    return Lark.open_from_package(
        "lark", "lark.lark", ["grammars"], parser="lalr", maybe_placeholders=False
    )


def _expression(tree: Tree[Any]) -> Expression:
    return _KINDS[tree.data](tree.children)


def _choice(children: list[Any]) -> Expression:
    return Alternatives(tuple(map(_expression, children)))


def _sequence(children: list[Any]) -> Expression:
    items = tuple(map(_expression, children))
    return items[0] if len(items) == 1 else Sequence(items)


def _repeated(children: list[Any]) -> Expression:
    item, *counts = children
    if counts[0] in _BOUNDS:
        return Repeat(_expression(item), *_BOUNDS[counts[0]])
    return Repeat(_expression(item), int(counts[0]), int(counts[-1]))


def _literal(children: list[Any]) -> Expression:
    written = str(children[0])
    if written.startswith("/"):
        return Pattern(written)
    return FixedText(ast.literal_eval(written.rstrip("i")))


# What each node of Lark's own tree is.
_KINDS: Final[Mapping[str, Callable[[list[Any]], Expression]]] = {
    "expansions": _choice,
    "alias": lambda children: _expression(children[0]),
    "expansion": _sequence,
    "expr": _repeated,
    "maybe": lambda children: Repeat(_expression(children[0]), 0, 1),
    "literal": _literal,
    "literal_range": lambda children: Pattern(f"{children[0]}..{children[1]}"),
    "name": lambda children: Name(str(children[0]).lstrip("?!")),
    "template_usage": lambda children: Name(str(children[0].children[0])),
}


# --- the EBNF of the W3C's specifications: `::=`, `|`, `?`, `*`, `+` ---

_WIDTH: Final = 88
_SIGNS: Final = {(0, 1): "?", (0, None): "*", (1, None): "+"}


def definition(name: str, expression: Expression) -> str:
    """One rule: `name ::= expression`, its alternatives on lines of their own if it is long."""
    head = f"{name} ::= "
    line = head + ebnf(expression)
    if len(line) <= _WIDTH or not isinstance(expression, Alternatives):
        return line
    joint = f"\n{'| ':>{len(head)}}"
    return head + joint.join(ebnf(item) for item in expression.items)


def whole(expressions: Mapping[str, Expression], sentences: Mapping[str, str]) -> str:
    """All definitions, each below the sentence that it states."""
    parts = []
    for name, expression in expressions.items():
        said = sentences.get(name)
        parts.append((f"/* {said} */\n" if said else "") + definition(name, expression))
    return "\n\n".join(parts) + "\n"


@singledispatch
def ebnf(expression: Expression) -> str:
    """An expression as EBNF."""
    raise TypeError(f"{expression!r} is no expression")


@ebnf.register
def _(expression: Name) -> str:
    return expression.name


@ebnf.register
def _(expression: FixedText) -> str:
    quote = "'" if '"' in expression.text else '"'
    return f"{quote}{expression.text}{quote}"


@ebnf.register
def _(expression: Pattern) -> str:
    return expression.text


@ebnf.register
def _(expression: Sequence) -> str:
    parts = (f"({ebnf(i)})" if isinstance(i, Alternatives) else ebnf(i) for i in expression.items)
    return " ".join(parts)


@ebnf.register
def _(expression: Alternatives) -> str:
    return " | ".join(ebnf(item) or "()" for item in expression.items)


@ebnf.register
def _(expression: Repeat) -> str:
    inner = ebnf(expression.item)
    if isinstance(expression.item, (Sequence, Alternatives, Repeat)):
        inner = f"({inner})"
    bounds = (expression.least, expression.most)
    return inner + _SIGNS.get(bounds, f"{{{bounds[0]},{bounds[1]}}}")
