"""What may follow what: the state diagram of a start symbol, as boxes and arrows.

A box is a part of a message at a place where the same may follow it. So the boxes of one part
may be several: after a recipient a message must end as a call, and without one it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs.expressions import (
    Alternatives,
    FixedText,
    Name,
    Pattern,
    Repeat,
    Sequence,
    names,
)
from harmony_grammar.grammar.automata import NO, Automaton, Dfa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harmony_grammar.docs.expressions import Expression
    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.automata import Part

__all__ = ["BEGIN", "END", "Box", "Chart", "automaton", "chart"]

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
    parts = _ChartParts(rules, expressions)
    moves, ends = automaton(expressions[start], parts.look_up)
    order = {name: index for index, name in enumerate(expressions)}
    # A box is a symbol and the state that it leads to.
    boxes: dict[tuple[str, int], list[tuple[str, int]]] = {}
    todo = [("", 0)]
    for box in todo:
        if box not in boxes:
            after = moves[box[1]].items() if box[1] >= 0 else ()
            boxes[box] = sorted(after, key=lambda move: order.get(move[0], len(order)))
            if box[1] in ends:
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


def automaton(
    expression: Expression, look_up: Callable[[str], Expression | None]
) -> tuple[tuple[dict[str, int], ...], frozenset[int]]:
    """The smallest automaton of an expression, over symbols instead of characters.

    The message level of the format nests nothing, so what may follow what is a regular language.

    Args:
        expression: the expression.
        look_up: what a name stands for; None if it is a symbol.

    Returns:
        For each state the state after each symbol, and the states that the input may end in; it
        begins in state 0.
    """
    symbols = _ChartSymbols(look_up)
    made, nfa = symbols.codes, symbols.automaton
    nfa.start, nfa.final = symbols.part(expression)
    dfa = Dfa.minimal(nfa)
    names = list(made)
    moves = tuple({names[code]: to for code, to in row.items()} for row in dfa.rows)
    return moves, frozenset(state for state, value in enumerate(dfa.accepts) if value != NO)


class _ChartSymbols:
    """An automaton over the symbols of an expression, which are numbered as they are met."""

    def __init__(self, look_up: Callable[[str], Expression | None]) -> None:
        self._look_up = look_up
        self.codes: dict[str, int] = {}
        self.automaton = Automaton()

    def part(self, expression: Expression) -> Part:
        """What reads an expression."""
        match expression:
            case Name(name):
                meaning = self._look_up(name)
                return self._symbol(name) if meaning is None else self.part(meaning)
            case FixedText(text) | Pattern(text):
                return self._symbol(text)
            case Sequence(items):
                return self.automaton.chain(map(self.part, items))
            case Alternatives(items):
                return self.automaton.either(list(map(self.part, items)))
            case Repeat():
                return self._repeated(expression)

    def _symbol(self, name: str) -> Part:
        code = self.codes.setdefault(name, len(self.codes))
        return self.automaton.one(((code, code),))

    def _repeated(self, expression: Repeat) -> Part:
        part, made = self.part(expression.item), self.automaton
        if expression.most != 1:
            more = made.repeat(self.part(expression.item))
            return made.chain([part, more]) if expression.least else more
        return part if expression.least else made.either([part, made.chain([])])


class _ChartParts:
    """The parts that a message is made of: rules that are fields, and terminals beside them."""

    def __init__(self, rules: Rules, expressions: Mapping[str, Expression]) -> None:
        self._rules = rules
        self._expressions = expressions
        self._within: set[str] = set()

    def look_up(self, name: str) -> Expression | None:
        """What a name stands for; None for a part."""
        terminal = name in self._rules.terminals
        if terminal or name in self._rules.meaning.fields or self.fixed(name) or self._nests(name):
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
        if isinstance(expression, FixedText):
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
