"""Reading a body: what it says as data, or its text and where it leaves the template."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.bodies.declaration_lines import MisfitError
from harmony_grammar.bodies.sections import reads_bodies
from harmony_grammar.bodies.type_nodes import ALONE
from harmony_grammar.errors import Diagnostic, HarmonySyntaxError, Severity, Span, excerpt
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.meaning import TOOL_TYPE
from harmony_grammar.grammar.whole_text import Reading, TextReader
from harmony_grammar.schemas.types import unescaped
from harmony_grammar.tree import Role, TextContent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.schemas.types import Style, Type
    from harmony_grammar.tree import Conversation, Message
    from harmony_grammar.tree.contents import DeveloperContent, SystemContent

__all__ = ["OFF_TEMPLATE", "BodyReading", "read_body", "read_type", "with_bodies"]

OFF_TEMPLATE: Final = "off-template"
"""The code of the diagnostic that says where a body leaves its template."""


class BodyReading(NamedTuple):
    """What a body says.

    Attributes:
        content: the content; the text itself where it does not follow the template.
        diagnostics: where it leaves the template, in characters of the body; empty if nowhere.
    """

    content: SystemContent | DeveloperContent | TextContent
    diagnostics: tuple[Diagnostic, ...] = ()


def read_body(
    text: str,
    role: Role,
    rules: Rules | None = None,
    *,
    ids: Sequence[int] | None = None,
    style: Style = "compatible",
) -> BodyReading:
    r"""Read the body of a message.

    Args:
        text: the body.
        role: whose message it is of; only the system's and the developer's have a template.
        rules: the grammar; the format's own if None.
        ids: the ids that the text was read from, if it was, which the content then keeps.
        style: how the types of tools were written.

    Returns:
        The content, which remembers the text and so renders as it was; and diagnostics. Nothing
        is raised for a text that does not follow the template.

    Example:
        >>> read_body("# Instructions\n\nBe brief.", Role.DEVELOPER).content.instructions
        'Be brief.'
    """
    source = TextContent(text, ids=ids)
    start = (rules or Rules.default()).meaning.bodies.get(role)
    if start is None:
        return BodyReading(source)
    reading = _read(_reader(rules or Rules.default(), start, style), text)
    if isinstance(reading, Diagnostic):
        return BodyReading(source, (reading,))
    reading.remember(source)
    return BodyReading(reading)


def with_bodies(conversation: Conversation, rules: Rules | None = None) -> Conversation:
    """A conversation with the bodies of its system and developer messages read.

    Args:
        conversation: a conversation, as it was parsed.
        rules: the grammar; the format's own if None.

    Returns:
        The conversation with `SystemContent` and `DeveloperContent` where bodies follow the
        template.
    """
    rules = rules or Rules.default()
    messages = [_with_body(message, rules) for message in conversation.messages]
    return replace(conversation, messages=messages)


def _with_body(message: Message, rules: Rules) -> Message:
    """A message with its body read, if it is one text of a role whose bodies have a template."""
    role = message.author.role
    if not isinstance(role, Role) or role not in rules.meaning.bodies or len(message.content) != 1:
        return message
    text = message.content[0]
    if not isinstance(text, TextContent):
        return message
    return replace(message, content=[read_body(text.text, role, rules, ids=text.ids).content])


def read_type(text: str, rules: Rules | None = None, *, style: Style = "compatible") -> Type:
    """Read the type of what a tool takes.

    Args:
        text: the type, in TypeScript.
        rules: the grammar; the format's own if None.
        style: how it was written: only in the faithful style is what stands in quotes escaped.

    Raises:
        HarmonySyntaxError: if the text is no type.

    Example:
        >>> read_type("string[]")
        Array(items=Word(name='string'))
    """
    reading = _read(_reader(rules or Rules.default(), TOOL_TYPE), text)
    if isinstance(reading, Diagnostic):
        raise HarmonySyntaxError(reading)
    kind: Type = reading
    return unescaped(kind) if style == "faithful" else kind


@lru_cache(maxsize=64)
def _reader(rules: Rules, start: str, style: Style = "compatible") -> TextReader:
    part_of = rules.meaning.part_of
    return TextReader(
        rules, start, reads_bodies(rules, style), alone=lambda one: part_of(one) in ALONE
    )


def _read(reader: TextReader, text: str) -> Any:
    """What a text was read as, or why it was not."""
    try:
        reading = _reading(reader, text)
    except MisfitError as error:
        return _diagnostic(text, error.at, str(error), ())
    except (ValueError, RecursionError) as error:
        return _diagnostic(text, 0, f"a content cannot hold what the body says: {error}", ())
    if reading.value is not None:
        return reading.value
    words = tuple(sorted({reader.rules.words(name) for name in reading.expected}))
    return _diagnostic(text, reading.at, "the body leaves its template here", words)


def _reading(reader: TextReader, text: str) -> Reading:
    """What a text was read as; a misfit counts only where reading does not go back from it.

    Raises:
        MisfitError: if there is one.
    """
    try:
        return reader.read(text)
    except MisfitError:
        return reader.read(text, careful=True)


def _diagnostic(text: str, at: int, message: str, expected: tuple[str, ...]) -> Diagnostic:
    at = min(at, len(text))
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = Span(begin, len(text) if end < 0 else end)
    shown, indent = excerpt(text, line, at)
    return Diagnostic(
        OFF_TEMPLATE,
        Severity.WARNING,
        message,
        Span(at, min(at + 1, line.end)),
        line=text.count("\n", 0, at) + 1,
        column=at - begin + 1,
        found=text[at : at + 1],
        expected=expected,
        hint="it stays a text; nothing can be said of the tools that it declares",
        excerpt=shown,
        indent=indent,
    )
