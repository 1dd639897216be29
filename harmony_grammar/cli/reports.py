"""How a check says what it found.

For people with a summary, as JSON, as JSON Lines, and to continuous integration: as commands of
GitHub Actions and as SARIF 2.1.0.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from harmony_grammar import __version__
from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.cli.output import (
    complain,
    dump,
    finding_parts,
    json_bytes,
    one_line,
    write_bytes,
)
from harmony_grammar.cli.results import STATUSES, EarlyEnd, Found

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from harmony_grammar.cli.datasets.files import DataKind
    from harmony_grammar.cli.output import Output, Part
    from harmony_grammar.cli.results import BatchResult, FileResult, Totals

__all__ = ["FindingsReport", "ReportFormat", "report_in", "row_parts"]


class ReportFormat(str, Enum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    GITHUB = "github"
    SARIF = "sarif"


class FindingsReport(Protocol):
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
    where = f"{one_line(found.where)}: " if found.where else ""
    return [[f"{one_line(found.name)}:{found.row}: ", severity, where, said, code], *rows[1:]]


# --- the summary ---

_STYLES: Final = dict(zip(STATUSES, ("green", "yellow", "red", "red"), strict=True))
_SEVERITIES: Final = {"error": "bold red", "warning": "bold yellow"}
_MOST_SAID: Final = 68  # characters of an example


def _counted(number: int, noun: str) -> str:
    """A number and what it counts: `1 row`, `20,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _verdicts(statuses: Counter[str]) -> Iterator[Part]:
    """How many of something have each verdict."""
    before = ": "
    for status, style in _STYLES.items():
        if number := statuses[status]:
            yield before
            yield f"{number:,} {status}", style
            before = ", "


def _summary(totals: Totals) -> list[list[Part]]:
    """The lines of a summary."""
    rows = [] if totals.ending is None else [_ended(totals, totals.ending)]
    if totals.statuses or not totals.data_sets:
        rows.append(_of_transcripts(totals))
    if totals.data_sets:
        rows += [_of_data_sets(totals), *_table(totals)]
    return rows


def _ended(totals: Totals, ending: EarlyEnd) -> list[Part]:
    why = {
        EarlyEnd.INTERRUPTED: "interrupted",
        EarlyEnd.TERMINATED: "terminated",
        EarlyEnd.ENOUGH: f"stopped after {_counted(totals.errors, 'error')}",
        EarlyEnd.LOST_PROCESS: "a process was ended, perhaps for want of memory (try fewer --jobs)",
    }[ending]
    return [(f"{why}: this is what was read until then", "bold")]


def _of_transcripts(totals: Totals) -> list[Part]:
    parts: list[Part] = [(_counted(totals.statuses.total(), "file"), "bold")]
    parts += _verdicts(totals.statuses)
    if totals.codes and not totals.data_sets:
        found = ", ".join(f"{code} {number}" for code, number in sorted(totals.codes.items()))
        parts.append(f"; found {found}")
    return parts


def _of_data_sets(totals: Totals) -> list[Part]:
    rows = totals.rows
    head = f"{_counted(totals.data_sets, 'data set')}, {_counted(rows.rows, 'row')}, "
    head += _counted(rows.messages, "message")
    return [(head, "bold"), *_verdicts(rows.statuses)]


def _table(totals: Totals) -> Iterator[list[Part]]:
    """What was found, most often first, with the first example of each."""
    codes = sorted(totals.codes.items(), key=lambda item: (-item[1], item[0]))
    if not codes:
        return
    wide = max(len("finding"), *(len(code) for code, _ in codes))
    digits = max(len("count"), *(len(f"{number:,}") for _, number in codes))
    yield []
    yield [(f"{'count':>{digits}}  {'finding':<{wide}}  {'severity':<8}  the first of them", "dim")]
    for code, number in codes:
        example = totals.examples[code]
        severity = example.diagnostic.severity.value
        yield [
            f"{number:>{digits},}  {code:<{wide}}  ",
            (f"{severity:<8}", _SEVERITIES[severity]),
            f"  {_example(example)}",
        ]


def _example(found: Found) -> str:
    row = "" if found.row is None else f":{found.row}"
    said = found.diagnostic.message
    said = said if len(said) <= _MOST_SAID else said[: _MOST_SAID - 1] + "…"
    return one_line(f"{found.name}{row}: {said}")


# --- for people and programs ---


class _TextReport:
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
            verdict: list[Part] = [
                f"{one_line(result.name)}: ",
                (result.status, _STYLES[result.status]),
            ]
            read = f" ({result.start}, {_counted(result.messages, 'message')})"
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
            self._output.line(
                f"{one_line(name)}: {_counted(result.rows, 'row')}", *_verdicts(result.statuses)
            )

    def close(self, totals: Totals, code: int) -> None:  # noqa: ARG002  the summary says it in words
        """The summary."""
        if not self._quiet:
            self._output.lines(_summary(totals))


class _JsonReport:
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


class _JsonLinesReport:
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
        write_bytes(json_bytes(data) + b"\n")


# --- for continuous integration ---

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def _sentences(found: Found) -> str:
    """What is wrong, where, and what to do about it."""
    diagnostic = found.diagnostic
    words = (
        [f"{found.where}: {diagnostic.message}"] if _tells_where(found) else [diagnostic.message]
    )
    words += [f"hint: {diagnostic.hint}"] if diagnostic.hint else []
    return "\n".join(words)


def _tells_where(found: Found) -> bool:
    """Whether the place is not told by a line and a column."""
    return bool(found.where) and (found.row is not None or found.diagnostic.line is None)


# --- GitHub Actions ---

_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: Final = {**_DATA, ":": "%3A", ",": "%2C"}


def _escaped(text: str, table: dict[str, str]) -> str:
    """Text as workflow commands need it."""
    return "".join(table.get(char, char) for char in text)


class _GithubReport:
    """Workflow commands, which GitHub Actions shows at the lines of a change.

    Args:
        output: where to.
        quiet: whether to leave out the summary, which is plain lines of the log.
    """

    def __init__(self, output: Output, *, quiet: bool) -> None:
        self._output = output
        self._quiet = quiet

    def file(self, result: FileResult) -> None:
        """What could not be read."""
        if result.problem is not None:
            self._command("error", {"file": result.name, "title": "unreadable"}, result.problem)

    def finding(self, found: Found) -> None:
        """A finding."""
        place: dict[str, object] = {"file": found.name}
        if found.line is not None:
            place["line"] = found.line
        if found.row is None and found.diagnostic.column is not None:
            place["col"] = found.diagnostic.column
        code, severity = found.diagnostic.code, found.diagnostic.severity.value
        said = _sentences(found)
        if found.row is not None and found.line is None:
            said = f"{found.word} {found.row}: {said}"
        self._command(severity, {**place, "title": code}, said)

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:
        """Nothing but its findings."""

    def close(self, totals: Totals, code: int) -> None:  # noqa: ARG002  the summary says it in words
        """The summary."""
        if not self._quiet:
            self._output.lines(_summary(totals))

    def _command(self, name: str, properties: dict[str, object], message: str) -> None:
        told = ",".join(f"{k}={_escaped(str(v), _PROPERTY)}" for k, v in properties.items())
        self._output.line(f"::{name} {told}::{_escaped(message, _DATA)}")


# --- SARIF ---


class _SarifReport:
    """A SARIF log, written as findings come, so that it takes no memory."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._count = 0
        head = {"$schema": _SCHEMA, "version": "2.1.0"}
        write_bytes(json_bytes(head)[:-1] + b', "runs": [{"results": [')

    def file(self, result: FileResult) -> None:
        """What could not be read is no result but a notification."""
        if result.problem is not None:
            self._problems.append(result.problem)

    def finding(self, found: Found) -> None:
        """A finding."""
        write_bytes((b",\n" if self._count else b"\n") + json_bytes(_result(found)))
        self._count += 1

    def data_set(self, name: str, kind: DataKind, result: BatchResult) -> None:
        """Nothing but its findings."""

    def close(self, totals: Totals, code: int) -> None:
        """The rest: the rules, and how it ended."""
        driver = {"name": "harmony-grammar", "version": __version__, "rules": list(_rules(totals))}
        notes = [{"level": "error", "message": {"text": text}} for text in self._problems]
        ended: dict[str, Any] = {"executionSuccessful": not notes, "exitCode": code}
        if notes:
            ended["toolExecutionNotifications"] = notes
        rest = {
            "tool": {"driver": driver},
            "invocations": [ended],
            "columnKind": "unicodeCodePoints",
            "properties": {"summary": totals.to_dict()},
        }
        write_bytes(b"], " + json_bytes(rest)[1:] + b"]}\n")


def _result(found: Found) -> dict[str, Any]:
    diagnostic = found.diagnostic
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(found.name)}}
    if found.line is not None:
        place["region"] = {"startLine": found.line}
        if found.row is None and diagnostic.column is not None:
            place["region"]["startColumn"] = diagnostic.column
    return {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.value,
        "message": {"text": _sentences(found)},
        "locations": [{"physicalLocation": place}],
        "properties": found.to_dict(),
    }


def _uri(name: str) -> str:
    """A file as a URI; relative if it is."""
    path = Path(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _rules(totals: Totals) -> Iterator[dict[str, Any]]:
    """The rules that findings name."""
    for code in sorted(totals.codes):
        known = DiagnosticCode(code)
        general = known.kind in ("warning", "input")
        said = known.meaning if general else f"{totals.examples[code].diagnostic.message}."
        yield {"id": code, "shortDescription": {"text": said}}


def report_in(form: ReportFormat, output: Output, *, quiet: bool, brief: bool) -> FindingsReport:
    """The report in a format.

    Args:
        form: the format.
        output: where lines for people go.
        quiet: whether to leave out verdicts and the summary.
        brief: whether to leave out all but the summary.
    """
    if form is ReportFormat.TEXT:
        return _TextReport(output, quiet=quiet, brief=brief)
    if form is ReportFormat.GITHUB:
        return _GithubReport(output, quiet=quiet)
    return _FOR_PROGRAMS[form]()


_FOR_PROGRAMS: Final[dict[ReportFormat, Callable[[], FindingsReport]]] = {
    ReportFormat.JSON: _JsonReport,
    ReportFormat.JSONL: _JsonLinesReport,
    ReportFormat.SARIF: _SarifReport,
}
