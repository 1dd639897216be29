"""How an example comes from its rule: a small tree, driven by the grammar's own table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.load import load_source
from harmony_grammar.grammar.lr import Driver
from harmony_grammar.grammar.meaning import starts_of
from harmony_grammar.grammar.rules import Rules
from harmony_grammar.grammar.whole_text import TextReader
from harmony_grammar.inputs import TextKind
from harmony_grammar.reading.headers import Machine, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.grammar.whole_text import Leaf
    from harmony_grammar.reading.headers import Token

__all__ = ["Branch", "Derivations", "drawn"]


@dataclass(frozen=True, slots=True)
class Branch:
    """A rule and what it consists of, or a terminal and its text.

    Attributes:
        name: the rule or the terminal.
        text: the text of a terminal; None for a rule.
        below: what a rule consists of.
    """

    name: str
    text: str | None = None
    below: tuple[Branch, ...] = ()


class Derivations:
    """Deriving examples from the rules of a grammar.

    Args:
        rules: the grammar.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._loaded: dict[str, Rules] = {}

    def of(self, rule: str, text: str) -> Branch | None:
        """How a text comes from a rule; None if it does not."""
        loaded = self._from(rule)
        if rule in self._rules.body_rules:
            return _read(loaded, rule, text)
        machine = Machine(loaded, rule)
        pieces = TextKind(loaded).source(text).pieces(0, len(text))
        walked = walk(machine.root, pieces, at_end=True, spelled=True)
        if walked.fault or walked.cut or not machine.accepts(walked.configuration.stack):
            return None
        return _grown(loaded, rule, walked.tokens)

    def _from(self, rule: str) -> Rules:
        """The grammar, loaded so that a parse may begin with a rule."""
        if rule not in self._loaded:
            names = (*self._rules.comments, rule)
            try:
                self._loaded = dict.fromkeys(names, self._load(names))
            except GrammarError:  # what begins with any of them has a conflict; one has none
                self._loaded[rule] = self._load((rule,))
        return self._loaded[rule]

    def _load(self, names: Sequence[str]) -> Rules:
        starts = starts_of(self._rules.text) | {name: name for name in names}
        source = load_source(self._rules.text, starts)
        return Rules(self._rules.text, source, self._rules.special_tokens)


def _read(rules: Rules, rule: str, text: str) -> Branch | None:
    """How a part of a body comes from a rule; blanks that it skips are left out."""
    builders = {name: partial(_branch, name) for name in rules.productions if name[0] != "_"}
    reading = TextReader(rules, rule, lambda p: builders.get(p.rule), punctuation=True).read(text)
    found: Branch | None = reading.value
    return found


def _branch(rule: str, parts: Sequence[Branch | Leaf], _: str) -> Branch:
    below = (p if isinstance(p, Branch) else Branch(p.name, p.text) for p in parts)
    return Branch(rule, None, tuple(below))


def _grown(rules: Rules, rule: str, tokens: Sequence[Token]) -> Branch:
    """The tree of terminals that a rule consists of."""
    driver = Driver(rules.source)
    leaves = [(token.name, (Branch(token.name, token.text),)) for token in tokens]
    grown = driver.build(driver.begin(rule), [*leaves, (END_OF_INPUT, ())], _reduced)
    return grown[0]


def _reduced(rule: str, below: tuple[Branch, ...], _: int) -> tuple[Branch, ...]:
    """A rule that only arranges others leaves what is below it."""
    return below if rule.startswith("_") else (Branch(rule, None, below),)


def drawn(top: Branch) -> str:
    """A derivation as lines of text."""
    return "\n".join([_label(top), *_rows(top, "")])


def _rows(top: Branch, margin: str) -> Iterator[str]:
    for index, branch in enumerate(top.below):
        last = index == len(top.below) - 1
        yield margin + ("└── " if last else "├── ") + _label(branch)
        yield from _rows(branch, margin + ("    " if last else "│   "))


def _label(branch: Branch) -> str:
    return branch.name if branch.text is None else f"{branch.name} {branch.text!r}"
