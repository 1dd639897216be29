"""A state diagram as SVG."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs.chart import BEGIN, END
from harmony_grammar.docs.layout import layout
from harmony_grammar.docs.palette import STANDALONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.docs.chart import Box, Chart
    from harmony_grammar.docs.layout import Arrow, Layout, Place

__all__ = ["picture"]

_CHARACTER: Final = 8.5
_PADDING: Final = 24
_HEIGHT: Final = 30
_STEP: Final = 74
_MARGIN: Final = 12
_LANE: Final = 28  # beside the diagram, for arrows upwards

_STYLE: Final = (
    STANDALONE
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
    style = f"<style>{_STYLE}</style>"
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
