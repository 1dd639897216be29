"""What system and developer messages say, as data.

The names, constructors, builders, defaults and wire JSON are those of `openai_harmony`; how the
data reads in a message is told in `harmony_grammar.rendering.templates`. The objects are frozen:
a builder returns a new object, and what a caller hands over is copied, so that changing it later
changes nothing here. A dictionary stands for the object that it describes wherever one is nested
in another, which is how wire JSON is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import Enum
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from harmony_grammar.nodes import Content, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = [
    "FUNCTIONS",
    "ChannelConfig",
    "DeveloperContent",
    "ReasoningEffort",
    "SystemContent",
    "ToolDescription",
    "ToolNamespaceConfig",
]

FUNCTIONS: Final = "functions"  # the namespace of the tools that a developer declares

_MAX_DEPTH: Final = 128  # of objects and lists in a tool's parameters
_MODEL_IDENTITY: Final = "You are ChatGPT, a large language model trained by OpenAI."
_KNOWLEDGE_CUTOFF: Final = "2024-06"

_Part = TypeVar("_Part", bound="_Wired")


def _set(target: object, name: str, value: object) -> None:
    """Set a field of a frozen object while it is being made."""
    object.__setattr__(target, name, value)


class _Wired:
    """What can be read from wire data, its keys being the names of its fields."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The object that wire JSON data describes; other keys are passed over.

        Raises:
            ValueError: if a field that has no default is missing.
        """
        expect(Mapping, f"what {cls.__name__} is read from", raw)
        known = fields(cls)  # type: ignore[arg-type]  # every subclass is a dataclass
        for item in known:
            needed = item.default is MISSING and item.default_factory is MISSING
            if needed and item.name not in raw:
                raise ValueError(f"{cls.__name__}.{item.name} is missing in {dict(raw)!r}")
        return cls(**{item.name: raw[item.name] for item in known if item.name in raw})


def _present(**items: object) -> dict[str, Any]:
    """The items that are set, in order, as the reference drops what is None."""
    return {key: value for key, value in items.items() if value is not None}


def _part(cls: type[_Part], name: str, value: object) -> _Part:
    """A nested object, given as such or as its wire data."""
    if isinstance(value, Mapping):
        return cls.from_dict(value)
    expect(cls, name, value)
    return value  # type: ignore[return-value]


def _strings(name: str, value: Sequence[str]) -> tuple[str, ...]:
    """A list of strings as a tuple."""
    expect((list, tuple), name, value)
    for item in value:
        expect(str, f"an item of {name}", item)
    return tuple(value)


def _depth(value: object) -> int:
    """How many objects and lists stand inside one another in `value`, itself included."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, (dict, list))]:
        nested = (item.values() if isinstance(item, dict) else item for item in level)
        level = list(chain.from_iterable(nested))
        depth += 1
    return depth


