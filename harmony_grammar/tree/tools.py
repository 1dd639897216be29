"""The tools that a message declares, and the formats that it binds answers to."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harmony_grammar.tree.nodes import (
    PLAIN_TEXT,
    FieldKind,
    JsonObject,
    Listed,
    Nested,
    Node,
    Optionally,
    present,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

__all__ = [
    "FUNCTIONS",
    "ResponseFormat",
    "ToolDescription",
    "ToolNamespaceConfig",
    "wire_of",
]

FUNCTIONS: Final = "functions"  # the namespace of the tools that a developer declares


@dataclass(slots=True)
class ToolDescription(Node):
    """One tool: its name, what it is for, and what it takes.

    Attributes:
        name: the name, without its namespace.
        description: what it does, for the model to read; may have several lines.
        parameters: a JSON Schema of what it takes; None for a tool that takes nothing.

    Raises:
        FieldError: if a field is of the wrong type, or the parameters are not JSON, or nested
            deeper than 128 levels.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "name": PLAIN_TEXT,
        "description": PLAIN_TEXT,
        "parameters": Optionally(JsonObject()),
    }

    name: str
    description: str
    parameters: dict[str, Any] | None = None

    @classmethod
    def new(cls, name: str, description: str, parameters: dict[str, Any] | None = None) -> Self:
        """A tool."""
        return cls(name, description, parameters)

    @classmethod
    def of_data(cls, name: str, description: str, parameters: dict[str, Any] | None) -> Self:
        """A tool whose parameters are JSON data for sure, which is neither checked nor copied."""
        tool = object.__new__(cls)
        data = {"name": name, "description": description, "parameters": parameters}
        tool.__setstate__((None, data))
        return tool

    def to_dict(self) -> dict[str, Any]:
        """The tool as wire JSON data."""
        return present(
            name=self.name, description=self.description, parameters=deepcopy(self.parameters)
        )


@cache
def _builtin_tools() -> dict[str, Any]:
    """The namespaces that the reference predefines, as wire JSON data."""
    text = files("harmony_grammar").joinpath("builtin_tools.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@dataclass(slots=True)
class ToolNamespaceConfig(Node):
    """Tools under a common name; a namespace without tools is a tool itself, such as `python`.

    Attributes:
        name: the namespace's name.
        description: what it is for, for the model to read; may have several lines.
        tools: the tools.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "name": PLAIN_TEXT,
        "description": Optionally(PLAIN_TEXT),
        "tools": Listed(Nested(ToolDescription)),
    }

    name: str
    description: str | None = None
    tools: list[ToolDescription] = field(kw_only=True)

    @staticmethod
    def browser() -> ToolNamespaceConfig:
        """The predefined browser: `search`, `open` and `find`."""
        return ToolNamespaceConfig.from_dict(_builtin_tools()["browser"])

    @staticmethod
    def python() -> ToolNamespaceConfig:
        """The predefined Python notebook."""
        return ToolNamespaceConfig.from_dict(_builtin_tools()["python"])

    def to_dict(self) -> dict[str, Any]:
        """The namespace as wire JSON data."""
        tools = [tool.to_dict() for tool in self.tools]
        return present(name=self.name, description=self.description, tools=tools)


def wire_of(tools: Mapping[str, ToolNamespaceConfig] | None) -> dict[str, Any] | None:
    """The namespaces as wire JSON data."""
    return None if tools is None else {key: config.to_dict() for key, config in tools.items()}


@dataclass(slots=True)
class ResponseFormat(Node):
    """What an answer may be bound to: a name, a JSON Schema, and what it is for.

    Attributes:
        name: the name.
        schema: the JSON Schema of the answer.
        description: what it is for, for the model to read; may have several lines.

    Raises:
        FieldError: if a field is of the wrong type, or the schema is not JSON, or nested deeper
            than 128 levels.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "name": PLAIN_TEXT,
        "schema": JsonObject(),
        "description": Optionally(PLAIN_TEXT),
    }

    name: str
    schema: dict[str, Any]
    description: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The format as wire JSON data."""
        return present(name=self.name, schema=deepcopy(self.schema), description=self.description)
