"""The bodies of messages as text, exactly as the reference renders them.

A text content is its text. System and developer contents are sections with a blank line between
them; their titles and words are those of the grammar, which `harmony_grammar.bodies` reads them
back by. The tools they declare are TypeScript namespaces, whose declarations
`harmony_grammar.writing.declarations` makes. In the compatible style nothing is escaped: what a
description says stands in the body as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import RenderError
from harmony_grammar.grammar import Rules
from harmony_grammar.tree import TextContent
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.tree.tools import FUNCTIONS
from harmony_grammar.writing.declarations import LAYOUTS, layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.schemas.notes import Style
    from harmony_grammar.tree import Content, Message
    from harmony_grammar.tree.tools import ResponseFormat, ToolNamespaceConfig
    from harmony_grammar.writing.declarations import Declared

__all__ = [
    "body_text",
    "developer_text",
    "has_function_tools",
    "system_text",
    "tools_section",
]

_BLANK_LINE: Final = "\n\n"
_plain_lines: Final = LAYOUTS["compatible"].lines
_SIGNATURE: Final = ("_TYPE", "_EQUALS", "_ARROW", "_ANY")


def body_text(
    content: Content,
    *,
    function_tools: bool = False,
    rules: Rules | None = None,
    schema_style: Style = "compatible",
) -> str:
    """Write what one content says.

    Args:
        content: the content.
        function_tools: whether the conversation declares function tools, which the system
            message then mentions; see `has_function_tools`.
        rules: the grammar; the format's own if None.
        schema_style: how what tools take is written: as the reference does, or so that it means
            what its schema does.

    Returns:
        The text of the content, without header and terminator.

    Raises:
        RenderError: if no text is defined for that kind of content, or if a default in a tool's
            schema is a number that cannot be written.
    """
    kind = next((kind for kind in type(content).__mro__ if kind in _BODIES), None)
    if kind is None:
        raise RenderError(f"a content of type {type(content).__name__} has no text in the format")
    return _BODIES[kind](
        content, function_tools=function_tools, rules=rules, schema_style=schema_style
    )


def system_text(
    content: SystemContent,
    *,
    function_tools: bool,
    rules: Rules | None = None,
    schema_style: Style = "compatible",
) -> str:
    """Write what a system message says: identity, effort, built-in tools and channels.

    Args:
        content: the content; a field that is None has no line.
        function_tools: whether the conversation declares function tools.
        rules: the grammar; the format's own if None.
        schema_style: as for `body_text`.

    Returns:
        The body of the message.
    """
    rules = rules or Rules.default()
    parts = (
        _joined(_identity_lines(content, rules)),
        _effort_line(content, rules),
        _tools(content.tools, rules, schema_style),
        _joined(_channel_lines(content, rules, function_tools=function_tools)),
    )
    return _BLANK_LINE.join(part for part in parts if part is not None)


def developer_text(
    content: DeveloperContent, rules: Rules | None = None, *, schema_style: Style = "compatible"
) -> str:
    """Write what a developer message says: instructions, tools and response formats.

    Args:
        content: the content; empty instructions still have their title.
        rules: the grammar; the format's own if None.
        schema_style: as for `body_text`.

    Returns:
        The body of the message.
    """
    rules = rules or Rules.default()
    parts = (
        _instructions(content.instructions, rules),
        _tools(content.tools, rules, schema_style),
        _response_formats(content.response_formats, rules),
    )
    return _BLANK_LINE.join(part for part in parts if part is not None)


def tools_section(
    namespaces: Mapping[str, ToolNamespaceConfig],
    rules: Rules | None = None,
    *,
    schema_style: Style = "compatible",
) -> str:
    """Write the section that declares tools, its namespaces sorted by key.

    Args:
        namespaces: the namespaces; the key says where one stands, its name how it is written.
        rules: the grammar; the format's own if None.
        schema_style: as for `body_text`.

    Returns:
        The section, from its title on.

    Raises:
        RenderError: if a default in a tool's schema is a number that cannot be written.

    Example:
        >>> from harmony_grammar.tree.tools import ToolNamespaceConfig
        >>> print(tools_section({"python": ToolNamespaceConfig("python", "Runs code.", tools=())}))
        # Tools
        <BLANKLINE>
        ## python
        <BLANKLINE>
        Runs code.
    """
    rules = rules or Rules.default()
    texts = (_namespace(namespaces[key], rules, schema_style) for key in sorted(namespaces))
    return _BLANK_LINE.join((rules.literal("_TOOLS"), *texts))


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


def _identity_lines(content: SystemContent, rules: Rules) -> Iterator[str]:
    if content.model_identity is not None:
        yield content.model_identity
    if content.knowledge_cutoff is not None:
        yield rules.literal("_CUTOFF") + content.knowledge_cutoff
    if content.conversation_start_date is not None:
        yield rules.literal("_DATE") + content.conversation_start_date


def _effort_line(content: SystemContent, rules: Rules) -> str | None:
    effort = content.reasoning_effort
    return None if effort is None else rules.literal("_REASONING") + rules.literal(effort.name)


def _channel_lines(content: SystemContent, rules: Rules, *, function_tools: bool) -> Iterator[str]:
    """The channels and where calls go; nothing, not even the latter, if none is listed."""
    config = content.channel_config
    if config is None or not config.valid_channels:
        return
    names = rules.literal("_CHANNEL_COMMA").join(config.valid_channels)
    required = rules.literal("CHANNEL_REQUIRED") if config.channel_required else ""
    yield rules.literal("_VALID_CHANNELS") + names + rules.literal("_CHANNEL_STOP") + required
    if function_tools:
        said = ("_CALLS", "_CALLS_CHANNEL", "_CALLS_STOP")
        to, on, stop = (rules.literal(name) for name in said)
        yield to + rules.calls_channel + on + FUNCTIONS + stop


# --- Sections of the developer message ---


def _instructions(instructions: str | None, rules: Rules) -> str | None:
    title = rules.literal("_INSTRUCTIONS")
    return None if instructions is None else title + _BLANK_LINE + instructions


def _response_formats(formats: Sequence[ResponseFormat], rules: Rules) -> str | None:
    texts = (_response_format(known, rules) for known in formats)
    return _BLANK_LINE.join((rules.literal("_FORMATS"), *texts)) if formats else None


def _response_format(known: ResponseFormat, rules: Rules) -> str:
    """One format: its heading, its description as comments, its schema on one line."""
    head = rules.literal("_HEADING") + known.name + "\n"
    schema = json.dumps(known.schema, ensure_ascii=False, separators=(",", ":"))
    return "\n".join((head, *_commented(_plain_lines(known.description or "")), schema))


# --- Tools ---


def _tools(
    namespaces: Mapping[str, ToolNamespaceConfig] | None, rules: Rules, style: Style
) -> str | None:
    return tools_section(namespaces, rules, schema_style=style) if namespaces else None


def _namespace(config: ToolNamespaceConfig, rules: Rules, style: Style) -> str:
    """One namespace; without tools it is a description in plain words."""
    head = rules.literal("_HEADING") + config.name + "\n"
    if not config.tools:
        return "\n".join((head, *_plain_lines(config.description or "")))
    named = f"{rules.literal('_NAMESPACE')} {config.name}"
    opened = f"{named} {rules.literal('OPEN')}\n"
    closed = f"{rules.literal('_CLOSE')} // {named}"
    lines, declared = layout(style)
    described = _commented(lines(config.description or ""))
    tools = (line for known in declared(config) for line in _declared(known, rules))
    return "\n".join((head, *described, opened, *tools, closed))


def _declared(known: Declared, rules: Rules) -> Iterator[str]:
    """A tool's description as comments, then its signature; or a type."""
    yield from _commented(known.described)
    declares, equals, gives, anything = (rules.literal(name) for name in _SIGNATURE)
    taken = "" if known.text is None else f"_: {known.text}"
    arguments = rules.literal("_PAREN") + taken + rules.literal("_PAREN_CLOSE")
    meaning = f"{arguments} {gives} {anything}" if known.tool else known.text
    yield f"{declares} {known.name} {equals} {meaning}{rules.literal('_SEMICOLON')}\n"


def _commented(lines: Iterable[str]) -> Iterator[str]:
    return (f"// {line}" for line in lines)


# What writes each kind of content.
_BODIES: Final[Mapping[type[Content], Callable[..., str]]] = {
    TextContent: lambda content, **_: content.text,
    SystemContent: system_text,
    DeveloperContent: lambda content, rules, schema_style, **_: developer_text(
        content, rules, schema_style=schema_style
    ),
}
