"""What may follow what: the state diagram of a start symbol, as boxes and arrows.

A box is a part of a message at a place where the same may follow it. So the boxes of one part
may be several: after a recipient a message must end as a call, and without one it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs.automaton import automaton
from harmony_grammar.docs.expressions import Literal, Name, Sequence, names
from harmony_grammar.grammar.bindings import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.docs.expressions import Expression
    from harmony_grammar.grammar import Rules

__all__ = ["BEGIN", "END", "Box", "Chart", "chart"]

BEGIN: Final = "begin"
END: Final = "end"


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a message.

    Attributes:
        kind: `rule`, `token`, or where the text begins or ends.
        label: what is written in it.
        after: the indices of the boxes that may follow, in the order of the grammar.
    """

    kind: str
    label: str
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A state diagram.

    Attributes:
        boxes: the boxes, the one that everything begins with first.
    """

    boxes: tuple[Box, ...]


def chart(rules: Rules, expressions: Mapping[str, Expression], start: str) -> Chart:
    """The state diagram of a start symbol.

    Args:
        rules: the grammar.
        expressions: its rules as they are written.
        start: the start symbol.
    """
    parts = _Parts(rules, expressions)
    made = automaton(expressions[start], parts.look_up)
    # A box is a symbol and the state that it leads to.
    boxes: dict[tuple[str, int], list[tuple[str, int]]] = {}
    todo = [("", 0)]
    for box in todo:
        if box not in boxes:
            boxes[box] = list(made.moves[box[1]].items()) if box[1] >= 0 else []
            if box[1] in made.ends:
                boxes[box].append((END, -1))
            todo += boxes[box]
    # What leads back to the beginning is drawn as an arrow to it, not as its arrows once more.
    for box in boxes:
        if box[1] == 0 and box[0]:
            boxes[box] = [("", 0)]
    number = {box: index for index, box in enumerate(boxes)}
    return Chart(
        tuple(
            Box(*parts.shown(symbol, state), tuple(number[box] for box in after))
            for (symbol, state), after in boxes.items()
        )
    )


class _Parts:
    """The parts that a message is made of: rules that are fields, and terminals beside them."""

    def __init__(self, rules: Rules, expressions: Mapping[str, Expression]) -> None:
        self._rules = rules
        self._expressions = expressions
        self._within: set[str] = set()

    def look_up(self, name: str) -> Expression | None:
        """What a name stands for; None for a part."""
        terminal = name in self._rules.terminals
        if terminal or name in FIELDS or self.fixed(name) or self._nests(name):
            return None
        return self._expressions[name]

    def _nests(self, name: str) -> bool:
        """Whether a rule contains itself, so that it has to be one part."""
        return any(symbol.name == name for symbol in self._reached(name, set()))

    def _reached(self, name: str, seen: set[str]) -> list[Name]:
        found = []
        expression = self._expressions.get(name)
        for symbol in [] if expression is None else names(expression):
            found.append(symbol)
            if symbol.name not in seen:
                seen.add(symbol.name)
                found += self._reached(symbol.name, seen)
        return found

    def fixed(self, name: str) -> str:
        """The text of a name that stands for one fixed text; empty if it does not."""
        return self._text(Name(name), depth=0)

    def _text(self, expression: Expression | None, depth: int) -> str:
        if isinstance(expression, Literal):
            return expression.text
        if isinstance(expression, Name) and depth < len(self._expressions):
            return self._text(self._expressions.get(expression.name), depth + 1)
        if isinstance(expression, Sequence):
            texts = [self._text(item, depth) for item in expression.items]
            return "".join(texts) if all(texts) else ""
        return ""

    def shown(self, symbol: str, state: int) -> tuple[str, str]:
        """The kind of a box and what is written in it."""
        if not symbol:
            return BEGIN, BEGIN
        if state < 0:
            return END, END
        return ("token", self.fixed(symbol)) if self.fixed(symbol) else ("rule", symbol)
