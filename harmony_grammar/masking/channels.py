"""Which channels a completion may use: those that its system message names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import ConstraintError
from harmony_grammar.masking.shapes import ANALYSIS, FINAL, spells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.masking.tools import Tool

__all__ = ["channels_of", "require_channels"]

_NAME: Final = "CHANNEL_NAME"


def channels_of(given: Sequence[str] | None, rules: Rules) -> tuple[str, ...]:
    """The channels that may be used.

    Args:
        given: their names; None for those of the format.
        rules: the grammar.

    Raises:
        ConstraintError: if one is no name that a system message can declare.
    """
    if given is None:
        return rules.channels
    if isinstance(given, str) or not all(isinstance(name, str) for name in given):
        raise ConstraintError(f"channels: a list of names is needed, not {given!r}")
    automaton = rules.automaton(_NAME) if _NAME in rules.terminals else None
    for name in given:
        if automaton is not None and not spells(automaton, name):
            raise ConstraintError(f"channels: no system message can declare {name!r}")
    return tuple(dict.fromkeys(given))


def require_channels(
    channels: Sequence[str], rules: Rules, called: Sequence[Tool], *, answer: bool, reasoning: bool
) -> None:
    """Refuse channels that lack one that is needed.

    Args:
        channels: the channels that may be used.
        rules: the grammar.
        called: the tools that may be called.
        answer: whether the completion may end with an answer.
        reasoning: whether it must begin with reasoning.

    Raises:
        ConstraintError: if a channel that is needed is not among them.
    """
    needed = {rules.literal(tool.channel): f"a call of {tool.name}" for tool in reversed(called)}
    if reasoning:
        needed[rules.literal(ANALYSIS)] = "reasoning"
    if answer:
        needed[rules.literal(FINAL)] = "the answer"
    for channel, what in needed.items():
        if channel not in channels:
            raise ConstraintError(
                f"channels: {what} needs the channel {channel!r}, "
                f"which is not one of them ({', '.join(channels) or 'none'})"
            )
