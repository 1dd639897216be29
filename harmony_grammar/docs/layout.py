"""Where the boxes of a state diagram stand: in layers from top to bottom, with few crossings.

The usual steps, each small since the diagrams are: a box is one layer below the lowest box that
leads to it; an arrow that passes a layer gets an empty place in it; the places of a layer are
ordered, and then moved, towards those that they are joined to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Arrow", "Layout", "Place", "layout"]

_SWEEPS: Final = 12
_GAP: Final = 28.0
_PASSING: Final = 12.0  # the width of an empty place


@dataclass
class Place:
    """A place in a layer: a box, or where an arrow passes.

    Attributes:
        box: the box; None where an arrow passes.
        layer: the layer, from the top.
        width: its width.
        x: where its middle is.
        joined: the places in the layers above and below that it is joined to.
    """

    box: int | None
    layer: int
    width: float
    x: float = 0.0
    joined: tuple[list[Place], list[Place]] = field(default_factory=lambda: ([], []))


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from box to box.

    Attributes:
        source: the box that it leaves.
        target: the box that it leads to.
        through: the places that it goes through, with both ends; empty for an arrow upwards.
    """

    source: int
    target: int
    through: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands.

    Attributes:
        layers: the places, layer by layer.
        arrows: the arrows.
        width: how wide everything is.
    """

    layers: list[list[Place]]
    arrows: list[Arrow]
    width: float

    def place(self, box: int) -> Place:
        """Where a box stands."""
        return next(p for layer in self.layers for p in layer if p.box == box)


def layout(after: Sequence[Sequence[int]], widths: Sequence[float]) -> Layout:
    """Place the boxes of a diagram.

    Args:
        after: for each box, the boxes that it leads to; the first is the top.
        widths: how wide each box is.
    """
    upwards = _upwards(after)
    depths = _depths(after, upwards)
    boxes = [Place(box, depths[box], width) for box, width in enumerate(widths)]
    layers: list[list[Place]] = [[] for _ in range(max(depths) + 1)]
    for place in boxes:
        layers[place.layer].append(place)
    arrows = []
    for source, targets in enumerate(after):
        for target in targets:
            down = (source, target) not in upwards
            through = _through(boxes[source], boxes[target], layers) if down else ()
            arrows.append(Arrow(source, target, through))
    _order(layers)
    return Layout(layers, arrows, _position(layers))


def _upwards(after: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """The arrows that close a circle."""
    found: set[tuple[int, int]] = set()
    done: set[int] = set()

    def visit(box: int, path: frozenset[int]) -> None:
        for target in after[box]:
            if target in path or target == box:
                found.add((box, target))
            elif target not in done:
                visit(target, path | {box})
        done.add(box)

    visit(0, frozenset())
    return found


def _depths(after: Sequence[Sequence[int]], upwards: set[tuple[int, int]]) -> list[int]:
    depths = [0] * len(after)
    for _ in after:
        for source, targets in enumerate(after):
            for target in targets:
                if (source, target) not in upwards:
                    depths[target] = max(depths[target], depths[source] + 1)
    return depths


def _through(source: Place, target: Place, layers: list[list[Place]]) -> tuple[Place, ...]:
    """The places that an arrow goes through, made where it passes a layer."""
    passed = [Place(None, n, _PASSING) for n in range(source.layer + 1, target.layer)]
    for place in passed:
        layers[place.layer].append(place)
    line = (source, *passed, target)
    for above, below in pairwise(line):
        above.joined[1].append(below)
        below.joined[0].append(above)
    return line


def _order(layers: list[list[Place]]) -> None:
    for layer in layers:
        for index, place in enumerate(layer):
            place.x = float(index)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for layer in layers if side == 0 else reversed(layers):
            ranked = sorted(layer, key=lambda place: _middle(place.joined[side], place.x))
            layer[:] = ranked
            for index, place in enumerate(layer):
                place.x = float(index)


def _middle(places: Iterable[Place], otherwise: float) -> float:
    found = [place.x for place in places]
    return sum(found) / len(found) if found else otherwise


def _position(layers: list[list[Place]]) -> float:
    """Move the places towards what they are joined to, and return how wide everything is."""
    for layer in layers:
        _spread(layer, [0.0] * len(layer))
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            around = [[*place.joined[0], *place.joined[1]] for place in layer]
            wanted = [_middle(near, p.x) for near, p in zip(around, layer, strict=True)]
            _spread(layer, wanted)
    left = min(place.x - place.width / 2 for layer in layers for place in layer)
    for layer in layers:
        for place in layer:
            place.x = round(place.x - left, 1)
    return max(place.x + place.width / 2 for layer in layers for place in layer)


def _spread(layer: list[Place], wanted: list[float]) -> None:
    """Put places where they are wanted, as nearly as their order and their widths allow."""
    rightmost, leftmost = list(wanted), list(wanted)
    for i in range(1, len(layer)):
        rightmost[i] = max(rightmost[i], rightmost[i - 1] + _apart(layer[i - 1], layer[i]))
    for i in range(len(layer) - 2, -1, -1):
        leftmost[i] = min(leftmost[i], leftmost[i + 1] - _apart(layer[i], layer[i + 1]))
    for place, right, left in zip(layer, rightmost, leftmost, strict=True):
        place.x = (right + left) / 2


def _apart(left: Place, right: Place) -> float:
    return (left.width + right.width) / 2 + _GAP
