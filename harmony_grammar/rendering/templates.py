"""The bodies of messages as text, exactly as the reference renders them.

A text content is its text. System and developer contents are sections with a blank line between
them (section 3 of the project's format notes); the tools they declare are TypeScript namespaces,
which `harmony_grammar.rendering.typescript` writes the types for. Nothing is escaped: what a
description says stands in the body as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.contents import FUNCTIONS, DeveloperContent, SystemContent
from harmony_grammar.errors import RenderError
from harmony_grammar.grammar import Rules
from harmony_grammar.nodes import TextContent
from harmony_grammar.rendering.typescript import typescript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harmony_grammar.contents import ToolDescription, ToolNamespaceConfig
    from harmony_grammar.nodes import Content, Message

__all__ = [
    "body_text",
    "developer_text",
    "has_function_tools",
    "system_text",
    "tools_section",
]

_BLANK_LINE: Final = "\n\n"


def body_text(content: Content, *, function_tools: bool = False, rules: Rules | None = None) -> str:
    """Write what one content says.

    Args:
        content: the content.
        function_tools: whether the conversation declares function tools, which the system
            message then mentions; see `has_function_tools`.
        rules: the grammar that names the channels; the format's own if None.

    Returns:
        The text of the content, without header and terminator.

    Raises:
        RenderError: if no text is defined for that kind of content, or if a default in a tool's
            schema is a number that cannot be written.
    """
    kind = next((kind for kind in type(content).__mro__ if kind in _BODIES), None)
    if kind is None:
        raise RenderError(f"a content of type {type(content).__name__} has no text in the format")
    return _BODIES[kind](content, function_tools=function_tools, rules=rules)


def system_text(content: SystemContent, *, function_tools: bool, rules: Rules | None = None) -> str:
    """Write what a system message says: identity, effort, built-in tools and channels.

    Args:
        content: the content; a field that is None has no line.
        function_tools: whether the conversation declares function tools.
        rules: the grammar that names the channels; the format's own if None.

    Returns:
        The body of the message.
    """
    parts = (
        _joined(_identity_lines(content)),
        _effort_line(content),
        _tools(content.tools),
        _joined(_channel_lines(content, rules or Rules.default(), function_tools=function_tools)),
    )
    return _BLANK_LINE.join(part for part in parts if part is not None)


def developer_text(content: DeveloperContent) -> str:
    """Write what a developer message says: instructions and tools.

    Args:
        content: the content; empty instructions still have their title.

    Returns:
        The body of the message.
    """
    instructions = content.instructions
    parts = (
        None if instructions is None else f"# Instructions\n\n{instructions}",
        _tools(content.tools),
    )
    return _BLANK_LINE.join(part for part in parts if part is not None)


def tools_section(namespaces: Mapping[str, ToolNamespaceConfig]) -> str:
    """Write the section that declares tools, its namespaces sorted by key.

    Args:
        namespaces: the namespaces; the key says where one stands, its name how it is written.

    Returns:
        The section, from its title on.

    Raises:
        RenderError: if a default in a tool's schema is a number that cannot be written.

    Example:
        >>> from harmony_grammar.contents import ToolNamespaceConfig
        >>> print(tools_section({"python": ToolNamespaceConfig("python", "Runs code.", tools=())}))
        # Tools
        <BLANKLINE>
        ## python
        <BLANKLINE>
        Runs code.
    """
    texts = (_namespace(namespaces[key]) for key in sorted(namespaces))
    return _BLANK_LINE.join(("# Tools", *texts))


def has_function_tools(messages: Iterable[Message]) -> bool:
    """Whether any message declares function tools, which the system message then mentions.

    Args:
        messages: the messages of a conversation, in any order.

    Returns:
        Whether a developer content has tools in the namespace of functions.
    """
    return any(_declares_functions(piece) for message in messages for piece in message.content)


def _declares_functions(content: Content) -> bool:
    tools = content.tools if isinstance(content, DeveloperContent) else None
    return bool(tools and FUNCTIONS in tools and tools[FUNCTIONS].tools)


# --- Sections of the system message: None where there is nothing to say ---


def _joined(lines: Iterable[str]) -> str | None:
    """Lines as a section; one empty line is a section, no line is none."""
    present = list(lines)
    return "\n".join(present) if present else None


def _identity_lines(content: SystemContent) -> Iterator[str]:
    if content.model_identity is not None:
        yield content.model_identity
    if content.knowledge_cutoff is not None:
        yield f"Knowledge cutoff: {content.knowledge_cutoff}"
    if content.conversation_start_date is not None:
        yield f"Current date: {content.conversation_start_date}"


def _effort_line(content: SystemContent) -> str | None:
    effort = content.reasoning_effort
    return None if effort is None else f"Reasoning: {effort.value.lower()}"


def _channel_lines(content: SystemContent, rules: Rules, *, function_tools: bool) -> Iterator[str]:
    """The channels and where calls go; nothing, not even the latter, if none is listed."""
    config = content.channel_config
    if config is None or not config.valid_channels:
        return
    names = rules.literal("_CHANNEL_COMMA").join(config.valid_channels)
    required = rules.literal("CHANNEL_REQUIRED") if config.channel_required else ""
    yield rules.literal("_VALID_CHANNELS") + names + rules.literal("_CHANNEL_STOP") + required
    if function_tools:
        yield f"Calls to these tools must go to the {rules.calls_channel} channel: '{FUNCTIONS}'."


# --- Tools ---


def _tools(namespaces: Mapping[str, ToolNamespaceConfig] | None) -> str | None:
    return tools_section(namespaces) if namespaces else None


def _namespace(config: ToolNamespaceConfig) -> str:
    """One namespace; without tools it is a description in plain words."""
    lines = _lines(config.description or "")
    head = f"## {config.name}\n"
    if not config.tools:
        return "\n".join((head, *lines))
    tools = (line for tool in config.tools for line in _tool(tool))
    opened = f"namespace {config.name} {{\n"
    return "\n".join((head, *_commented(lines), opened, *tools, f"}} // namespace {config.name}"))


def _tool(tool: ToolDescription) -> Iterator[str]:
    """One tool: its description as comments, then its signature."""
    yield from _commented(_lines(tool.description))
    taken = "" if tool.parameters is None else f"_: {typescript(tool.parameters)}"
    yield f"type {tool.name} = ({taken}) => any;\n"


def _commented(lines: Iterable[str]) -> Iterator[str]:
    return (f"// {line}" for line in lines)


def _lines(text: str) -> list[str]:
    r"""The lines of a text: only `\n` and `\r\n` end one, and the last need not be ended."""
    *ended, last = text.split("\n")
    return [line.removesuffix("\r") for line in ended] + ([last] if last else [])


# What writes each kind of content.
_BODIES: Final[Mapping[type[Content], Callable[..., str]]] = {
    TextContent: lambda content, **_: content.text,
    SystemContent: system_text,
    DeveloperContent: lambda content, **_: developer_text(content),
}
