"""The frame of a completion: how the grammar arranges messages, read off the productions.

A completion is a regular arrangement of messages, and a message is a sequence of terminals
around a body. So the rules that use themselves become loops of a graph, and every other rule is
written out in full on an edge of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import reached
from harmony_grammar.grammar.meaning import COMPLETION, spelling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.grammar import Rules, Symbol

__all__ = ["Derivation", "DerivedPiece", "Frame"]

_TYPE: Final = "content_type"
BODY: Final = ""  # the name of the piece where the body stands


@dataclass(frozen=True, slots=True)
class DerivedPiece:
    """A terminal, or the body, in a rule that is written out.

    Attributes:
        name: its name.
        kept: whether it carries (part of) a field.
        field: the field that the rule around it spells.
    """

    name: str
    kept: bool
    field: str | None


@dataclass(frozen=True, slots=True)
class Derivation:
    """A rule written out in full.

    Attributes:
        pieces: its terminals, and the body.
        labels: the labels of the alternatives taken.
        typing: which alternative of the content type was taken, if one was.
    """

    pieces: tuple[DerivedPiece, ...] = ()
    labels: frozenset[str] = frozenset()
    typing: int | None = None

    def then(self, other: Derivation) -> Derivation:
        """This, and then the other."""
        typing = self.typing if other.typing is None else other.typing
        return Derivation(self.pieces + other.pieces, self.labels | other.labels, typing)

    def kept(self, field: str) -> Iterator[str]:
        """The terminals that spell a field."""
        return (piece.name for piece in self.pieces if piece.kept and piece.field == field)

    @property
    def has_body(self) -> bool:
        """Whether there is a body in it."""
        return any(piece.name == BODY for piece in self.pieces)


@dataclass
class Frame:
    """How a completion is arranged: a graph whose edges are rules written out.

    Attributes:
        edges: from where, what, and to where.
        jumps: which node is reached from which without anything.
        nodes: how many nodes there are; the first is where a completion begins.
        end: the node where it ends.
    """

    edges: list[tuple[int, Derivation, int]] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(default_factory=list)
    nodes: int = 1
    end: int = 0

    @classmethod
    def of(cls, rules: Rules) -> Frame:
        """The frame of a grammar's completions.

        Raises:
            GrammarError: if the arrangement of the messages is not regular.
        """
        frame = cls()
        frame.end = frame.node()
        frame.rule(rules, rules.meaning.starts[COMPLETION], 0, frame.end)
        return frame

    def node(self) -> int:
        """Add a node."""
        self.nodes += 1
        return self.nodes - 1

    def closure(self, node: int) -> frozenset[int]:
        """The nodes reached from one without anything, itself included."""
        return frozenset(reached([node], lambda at: (to for of, to in self.jumps if of == at)))

    def closing(self, node: int) -> bool:
        """Whether nothing can come behind a node."""
        reached = self.closure(node)
        return self.end in reached and all(source not in reached for source, _, _ in self.edges)

    def rule(self, rules: Rules, name: str, source: int, target: int) -> None:
        """Add the edges of a rule between two nodes."""
        below = _below(rules, name)
        if name in below:
            self.repeat(rules, name, source, target)
        elif any(other in _below(rules, other) for other in below):
            for production in rules.productions[name]:
                self.sequence(rules, production.symbols, source, target)
        else:
            self.edges.extend((source, d, target) for d in _derive(rules, name, None))

    def sequence(self, rules: Rules, symbols: Sequence[Symbol], source: int, target: int) -> None:
        """Add the edges of symbols, one behind another."""
        for symbol in symbols:
            after = self.node()
            if symbol.terminal:
                piece = DerivedPiece(symbol.name, symbol.kept, None)
                self.edges.append((source, Derivation((piece,)), after))
            else:
                self.rule(rules, symbol.name, source, after)
            source = after
        self.jumps.append((source, target))

    def repeat(self, rules: Rules, name: str, source: int, target: int) -> None:
        """Add the edges of a rule that begins or ends with itself: a loop at a node."""
        loop = self.node()
        for production in rules.productions[name]:
            own = [index for index, s in enumerate(production.symbols) if s.name == name]
            last = len(production.symbols) - 1
            if len(own) > 1 or own not in ([], [0], [last]):
                raise GrammarError(f"the rule `{name}` is not regular, so that it has no mask")
            # To begin with itself is to come behind what ends it; to end with itself, before.
            if own == [0]:
                self.sequence(rules, production.symbols[1:], loop, loop)
            elif own:
                self.sequence(rules, production.symbols[:-1], source, source)
            else:
                self.sequence(rules, production.symbols, source, loop)
        self.jumps.append((loop, target))


def _below(rules: Rules, name: str) -> set[str]:
    """The rules that a rule uses, and those that they use."""

    def used(rule: str) -> list[str]:
        return [s.name for p in rules.productions[rule] for s in p.symbols if not s.terminal]

    return set(reached(used(name), used))


def _derive(rules: Rules, name: str, above: str | None) -> Iterator[Derivation]:
    """All ways to write out a rule that does not use itself."""
    if name == rules.meaning.body:
        yield Derivation((DerivedPiece(BODY, kept=True, field=rules.meaning.fields[name]),))
        return
    bound = rules.meaning.fields.get(name, above)
    for number, production in enumerate(rules.productions[name]):
        own = Derivation(
            labels=frozenset({spelling(production.label)} - {None}),  # type: ignore[arg-type]
            typing=number if rules.meaning.fields.get(name) == _TYPE else None,
        )
        parts = [
            [Derivation((DerivedPiece(s.name, s.kept, bound),))]
            if s.terminal
            else list(_derive(rules, s.name, bound))
            for s in production.symbols
        ]
        for choice in product(*parts):
            whole = Derivation()
            for part in choice:
                whole = whole.then(part)
            yield whole.then(own)
