"""What the bodies of messages are written with: the titles, words and signs of a grammar."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.grammar.automata import overlap
from harmony_grammar.grammar.meaning import TOOL_TYPE, BodyPart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harmony_grammar.grammar import Rules

__all__ = ["Signs", "signs_of"]


class Signs(NamedTuple):
    """The titles, words and signs of a grammar's bodies.

    Attributes:
        of: the fixed texts of each part of a body, in the order of the grammar.
        mark: what a comment begins with.
        argument: how the argument of a tool is called, with what stands behind it.
    """

    of: Mapping[BodyPart, tuple[str, ...]]
    mark: str
    argument: str

    def title(self, part: BodyPart) -> str:
        """What a part begins with."""
        return self.of[part][0]


@lru_cache(maxsize=64)
def signs_of(rules: Rules) -> Signs:
    """The signs of a grammar."""
    of = {part: rules.meaning.signs(part) for part in BodyPart}
    return Signs(of, _mark(rules), _argument(rules))


def _mark(rules: Rules) -> str:
    """The shortest comment, which is nothing but its mark."""
    names = rules.meaning.own_terminals(BodyPart.NOTE_BEHIND)
    comment = rules.automaton(names[0]) if names else None
    return (comment and overlap(comment, comment)) or ""


def _argument(rules: Rules) -> str:
    """The argument as the grammar's examples of a tool write it."""
    starts = rules.meaning.starts[TOOL_TYPE]
    for production in rules.source.productions:
        if rules.meaning.part_of(production) is not BodyPart.FUNCTION:
            continue
        for before, symbol in zip(production.symbols, production.symbols[1:], strict=False):
            pattern = rules.terminals[before.name].pattern if before.terminal else None
            if symbol.name == starts and pattern is not None:
                opened = re.escape(rules.meaning.signs(BodyPart.FUNCTION)[2])
                for example in rules.comments[production.rule].examples:
                    if found := re.search(f"{opened}({pattern})", example):
                        return found[1]
    return ""
