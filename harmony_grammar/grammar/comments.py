"""What the comments of a grammar text say: the sentence of each rule, its examples, its words.

Lark passes comments over, so they are read here, line by line. So are the names of the rules
whose alternatives have a label, since Lark must be told which rules a parse begins with before
it reads the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Comment", "Definition", "comments_of", "definitions", "labelled"]

_DEFINITION: Final = re.compile(r"^[?!]*(_?[a-zA-Z][a-zA-Z0-9_]*)(?:\{[^}]*\})?(?:\.-?\d+)?\s*:")
_REMARK: Final = re.compile(r"^(?P<indent>\s*)//\s?(?P<text>.*)$")
_TRAILING: Final = re.compile(r"\s//\s(?P<text>[^/]*)$")
_TAG: Final = re.compile(r"^(?P<tag>Example|Written by|Departure): (?P<text>.*)$")
_LABEL: Final = re.compile(r"->\s*([a-z_]\w*)")
_LINE_END: Final = "⏎"  # how an example writes a line end


@dataclass(frozen=True, slots=True)
class Comment:
    """What the comment above a rule says.

    Attributes:
        sentence: the sentence of the format that the rule states.
        examples: texts that parse from the rule.
        departure: what the reference implementation does otherwise.
        line: the line of the rule in the grammar text.
        writers: for each example who writes it so; empty where the grammar does not say.
    """

    sentence: str
    examples: tuple[str, ...]
    departure: str
    line: int
    writers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a rule or a terminal is defined.

    Attributes:
        name: its name.
        line: the number of its first line.
        above: the lines of the comment above it.
        text: its own lines.
    """

    name: str
    line: int
    above: tuple[str, ...]
    text: str

    @property
    def terminal(self) -> bool:
        """Whether it is a terminal."""
        return self.name.lstrip("_").isupper()


def definitions(text: str) -> Iterator[Definition]:
    """The definitions of a grammar text, in order."""
    above: list[str] = []
    begun: tuple[str, int, tuple[str, ...]] | None = None
    own: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        remark = _REMARK.match(line)
        found = None if remark else _DEFINITION.match(line)
        if begun and (remark or found or not line.strip() or line.startswith("%")):
            yield Definition(*begun, "\n".join(own))
            begun = None
        if remark:
            above.append(remark["text"])
            continue
        if found:
            begun, own = (found[1], number, tuple(above)), []
        own.append(line)
        above = []
    if begun:
        yield Definition(*begun, "\n".join(own))


def labelled(text: str) -> dict[str, str]:
    """The first rule that has an alternative with a label, by label."""
    found: dict[str, str] = {}
    for definition in definitions(text):
        if not definition.terminal:
            for label in _LABEL.findall(definition.text):
                found.setdefault(label, definition.name)
    return found


def comments_of(text: str) -> tuple[dict[str, Comment], dict[str, str]]:
    """The comments above rules, and the remarks behind terminals."""
    comments: dict[str, Comment] = {}
    words: dict[str, str] = {}
    for definition in definitions(text):
        if definition.terminal:
            trailing = _TRAILING.search(definition.text.split("\n", maxsplit=1)[0])
            words[definition.name] = trailing["text"].strip() if trailing else ""
        else:
            comments[definition.name] = _comment(definition.above, definition.line)
    return comments, words


def _comment(lines: Sequence[str], number: int) -> Comment:
    parts: list[list[str]] = [["Sentence", ""]]
    for line in _paragraph(lines):
        if match := _TAG.match(line):
            parts.append([match["tag"], match["text"]])
        else:
            parts[-1][1] += f" {line}"
    writers = _writers(parts)
    return Comment(
        sentence=_said("Sentence", parts),
        examples=tuple(example for example, _ in writers),
        departure=_said("Departure", parts),
        line=number,
        writers=tuple(writer for _, writer in writers),
    )


def _said(tag: str, parts: Iterable[Sequence[str]]) -> str:
    """What a comment says under a tag."""
    return " ".join(text.strip() for name, text in parts if name == tag)


def _writers(parts: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """The examples of a comment, each with who writes it so, which is said behind it."""
    found: list[tuple[str, str]] = []
    for tag, text in parts:
        if tag == "Example":
            found.append((text.strip().strip("`").replace(_LINE_END, "\n"), ""))
        elif tag == "Written by" and found:
            found[-1] = (found[-1][0], text.strip())
    return found


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    """The comment's own lines, without a heading such as `--- Messages ---`."""
    return (line for line in lines if line.strip() and not line.startswith("---"))
