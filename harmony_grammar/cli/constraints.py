"""The options that describe a constraint, which several commands share."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from harmony_grammar.cli.inputs import read, read_text
from harmony_grammar.cli.options import SchemaStyle, StyleChoice
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from harmony_grammar.masking import Constraint

__all__ = ["ConstraintOptions", "HeaderChoice", "constrained"]


class ReasoningChoice(str, Enum):
    """Whether a completion reasons."""

    ALLOW = "allow"
    REQUIRE = "require"
    FORBID = "forbid"


class HeaderChoice(str, Enum):
    """Which headers are allowed."""

    MODEL = "model"
    ANY = "any"


Tools = Annotated[
    str | None,
    typer.Option("--tools", metavar="FILE", help="The tools: a JSON list, as openai has them."),
]
ToolChoice = Annotated[
    list[str] | None,
    typer.Option(
        "--tool-choice",
        help="auto, required, none, or the name of a tool that must be called; several names "
        "if it is given several times. By itself: auto.",
    ),
]
Response = Annotated[
    str | None,
    typer.Option(
        "--response-format",
        metavar="FILE",
        help="What the answer must be: a JSON Schema, or a mapping with a type (json_object, "
        "json_schema, regex, choice, lark).",
    ),
]
Reasoning = Annotated[
    ReasoningChoice, typer.Option("--reasoning", help="Whether the completion begins with it.")
]
Thought = Annotated[
    int | None,
    typer.Option("--max-reasoning-tokens", help="How many ids of reasoning there may be."),
]
Total = Annotated[
    int | None, typer.Option("--max-tokens", help="Within how many ids the completion ends.")
]
Preambles = Annotated[
    bool,
    typer.Option("--preambles/--no-preambles", help="Whether the user may be told something."),
]
Builtin = Annotated[
    list[str] | None,
    typer.Option("--builtin-tool", help="python or browser; may be given several times."),
]
Header = Annotated[
    HeaderChoice,
    typer.Option("--spelling", help="The model's own headers only, or any of the format."),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="FILE",
        help="The prompt, as text or ids: it tells the tools, the channels, the response format "
        "and where the completion begins. The other options outdo it.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class ConstraintOptions:
    """What the options say; their names, defaults and help texts are those of the fields."""

    prompt: Prompt = None
    schema_style: SchemaStyle = StyleChoice.COMPATIBLE
    tools: Tools = None
    tool_choice: ToolChoice = None
    response_format: Response = None
    reasoning: Reasoning = ReasoningChoice.ALLOW
    max_reasoning_tokens: Thought = None
    max_tokens: Total = None
    preambles: Preambles = True
    builtin_tool: Builtin = None
    spelling: Header = HeaderChoice.MODEL

    def constraint(self) -> "Constraint":
        """The constraint that they describe."""
        from harmony_grammar.masking import Constraint  # noqa: PLC0415  help texts need none of it

        options = self._chosen()
        if self.prompt is None:
            return Constraint(**options)
        source = read(self.prompt).source
        return Constraint.from_prompt(source, schema_style=self.schema_style.value, **options)

    def _chosen(self) -> dict[str, Any]:
        """The arguments of a constraint; what a prompt would tell only if it is given."""
        told: dict[str, Any] = {
            "tools": self.tools and _json(self.tools),
            "response_format": self.response_format and _json(self.response_format),
            "builtin_tools": self.builtin_tool,
        }
        choice = self.tool_choice or ["auto"]
        return {name: value for name, value in told.items() if value is not None} | {
            "tool_choice": choice[0] if len(choice) == 1 else choice,
            "reasoning": self.reasoning.value,
            "max_reasoning_tokens": self.max_reasoning_tokens,
            "max_tokens": self.max_tokens,
            "preambles": self.preambles,
            "spelling": self.spelling.value,
        }


def _json(name: str) -> Any:
    """What a JSON file says."""
    try:
        return json.loads(read_text(name))
    except (ValueError, RecursionError) as error:
        raise Misuse(f"{name}: this is no JSON: {error}") from None


def constrained(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a constraint, in place of its parameter `options`.

    Args:
        defaults: defaults of options that are others for this command.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        kinds = get_type_hints(ConstraintOptions, include_extras=True)
        added = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(field.name, field.default),
                annotation=kinds[field.name],
            )
            for field in fields(ConstraintOptions)
        ]
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "options"]
        signature = inspect.Signature(sorted([*added, *own], key=lambda p: p.kind))

        @wraps(command)
        def called(**given: Any) -> None:
            told = {field.name: given.pop(field.name) for field in fields(ConstraintOptions)}
            command(ConstraintOptions(**told), **given)

        # Typer reads both; `wraps` would lead it to the command itself.
        called.__signature__ = signature  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return called

    return decorate
