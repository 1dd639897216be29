"""Where something is, as people say it: line and column, or the index of an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.errors import Diagnostic
from harmony_grammar.parsing.sources import TextSource

if TYPE_CHECKING:
    from harmony_grammar.errors import Severity, Span
    from harmony_grammar.parsing.sources import IdSource, Source

__all__ = ["Explanation", "locate"]


class Explanation(NamedTuple):
    """What mistake a fault is.

    Attributes:
        code: the stable name of the finding.
        message: what is wrong, in the format's words.
        hint: what to do about it, if that is known.
    """

    code: str
    message: str
    hint: str | None = None


def locate(
    source: Source,
    span: Span,
    severity: Severity,
    said: Explanation,
    expected: tuple[str, ...] = (),
) -> Diagnostic:
    """A finding about a source, with its place in words."""
    place = _in_text(source, span) if isinstance(source, TextSource) else _in_ids(source, span)
    return Diagnostic(
        said.code,
        severity,
        said.message,
        span,
        source.unit,
        expected=expected,
        hint=said.hint,
        **place,  # type: ignore[arg-type]
    )


def _in_text(source: TextSource, span: Span) -> dict[str, object]:
    text = source.text
    line = source.line_of(span.start)
    begin = source.line_starts[line]
    end = text.find("\n", begin)
    return {
        "line": line + 1,
        "column": span.start - begin + 1,
        "found": text[span.start : span.end] or None,
        "source_line": text[begin : len(text) if end < 0 else end],
    }


def _in_ids(source: IdSource, span: Span) -> dict[str, object]:
    token = source.ids[span.start] if span.start < source.length else None
    found = None if token is None else source.spell(token)
    return {"token": token, "found": found}
