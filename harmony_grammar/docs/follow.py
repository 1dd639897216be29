"""What may stand directly after each terminal, found by walking the parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.bindings import STARTS
from harmony_grammar.reading.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar.grammar import Rules

__all__ = ["followers", "said"]

_DECLARED: Final = frozenset({"x"})  # any word: the parser then knows that words can be declared
_DEEPEST: Final = 20  # states on the stack; more than any grammar of messages that nests nothing


def followers(rules: Rules, order: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The terminals that may follow each terminal.

    Args:
        rules: the grammar.
        order: its names in the order in which to list them.
    """
    found: dict[str, set[str]] = {}
    for start in STARTS:
        machine = Machine(rules, start, _DECLARED)
        todo, seen = [machine.root], {machine.root.stack}
        for configuration in todo:
            for name in configuration.expected - {END_OF_INPUT}:
                after = configuration.after(name)
                if after is not None:
                    found.setdefault(name, set()).update(after.expected)
                    if after.stack not in seen and len(after.stack) <= _DEEPEST:
                        seen.add(after.stack)
                        todo.append(after)
    listed = list(dict.fromkeys([*order, *rules.terminals, END_OF_INPUT]))
    return {name: tuple(sorted(after, key=listed.index)) for name, after in found.items()}


def said(rules: Rules, name: str) -> str:
    """What a terminal is called, those that the input declares included."""
    if name != END_OF_INPUT and rules.terminals[name].pattern is None:
        return "a word that the system message declares"
    return rules.words(name)
