"""Where something is, as people say it: line and column, or the index of an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.errors import Diagnostic, excerpt
from harmony_grammar.inputs import TextSource

if TYPE_CHECKING:
    from harmony_grammar.errors import Severity, Span
    from harmony_grammar.inputs import IdSource, Source

__all__ = ["Explanation", "locate"]

_MOST_FOUND: Final = 80  # characters of the input that a finding repeats


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
    line = source.line_of(span.start)
    around = source.line_span(line)
    shown, indent = excerpt(source.text, around, span.start)
    return {
        "line": line + 1,
        "column": span.start - around.start + 1,
        "found": _shortened(source.text, span) or None,
        "excerpt": shown,
        "indent": indent,
    }


def _shortened(text: str, span: Span) -> str:
    """The text at a span, or the beginning of a long one."""
    if span.end - span.start <= _MOST_FOUND:
        return text[span.start : span.end]
    return text[span.start : span.start + _MOST_FOUND] + "…"


def _in_ids(source: IdSource, span: Span) -> dict[str, object]:
    if span.start >= source.length:
        return {"token": None, "found": None}
    token, kind = source.ids[span.start], source.kind
    return {"token": token, "found": "" if kind.is_unknown(token) else kind.spelled([token])}
