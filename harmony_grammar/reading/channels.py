"""The line of a system message that names the channels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.declared import ValidChannels
from harmony_grammar.inputs import Piece
from harmony_grammar.reading.headers import walk
from harmony_grammar.reading.machine import Machine

if TYPE_CHECKING:
    from harmony_grammar.grammar import Rules

__all__ = ["valid_channels"]

_RULE: Final = "valid_channels"


def valid_channels(rules: Rules, body: str) -> ValidChannels:
    """What the line in the body of a system message says; nothing if it cannot be read."""
    title = _title(rules)
    at = body.find(title)
    while at > 0 and body[at - 1] != "\n":
        at = body.find(title, at + 1)
    return ValidChannels() if at < 0 else _read(rules, body[at:].partition("\n")[0])


@lru_cache(maxsize=64)
def _title(rules: Rules) -> str:
    """The words that the line begins with."""
    return rules.literal(next(iter(rules.below(_RULE))).name)


@lru_cache(maxsize=64)
def _read(rules: Rules, line: str) -> ValidChannels:
    machine = Machine(rules, _RULE)
    walked = walk(machine.root, [Piece(None, line, 0, len(line))], at_end=True, spelled=False)
    if walked.fault or walked.cut or not machine.accepts(walked.configuration.stack):
        return ValidChannels()
    kept = [token for token in walked.tokens if token.name in rules.kept_terminals]
    words = [token for token in kept if not rules.terminals[token.name].fixed]
    return ValidChannels(tuple(token.text for token in words), len(words) < len(kept))
