"""A program that uses the public surface: mypy and pyright, both strict, have nothing to say."""

from __future__ import annotations

import harmony_grammar as hg
from harmony_grammar import (
    Author,
    Constraint,
    Conversation,
    DeveloperContent,
    DiagnosticCode,
    Grammar,
    HarmonySyntaxError,
    Lint,
    Message,
    ReasoningEffort,
    Role,
    Severity,
    StreamParser,
    SystemContent,
    ToolDescription,
)


def read(source: str | list[int]) -> list[str]:
    """The text of each message, or where the source is wrong."""
    try:
        conversation = hg.parse(source)
    except HarmonySyntaxError as error:
        return [error.diagnostic.place]
    return [message.content[0].text for message in conversation.messages]


def judge(source: str) -> list[tuple[str, str]]:
    """What is odd about a text."""
    lint = Lint(severities={DiagnosticCode.INVALID_JSON: Severity.ERROR})
    report = hg.check(source, lint=lint)
    return [(found.code, found.message) for found in report.diagnostics]


def mend(source: str) -> list[tuple[DiagnosticCode, str]]:
    """What was wrong with a completion."""
    recovery = hg.recover(source)
    return [(repair.code, repair.assumed) for repair in recovery.repairs]


def prompt(question: str) -> list[int]:
    """The ids of a prompt."""
    weather = ToolDescription.new("weather", "The weather.", {"type": "object"})
    system = SystemContent.new().with_reasoning_effort(ReasoningEffort.HIGH)
    developer = DeveloperContent.new().with_instructions("Be brief.").with_function_tools([weather])
    conversation = Conversation.from_messages(
        [
            Message.from_role_and_content(Role.SYSTEM, system),
            Message.from_role_and_content(Role.DEVELOPER, developer),
            Message.from_author_and_content(Author.new(Role.USER, "Ann"), question),
        ]
    )
    return hg.encode(conversation)


def calls(source: str) -> list[str | None]:
    """The names of the tools that a completion calls."""
    return [call.name for call in hg.recover(source).tool_calls()]


def streamed(pieces: list[str]) -> list[str]:
    """The kinds of events, in order."""
    stream = StreamParser(recover=True, grammar=Grammar.default())
    return [type(event).__name__ for piece in pieces for event in stream.feed(piece)]


def masked(ids: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """What must follow some ids, and what may."""
    constraint = Constraint(tools=[{"name": "f"}], tool_choice="auto", grammar=Grammar.default())
    matcher = constraint.matcher()
    matcher.accept_all(ids)
    return matcher.forced(), matcher.expected()


def own(text: str) -> tuple[str, ...]:
    """The channels of a grammar of one's own."""
    grammar = Grammar.from_text(text, special_tokens={"<|begin|>": 200_006})
    return grammar.channels
