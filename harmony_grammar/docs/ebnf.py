"""A grammar in the EBNF of the W3C's specifications: `::=`, `|`, `?`, `*`, `+`."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs.expressions import Choice, Literal, Name, Pattern, Repeat, Sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.docs.expressions import Expression

__all__ = ["definition", "ebnf", "whole"]

_WIDTH: Final = 88
_SIGNS: Final = {(0, 1): "?", (0, None): "*", (1, None): "+"}


def definition(name: str, expression: Expression) -> str:
    """One rule: `name ::= expression`, its alternatives on lines of their own if it is long."""
    head = f"{name} ::= "
    line = head + ebnf(expression)
    if len(line) <= _WIDTH or not isinstance(expression, Choice):
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
def _(expression: Literal) -> str:
    quote = "'" if '"' in expression.text else '"'
    return f"{quote}{expression.text}{quote}"


@ebnf.register
def _(expression: Pattern) -> str:
    return expression.text


@ebnf.register
def _(expression: Sequence) -> str:
    parts = (f"({ebnf(i)})" if isinstance(i, Choice) else ebnf(i) for i in expression.items)
    return " ".join(parts)


@ebnf.register
def _(expression: Choice) -> str:
    return " | ".join(ebnf(item) or "()" for item in expression.items)


@ebnf.register
def _(expression: Repeat) -> str:
    inner = ebnf(expression.item)
    if isinstance(expression.item, (Sequence, Choice, Repeat)):
        inner = f"({inner})"
    bounds = (expression.least, expression.most)
    return inner + _SIGNS.get(bounds, f"{{{bounds[0]},{bounds[1]}}}")
