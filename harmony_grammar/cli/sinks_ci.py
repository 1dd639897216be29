"""How a check says what it found to continuous integration: GitHub Actions, and SARIF 2.1.0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from harmony_grammar import __version__
from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.cli.output import write_bytes
from harmony_grammar.cli.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.cli.datasets.files import DataKind
    from harmony_grammar.cli.output import Output
    from harmony_grammar.cli.results import BatchResult, FileResult, Found, Totals

__all__ = ["GithubSink", "SarifSink"]

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


class GithubSink:
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
            self._output.lines(summary(totals))

    def _command(self, name: str, properties: dict[str, object], message: str) -> None:
        told = ",".join(f"{k}={_escaped(str(v), _PROPERTY)}" for k, v in properties.items())
        self._output.line(f"::{name} {told}::{_escaped(message, _DATA)}")


# --- SARIF ---


class SarifSink:
    """A SARIF log, written as findings come, so that it takes no memory."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._count = 0
        head = {"$schema": _SCHEMA, "version": "2.1.0"}
        self._write(json.dumps(head)[:-1] + ', "runs": [{"results": [')

    def file(self, result: FileResult) -> None:
        """What could not be read is no result but a notification."""
        if result.problem is not None:
            self._problems.append(result.problem)

    def finding(self, found: Found) -> None:
        """A finding."""
        comma = "," if self._count else ""
        self._count += 1
        self._write(f"{comma}\n{json.dumps(_result(found), ensure_ascii=False)}")

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
        self._write("], " + json.dumps(rest, ensure_ascii=False)[1:] + "]}\n")

    def _write(self, text: str) -> None:
        write_bytes(text.encode("utf-8", "backslashreplace"))


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
