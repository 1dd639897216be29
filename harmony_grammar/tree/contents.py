"""The contents of system and developer messages."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harmony_grammar.tree import Content, TextContent
from harmony_grammar.tree.nodes import (
    BOOLEAN,
    OURS,
    PLAIN_TEXT,
    ByName,
    FieldKind,
    Listed,
    Nested,
    Node,
    Optionally,
    Worded,
    expect,
    present,
)
from harmony_grammar.tree.tools import FUNCTIONS, ResponseFormat, ToolNamespaceConfig, wire_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from harmony_grammar.tree.tools import ToolDescription

__all__ = ["ChannelConfig", "DeveloperContent", "ReasoningEffort", "SystemContent"]

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


@dataclass(slots=True)
class ChannelConfig(Node):
    """Which channels a message may be on.

    Attributes:
        valid_channels: their names.
        channel_required: whether every message must name one.
    """

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "valid_channels": Listed(PLAIN_TEXT),
        "channel_required": BOOLEAN,
    }

    valid_channels: list[str]
    channel_required: bool
    _unasked: bool = field(init=False, default=False, compare=False, repr=False)

    @classmethod
    def require_channels(cls, channels: Sequence[str]) -> Self:
        """These channels, one of them in every message."""
        return cls(list(channels), channel_required=True)

    @classmethod
    def unasked(cls) -> Self:
        """The channels of the format, which another grammar writes as its own."""
        config = cls.require_channels(_channels_of_format())
        config._unasked = True  # noqa: SLF001  it is its own
        return config

    @property
    def is_unasked(self) -> bool:
        """Whether these are the channels of the format because nobody gave others."""
        names, required = self.valid_channels, self.channel_required
        return self._unasked and required and tuple(names) == _channels_of_format()

    def to_dict(self) -> dict[str, Any]:
        """The channels as wire JSON data."""
        channels = list(self.valid_channels)
        return present(valid_channels=channels, channel_required=self.channel_required)


@cache
def _channels_of_format() -> tuple[str, ...]:
    from harmony_grammar.grammar import Rules  # noqa: PLC0415  contents load without the grammar

    return Rules.default().channels


class _Remembering(Content):
    """A content that knows what it was read from, until it is changed."""

    __slots__ = ("_read",)

    _read: tuple[TextContent, str]

    @property
    def source(self) -> TextContent | None:
        """The text that it was read from, if it was read and not changed since."""
        text, said = getattr(self, "_read", (None, ""))
        return text if text is not None and said == _said(self) else None

    def remember(self, source: TextContent) -> None:
        """Keep the text that the content was read from, to render as it was."""
        self._read = (source, _said(self))

    def canonical(self) -> Self:
        """A copy of this content without the memory of how it was written."""
        return deepcopy(replace(self))  # type: ignore[type-var]  # both are dataclasses


def _said(content: Content) -> str:
    """All that a content says, lists and dicts that others may have changed included."""
    return json.dumps(content, default=lambda node: [getattr(node, name) for name in node.kinds])


def _add_namespace(content: SystemContent | DeveloperContent, added: ToolNamespaceConfig) -> None:
    """Add a namespace of tools, or replace the one of the same name."""
    expect(ToolNamespaceConfig, "ns_config", added)
    if content.tools is None:
        content.tools = {}
    content.tools[added.name] = added


_TOOLS: Final = Optionally(ByName(Nested(ToolNamespaceConfig)))


@dataclass(slots=True)
class SystemContent(_Remembering):
    """What a system message tells the model about itself and the conversation.

    Attributes:
        model_identity: who the model is.
        reasoning_effort: how long it is to reason.
        conversation_start_date: the current date, in the spelling the model is to read.
        knowledge_cutoff: until when its knowledge reaches.
        channel_config: the channels; those of the grammar unless others are given.
        tools: the built-in tools, by namespace.
        extras: the sections that a grammar of one's own adds, by its rule.
    """

    kind: ClassVar[str] = "system_content"
    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "model_identity": Optionally(PLAIN_TEXT),
        "reasoning_effort": Optionally(Worded(ReasoningEffort, ReasoningEffort)),
        "conversation_start_date": Optionally(PLAIN_TEXT),
        "knowledge_cutoff": Optionally(PLAIN_TEXT),
        "channel_config": Optionally(Nested(ChannelConfig)),
        "tools": _TOOLS,
        "extras": ByName(PLAIN_TEXT),
    }

    model_identity: str | None = _MODEL_IDENTITY
    reasoning_effort: ReasoningEffort | None = ReasoningEffort.MEDIUM
    conversation_start_date: str | None = None
    knowledge_cutoff: str | None = _KNOWLEDGE_CUTOFF
    channel_config: ChannelConfig | None = field(default_factory=ChannelConfig.unasked)
    tools: dict[str, ToolNamespaceConfig] | None = None
    extras: dict[str, str] = field(default_factory=dict, repr=False, kw_only=True, metadata=OURS)

    @classmethod
    def new(cls) -> Self:
        """The defaults."""
        return cls()

    def with_model_identity(self, model_identity: str) -> Self:
        """Set the identity of the model, and return this content."""
        self.model_identity = model_identity
        return self

    def with_reasoning_effort(self, reasoning_effort: ReasoningEffort) -> Self:
        """Set the effort, and return this content."""
        self.reasoning_effort = reasoning_effort
        return self

    def with_conversation_start_date(self, conversation_start_date: str) -> Self:
        """Set the current date, and return this content."""
        self.conversation_start_date = conversation_start_date
        return self

    def with_knowledge_cutoff(self, knowledge_cutoff: str) -> Self:
        """Set the end of knowledge, and return this content."""
        self.knowledge_cutoff = knowledge_cutoff
        return self

    def with_channel_config(self, channel_config: ChannelConfig) -> Self:
        """Set the channels, and return this content."""
        self.channel_config = channel_config
        return self

    def with_required_channels(self, channels: Sequence[str]) -> Self:
        """Set the channels, one of them in every message, and return this content."""
        return self.with_channel_config(ChannelConfig.require_channels(channels))

    def with_tools(self, ns_config: ToolNamespaceConfig) -> Self:
        """Add a namespace of tools, or replace the one of its name, and return this content."""
        _add_namespace(self, ns_config)
        return self

    def with_browser_tool(self) -> Self:
        """Add the predefined browser, and return this content."""
        return self.with_tools(ToolNamespaceConfig.browser())

    def with_python_tool(self) -> Self:
        """Add the predefined Python notebook, and return this content."""
        return self.with_tools(ToolNamespaceConfig.python())

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


@dataclass(slots=True)
class DeveloperContent(_Remembering):
    """What a developer message tells the model: instructions and tools.

    Attributes:
        instructions: what is often called the system prompt.
        tools: the tools, by namespace.
        response_formats: what answers may be bound to.
        extras: the sections that a grammar of one's own adds, by its rule.
    """

    kind: ClassVar[str] = "developer_content"
    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "instructions": Optionally(PLAIN_TEXT),
        "tools": _TOOLS,
        "response_formats": Listed(Nested(ResponseFormat)),
        "extras": ByName(PLAIN_TEXT),
    }

    instructions: str | None = None
    tools: dict[str, ToolNamespaceConfig] | None = None
    response_formats: list[ResponseFormat] = field(default_factory=list, metadata=OURS)
    extras: dict[str, str] = field(default_factory=dict, repr=False, kw_only=True, metadata=OURS)

    @classmethod
    def new(cls) -> Self:
        """No instructions and no tools."""
        return cls()

    def with_instructions(self, instructions: str) -> Self:
        """Set the instructions, and return this content."""
        self.instructions = instructions
        return self

    def with_tools(self, ns_config: ToolNamespaceConfig) -> Self:
        """Add a namespace of tools, or replace the one of its name, and return this content."""
        _add_namespace(self, ns_config)
        return self

    def with_function_tools(self, tools: Sequence[ToolDescription]) -> Self:
        """Set the developer's functions, and return this content."""
        return self.with_tools(ToolNamespaceConfig(FUNCTIONS, tools=list(tools)))

    def with_response_format(
        self, name: str, schema: dict[str, Any], description: str | None = None
    ) -> Self:
        """Add a format that answers may be bound to, and return this content.

        Args:
            name: the format's name; another of this name is replaced.
            schema: the JSON Schema of the answer.
            description: what it is for.
        """
        added = ResponseFormat(name, schema, description)
        others = [known for known in self.response_formats if known.name != name]
        self.response_formats = [*others, added]
        return self

    def to_dict(self) -> dict[str, Any]:
        """The content as wire JSON data, without what is None or a list without items."""
        return present(
            instructions=self.instructions,
            tools=wire_of(self.tools),
            response_formats=[known.to_dict() for known in self.response_formats] or None,
            extras=dict(self.extras) or None,
            type=self.kind,
        )
