"""Errors and diagnostics: what is wrong, where, and what to do about it.

There is one family. `HarmonyError` is its head and also a `RuntimeError`, because that is
what programs written for the reference implementation catch. Below it the classes are split
by whose fault it is: `HarmonySyntaxError` for bad input, `FieldError` for what an object cannot
hold, `RenderError` for a tree that cannot be written, `GrammarError` for a bad grammar text,
`ConstraintError` for a contradictory constraint and `VocabularyError` for a vocabulary that
cannot be used.

A `Diagnostic` is one finding as plain data. Positions come in two units: characters of a text
(then there are a line and a column) and indices of ids (then there are the id and what it
decodes to).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final, Literal, NamedTuple
from unicodedata import combining, east_asian_width

__all__ = [
    "ConstraintError",
    "ConstraintViolation",
    "Diagnostic",
    "FieldError",
    "GrammarError",
    "HarmonyError",
    "HarmonySyntaxError",
    "RenderError",
    "Severity",
    "Span",
    "Unit",
    "VocabularyError",
    "excerpt",
]

Unit = Literal["text", "ids"]

_WINDOW: Final = 72  # columns of a source line that a caret picture shows


class Span(NamedTuple):
    """A half-open range: characters of a text, or indices of a sequence of ids."""

    start: int
    end: int


class Severity(str, Enum):
    """How bad a finding is: an error makes input unacceptable, a warning does not."""

    ERROR = "error"
    WARNING = "warning"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about an input.

    Attributes:
        code: the stable name of the finding, such as `unknown-channel`.
        severity: whether it makes the input unacceptable.
        message: what is wrong, in the format's words.
        span: where, in characters or indices according to `unit`.
        unit: `"text"` or `"ids"`.
        line: the 1-based line of the span's start; None for ids.
        column: the 1-based column of the span's start; None for ids.
        token: the id at the span's start; None for text and at the end of the input.
        found: the text at the span: the source text itself, or what the id decodes to.
        expected: what could have stood there instead, sorted.
        hint: what to do about it, if that is known.
        excerpt: the surroundings of the place in its line of text, for the caret picture.
        indent: where in the excerpt the span starts.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    unit: Unit = "text"
    line: int | None = None
    column: int | None = None
    token: int | None = None
    found: str | None = None
    expected: tuple[str, ...] = ()
    hint: str | None = None
    excerpt: str | None = field(default=None, repr=False)
    indent: int = field(default=0, repr=False)

    @property
    def place(self) -> str:
        """Where it is, in words: `line 1, column 25` or `token 7 (200012, '<|call|>')`."""
        if self.unit == "text":
            return f"line {self.line}, column {self.column}"
        if self.token is None:
            return f"token {self.span.start} (the end)"
        return f"token {self.span.start} ({self.token}, {self.found!r})"

    def picture(self) -> str:
        """The line of text around the place, with a caret below it; empty for ids.

        A long line is cut, with `…` where it was cut.
        """
        if self.excerpt is None:
            return ""
        before, marked = self.excerpt[: self.indent], self.excerpt[self.indent :]
        marked = marked[: self.span.end - self.span.start]
        carets = "^" * max(1, _columns(marked))
        return f"  {self.excerpt}\n  {' ' * _columns(before)}{carets}"

    def __str__(self) -> str:
        parts = [f"{self.place}: {self.message} [{self.code}]", self.picture()]
        if self.expected:
            parts.append(f"  expected: {', '.join(self.expected)}")
        if self.hint:
            parts.append(f"  hint: {self.hint}")
        return "\n".join(part for part in parts if part)

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON-ready data, without the picture."""
        data = asdict(self)
        del data["excerpt"], data["indent"]
        return {
            **data,
            "severity": str(self.severity),
            "span": list(self.span),
            "expected": list(self.expected),
        }


def _columns(text: str) -> int:
    """How many columns a text takes on a terminal."""
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(combining(char)) for char in text)


def excerpt(text: str, line: Span, at: int) -> tuple[str, int]:
    """Cut a line to the surroundings of a place.

    Args:
        text: the text that the line is in.
        line: where the line is.
        at: the place.

    Returns:
        At most some `_WINDOW` characters of the line, with controls as dots, and where in them the
        place is.
    """
    begin = max(line.start, at - _WINDOW // 2)
    end = min(line.end, begin + _WINDOW)
    shown = text[begin:end]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else "·" for char in shown)
    head = "…" if begin > line.start else ""
    tail = "…" if end < line.end else ""
    return head + shown + tail, at - begin + len(head)


class HarmonyError(RuntimeError):
    """Anything this package has to say against its input."""


class HarmonySyntaxError(HarmonyError, ValueError):
    """The input is not a sentence of the format.

    Attributes:
        diagnostic: what is wrong and where.
    """

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic

    def __reduce__(self) -> tuple[type[HarmonySyntaxError], tuple[Diagnostic]]:
        return type(self), (self.diagnostic,)


class FieldError(HarmonyError, ValueError, TypeError):
    """What is no value of a field: of the wrong type, a word that there is not, an unknown key.

    It is a `ValueError`, as what pydantic raises for the reference's objects.
    """


class RenderError(HarmonyError, ValueError):
    """A tree that the format cannot write, or not as text."""


class GrammarError(HarmonyError, ValueError):
    """A grammar text that cannot be used.

    Args:
        message: what is wrong, and what to do about it.
        line: the 1-based line of the grammar text, if known.
        column: the 1-based column, if known.
        text: the grammar text, of which the line is then shown with a caret below the place.

    Attributes:
        line: the 1-based line of the grammar text, if known.
        column: the 1-based column, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        text: str | None = None,
    ) -> None:
        place = "" if line is None else f"line {line}, column {column}: "
        super().__init__(place + message + _caret(text, line, column))
        self.line = line
        self.column = column


def _caret(text: str | None, line: int | None, column: int | None) -> str:
    """A line of a text with a caret below a place; empty if the place is not known."""
    lines = (text or "").splitlines()
    if line is None or column is None or not 0 < line <= len(lines):
        return ""
    source = lines[line - 1]
    shown, indent = excerpt(source, Span(0, len(source)), min(column - 1, len(source)))
    return f"\n  {shown}\n  {' ' * _columns(shown[:indent])}^"


class ConstraintError(HarmonyError, ValueError):
    """A constraint that contradicts itself or that the format cannot spell."""


class ConstraintViolation(ConstraintError):
    """An id that the constraint does not allow here."""


class VocabularyError(HarmonyError):
    """A vocabulary that is damaged, or lacks a token the format needs."""
