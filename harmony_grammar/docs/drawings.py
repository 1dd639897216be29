"""Drawings as SVG: the railroad diagram of a rule, and a state diagram; for light and for dark."""

from __future__ import annotations

from functools import singledispatch
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import railroad  # type: ignore[import-untyped]  # it ships no types

from harmony_grammar.docs.chart import BEGIN, END
from harmony_grammar.docs.expressions import (
    Alternatives,
    FixedText,
    Name,
    Pattern,
    Repeat,
    Sequence,
)
from harmony_grammar.docs.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.docs.chart import Box, Chart
    from harmony_grammar.docs.expressions import Expression
    from harmony_grammar.docs.layout import Arrow, Layout, Place

__all__ = ["DARK", "LIGHT", "diagram", "picture"]

LIGHT: Final = (
    "--ink: #1b1f24; --line: #57606a; --faint: #59636e; --paper: #ffffff; --rule: #ddf4ff; "
    "--token: #dafbe1; --end: #ffebe9; --code: #f6f8fa; --link: #0550ae"
)
DARK: Final = (
    "--ink: #e6edf3; --line: #9198a1; --faint: #9198a1; --paper: #0d1117; --rule: #0c2d6b; "
    "--token: #033a16; --end: #5d0f12; --code: #161b22; --link: #79c0ff"
)

# The colours of a file of SVG, which is seen without a page around it, or as an image in one.
_STANDALONE: Final = (
    f"\nsvg {{ {LIGHT}; background: transparent }}\n"
    f"@media (prefers-color-scheme: dark) {{ svg {{ {DARK} }} }}"
)

# --- railroad diagrams ---

_RAILROAD: Final = (
    _STANDALONE
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
    drawn.writeStandalone(parts.append, _RAILROAD)
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
def _(expression: FixedText) -> Any:
    return railroad.Terminal(_visible(expression.text))


@_drawn.register
def _(expression: Pattern) -> Any:
    return railroad.Terminal(_visible(expression.text))


@_drawn.register
def _(expression: Sequence) -> Any:
    items = [_drawn(item) for item in expression.items]
    return railroad.Sequence(*items) if items else railroad.Skip()


@_drawn.register
def _(expression: Alternatives) -> Any:
    return railroad.Choice(0, *(_drawn(item) for item in expression.items))


@_drawn.register
def _(expression: Repeat) -> Any:
    item = _drawn(expression.item)
    if expression.most == 1:
        return railroad.Optional(item)
    if expression.least == 0:
        return railroad.ZeroOrMore(item)
    return railroad.OneOrMore(item)


# --- state diagrams ---

_CHARACTER: Final = 8.5
_PADDING: Final = 24
_HEIGHT: Final = 30
_STEP: Final = 74
_MARGIN: Final = 12
_LANE: Final = 28  # beside the diagram, for arrows upwards

_STATES: Final = (
    _STANDALONE
    + """
.chart rect { fill: var(--rule); stroke: var(--line); stroke-width: 1.5 }
.chart .token rect { fill: var(--token) }
.chart .begin rect, .chart .end rect { fill: var(--end) }
.chart text { font: 14px ui-monospace, monospace; text-anchor: middle; fill: var(--ink) }
.chart path { fill: none; stroke: var(--line); stroke-width: 1.5 }
.chart marker path { fill: var(--line); stroke: none }
"""
)
_TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
    'markerHeight="8" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>'
)


def picture(chart: Chart, title: str) -> str:
    """A state diagram as a file of SVG, for light and for dark surroundings.

    Args:
        chart: the diagram.
        title: what a screen reader says of it.
    """
    widths = [len(box.label) * _CHARACTER + _PADDING for box in chart.boxes]
    placed = layout([box.after for box in chart.boxes], widths)
    width = placed.width + 2 * _MARGIN + _LANE
    height = (len(placed.layers) - 1) * _STEP + _HEIGHT + 2 * _MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'aria-label="{escape(title)}" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}">'
    )
    arrows = [_arrow(arrow, placed) for arrow in placed.arrows]
    boxes = list(_boxes(chart.boxes, placed))
    style = f"<style>{_STATES}</style>"
    return "\n".join([head, style, _TIP, *arrows, *boxes, "</svg>"]) + "\n"


def _boxes(boxes: tuple[Box, ...], placed: Layout) -> Iterator[str]:
    for index, box in enumerate(boxes):
        place = placed.place(index)
        x, y = place.x - place.width / 2 + _MARGIN, _top(place)
        radius = 4 if box.kind == "rule" else 15
        yield (
            f'<g class="{box.kind if box.kind not in {BEGIN, END} else "end"}">'
            f'<rect x="{x:g}" y="{y:g}" width="{place.width:g}" height="{_HEIGHT}" '
            f'rx="{radius}"/><text x="{place.x + _MARGIN:g}" y="{y + 20:g}">'
            f"{escape(box.label)}</text></g>"
        )


def _top(place: Place) -> float:
    return place.layer * _STEP + _MARGIN


def _arrow(arrow: Arrow, placed: Layout) -> str:
    line = _down(arrow) if arrow.through else _up(arrow, placed)
    return f'<path d="{line}" marker-end="url(#tip)"/>'


def _down(arrow: Arrow) -> str:
    """From the foot of one box, through the gaps of the layers, to the head of another."""
    parts: list[str] = []
    for above, below in pairwise(arrow.through):
        x, y, to = above.x + _MARGIN, _top(above) + _HEIGHT, below.x + _MARGIN
        middle, end = (y + _top(below)) / 2, _top(below)
        parts.append(f"M{x:g} {y:g}" if not parts else f"L{x:g} {y:g}")
        parts.append(f"C{x:g} {middle:g} {to:g} {middle:g} {to:g} {end:g}")
    return "".join(parts)


def _up(arrow: Arrow, placed: Layout) -> str:
    """From the side of a box along the edge of the diagram to the side of one above it."""
    source, target = placed.place(arrow.source), placed.place(arrow.target)
    lane = placed.width + _MARGIN + _LANE / 2
    x, y = source.x + source.width / 2 + _MARGIN, _top(source) + _HEIGHT / 2
    to, top = target.x + target.width / 2 + _MARGIN, _top(target) + _HEIGHT / 2
    turn = f"H{lane - 10:g}Q{lane:g} {y:g} {lane:g} {y - 10:g}"
    return f"M{x:g} {y:g}{turn}V{top + 10:g}Q{lane:g} {top:g} {lane - 10:g} {top:g}H{to:g}"
