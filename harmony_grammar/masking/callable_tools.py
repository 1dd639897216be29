"""The tools that a completion may call, and which of them it must."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.errors import ConstraintError
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.masking.formats import ARGUMENTS, any_object, json_body
from harmony_grammar.tree.functions import function_of
from harmony_grammar.tree.tools import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.masking.schema_bodies import BodyGrammar
    from harmony_grammar.schemas.relaxing import Relaxation

__all__ = ["Tool", "builtin_tools_of", "chosen", "tools_of"]

_DOT: Final = "."
# What a tool takes that takes nothing.
_NOTHING: Final = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that may be called.

    Attributes:
        name: its whole name, as a recipient.
        channel: the use of the channel that calls of it belong on.
        body: what a call must be; None for free text.
        where: the field that it was given in, for error messages.
    """

    name: str
    channel: Use
    body: BodyGrammar | None
    where: str


def tools_of(
    given: Sequence[Any], *, strict: bool, relaxed: list[Relaxation] | None = None
) -> tuple[Tool, ...]:
    """The tools that a developer declares.

    Args:
        given: tool descriptions (anything with `name` and `parameters`), function dicts as
            openai's, pydantic models, or namespaces of such (with `name` and `tools`).
        strict: whether a schema that the engine cannot use is an error; otherwise any JSON
            object stands for it.
        relaxed: where to say what of the schemas is not held; None if that is an error.

    Raises:
        ConstraintError: if one is none of these, or its schema cannot be used.
    """
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Sequence):
        raise ConstraintError(f"tools: a list of tools is needed, not {type(given).__name__}")
    found: list[Tool] = []
    held = _Holding(strict, relaxed)
    for index, item in enumerate(given):
        found.extend(_read(item, f"tools[{index}]", held))
    return tuple(found)


@cache
def _builtin() -> dict[str, Any]:
    data = pkgutil.get_data("harmony_grammar", "builtin_tools.json")
    return json.loads(data or b"{}")  # type: ignore[no-any-return]


def builtin_tools_of(names: Sequence[str]) -> tuple[Tool, ...]:
    """The predefined tools of some names.

    Args:
        names: names of namespaces that the format predefines, such as `python` and `browser`.

    Raises:
        ConstraintError: if there is no such namespace.
    """
    found: list[Tool] = []
    for name in (names,) if isinstance(names, str) else names:
        if name not in _builtin():
            known = ", ".join(sorted(_builtin()))
            raise ConstraintError(f"builtin_tools: there is no {name!r} (there are {known})")
        found.extend(_namespace(_builtin()[name], "builtin_tools", _Holding(strict=True)))
    return tuple(found)


