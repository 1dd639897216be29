"""`next`, `sample` and `validate-completion`: what a constraint allows, shown and tried.

A constraint is given by the same options in all three.
"""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import inspect
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from harmony_grammar.cli.inputs import (
    STDIN,
    InputKind,
    as_input,
    grammar_of,
    label,
    may_be_json,
    read,
    read_messages,
    read_text,
)
from harmony_grammar.cli.options import (
    Form,
    GrammarFile,
    Keep,
    Kind,
    SchemaStyle,
    StyleChoice,
)
from harmony_grammar.cli.output import FINDINGS, Arrangement, Misuse, Output, dump

if TYPE_CHECKING:
    from harmony_grammar.masking import Constraint, Matcher

__all__ = ["register"]

# --- the options ---


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
        help="The prompt, as text, ids or a request of the APIs: it tells the tools, the channels, "
        "the response format and where the completion begins; a request tells the choice of "
        "tools, too. The other options outdo it.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class ConstraintOptions:
    """What the options say; their names, defaults and help texts are those of the fields."""

    grammar: GrammarFile = None
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

        loaded, options = grammar_of(self.grammar), self._chosen()
        if self.prompt is None:
            return Constraint(**options, grammar=loaded)
        name, text = label(self.prompt), read_text(self.prompt)
        request = read_messages(name, text, loaded) if may_be_json(text) else None
        if request is not None and request.prepared is not None:
            return request.prepared.constraint(**self._outdoing(options))
        source, style = as_input(name, text, grammar=loaded).source, self.schema_style
        return Constraint.from_prompt(source, grammar=loaded, schema_style=style.value, **options)

    def _outdoing(self, options: dict[str, Any]) -> dict[str, Any]:
        """What outdoes a request: what was chosen, not what is so by itself."""
        usual = {field.name: field.default for field in fields(self)}
        kept = {"builtin_tools": self.builtin_tool} | {
            name: getattr(self, name) for name in options if name in usual
        }
        return {name: options[name] for name in options if kept[name] != usual.get(name)}

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


# --- the commands ---

_COMPLETE: Final = "complete"
_TRUNCATED: Final = "truncated"
_REFUSED: Final = "refused"

Completion = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        show_default="-",
        help="What stands behind the opening of the assistant's message, as text or ids; "
        "- is what is piped in.",
    ),
]


@constrained()
def _next(  # noqa: PLR0913  each is an option
    options: ConstraintOptions,
    file: Completion = None,
    *,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
    limit: Annotated[int, typer.Option(help="How many ids to list at most.")] = 20,
    form: Form = Arrangement.TEXT,
) -> None:
    """Show what may come next: in words, and which ids with their texts.

    The input is what stands behind the opening of the assistant's message
    already, and may be empty; with a prompt it is what the prompt ends with,
    unless a file is given.

    \b
    Examples:
      printf '' | harmony-grammar next
      harmony-grammar next --prompt examples/prefilled-prompt.harmony
      harmony-grammar next --tools tools.json --tool-choice required prefix.txt
    """  # noqa: D301  the escape tells typer to keep the lines
    constraint = options.constraint()
    prompted = file is None and options.prompt is not None
    given = None if prompted else read(file or STDIN, kind, keep_newline=keep_newline).source
    matcher = constraint.matcher(given)
    ids = _legal(matcher)
    rows = [{"id": token, "text": _text(constraint, token)} for token in ids[:limit]]
    data = {
        "expected": list(matcher.expected()),
        "forced": matcher.forced(),
        "complete": matcher.is_complete,
        "count": len(ids),
        "ids": rows,
    }
    if form is Arrangement.JSON:
        dump(data)
        return
    out = Output()
    out.line("expected: ", (", ".join(matcher.expected()) or "nothing: it is complete", "bold"))
    if matcher.forced():
        out.line("forced:   ", "".join(_text(constraint, token) for token in matcher.forced()))
    out.line(f"ids:      {len(ids)}")
    out.lines([f"  {row['id']:>7}  ", str(row["text"])] for row in rows)
    if len(ids) > limit:
        out.line(f"  and {len(ids) - limit} more")


