"""The contents of system and developer messages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harmony_grammar.tree import Content, TextContent, expect
from harmony_grammar.tree.tools import (
    FUNCTIONS,
    Namespaces,
    ResponseFormat,
    ToolNamespaceConfig,
    namespaces_of,
    wire_of,
    with_namespace,
)
from harmony_grammar.tree.wire import Wired, assign, part, present, strings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from harmony_grammar.tree.tools import ToolDescription

__all__ = [
    "ChannelConfig",
    "DeveloperContent",
    "ReasoningEffort",
    "SystemContent",
    "default_channels",
]

_MODEL_IDENTITY: Final = "You are ChatGPT, a large language model trained by OpenAI."
_KNOWLEDGE_CUTOFF: Final = "2024-06"


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
class ChannelConfig(Wired):
    """Which channels a message may be on.

    Attributes:
        valid_channels: their names, kept as a tuple.
        channel_required: whether every message must name one.
    """

    valid_channels: Sequence[str]
    channel_required: bool

    def __post_init__(self) -> None:
        assign(self, "valid_channels", strings("ChannelConfig.valid_channels", self.valid_channels))
        expect(bool, "ChannelConfig.channel_required", self.channel_required)

    @classmethod
    def require_channels(cls, channels: Sequence[str]) -> Self:
        """These channels, one of them in every message."""
        return cls(channels, channel_required=True)

    def to_dict(self) -> dict[str, Any]:
        """The channels as wire JSON data."""
        channels = list(self.valid_channels)
        return present(valid_channels=channels, channel_required=self.channel_required)


@cache
def default_channels() -> ChannelConfig:
    """The channels of the format, which another grammar writes as its own."""
    from harmony_grammar.grammar import Rules  # noqa: PLC0415  contents load without the grammar

    return ChannelConfig.require_channels(Rules.default().channels)


@dataclass(frozen=True, slots=True)
class SystemContent(Wired, Content):
    """What a system message tells the model about itself and the conversation.

    Attributes:
        model_identity: who the model is.
        reasoning_effort: how long it is to reason.
        conversation_start_date: the current date, in the spelling the model is to read.
        knowledge_cutoff: until when its knowledge reaches.
        channel_config: the channels; those of the grammar unless others are given.
        tools: the built-in tools, by namespace.
        extras: the sections that a grammar of one's own adds, by its rule.
        source: the text that it was read from, if it was read; a changed content has none.
    """

    kind: ClassVar[str] = "system_content"

    model_identity: str | None = _MODEL_IDENTITY
    reasoning_effort: ReasoningEffort | None = ReasoningEffort.MEDIUM
    conversation_start_date: str | None = None
    knowledge_cutoff: str | None = _KNOWLEDGE_CUTOFF
    channel_config: ChannelConfig | None = field(default_factory=default_channels)
    tools: Namespaces | None = field(default=None, hash=False)
    extras: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False, kw_only=True)
    source: TextContent | None = field(
        init=False, default=None, compare=False, repr=False, kw_only=True
    )

    def __post_init__(self) -> None:
        for name in ("model_identity", "conversation_start_date", "knowledge_cutoff"):
            expect(str, f"SystemContent.{name}", getattr(self, name), optional=True)
        if self.reasoning_effort is not None:
            assign(self, "reasoning_effort", ReasoningEffort(self.reasoning_effort))
        if self.channel_config is not None:
            name = "SystemContent.channel_config"
            assign(self, "channel_config", part(ChannelConfig, name, self.channel_config))
        assign(self, "tools", namespaces_of("SystemContent.tools", self.tools))

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
        return replace(self, tools=with_namespace(self.tools, ns_config))

    def with_browser_tool(self) -> Self:
        """This content with the predefined browser."""
        return self.with_tools(ToolNamespaceConfig.browser())

    def with_python_tool(self) -> Self:
        """This content with the predefined Python notebook."""
        return self.with_tools(ToolNamespaceConfig.python())

    def canonical(self) -> Self:
        """This content without the memory of how it was written."""
        return replace(self)

    def to_dict(self) -> dict[str, Any]:
        """The content as wire JSON data, without what is None.

        As in the reference, what is None is therefore read back as the default.
        """
        return present(
            model_identity=self.model_identity,
            reasoning_effort=self.reasoning_effort and self.reasoning_effort.value,
            conversation_start_date=self.conversation_start_date,
            knowledge_cutoff=self.knowledge_cutoff,
            channel_config=self.channel_config and self.channel_config.to_dict(),
            tools=wire_of(self.tools),
            extras=dict(self.extras) or None,
            type=self.kind,
        )


@dataclass(frozen=True, slots=True)
class DeveloperContent(Wired, Content):
    """What a developer message tells the model: instructions and tools.

    Attributes:
        instructions: what is often called the system prompt.
        tools: the tools, by namespace.
        response_formats: what answers may be bound to, kept as a tuple.
        extras: the sections that a grammar of one's own adds, by its rule.
        source: the text that it was read from, if it was read; a changed content has none.
    """

    kind: ClassVar[str] = "developer_content"

    instructions: str | None = None
    tools: Namespaces | None = field(default=None, hash=False)
    response_formats: Sequence[ResponseFormat] = ()
    extras: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False, kw_only=True)
    source: TextContent | None = field(
        init=False, default=None, compare=False, repr=False, kw_only=True
    )

    def __post_init__(self) -> None:
        expect(str, "DeveloperContent.instructions", self.instructions, optional=True)
        assign(self, "tools", namespaces_of("DeveloperContent.tools", self.tools))
        name = "DeveloperContent.response_formats"
        expect((list, tuple), name, self.response_formats)
        formats = (part(ResponseFormat, f"an item of {name}", f) for f in self.response_formats)
        assign(self, "response_formats", tuple(formats))

    @classmethod
    def new(cls) -> Self:
        """No instructions and no tools."""
        return cls()

    def with_instructions(self, instructions: str) -> Self:
        """This content with other instructions."""
        return replace(self, instructions=instructions)

    def with_tools(self, ns_config: ToolNamespaceConfig) -> Self:
        """This content with a namespace of tools added, or replaced if the name is taken."""
        return replace(self, tools=with_namespace(self.tools, ns_config))

    def with_function_tools(self, tools: Sequence[ToolDescription]) -> Self:
        """This content with these tools as its functions."""
        return self.with_tools(ToolNamespaceConfig(FUNCTIONS, tools=tuple(tools)))

    def with_response_format(
        self, name: str, schema: dict[str, Any], description: str | None = None
    ) -> Self:
        """This content with one more format that answers may be bound to.

        Args:
            name: the format's name.
            schema: the JSON Schema of the answer.
            description: what it is for.
        """
        added = ResponseFormat(name, schema, description)
        others = tuple(known for known in self.response_formats if known.name != name)
        return replace(self, response_formats=(*others, added))

    def canonical(self) -> Self:
        """This content without the memory of how it was written."""
        return replace(self)

    def to_dict(self) -> dict[str, Any]:
        """The content as wire JSON data, without what is None or a list without items."""
        return present(
            instructions=self.instructions,
            tools=wire_of(self.tools),
            response_formats=[known.to_dict() for known in self.response_formats] or None,
            extras=dict(self.extras) or None,
            type=self.kind,
        )