def _get(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _read(item: Any, where: str, holding: _Holding) -> Iterator[Tool]:
    """The tools that one item declares."""
    if not isinstance(item, type) and _get(item, "tools") is not None:
        if not isinstance(_get(item, "name"), str):
            raise ConstraintError(f"{where}.name: a tool needs a name")
        yield from _namespace(item, where, holding)
        return
    try:
        function = function_of(item, where)
    except ValueError as error:
        raise ConstraintError(str(error)) from error
    if isinstance(item, Mapping) and isinstance(item.get("function"), Mapping):
        where = f"{where}.function"
    yield holding.tool(f"{FUNCTIONS}{_DOT}{function.name}", function.parameters, where)


def _namespace(item: Any, where: str, holding: _Holding) -> Iterator[Tool]:
    """The tools of a namespace; one without tools is a tool itself, and takes text."""
    name = _get(item, "name")
    channel = Use.REASONING if name in _builtin() else Use.PREAMBLE
    if not _get(item, "tools"):
        yield Tool(name, channel, None, where)
    for index, inner in enumerate(_get(item, "tools")):
        place = f"{where}.tools[{index}]"
        try:
            function = function_of(inner, place)
        except ValueError as error:
            raise ConstraintError(str(error)) from error
        yield holding.tool(f"{name}{_DOT}{function.name}", function.parameters, place, channel)


@dataclass(frozen=True, slots=True)
class _Holding:
    """What becomes of schemas that the engine cannot use.

    Attributes:
        strict: whether that is an error; otherwise any JSON object stands for one.
        relaxed: where to say what of them is not held; None if nothing is to be relaxed.
    """

    strict: bool
    relaxed: list[Relaxation] | None = None

    def tool(self, name: str, schema: Any, where: str, channel: Use = Use.PREAMBLE) -> Tool:
        """A tool that takes what a schema says."""
        place = f"{where}.parameters"
        try:
            body = json_body(_NOTHING if schema is None else schema, place, ARGUMENTS, self.relaxed)
        except ConstraintError as error:
            if self.strict:
                raise ConstraintError(f"{error} (the tool {name!r})") from None
            body = any_object(ARGUMENTS)
        return Tool(name, channel, body, where)


# The choices that are no names, and whether a call may and must come.
AUTO: Final = "auto"
REQUIRED: Final = "required"
NONE: Final = "none"
_ALLOWED: Final = "allowed_tools"


def chosen(choice: Any, tools: Sequence[Tool]) -> tuple[tuple[Tool, ...], bool]:
    """Which tools may be called, and whether one must be.

    Args:
        choice: `auto`, `required`, `none`, a name, a list of names, or an openai-style mapping
            with a name or with `allowed_tools`; a name may lack its namespace, or be that of a
            whole namespace.
        tools: all tools.

    Raises:
        ConstraintError: if a call is required and there is no tool, or a name is unknown.
    """
    if choice == NONE:
        return (), False
    if choice in (AUTO, REQUIRED):
        if choice == REQUIRED and not tools:
            raise ConstraintError("tool_choice: a call is required, but there are no tools")
        return tuple(tools), choice == REQUIRED
    required = True
    if isinstance(choice, Mapping) and choice.get("type") == _ALLOWED:
        choice, required = _allowed(choice)
    names = [choice] if isinstance(choice, (str, Mapping)) else list(_listed(choice))
    if not names:
        raise ConstraintError("tool_choice: the list of names is empty; say 'none' instead")
    found: dict[str, Tool] = {}
    for name in map(_name, names):
        found.update({tool.name: tool for tool in _called(name, tools)})
    return tuple(found.values()), required


def _allowed(choice: Mapping[str, Any]) -> tuple[Any, bool]:
    """The tools of an `allowed_tools` choice, as either API has it, and whether one is required."""
    inner = choice.get(_ALLOWED, choice)
    mode = inner.get("mode", AUTO) if isinstance(inner, Mapping) else None
    if mode not in (AUTO, REQUIRED):
        raise ConstraintError(f"tool_choice.mode: {AUTO} or {REQUIRED} is needed, not {mode!r}")
    return _listed(inner.get("tools")), mode == REQUIRED


def _listed(choice: Any) -> Sequence[Any]:
    if not isinstance(choice, (list, tuple, set, frozenset)):
        raise ConstraintError(
            f"tool_choice: {AUTO}, {REQUIRED}, {NONE}, a name or a list of names is needed, "
            f"not {choice!r}"
        )
    return tuple(choice)


def _name(choice: Any) -> str:
    if isinstance(choice, Mapping):
        inner = choice.get("function", choice)
        choice = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(choice, str):
        raise ConstraintError("tool_choice: a name must be text")
    return choice


def _called(name: str, tools: Sequence[Tool]) -> list[Tool]:
    whole = {name, f"{FUNCTIONS}{_DOT}{name}"}
    found = [tool for tool in tools if tool.name in whole]
    found = found or [tool for tool in tools if tool.name.startswith(name + _DOT)]
    if not found:
        known = ", ".join(tool.name for tool in tools) or "there are none"
        raise ConstraintError(f"tool_choice: there is no tool {name!r} (the tools: {known})")
    return found