def _json_object(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `value` as JSON would bring it to a reader: lists for tuples, strings for keys."""
    expect(Mapping, name, value)
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} must be JSON: {error}") from error
    if _depth(copied) > _MAX_DEPTH:
        raise ValueError(f"{name} is nested deeper than {_MAX_DEPTH} levels")
    return copied


class ReasoningEffort(str, Enum):
    """How long the model is to reason, in wire spelling."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"

    @classmethod
    def _missing_(cls, value: object) -> ReasoningEffort:
        known = ", ".join(effort.value for effort in cls)
        raise ValueError(f"Unknown reasoning effort: {value!r} (the efforts are {known})")


@dataclass(frozen=True, slots=True)
class ToolDescription(_Wired):
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
            _set(self, "parameters", _json_object("ToolDescription.parameters", self.parameters))

    @classmethod
    def new(cls, name: str, description: str, parameters: dict[str, Any] | None = None) -> Self:
        """A tool."""
        return cls(name, description, parameters)

    def to_dict(self) -> dict[str, Any]:
        """The tool as wire JSON data."""
        return _present(
            name=self.name, description=self.description, parameters=deepcopy(self.parameters)
        )


@dataclass(frozen=True, slots=True)
class ChannelConfig(_Wired):
    """Which channels a message may be on.

    Attributes:
        valid_channels: their names, kept as a tuple.
        channel_required: whether every message must name one.
    """

    valid_channels: Sequence[str]
    channel_required: bool

    def __post_init__(self) -> None:
        _set(self, "valid_channels", _strings("ChannelConfig.valid_channels", self.valid_channels))
        expect(bool, "ChannelConfig.channel_required", self.channel_required)

    @classmethod
    def require_channels(cls, channels: Sequence[str]) -> Self:
        """These channels, one of them in every message."""
        return cls(channels, channel_required=True)

    def to_dict(self) -> dict[str, Any]:
        """The channels as wire JSON data."""
        channels = list(self.valid_channels)
        return _present(valid_channels=channels, channel_required=self.channel_required)


@cache
def _builtin_tools() -> dict[str, Any]:
    """The namespaces that the reference predefines, as wire JSON data."""
    text = files("harmony_grammar").joinpath("builtin_tools.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class ToolNamespaceConfig(_Wired):
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
        _set(
            self,
            "tools",
            tuple(_part(ToolDescription, f"an item of {name}", t) for t in self.tools),
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
        return _present(name=self.name, description=self.description, tools=tools)


_Namespaces = Mapping[str, ToolNamespaceConfig]


def _namespaces(name: str, value: _Namespaces | None) -> dict[str, ToolNamespaceConfig] | None:
    """A copy of the namespaces by name."""
    if value is None:
        return None
    expect(Mapping, name, value)
    for key in value:
        expect(str, f"a key of {name}", key)
    return {k: _part(ToolNamespaceConfig, f"{name}[{k!r}]", v) for k, v in value.items()}


def _with(tools: _Namespaces | None, added: ToolNamespaceConfig) -> _Namespaces:
    """The namespaces with one more, or with another under its name."""
    expect(ToolNamespaceConfig, "ns_config", added)
    return {**(tools or {}), added.name: added}


def _wire(tools: _Namespaces | None) -> dict[str, Any] | None:
    return None if tools is None else {key: config.to_dict() for key, config in tools.items()}


def _default_channels() -> tuple[str, ...]:
    """The channels of the format, in the grammar's order."""
    from harmony_grammar.grammar import Rules  # noqa: PLC0415  contents load without the grammar

    return Rules.default().channels


@dataclass(frozen=True, slots=True)
class SystemContent(_Wired, Content):
    """What a system message tells the model about itself and the conversation.

    Attributes:
        model_identity: who the model is.
        reasoning_effort: how long it is to reason.
        conversation_start_date: the current date, in the spelling the model is to read.
        knowledge_cutoff: until when its knowledge reaches.
        channel_config: the channels; those of the format unless others are given.
        tools: the built-in tools, by namespace.
    """

    kind: ClassVar[str] = "system_content"

    model_identity: str | None = _MODEL_IDENTITY
    reasoning_effort: ReasoningEffort | None = ReasoningEffort.MEDIUM
    conversation_start_date: str | None = None
    knowledge_cutoff: str | None = _KNOWLEDGE_CUTOFF
    channel_config: ChannelConfig | None = field(
        default_factory=lambda: ChannelConfig.require_channels(_default_channels())
    )
    tools: _Namespaces | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for name in ("model_identity", "conversation_start_date", "knowledge_cutoff"):
            expect(str, f"SystemContent.{name}", getattr(self, name), optional=True)
        if self.reasoning_effort is not None:
            _set(self, "reasoning_effort", ReasoningEffort(self.reasoning_effort))
        if self.channel_config is not None:
            name = "SystemContent.channel_config"
            _set(self, "channel_config", _part(ChannelConfig, name, self.channel_config))
        _set(self, "tools", _namespaces("SystemContent.tools", self.tools))

    @classmethod
    def new(cls) -> Self:
        """The defaults."""
        return cls()

    def with_model_identity(self, model_identity: str) -> Self:
        """This content with another identity of the model."""
        return replace(self, model_identity=model_identity)

    def with_reasoning_effort(self, reasoning_effort: ReasoningEffort) -> Self:
        """This content with another effort."""
        return replace(self, reasoning_effort=reasoning_effort)

    def with_conversation_start_date(self, conversation_start_date: str) -> Self:
        """This content with another current date."""
        return replace(self, conversation_start_date=conversation_start_date)

    def with_knowledge_cutoff(self, knowledge_cutoff: str) -> Self:
        """This content with another end of knowledge."""
        return replace(self, knowledge_cutoff=knowledge_cutoff)

    def with_channel_config(self, channel_config: ChannelConfig) -> Self:
        """This content with other channels."""
        return replace(self, channel_config=channel_config)

    def with_required_channels(self, channels: Sequence[str]) -> Self:
        """This content with these channels, one of them in every message."""
        return replace(self, channel_config=ChannelConfig.require_channels(channels))

    def with_tools(self, ns_config: ToolNamespaceConfig) -> Self:
        """This content with a namespace of tools added, or replaced if the name is taken."""
        return replace(self, tools=_with(self.tools, ns_config))

    def with_browser_tool(self) -> Self:
        """This content with the predefined browser."""
        return self.with_tools(ToolNamespaceConfig.browser())

    def with_python_tool(self) -> Self:
        """This content with the predefined Python notebook."""
        return self.with_tools(ToolNamespaceConfig.python())

    def to_dict(self) -> dict[str, Any]:
        """The content as wire JSON data, without what is None.

        As in the reference, what is None is therefore read back as the default.
        """
        return _present(
            model_identity=self.model_identity,
            reasoning_effort=self.reasoning_effort and self.reasoning_effort.value,
            conversation_start_date=self.conversation_start_date,
            knowledge_cutoff=self.knowledge_cutoff,
            channel_config=self.channel_config and self.channel_config.to_dict(),
            tools=_wire(self.tools),
            type=self.kind,
        )


@dataclass(frozen=True, slots=True)
class DeveloperContent(_Wired, Content):
    """What a developer message tells the model: instructions and tools.

    Attributes:
        instructions: what is often called the system prompt.
        tools: the tools, by namespace.
    """

    kind: ClassVar[str] = "developer_content"

    instructions: str | None = None
    tools: _Namespaces | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        expect(str, "DeveloperContent.instructions", self.instructions, optional=True)
        _set(self, "tools", _namespaces("DeveloperContent.tools", self.tools))

    @classmethod
    def new(cls) -> Self:
        """No instructions and no tools."""
        return cls()

    def with_instructions(self, instructions: str) -> Self:
        """This content with other instructions."""
        return replace(self, instructions=instructions)

    def with_tools(self, ns_config: ToolNamespaceConfig) -> Self:
        """This content with a namespace of tools added, or replaced if the name is taken."""
        return replace(self, tools=_with(self.tools, ns_config))

    def with_function_tools(self, tools: Sequence[ToolDescription]) -> Self:
        """This content with these tools as its functions."""
        return self.with_tools(ToolNamespaceConfig(FUNCTIONS, tools=tuple(tools)))

    def to_dict(self) -> dict[str, Any]:
        """The content as wire JSON data, without what is None."""
        return _present(instructions=self.instructions, tools=_wire(self.tools), type=self.kind)
