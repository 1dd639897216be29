"""Lines that look like a declaration of a tool or a field, whether they can be read or not.

A comment takes whatever lines follow it, since the reference marks the first line of a description
only. So a declaration that cannot be read, such as one of a name with a space, would be part of
the comment above it, and what it declares would be gone. Where a comment has taken a line that
looks like one, the body leaves its template there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.grammar.meaning import BodyPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.whole_text import Leaf

__all__ = ["DeclarationLines", "MisfitError", "declaration_lines"]

_OPEN: Final = ("(", "{", "[", "|")  # what a type of several lines begins with
_LONGEST: Final = 1000  # characters of a line that may be one
_MOST_SIGNS: Final = 8  # of a key in one line; the first may be part of a name
# What a type begins with if its name has a space and so may be a sentence.
_KNOWN: Final = (
    r"(?:string|number|integer|boolean|any|null|object|unknown|never|Array)\b|[\"'{(\[|]"
)
_ATOM: Final = (
    r"(?:\"[^\"]*\"|'[^']*'|-?[0-9][0-9.]*|[A-Za-z_$][\w$.]*(?:<[^<>]*>)?|\[\]|\{\})(?:\[\])*"
)
_TYPE: Final = rf"{_ATOM}(?:\s*[|&]\s*{_ATOM})*"


class MisfitError(ValueError):
    """What the grammar allows and no content can hold.

    Attributes:
        at: where it stands.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class DeclarationLines(NamedTuple):
    """What tells lines that look like a declaration, by the signs of a grammar.

    Attributes:
        tool: the beginning of a tool or a type, with the first sign of what it means.
        keys: what stands between the name of a field and its type.
        field: a type on one line and what ends a field, or what a longer type begins with.
        last: a type on one line.
        close: what ends an object.
        ends: what ends a declaration.
    """

    tool: re.Pattern[str]
    keys: tuple[str, ...]
    field: re.Pattern[str]
    last: re.Pattern[str]
    close: str
    ends: str

    def require_no_tool(self, leaves: Sequence[Leaf]) -> None:
        """Refuse lines of a comment of which one looks like the beginning of a tool or a type.

        Raises:
            MisfitError: if one does.
        """
        for leaf in leaves:
            found = self.tool.match(leaf.text.strip()[:_LONGEST])
            if found and (found[1] in _OPEN or leaf.text.rstrip().endswith(self.ends)):
                said = "a tool or a type that cannot be read is declared here"
                raise MisfitError(said, leaf.start)

    def field_in(self, leaves: Sequence[Leaf], text: str) -> int | None:
        """Where one of the lines of a comment looks like a field; None if none does.

        Args:
            leaves: the lines.
            text: the whole text that they stand in.
        """
        for leaf in leaves:
            end = leaf.start + len(leaf.text)
            if self.is_field(leaf.text.strip(), text[end : end + _LONGEST]):
                return leaf.start
        return None

    def is_field(self, line: str, below: str) -> bool:
        """Whether a line looks like a field.

        Args:
            line: the line.
            below: what stands below it.
        """
        if len(line) > _LONGEST:
            return False
        at = -1
        for _ in range(_MOST_SIGNS):
            at = line.find(self.keys[-1], at + 1)
            if at < 0:
                return False
            name, kind = line[:at].strip(), line[at + len(self.keys[-1]) :].strip()
            if not kind:  # the type stands on the next line
                kind = below.lstrip("\n").partition("\n")[0].strip()
                below = "" if kind else below
            if name and self.is_type(name, kind, below):
                return True
        return False

    def is_type(self, name: str, kind: str, below: str) -> bool:
        """Whether what stands behind a name is a type, and not the rest of a sentence."""
        if name[0] == "{" and "}" not in name:
            return False  # an example in JSON
        words = " " in name and name[0] not in "\"'"
        if words and not re.match(_KNOWN, kind):
            return False
        closes = below.lstrip().startswith(self.close)
        return bool(self.field.fullmatch(kind) or (closes and self.last.fullmatch(kind)))


@lru_cache(maxsize=64)
def declaration_lines(rules: Rules) -> DeclarationLines:
    """What tells lines that look like a declaration in bodies of a grammar."""
    signs = rules.meaning.signs
    declares, equals, *_, stop = signs(BodyPart.FUNCTION)
    ends = "|".join(map(re.escape, signs(BodyPart.FIELD)))
    end = rf"\s*(?:{ends})\s*(?://.*)?"
    bracketed = r"[{(\[].*[})\]](?:\[\])*"
    return DeclarationLines(
        tool=re.compile(rf"{re.escape(declares)}\s.*{re.escape(equals)}\s*(\S)"),
        keys=tuple(signs(BodyPart.KEY)),
        field=re.compile(rf"(?:(?:{_TYPE}|{bracketed}){end}|(?:{_TYPE}\s*[|&]\s*)?[{{(\[|])"),
        last=re.compile(rf"(?:{_TYPE}|{bracketed})\s*(?://.*)?"),
        close=signs(BodyPart.OBJECT)[-1],
        ends=stop,
    )
