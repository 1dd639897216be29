"""The line of a system message that names the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.parsing.headers import walk
from harmony_grammar.parsing.machine import Machine, Piece

if TYPE_CHECKING:
    from harmony_grammar.grammar import Rules

__all__ = ["ValidChannels", "valid_channels"]

_RULE: Final = "valid_channels"


class ValidChannels(NamedTuple):
    """What the line says.

    Attributes:
        channels: the channels that are allowed.
        required: whether each message must have one.
    """

    channels: tuple[str, ...]
    required: bool


def valid_channels(rules: Rules, body: str) -> ValidChannels | None:
    """Find the line in the body of a system message; None if there is none that can be read."""
    head = next(iter(rules.below(_RULE)))
    title = rules.literal(head.name)
    for line in body.split("\n"):
        if line.startswith(title):
            return _read(rules, line)
    return None


def _read(rules: Rules, line: str) -> ValidChannels | None:
    machine = Machine(rules, _RULE)
    walked = walk(machine.root, [Piece(None, line, 0, len(line))], at_end=True, spelled=False)
    if walked.fault or walked.cut or not machine.accepts(walked.configuration.stack):
        return None
    kept = [token for token in walked.tokens if token.name in rules.kept_terminals]
    words = [token for token in kept if not rules.terminals[token.name].fixed]
    return ValidChannels(tuple(token.text for token in words), len(words) < len(kept))
