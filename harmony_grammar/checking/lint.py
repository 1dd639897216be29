"""The linter: which rules look at which messages, and what they must know of earlier ones.

None of them changes the verdict of a strict reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.checking.declared import declared_tools, has_formats
from harmony_grammar.checking.lint_rules import LINT_RULES, Context, Finding
from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harmony_grammar.checking.declared import ValidChannels
    from harmony_grammar.checking.lint_rules import LintRule
    from harmony_grammar.errors import Severity
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import CustomRole, Message

__all__ = ["Lint"]


@dataclass(frozen=True)
class Lint:
    """Which rules are looked at, and how bad their findings are.

    Attributes:
        select: the codes of the rules; None for all.
        ignore: the codes of rules that are left out.
        severities: severities of the user's own, by code.

    Raises:
        ValueError: if a code is that of no rule.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for code in {*(self.select or ()), *self.ignore, *self.severities}:
            if code not in LINT_RULES:
                known = ", ".join(LINT_RULES)
                raise ValueError(f"there is no lint rule {code!r}: the rules are {known}")

    def severity(self, code: str) -> Severity:
        """How bad a finding of a rule is."""
        return self.severities.get(code) or DiagnosticCode(code).severity

    @cached_property
    def _by_role(self) -> Mapping[Role, Sequence[tuple[str, LintRule]]]:
        chosen = [
            (code.value, rule)
            for code, rule in LINT_RULES.items()
            if (self.select is None or code in self.select) and code not in self.ignore
        ]
        return {role: [pair for pair in chosen if role in pair[1].roles] for role in Role}

    def rules_for(self, role: Role | CustomRole) -> Sequence[tuple[str, LintRule]]:
        """The rules that look at messages of a role."""
        return self._by_role[role if isinstance(role, Role) else Role.USER]

    def findings(
        self, rules: Rules, messages: Sequence[Message], channels: Callable[[str], ValidChannels]
    ) -> Iterator[Finding]:
        """Look at each message in turn.

        Args:
            rules: the grammar.
            messages: the messages, as they were read.
            channels: reads the channels that the body of a system message allows.
        """
        context = Context(rules)
        turn_over = _last_turn(rules, messages)
        for index, message in enumerate(messages):
            context.first, context.last = index == 0, index == len(messages) - 1
            context.earlier_turn = index < turn_over
            for code, rule in self.rules_for(message.author.role):
                said = rule.check(message, context)
                if said is not None:
                    yield Finding(code, said)
            remember = _MEMORY.get(message.author.role)
            if remember is not None:
                remember(message, context, channels)


def _remember_system(
    message: Message, context: Context, channels: Callable[[str], ValidChannels]
) -> None:
    context.systems += 1
    context.channels, context.channel_required = channels(message.text)
    _remember_tools(message, context, channels)


def _remember_tools(message: Message, context: Context, _: Callable[[str], ValidChannels]) -> None:
    body, role = message.text, message.author.role
    tools = declared_tools(body, context.rules)
    if tools is not None:
        context.tools = (context.tools or set()) | tools
        context.bodies.append((role, body))
    if has_formats(body, context.rules):
        context.formats.append((role, body))


def _remember_call(message: Message, context: Context, _: Callable[[str], ValidChannels]) -> None:
    if message.recipient is not None:
        context.open_calls[message.recipient] += 1


def _remember_result(message: Message, context: Context, _: Callable[[str], ValidChannels]) -> None:
    name = message.author.name or ""
    if context.open_calls[name]:
        context.open_calls[name] -= 1
        context.answered.add(name)


# What later rules must know of a message.
_MEMORY: Final[
    Mapping[Role | CustomRole, Callable[[Message, Context, Callable[[str], ValidChannels]], None]]
] = MappingProxyType(
    {
        Role.SYSTEM: _remember_system,
        Role.DEVELOPER: _remember_tools,
        Role.ASSISTANT: _remember_call,
        Role.TOOL: _remember_result,
    }
)


def _last_turn(rules: Rules, messages: Sequence[Message]) -> int:
    """The index of the last answer that a later turn follows; 0 if there is none."""
    final, later = rules.meaning.answer, False
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].channel == final and later:
            return index
        later = later or messages[index].author.role is Role.USER
    return 0
