"""What a system or developer message declares: tools, what they take, and response formats.

The names of tools are looked for line by line, which is fast and finds them in a body that
follows no template. What they take is read by the grammar, and only when a call is checked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.checking.values import Fitting
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.tree import CustomRole

__all__ = [
    "Declared",
    "ValidChannels",
    "declared",
    "declared_names",
    "declared_tools",
    "has_formats",
    "is_plain",
]

_ESCAPE: Final = "\\"
_LONGEST_KEPT: Final = 100_000  # characters of a body that is remembered


class ValidChannels(NamedTuple):
    """The channels that a system message allows.

    Attributes:
        channels: their names; empty if it names none.
        required: whether each message must have one.
    """

    channels: tuple[str, ...] = ()
    required: bool = False


class _Words(NamedTuple):
    """What marks the tools of a body.

    Attributes:
        title: the title of the tools.
        formats: the title of what may come after them.
        heading: the heading of a namespace.
        function: the beginning of a tool; a type that a tool uses begins otherwise.
        odd: the same with a name that no tool can have, and so cannot be read.
        unusual: a line that templates do not write as they stand, whether it can be read or not.
        brackets: what begins and what ends objects.
    """

    title: str
    formats: str
    heading: re.Pattern[str]
    function: re.Pattern[str]
    odd: re.Pattern[str]
    unusual: re.Pattern[str]
    brackets: tuple[str, str]


@lru_cache(maxsize=64)
def _words(rules: Rules) -> _Words:
    signs = rules.meaning.signs
    named, argument, *_ = (
        terminal.pattern
        for terminal in map(rules.terminals.get, rules.meaning.own_terminals(BodyPart.FUNCTION))
        if terminal is not None and not terminal.fixed
    )
    name = f"({named})"
    declares, equals, opened, closed, *_ = map(re.escape, signs(BodyPart.FUNCTION))
    taken = rf"{opened}\s*(?:{closed}|{argument})"
    return _Words(
        signs(BodyPart.TOOLS)[0],
        signs(BodyPart.RESPONSE_FORMATS)[0],
        re.compile(re.escape(signs(BodyPart.NAMESPACE)[0]) + name),
        re.compile(f"{declares} {name} {equals} {taken}"),
        re.compile(rf"{declares} +(\S[^\n]*?) *{equals} *{taken}"),
        _unusual(rules, str(named), str(argument)),
        (signs(BodyPart.OBJECT)[0], signs(BodyPart.OBJECT)[-1]),
    )


_ATOM: Final = r"(?:\"[^\"\n]*\"|-?[0-9][0-9.]*|\w+)(?:\[\])*"


def _unusual(rules: Rules, named: str, argument: str) -> re.Pattern[str]:
    """What finds a line that is none of those that the reference's template writes."""
    signs = rules.meaning.signs

    def any_of(part: BodyPart) -> str:
        return "|".join(map(re.escape, signs(part)))

    declares, equals, opened, closed, *result = map(re.escape, signs(BodyPart.FUNCTION))
    begin, end = re.escape(signs(BodyPart.OBJECT)[0]), re.escape(signs(BodyPart.OBJECT)[-1])
    bar, ends, gives = any_of(BodyPart.UNION), any_of(BodyPart.FIELD), r"\s*".join(result)
    comment = r"[ \t]*//.*"
    kind = rf"{_ATOM}(?: (?:{bar}) {_ATOM})*"
    lines = (
        rf"(?:{comment})?",
        rf"(?:{any_of(BodyPart.NAMESPACE)}){named}",
        rf"{re.escape(signs(BodyPart.BLOCK)[0])} {named} {begin}",
        rf"{end}{comment}",
        rf"{declares} {named} {equals} {opened}(?:{closed} {gives}|{argument} {begin})",
        rf"{end}{closed} {gives}",
        rf"[ \t]*{named}(?:{any_of(BodyPart.KEY)}) (?:{begin}|{kind}(?:{ends})(?:{comment})?)",
        rf"[ \t]*{end}(?:{ends})(?:{comment})?",
    )
    return re.compile(rf"^(?!(?:{'|'.join(lines)})[ \t]*$)", re.MULTILINE)


def declared_tools(body: str, rules: Rules | None = None) -> set[str] | None:
    """The recipients that the tools section of a body declares; None if it has none.

    Args:
        body: the body of a message.
        rules: the grammar; the format's own if None.
    """
    names = declared_names(body, rules)
    return None if names is None else set(names)


def is_plain(body: str, rules: Rules) -> bool:
    """Whether the tools of a body stand there as the reference's template writes them.

    That is seen line by line, and so costs much less than to read them.
    """
    words = _words(rules)
    section = body.partition(words.title)[2].partition(f"\n{words.formats}\n")[0]
    begin, end = words.brackets
    return section.count(begin) == section.count(end) and not words.unusual.search(section)


def declared_names(body: str, rules: Rules | None = None) -> list[str] | None:
    """The same in order, as often as each is declared."""
    words = _words(rules or Rules.default())
    _, title, section = body.partition(words.title)
    if not title:
        return None
    return list(_names(section.partition(f"\n{words.formats}\n")[0], words))


def _names(section: str, words: _Words) -> Iterator[str]:
    namespace, functions = "", 0
    for line in section.split("\n"):
        if heading := words.heading.fullmatch(line):
            if namespace and not functions:
                yield namespace
            namespace, functions = heading[1], 0
        elif function := words.function.match(line) or words.odd.match(line):
            functions += 1
            yield f"{namespace}.{function[1]}"
    if namespace and not functions:
        yield namespace  # a namespace without functions is a tool itself


def has_formats(body: str, rules: Rules) -> bool:
    """Whether a body may declare response formats."""
    return _words(rules).formats in body


class Declared(NamedTuple):
    """What one body declares.

    Attributes:
        tools: what checks the arguments of each tool that takes any, by recipient.
        answer: what checks an answer; None if there is no response format.
        fault: where the body leaves its template, if it does; then nothing else is known.
    """

    tools: Mapping[str, Fitting]
    answer: Fitting | None
    fault: Diagnostic | None = None


def declared(rules: Rules, role: Role | CustomRole, body: str) -> Declared:
    """What a body declares; nothing if it does not follow the template.

    What stands in quotes is escaped in one style and in the other not. Where that makes a
    difference either is taken.
    """
    if not isinstance(role, Role):
        return Declared({}, None)
    return (_kept if len(body) <= _LONGEST_KEPT else _read)(rules, role, body)


def _read(rules: Rules, role: Role, body: str) -> Declared:
    from harmony_grammar.bodies import read_body  # noqa: PLC0415  few inputs need it

    reading = read_body(body, role, rules)
    contents: list[Any] = [reading.content]
    if _ESCAPE in body:
        contents.append(read_body(body, role, rules, style="faithful").content)
    schemas: dict[str, list[dict[str, Any]]] = {}
    for content in contents:
        for name, schema in _tools(content):
            schemas.setdefault(name, []).append(schema)
    formats = [known.schema for known in getattr(contents[0], "response_formats", ())]
    tools = {name: Fitting(found) for name, found in schemas.items()}
    return Declared(tools, Fitting(formats) if formats else None, *reading.diagnostics[:1])


# The prompts of a data set are mostly the same few.
_kept: Final = lru_cache(maxsize=64)(_read)


def _tools(content: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for namespace, config in (getattr(content, "tools", None) or {}).items():
        for tool in config.tools:
            if tool.parameters is not None:
                yield f"{namespace}.{tool.name}", tool.parameters
