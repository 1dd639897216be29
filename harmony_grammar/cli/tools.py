"""`harmony-grammar tools`: the tools that a prompt declares, as data for programs."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harmony_grammar.bodies import BodyReading, read_body
from harmony_grammar.cli.inputs import (
    STDIN,
    InputKind,
    StartChoice,
    grammar_of,
    judge,
    read,
    show_error,
)
from harmony_grammar.cli.options import (
    File,
    GrammarFile,
    Keep,
    Kind,
    SchemaStyle,
    Start,
    StyleChoice,
)
from harmony_grammar.cli.output import FINDINGS, Output, dump, finding_parts
from harmony_grammar.schemas.dialects import standard
from harmony_grammar.tree import Role, TextContent
from harmony_grammar.tree.tools import FUNCTIONS, ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from harmony_grammar import Diagnostic, Grammar, Message

__all__ = ["register"]

_NOTHING: Final[dict[str, Any]] = {"type": "object", "properties": {}}


class Shape(str, Enum):
    """How tools are written."""

    SCHEMA = "schema"
    OPENAI = "openai"


def _tools(  # noqa: PLR0913  each is an option
    file: File = STDIN,
    *,
    to: Annotated[
        Shape,
        typer.Option(
            "--to",
            help="An object of JSON Schemas by the tool's whole name (schema), or a list of tools "
            "as OpenAI's API has them (openai).",
        ),
    ] = Shape.SCHEMA,
    style: SchemaStyle = StyleChoice.COMPATIBLE,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
) -> None:
    """Show the tools that a prompt declares, with JSON Schemas of what they take.

    They are read from the TypeScript in the messages of the system and the
    developer. A message that leaves the template has no tools that can be read;
    where it does is said on standard error, and the exit code is 1.

    \b
    Examples:
      harmony-grammar tools examples/readme-prompt.harmony
      harmony-grammar tools --to openai prompt.txt > tools.json
    """  # noqa: D301  the escape tells typer to keep the lines
    given = read(file, kind, keep_newline=keep_newline)
    loaded = grammar_of(grammar)
    _, report = judge(loaded, given.source, start)
    found: dict[str, ToolNamespaceConfig] = {}
    findings: list[Diagnostic] = []
    for message in report.conversation.messages:
        reading = _reading(loaded, message, style)
        found |= getattr(reading.content, "tools", None) or {}
        findings += reading.diagnostics
    tools = [tool for config in found.values() for tool in _named(config)]
    dump(_SHAPES[to](tools))
    out = Output(sys.stderr)
    for finding in findings:
        out.lines(finding_parts(given.name, finding))
    if report.status != "complete":
        show_error(given.name, report)
    if findings or report.status != "complete":
        raise typer.Exit(FINDINGS)


def _reading(grammar: "Grammar", message: "Message", style: StyleChoice) -> BodyReading:
    """What a message of the system or the developer says; any other says nothing."""
    role = message.author.role
    if not isinstance(role, Role):
        return BodyReading(TextContent(message.text))
    return read_body(message.text, role, grammar.rules, style=style.value)


def _named(config: ToolNamespaceConfig) -> Iterator[tuple[str, ToolDescription]]:
    """The tools of a namespace by their whole names; one without tools is a tool itself."""
    if not config.tools:
        yield config.name, ToolDescription(config.name, config.description or "", None)
    yield from ((f"{config.name}.{tool.name}", tool) for tool in config.tools)


def _schemas(tools: Sequence[tuple[str, ToolDescription]]) -> dict[str, Any]:
    """The schemas by name; null for a tool that takes nothing but text."""
    return {name: _schema(tool) for name, tool in tools}


def _openai(tools: Sequence[tuple[str, ToolDescription]]) -> list[dict[str, Any]]:
    """The tools as OpenAI's API has them; functions have no namespace there."""
    return [
        {
            "type": "function",
            "function": {
                "name": name.removeprefix(f"{FUNCTIONS}."),
                "description": tool.description,
                "parameters": _schema(tool),
            },
        }
        for name, tool in tools
    ]


def _schema(tool: ToolDescription) -> dict[str, Any]:
    return _NOTHING if tool.parameters is None else standard(tool.parameters)


_SHAPES: Final = {Shape.SCHEMA: _schemas, Shape.OPENAI: _openai}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tools", short_help="Show the tools that a prompt declares.")(_tools)
