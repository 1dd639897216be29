"""The sections of system and developer messages, read and written.

What a body consists of, in which order and under which titles, is said by the grammar. Here is
one row for each kind of section: what makes data of what was read, and what writes the data back.
A section that a grammar adds is kept as text, and written where the grammar has it.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from harmony_grammar.bodies.declaration_lines import MisfitError, declaration_lines
from harmony_grammar.bodies.namespaces import (
    Namespaces,
    description_lines,
    reads_tools,
    write_namespaces,
)
from harmony_grammar.bodies.signs import LINE, SECTION, FreeText, Lines, commented, line, signs_of
from harmony_grammar.bodies.type_nodes import reads_types
from harmony_grammar.errors import RenderError
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.grammar.whole_text import Leaf
from harmony_grammar.tree import Role, TextContent
from harmony_grammar.tree.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.tree.tools import FUNCTIONS, ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.bodies.signs import Signs
    from harmony_grammar.grammar import Production
    from harmony_grammar.grammar.whole_text import Builder
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.tree import Content, Message
    from harmony_grammar.tree.tools import ToolNamespaceConfig

__all__ = [
    "body_text",
    "developer_text",
    "has_function_tools",
    "reads_bodies",
    "system_text",
    "tools_section",
]

_T = TypeVar("_T")

_BLANK_LINE: Final = "\n\n"
_LONGEST_SHOWN: Final = 60


# --- What a section was read as ---


class _Cutoff(NamedTuple):
    """The line of the cutoff."""

    text: str


class _Date(NamedTuple):
    """The line of the date."""

    text: str


class _Added(NamedTuple):
    """A section that the grammar adds."""

    rule: str
    text: str


class _Identity(NamedTuple):
    """The first section of a system message."""

    identity: str | None
    cutoff: str | None
    date: str | None
    added: Sequence[_Added]


class _Formats(NamedTuple):
    """The response formats of a section."""

    formats: tuple[ResponseFormat, ...]


def _one(kind: type[_T], parts: Iterable[Any]) -> _T | None:
    """The part of a kind, if there is one."""
    return next((part for part in parts if part.__class__ is kind), None)


def _added(parts: Iterable[Any]) -> list[_Added]:
    return [part for part in parts if part.__class__ is _Added]


def _identity(parts: list[Any], whole: str) -> _Identity:
    """The first section; an empty body has none."""
    cutoff, date, added = _one(_Cutoff, parts), _one(_Date, parts), _added(parts)
    text = _one(FreeText, parts) if whole != "\n" else None
    identity = text and text.before(LINE if cutoff or date or added else SECTION)
    return _Identity(identity, cutoff and cutoff.text, date and date.text, added)


def _system_body(parts: list[Any], _: str) -> SystemContent:
    identity = _one(_Identity, parts) or _Identity(None, None, None, ())
    tools = _one(Namespaces, parts)
    return SystemContent(
        model_identity=identity.identity,
        reasoning_effort=_one(ReasoningEffort, parts),
        conversation_start_date=identity.date,
        knowledge_cutoff=identity.cutoff,
        channel_config=_one(ChannelConfig, parts),
        tools=tools and tools.namespaces,
        extras={added.rule: added.text for added in (*identity.added, *_added(parts))},
    )


def _developer_body(parts: list[Any], _: str) -> DeveloperContent:
    text, tools, formats = _one(FreeText, parts), _one(Namespaces, parts), _one(_Formats, parts)
    return DeveloperContent(
        text and text.text,
        tools and tools.namespaces,
        list(formats.formats if formats else ()),
        extras={added.rule: added.text for added in _added(parts)},
    )


def _valid_channels(parts: list[Leaf], _: str) -> ChannelConfig:
    """The names, and behind them, if each message must have one, the terminal that says so."""
    first = parts[0].name
    names = tuple(part.text for part in parts if part.name == first)
    return ChannelConfig(list(names), channel_required=len(names) < len(parts))


def _effort(rules: Rules, parts: list[Leaf]) -> ReasoningEffort:
    word = parts[0].text
    level = rules.meaning.efforts[word].upper()
    if level not in ReasoningEffort.__members__:
        raise MisfitError(f"no content can hold the effort `{word}`", parts[0].start)
    return ReasoningEffort[level]


def _instructions(parts: list[FreeText], _: str) -> FreeText:
    return FreeText(parts[0].before(SECTION).removeprefix("\n") if parts else "")


def _response_format(parts: list[Any], mark: str) -> ResponseFormat:
    name, *rest = parts
    first, more = next(part for part in rest if part.__class__ is Leaf), _one(FreeText, rest)
    try:
        schema = json.loads(first.text + (more.text if more else ""))
        return ResponseFormat(name.text, schema, commented(_one(Lines, rest), mark))
    except (ValueError, TypeError, RecursionError) as error:
        raise MisfitError(
            f"the schema of the response format {name.text} is no JSON", first.start
        ) from error


def _section(rule: str, parts: list[Any]) -> _Added:
    part = parts[0]
    text = part.before(SECTION) if isinstance(part, FreeText) else line(part)
    return _Added(rule, text.removeprefix("\n"))


@lru_cache(maxsize=64)
def reads_bodies(rules: Rules, style: Style) -> Callable[[Production], Builder | None]:
    """What makes the value of each alternative of the rules inside bodies.

    Args:
        rules: the grammar.
        style: how types were written.
    """
    signs, lines = signs_of(rules), declaration_lines(rules)
    builders: dict[BodyPart, Builder] = {
        **reads_types(signs.mark, lines),
        **reads_tools(signs, style, lines),
        BodyPart.TEXT: FreeText.of,
        BodyPart.CUTOFF: lambda parts, _: _Cutoff(line(parts[0])),
        BodyPart.DATE: lambda parts, _: _Date(line(parts[0])),
        BodyPart.IDENTITY: _identity,
        BodyPart.EFFORT: lambda parts, _: _effort(rules, parts),
        BodyPart.VALID_CHANNELS: _valid_channels,
        BodyPart.CHANNELS: lambda parts, _: parts[0],
        BodyPart.CALLS: lambda *_: None,
        BodyPart.PROSE: lambda parts, _: Lines(parts),
        BodyPart.INSTRUCTIONS: _instructions,
        BodyPart.RESPONSE_FORMAT: lambda parts, _: _response_format(parts, signs.mark),
        BodyPart.RESPONSE_FORMATS: lambda parts, _: _Formats(tuple(parts)),
        BodyPart.SYSTEM_BODY: _system_body,
        BodyPart.DEVELOPER_BODY: _developer_body,
    }

    def builder(production: Production) -> Builder | None:
        part, rule = rules.meaning.part_of(production), production.rule
        if rule in rules.meaning.sections:
            return lambda parts, _: _section(rule, parts)
        return None if part is None else builders.get(part)

    return builder


# --- How a section is written: None where there is nothing to say ---


class _SectionWriter(NamedTuple):
    """What writing the sections of a content takes.

    Attributes:
        content: the content.
        rules: the grammar.
        signs: its signs.
        style: how types are written.
        function_tools: whether the conversation declares function tools.
    """

    content: Any
    rules: Rules
    signs: Signs
    style: Style
    function_tools: bool

    def sections(self, part: BodyPart) -> Iterator[str]:
        """The sections of a part, in the order of the grammar."""
        for rule in self.rules.meaning.order(part):
            text = self.section(rule)
            if text is not None:
                yield text

    def section(self, rule: str) -> str | None:
        """The text of a rule."""
        if rule in self.rules.meaning.sections:
            text = self.content.extras.get(rule)
            before, behind = self.rules.meaning.sections[rule]
            return None if text is None else before + text + behind
        found = (self.rules.meaning.part_of(p) for p in self.rules.productions[rule])
        part = next((part for part in found if part is not None), None)
        write = None if part is None else _SECTIONS.get(part)
        return None if write is None else write(self)


def _write_identity(writer: _SectionWriter) -> str | None:
    """Lines as a section; one empty line is a section, no line is none."""
    lines = list(writer.sections(BodyPart.IDENTITY))
    return "\n".join(lines) if lines else None


def _titled(part: BodyPart, text: str | None, writer: _SectionWriter) -> str | None:
    return None if text is None else writer.signs.title(part) + text


def _write_effort(writer: _SectionWriter) -> str | None:
    effort = writer.content.reasoning_effort
    if effort is None:
        return None
    efforts = writer.rules.meaning.efforts
    word = next((w for w, level in efforts.items() if level.upper() == effort.name), None)
    if word is None:
        raise RenderError(f"the grammar has no word for the effort {effort.value}")
    return writer.signs.title(BodyPart.EFFORT) + word


def _write_channels(writer: _SectionWriter) -> str | None:
    """The channels and where calls go; nothing, not even the latter, if none is listed."""
    config = writer.content.channel_config
    if config is None or not config.valid_channels:
        return None
    return "\n".join(writer.sections(BodyPart.CHANNELS))


def _write_valid_channels(writer: _SectionWriter) -> str:
    config = writer.content.channel_config
    title, comma, stop, required = writer.signs.of[BodyPart.VALID_CHANNELS]
    own = config.is_unasked
    names = comma.join(writer.rules.channels if own else config.valid_channels)
    return title + names + stop + (required if config.channel_required else "")


def _write_calls(writer: _SectionWriter) -> str | None:
    if not writer.function_tools:
        return None
    to, on, stop = writer.signs.of[BodyPart.CALLS]
    return to + writer.rules.meaning.preamble + on + FUNCTIONS + stop


def _write_instructions(writer: _SectionWriter) -> str | None:
    said = writer.content.instructions
    return None if said is None else writer.signs.title(BodyPart.INSTRUCTIONS) + _BLANK_LINE + said


def _write_tools(writer: _SectionWriter) -> str | None:
    namespaces = writer.content.tools
    if not namespaces:
        return None
    texts = write_namespaces(namespaces, writer.signs, writer.style)
    return _BLANK_LINE.join((writer.signs.title(BodyPart.TOOLS), *texts))


def _write_formats(writer: _SectionWriter) -> str | None:
    formats = writer.content.response_formats
    texts = (_write_format(known, writer.signs) for known in formats)
    title = writer.signs.title(BodyPart.RESPONSE_FORMATS)
    return _BLANK_LINE.join((title, *texts)) if formats else None


def _write_format(known: ResponseFormat, signs: Signs) -> str:
    """One format: its heading, its description as comments, its schema on one line."""
    head = signs.title(BodyPart.RESPONSE_FORMAT) + known.name + "\n"
    schema = json.dumps(known.schema, ensure_ascii=False, separators=(",", ":"))
    described = (f"{signs.mark} {text}" for text in description_lines(known.description or ""))
    return "\n".join((head, *described, schema))


_SECTIONS: Final[Mapping[BodyPart, Callable[[_SectionWriter], str | None]]] = {
    BodyPart.IDENTITY: _write_identity,
    BodyPart.TEXT: lambda writer: writer.content.model_identity,
    BodyPart.CUTOFF: lambda w: _titled(BodyPart.CUTOFF, w.content.knowledge_cutoff, w),
    BodyPart.DATE: lambda w: _titled(BodyPart.DATE, w.content.conversation_start_date, w),
    BodyPart.EFFORT: _write_effort,
    BodyPart.TOOLS: _write_tools,
    BodyPart.CHANNELS: _write_channels,
    BodyPart.VALID_CHANNELS: _write_valid_channels,
    BodyPart.CALLS: _write_calls,
    BodyPart.INSTRUCTIONS: _write_instructions,
    BodyPart.RESPONSE_FORMATS: _write_formats,
}


# --- Whole bodies ---

_BODIES: Final[Mapping[type[Content], BodyPart]] = {
    SystemContent: BodyPart.SYSTEM_BODY,
    DeveloperContent: BodyPart.DEVELOPER_BODY,
}


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
    if isinstance(content, TextContent):
        return content.text
    part = next((part for kind, part in _BODIES.items() if isinstance(content, kind)), None)
    if part is None:
        raise RenderError(f"a content of type {type(content).__name__} has no text in the format")
    rules = rules or Rules.default()
    _require_places(content, part, rules)
    writer = _SectionWriter(content, rules, signs_of(rules), schema_style, function_tools)
    text = _BLANK_LINE.join(writer.sections(part))
    if schema_style == "faithful":
        _require_held(content, text, rules)
    return text


def _require_places(content: Any, part: BodyPart, rules: Rules) -> None:
    """Refuse sections for which the grammar has no place."""
    for rule in content.extras:
        if rule not in (*rules.meaning.order(part), *rules.meaning.order(BodyPart.IDENTITY)):
            raise RenderError(f"the grammar has no section `{rule}` in the body of this message")


# --- What is said stays what it is, in the faithful style ---

_TITLED: Final = (
    *(BodyPart.CUTOFF, BodyPart.DATE, BodyPart.EFFORT, BodyPart.TOOLS, BodyPart.NAMESPACE),
    *(BodyPart.VALID_CHANNELS, BodyPart.CALLS, BodyPart.INSTRUCTIONS, BodyPart.RESPONSE_FORMATS),
)
_NAME: Final = re.compile(r"[\w-]+")  # what no sign of the grammar stands in


@lru_cache(maxsize=64)
def _begins_section(rules: Rules) -> re.Pattern[str]:
    """What finds a line that may begin a section, in free text."""
    titles = [signs_of(rules).title(part) for part in _TITLED]
    titles += [before.strip() for before, _ in rules.meaning.sections.values() if before.strip()]
    return re.compile(rf"^[^\S\n]*(?:{'|'.join(map(re.escape, titles))})", re.MULTILINE)


def _require_held(content: Any, text: str, rules: Rules) -> None:
    """Refuse a text of which something that is said would be read as something else.

    Only what may begin a section is read back, which is hardly ever there.

    Raises:
        RenderError: if it would.
    """
    begins = _begins_section(rules)
    doubtful = next((said for said in _free_texts(content) if begins.search(said)), None)
    if doubtful is None:
        doubtful = next((said for said in _on_one_line(content) if "\n" in said), None)
    if doubtful is None:
        doubtful = next((name for name in _names(content) if not _NAME.fullmatch(name)), None)
    if doubtful is None:
        return
    from harmony_grammar.bodies.reading import read_body  # noqa: PLC0415  it reads with this

    role = Role.SYSTEM if isinstance(content, SystemContent) else Role.DEVELOPER
    read = read_body(text, role, rules, style="faithful").content
    if read.__class__ is content.__class__ and _outline(read, rules) == _outline(content, rules):
        return
    shown = doubtful if len(doubtful) <= _LONGEST_SHOWN else f"{doubtful[:_LONGEST_SHOWN]}…"
    raise RenderError(
        f"what is said would be read as something else, {shown!r}: "
        "begin no line of it with the title of a section"
    )


def _free_texts(content: Any) -> Iterator[str]:
    """What is said in lines of plain words."""
    told = (getattr(content, name, None) for name in ("model_identity", "instructions"))
    bare = (c.description for c in (content.tools or {}).values() if not c.tools)
    yield from (said for said in (*told, *bare, *content.extras.values()) if said)


def _on_one_line(content: Any) -> Iterator[str]:
    """What is said on one line, behind a title."""
    names = ("knowledge_cutoff", "conversation_start_date")
    yield from (said for name in names if (said := getattr(content, name, None)))


def _names(content: Any) -> Iterator[str]:
    """The names that stand in headings, and those of channels."""
    yield from (config.name for config in (content.tools or {}).values())
    channels = getattr(content, "channel_config", None)
    yield from channels.valid_channels if channels else ()
    yield from (known.name for known in getattr(content, "response_formats", ()))


def _outline(content: Any, rules: Rules) -> Any:
    """The sections of a content, without what stands in comments and types."""
    config = getattr(content, "channel_config", None)
    channels = rules.channels if config and config.is_unasked else config and config.valid_channels
    tools: dict[str, list[str]] = {}
    for known in (content.tools or {}).values():
        tools.setdefault(known.name, []).extend(tool.name for tool in known.tools)
    formats = [known.name for known in getattr(content, "response_formats", ())]
    told = sorted(said.strip() for said in (*_free_texts(content), *_on_one_line(content)))
    effort = getattr(content, "reasoning_effort", None)
    return tuple(channels or ()), tools, formats, told, effort


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
    """
    return body_text(content, function_tools=function_tools, rules=rules, schema_style=schema_style)


def developer_text(
    content: DeveloperContent, rules: Rules | None = None, *, schema_style: Style = "compatible"
) -> str:
    """Write what a developer message says: instructions, tools and response formats.

    Args:
        content: the content; empty instructions still have their title.
        rules: the grammar; the format's own if None.
        schema_style: as for `body_text`.
    """
    return body_text(content, rules=rules, schema_style=schema_style)


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
    signs = signs_of(rules or Rules.default())
    texts = write_namespaces(namespaces, signs, schema_style)
    return _BLANK_LINE.join((signs.title(BodyPart.TOOLS), *texts))


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
