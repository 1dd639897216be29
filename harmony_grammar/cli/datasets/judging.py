"""Checking a batch of rows; what a job does."""

from __future__ import annotations

import gc
import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import harmony_grammar as hg
from harmony_grammar import Diagnostic, Severity, Span
from harmony_grammar.cli.datasets.rows import BadRow, source_of
from harmony_grammar.cli.inputs import StartChoice, judge
from harmony_grammar.cli.results import UNREADABLE, BatchResult, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.cli.datasets.batches import Batch

__all__ = ["Settings", "decoded", "judge_batch", "starts_of"]

# An answer that was cut off is a fine prompt, so only a field of that name is taken for one.
_PROMPTS: Final = (StartChoice.PROMPT, StartChoice.CONVERSATION)
_TRANSCRIPTS: Final = (StartChoice.CONVERSATION, StartChoice.COMPLETION)


@dataclass(frozen=True)
class Settings:
    """How rows are checked.

    Attributes:
        name: what the file is called.
        field: the field that holds the transcript; None to find out.
        start: the start symbol.
        lint: which lint rules are looked at, and how bad their findings are.
    """

    name: str
    field: str | None
    start: StartChoice
    lint: Lint


def judge_batch(settings: Settings, batch: Batch) -> BatchResult:
    """Check the rows of a batch. A row that cannot be read is a finding."""
    result = BatchResult()
    with _uncollected():
        for number, row in decoded(batch):
            _judge_row(settings, batch.word, number, row, result)
    if batch.problem is not None:
        last = batch.first + batch.size
        bad = BadRow("invalid-row", batch.problem, "mend the file; what follows was not read")
        _add_bad(settings, batch.word, last, bad, result)
    return result


def decoded(batch: Batch) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers; instead of one that is no JSON, the reason. Blank lines go."""
    loads = _loads()
    for number, line in enumerate(batch.lines, batch.first):
        if line.isspace():
            continue
        try:
            yield number, loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadRow("invalid-row", _no_json(error), "mend the line")
    yield from enumerate(batch.values, batch.first)


def _no_json(error: Exception) -> str:
    """What is wrong with a line; the place in it is a column, for it is one line."""
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error.msg}: column {error.colno}"
    return f"the line is no JSON: {error}"


@cache
def _loads() -> Callable[[bytes], Any]:
    """The fastest JSON reader that is installed; what only the standard one takes is taken."""
    try:
        import orjson  # noqa: PLC0415  only data sets need it
    except ImportError:
        return _standard

    def loads(line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except ValueError:
            return _standard(line)

    return loads


def starts_of(field: str | None) -> tuple[StartChoice, ...]:
    """What a field may be: a prompt if it is called so, else a transcript or a completion."""
    return _PROMPTS if field == "prompt" else _TRANSCRIPTS


def _standard(line: bytes) -> Any:
    return json.loads(line.rstrip(b"\r\n"))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: what is read has none, and there is much of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _judge_row(settings: Settings, word: str, number: int, row: Any, result: BatchResult) -> None:
    try:
        if isinstance(row, BadRow):
            raise row
        given = source_of(hg.Grammar.default(), row, settings.field)
    except BadRow as bad:
        _add_bad(settings, word, number, bad, result)
        return
    _, report = judge(given.source, settings.start, settings.lint, starts_of(given.field))
    result.count(report.status, ok=report.ok, messages=len(report.conversation))
    for diagnostic in report.diagnostics:
        index = _message_index(given.messages, report, diagnostic)
        found = Found(settings.name, diagnostic, number, word, given.field, index)
        result.findings.append(found)


def _message_index(
    indices: Sequence[int] | None, report: hg.Report, diagnostic: Diagnostic
) -> int | None:
    """The index of the message that a finding is about, if the row is given as messages."""
    if not indices:
        return None
    ends = [message.offsets[3] for message in report.conversation if message.offsets]
    before = sum(end <= diagnostic.span.start for end in ends)
    return indices[min(before, len(indices) - 1)]


def _add_bad(settings: Settings, word: str, number: int, bad: BadRow, result: BatchResult) -> None:
    result.count(UNREADABLE, ok=False)
    said = Diagnostic(bad.code, Severity.ERROR, str(bad), Span(0, 0), hint=bad.hint)
    result.findings.append(Found(settings.name, said, number, word))
