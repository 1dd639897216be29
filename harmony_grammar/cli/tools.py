"""`harmony-grammar tools`: the tools that a prompt declares, as data for programs."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harmony_grammar.cli.inputs import STDIN, InputKind, StartChoice, judge, read
from harmony_grammar.cli.options import File, Keep, Kind, SchemaStyle, Start, StyleChoice
from harmony_grammar.cli.output import FINDINGS, Output, dump, finding_parts
from harmony_grammar.cli.reading import show_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar import Diagnostic, Message, ToolDescription
    from harmony_grammar.bodies import BodyReading
    from harmony_grammar.tree.tools import ToolNamespaceConfig

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
    _, report = judge(given.source, start)
    found: dict[str, ToolNamespaceConfig] = {}
    findings: list[Diagnostic] = []
    for message in report.conversation.messages:
        reading = _reading(message, style)
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


def _reading(message: "Message", style: StyleChoice) -> "BodyReading":
    """What a message of the system or the developer says; any other says nothing."""
    from harmony_grammar.bodies import BodyReading, read_body  # noqa: PLC0415  help needs none of it
    from harmony_grammar.tree import Role, TextContent  # noqa: PLC0415

    role = message.author.role
    if not isinstance(role, Role):
        return BodyReading(TextContent(message.text))
    return read_body(message.text, role, style=style.value)


def _named(config: "ToolNamespaceConfig") -> "Iterator[tuple[str, ToolDescription]]":
    """The tools of a namespace by their whole names; one without tools is a tool itself."""
    from harmony_grammar.tree.tools import ToolDescription  # noqa: PLC0415  as above

    if not config.tools:
        yield config.name, ToolDescription(config.name, config.description or "", None)
    yield from ((f"{config.name}.{tool.name}", tool) for tool in config.tools)


def _schemas(tools: "Sequence[tuple[str, ToolDescription]]") -> dict[str, Any]:
    """The schemas by name; null for a tool that takes nothing but text."""
    return {name: _schema(tool) for name, tool in tools}


def _openai(tools: "Sequence[tuple[str, ToolDescription]]") -> list[dict[str, Any]]:
    """The tools as OpenAI's API has them; functions have no namespace there."""
    from harmony_grammar.tree.tools import FUNCTIONS  # noqa: PLC0415  as above

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


def _schema(tool: "ToolDescription") -> dict[str, Any]:
    from harmony_grammar.schemas.standard import standard  # noqa: PLC0415  as above

    return _NOTHING if tool.parameters is None else standard(tool.parameters)


_SHAPES: Final = {Shape.SCHEMA: _schemas, Shape.OPENAI: _openai}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tools", short_help="Show the tools that a prompt declares.")(_tools)