def _legal(matcher: "Matcher") -> list[int]:
    """The ids that may come next."""
    import numpy as np  # noqa: PLC0415  help texts need none of it

    bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
    return [int(token) for token in np.flatnonzero(bits)]


def _text(constraint: "Constraint", token: int) -> str:
    return constraint.vocabulary.piece(token).decode("utf-8", "replace")


@constrained(max_tokens=64)
def _sample(
    options: ConstraintOptions,
    *,
    count: Annotated[int, typer.Option(min=1, help="How many completions.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same completions.")] = 0,
    form: Form = Arrangement.TEXT,
) -> None:
    """Write random completions of a constraint, to try other parsers with.

    They are walks that follow the mask. Lines are JSON texts, since a text may
    have line ends; with --format json they are objects with text and ids.

    \b
    Examples:
      harmony-grammar sample --count 5 --seed 1
      harmony-grammar sample --tools tools.json --tool-choice required
    """  # noqa: D301  the escape tells typer to keep the lines
    from harmony_grammar.masking import random_completion  # noqa: PLC0415  as above

    constraint = options.constraint()
    rng = random.Random(seed)  # noqa: S311  chance that can be repeated
    found = [random_completion(constraint, rng) for _ in range(count)]
    vocabulary = constraint.vocabulary
    texts = [b"".join(map(vocabulary.piece, ids)).decode("utf-8", "replace") for ids in found]
    if form is Arrangement.JSON:
        dump([{"text": text, "ids": ids} for text, ids in zip(texts, found, strict=True)])
        return
    out = Output()
    for text in texts:
        out.line(json.dumps(text, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a completion is within a constraint.

    Attributes:
        status: complete, truncated or refused.
        index: how many ids are within it.
        reason: why it is not, or not yet, a completion.
    """

    status: str
    index: int
    reason: str


def _judge(constraint: "Constraint", ids: list[int]) -> _Verdict:
    matcher = constraint.matcher()
    for index, token in enumerate(ids):
        if not matcher.allows(token):
            return _Verdict(_REFUSED, index, matcher.explain(token))
        matcher.accept(token)
    if matcher.is_complete:
        return _Verdict(_COMPLETE, len(ids), "")
    return _Verdict(_TRUNCATED, len(ids), f"expected: {', '.join(matcher.expected())}")


@constrained(spelling=HeaderChoice.ANY)
def _validate(
    options: ConstraintOptions,
    file: Completion = None,
    *,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
    form: Form = Arrangement.TEXT,
) -> None:
    """Say whether a completion is within a constraint, and if not, where it leaves it.

    \b
    Examples:
      harmony-grammar validate-completion --tools tools.json completion.txt
      harmony-grammar validate-completion --response-format schema.json ids.json
    """  # noqa: D301  the escape tells typer to keep the lines
    constraint = options.constraint()
    given = read(file or STDIN, kind, keep_newline=keep_newline)
    source = given.source
    ids = constraint.encode(source) if isinstance(source, str) else source
    verdict = _judge(constraint, ids)
    _show(verdict, constraint, ids, form)
    if verdict.status != _COMPLETE:
        raise typer.Exit(FINDINGS)


def _show(verdict: _Verdict, constraint: "Constraint", ids: list[int], form: Arrangement) -> None:
    if form is Arrangement.JSON:
        dump({"status": verdict.status, "index": verdict.index, "reason": verdict.reason})
        return
    out = Output()
    if verdict.status == _COMPLETE:
        out.line((_COMPLETE, "green"), f": all {verdict.index} ids are within the constraint")
        return
    pieces = [constraint.vocabulary.piece(token) for token in ids[: verdict.index]]
    behind = b"".join(pieces).decode("utf-8", "replace")[-60:]
    out.line((verdict.status, "red"), f" at id {verdict.index}: {verdict.reason}")
    out.line("  behind: ", json.dumps(behind, ensure_ascii=False))


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("next")(_next)
    app.command("sample")(_sample)
    app.command("validate-completion")(_validate)
