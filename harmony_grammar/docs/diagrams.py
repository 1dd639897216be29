"""Railroad diagrams: a rule as the ways through it."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final

import railroad  # type: ignore[import-untyped]  # it ships no types

from harmony_grammar.docs.expressions import Choice, Literal, Name, Pattern, Repeat, Sequence
from harmony_grammar.docs.palette import STANDALONE

if TYPE_CHECKING:
    from harmony_grammar.docs.expressions import Expression

__all__ = ["diagram"]

_STYLE: Final = (
    STANDALONE
    + """
svg.railroad-diagram path { stroke: var(--line); stroke-width: 2; fill: none }
svg.railroad-diagram text {
  font: 14px ui-monospace, monospace; text-anchor: middle; fill: var(--ink); white-space: pre;
}
svg.railroad-diagram rect { stroke: var(--line); stroke-width: 1.5; fill: var(--rule) }
svg.railroad-diagram .terminal rect { fill: var(--token) }
"""
)


def diagram(name: str, expression: Expression) -> str:
    """The diagram of a rule as a file of SVG, for light and for dark surroundings.

    Args:
        name: the rule; the diagram's title, which is what a screen reader says.
        expression: what it consists of.
    """
    drawn = railroad.Diagram(_drawn(expression), type="simple")
    drawn.attrs.update({"role": "img", "aria-label": f"Railroad diagram of {name}"})
    parts: list[str] = []
    drawn.writeStandalone(parts.append, _STYLE)
    return "".join(parts) + "\n"


def _visible(text: str) -> str:
    """A text with its spaces to be seen."""
    return text.replace(" ", "␣").replace("\n", "⏎")


@singledispatch
def _drawn(expression: Expression) -> Any:
    raise TypeError(f"{expression!r} is no expression")


@_drawn.register
def _(expression: Name) -> Any:
    return railroad.NonTerminal(expression.name)


@_drawn.register
def _(expression: Literal) -> Any:
    return railroad.Terminal(_visible(expression.text))


@_drawn.register
def _(expression: Pattern) -> Any:
    return railroad.Terminal(_visible(expression.text))


@_drawn.register
def _(expression: Sequence) -> Any:
    items = [_drawn(item) for item in expression.items]
    return railroad.Sequence(*items) if items else railroad.Skip()


@_drawn.register
def _(expression: Choice) -> Any:
    return railroad.Choice(0, *(_drawn(item) for item in expression.items))


@_drawn.register
def _(expression: Repeat) -> Any:
    item = _drawn(expression.item)
    if expression.most == 1:
        return railroad.Optional(item)
    if expression.least == 0:
        return railroad.ZeroOrMore(item)
    return railroad.OneOrMore(item)
