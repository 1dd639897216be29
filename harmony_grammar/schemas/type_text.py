r"""Types as TypeScript, in the faithful style.

The layout is that of the compatible style, which models were trained on: a field on a line of
its own, its comments above, what bounds it behind. It differs where that style is ambiguous. A
union before brackets has parentheses, and so has a stacked one wherever a comment might swallow
what follows; names that are no words are quoted; strings are escaped; each line of a description
is a comment of its own.

Whatever names, values and comments hold, none of it can end the line that it stands on, and so
no comment, string, type or namespace.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.schemas.type_comments import comment_lines, json_line
from harmony_grammar.schemas.types import (
    Array,
    Field,
    Index,
    Intersection,
    Literal,
    Object,
    Tuple,
    Union,
    Variant,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harmony_grammar.schemas.types import Type

__all__ = ["type_text"]

_FIELD_STEP: Final = "    "
_VARIANT_STEP: Final = "   "
_WORD: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def type_text(kind: Type, indent: str = "", *, mark: str = "//") -> str:
    """Write a type.

    Args:
        kind: the type.
        indent: what stands before each line but the first.
        mark: what comments begin with.

    Returns:
        The type, over several lines if it has fields or comments.

    Example:
        >>> color = Union((Variant(Literal("red")), Variant(Word("null"))))
        >>> type_text(Array(color))
        '("red" | null)[]'
    """
    return _Writer(mark).type(kind, indent)


def _stacked(kind: Type) -> bool:
    """Whether a union stands on several lines, as it must where it has comments."""
    if not isinstance(kind, Union):
        return False
    return kind.stacked or any(each.comments or each.above for each in kind.variants)


def _name(field: Field) -> str:
    name = field.name if _WORD.fullmatch(field.name) else json_line(field.name)
    return name if field.required else f"{name}?"


def _parts(line: str) -> list[str]:
    """The lines that a comment really has; an empty one is a line, too."""
    return comment_lines(line) or [""]


class _Writer:
    """Writes types whose comments begin with a mark."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def type(self, kind: Type, indent: str) -> str:
        """A type; each line of it but the first is indented."""
        return _FORMS[kind.__class__](self, kind, indent)

    def word(self, kind: Word, _: str) -> str:
        return kind.name if _WORD.fullmatch(kind.name) else "any"

    def literal(self, kind: Literal, _: str) -> str:
        return json_line(kind.value)

    def array(self, kind: Array, indent: str) -> str:
        return "Array<any>" if kind.items is None else f"{self._tight(kind.items, indent)}[]"

    def tuple(self, kind: Tuple, indent: str) -> str:
        items = [self.type(item, indent) for item in kind.items]
        rest = [] if kind.rest is None else [f"...{self._tight(kind.rest, indent)}[]"]
        return f"[{', '.join(items + rest)}]"

    def _tight(self, kind: Type, indent: str) -> str:
        """A type before an operator that binds more tightly than a bar."""
        text = self.type(kind, indent)
        loose = isinstance(kind, (Union, Intersection)) and not _stacked(kind)
        return f"({text})" if loose else text

    def union(self, kind: Union, indent: str) -> str:
        if not kind.variants:
            return "never"
        if _stacked(kind):
            return f"(\n{self._variants(kind, indent)}{indent})"
        return " | ".join(self._member(each.type, indent) for each in kind.variants)

    def _member(self, kind: Type, indent: str) -> str:
        """A member of a union; a union in it keeps its parentheses."""
        return self._tight(kind, indent) if isinstance(kind, Union) else self.type(kind, indent)

    def _variants(self, kind: Union, indent: str) -> str:
        return "".join(self._variant(each, indent) for each in kind.variants)

    def _variant(self, variant: Variant, indent: str) -> str:
        above = self._comments(variant.above, f"{indent} ")
        text = self._member(variant.type, indent + _VARIANT_STEP)
        return f"{above}{indent} | {text}{self._behind(variant.comments)}\n"

    def intersection(self, kind: Intersection, indent: str) -> str:
        return " & ".join(
            self._tight(part, indent) if isinstance(part, Union) else self.type(part, indent)
            for part in kind.parts
        )

    def object(self, kind: Object, indent: str) -> str:
        """A field per line; what is said of the object stands before its brace."""
        above = self._comments(kind.above, indent).removeprefix(indent)
        head = f"{above}{indent}" if above else ""
        fields = "".join(self._field(field, _name(field), indent) for field in kind.fields)
        index = "" if kind.index is None else self._field(kind.index, "[key: string]", indent)
        return f"{head}{{\n{fields}{index}{indent}}}"

    def _field(self, field: Field | Index, label: str, indent: str) -> str:
        above = self._comments(field.above, indent)
        kind, after = field.type, self._behind(field.after)
        if isinstance(kind, Union) and _stacked(kind) and kind.variants:
            return f"{above}{indent}{label}:\n{self._variants(kind, indent)}{indent},{after}\n"
        return f"{above}{indent}{label}: {self.type(kind, indent + _FIELD_STEP)},{after}\n"

    def _comments(self, lines: Iterable[str], indent: str) -> str:
        return "".join(
            f"{indent}{self._comment(part)}\n" for line in lines for part in _parts(line)
        )

    def _comment(self, line: str) -> str:
        return f"{self.mark} {line}".rstrip()

    def _behind(self, comments: Iterable[str]) -> str:
        """What stands behind a type: one line, whatever is in it."""
        text = " ".join(part for comment in comments for part in _parts(comment))
        return f" {self._comment(text)}" if text else ""


_FORMS: Final[Mapping[type, Callable[[_Writer, Any, str], str]]] = {
    Word: _Writer.word,
    Literal: _Writer.literal,
    Array: _Writer.array,
    Tuple: _Writer.tuple,
    Union: _Writer.union,
    Intersection: _Writer.intersection,
    Object: _Writer.object,
}
