"""How a check says what it found: for people, as JSON, and as JSON Lines."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from harmony_grammar.cli.output import complain, dump, finding_parts, write_bytes
from harmony_grammar.cli.results import STATUSES, Found
from harmony_grammar.cli.summary import STYLES, counted, summary, verdicts

if TYPE_CHECKING:
    from harmony_grammar.cli.datasets.files import DataKind
    from harmony_grammar.cli.output import Output, Part
    from harmony_grammar.cli.results import BatchResult, FileResult, Totals

__all__ = ["Format", "JsonLinesSink", "JsonSink", "Sink", "TextSink", "row_parts"]


class Format(str, Enum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    GITHUB = "github"
    SARIF = "sarif"


class Sink(Protocol):
    """Where findings go, in the order of the input."""

    def file(self, result: FileResult) -> None:
        """A transcript; its findings follow."""

    def finding(self, found: Found) -> None:
        """A finding in the transcript, or in a row of the data set."""

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:
        """A data set; its findings came before."""

    def close(self, totals: Totals, code: int) -> None:
        """The end, and the exit code."""


def row_parts(found: Found) -> list[list[Part]]:
    """A finding about a row as lines: where and what, the caret, what was expected, what to do."""
    diagnostic = found.diagnostic
    rows = finding_parts(found.name, diagnostic)
    severity, said, code = rows[0][1:]
    where = f"{found.where}: " if found.where else ""
    return [[f"{found.name}:{found.row}: ", severity, where, said, code], *rows[1:]]


class TextSink:
    """Lines for people.

    Args:
        output: where to.
        quiet: whether to leave out verdicts and the summary.
        brief: whether to leave out all but the summary.
    """

    def __init__(self, output: Output, *, quiet: bool, brief: bool) -> None:
        self._output = output
        self._quiet = quiet
        self._brief = brief

    def file(self, result: FileResult) -> None:
        """The verdict of a transcript."""
        if result.problem is not None:
            complain(result.problem)
        elif not (self._quiet or self._brief):
            verdict: list[Part] = [f"{result.name}: ", (result.status, STYLES[result.status])]
            read = f" ({result.start}, {counted(result.messages, 'message')})"
            self._output.line(*verdict, (read, "dim"))

    def finding(self, found: Found) -> None:
        """A finding, with a caret."""
        if self._brief:
            return
        parts = row_parts(found) if found.row else finding_parts(found.name, found.diagnostic)
        self._output.lines(parts)

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:  # noqa: ARG002
        """The verdicts of its rows."""
        if not (self._quiet or self._brief):
            self._output.line(f"{name}: {counted(result.rows, 'row')}", *verdicts(result.statuses))

    def close(self, totals: Totals, code: int) -> None:  # noqa: ARG002  the summary says it in words
        """The summary."""
        if not self._quiet:
            self._output.lines(summary(totals))


class JsonSink:
    """One JSON object at the end."""

    def __init__(self) -> None:
        self._files: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []

    def file(self, result: FileResult) -> None:
        """A transcript."""
        head = {"name": result.name, "status": result.status, "ok": result.ok}
        if result.problem is not None:
            self._files.append({**head, "error": result.problem})
            return
        read = {"start": result.start, "unit": result.unit, "messages": result.messages}
        found = [finding.to_dict() for finding in result.findings]
        self._files.append({**head, **read, "diagnostics": found})

    def finding(self, found: Found) -> None:
        """A finding; those in transcripts are there already."""
        if found.row is not None:
            self._found.append(found.to_dict())

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:
        """A data set with its findings."""
        verdict = {status: result.statuses[status] for status in STATUSES}
        read = {"rows": result.rows, **verdict, "messages": result.messages}
        head = {"name": name, "kind": kind.value, "ok": not result.failed}
        self._files.append({**head, **read, "diagnostics": self._found})
        self._found = []

    def close(self, totals: Totals, code: int) -> None:  # noqa: ARG002  the summary says it
        """Write it all."""
        dump({"files": self._files, "summary": totals.to_dict()})


class JsonLinesSink:
    """One JSON object a line as soon as something is found, and the summary in the last line."""

    def file(self, result: FileResult) -> None:
        """What could not be read."""
        if result.problem is not None:
            self._line({"type": "unreadable", "file": result.name, "error": result.problem})

    def finding(self, found: Found) -> None:
        """A finding."""
        self._line({"type": "finding", "file": found.name, **found.to_dict()})

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:
        """Nothing but its findings."""

    def close(self, totals: Totals, code: int) -> None:  # noqa: ARG002  the summary says it
        """The summary."""
        self._line({"type": "summary", **totals.to_dict()})

    def _line(self, data: dict[str, Any]) -> None:
        text = json.dumps(data, ensure_ascii=False)
        write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")
