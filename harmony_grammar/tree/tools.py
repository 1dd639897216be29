"""The tools that a message declares, and the formats that it binds answers to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.tree import expect
from harmony_grammar.tree.wire import Wired, assign, json_object, part, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = [
    "FUNCTIONS",
    "Namespaces",
    "ResponseFormat",
    "ToolDescription",
    "ToolNamespaceConfig",
    "namespaces_of",
    "wire_of",
    "with_namespace",
]

FUNCTIONS: Final = "functions"  # the namespace of the tools that a developer declares


@dataclass(frozen=True, slots=True)
class ToolDescription(Wired):
    """One tool: its name, what it is for, and what it takes.

    Attributes:
        name: the name, without its namespace.
        description: what it does, for the model to read; may have several lines.
        parameters: a JSON Schema of what it takes; None for a tool that takes nothing.

    Raises:
        TypeError: if a field is of the wrong type.
        ValueError: if the parameters are not JSON, or nested deeper than 128 levels.
    """

    name: str
    description: str
    parameters: dict[str, Any] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        expect(str, "ToolDescription.name", self.name)
        expect(str, "ToolDescription.description", self.description)
        if self.parameters is not None:
            assign(self, "parameters", json_object("ToolDescription.parameters", self.parameters))

    @classmethod
    def new(cls, name: str, description: str, parameters: dict[str, Any] | None = None) -> Self:
        """A tool."""
        return cls(name, description, parameters)

    @classmethod
    def of_data(cls, name: str, description: str, parameters: dict[str, Any] | None) -> Self:
        """A tool whose parameters are JSON data for sure, which is neither checked nor copied."""
        tool = object.__new__(cls)
        assign(tool, "name", name)
        assign(tool, "description", description)
        assign(tool, "parameters", parameters)
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


@dataclass(frozen=True, slots=True)
class ToolNamespaceConfig(Wired):
    """Tools under a common name; a namespace without tools is a tool itself, such as `python`.

    Attributes:
        name: the namespace's name.
        description: what it is for, for the model to read; may have several lines.
        tools: the tools, kept as a tuple.
    """

    name: str
    description: str | None = None
    tools: Sequence[ToolDescription] = field(kw_only=True)

    def __post_init__(self) -> None:
        name = "ToolNamespaceConfig.tools"
        expect(str, "ToolNamespaceConfig.name", self.name)
        expect(str, "ToolNamespaceConfig.description", self.description, optional=True)
        expect((list, tuple), name, self.tools)
        assign(
            self,
            "tools",
            tuple(part(ToolDescription, f"an item of {name}", t) for t in self.tools),
        )

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


Namespaces = Mapping[str, ToolNamespaceConfig]


def namespaces_of(name: str, value: Namespaces | None) -> dict[str, ToolNamespaceConfig] | None:
    """A copy of the namespaces by name."""
    if value is None:
        return None
    expect(Mapping, name, value)
    for key in value:
        expect(str, f"a key of {name}", key)
    return {k: part(ToolNamespaceConfig, f"{name}[{k!r}]", v) for k, v in value.items()}


def with_namespace(tools: Namespaces | None, added: ToolNamespaceConfig) -> Namespaces:
    """The namespaces with one more, or with another under its name."""
    expect(ToolNamespaceConfig, "ns_config", added)
    return {**(tools or {}), added.name: added}


def wire_of(tools: Namespaces | None) -> dict[str, Any] | None:
    """The namespaces as wire JSON data."""
    return None if tools is None else {key: config.to_dict() for key, config in tools.items()}


@dataclass(frozen=True, slots=True)
class ResponseFormat(Wired):
    """What an answer may be bound to: a name, a JSON Schema, and what it is for.

    Attributes:
        name: the name.
        schema: the JSON Schema of the answer.
        description: what it is for, for the model to read; may have several lines.

    Raises:
        TypeError: if a field is of the wrong type.
        ValueError: if the schema is not JSON, or nested deeper than 128 levels.
    """

    name: str
    schema: dict[str, Any] = field(hash=False)
    description: str | None = None

    def __post_init__(self) -> None:
        expect(str, "ResponseFormat.name", self.name)
        assign(self, "schema", json_object("ResponseFormat.schema", self.schema))
        expect(str, "ResponseFormat.description", self.description, optional=True)

    def to_dict(self) -> dict[str, Any]:
        """The format as wire JSON data."""
        return present(name=self.name, schema=deepcopy(self.schema), description=self.description)
