"""`harmony-grammar check`: is this the format, and if not, where and why."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harmony_grammar.cli.inputs import InputKind, StartChoice, expand, judge, label, read
from harmony_grammar.cli.options import Form, Keep, Kind, Start
from harmony_grammar.cli.output import (
    FINDINGS,
    MISUSE,
    Layout,
    Misuse,
    Output,
    Part,
    complain,
    dump,
    finding_parts,
)
from harmony_grammar.cli.progress import with_progress

if TYPE_CHECKING:
    from harmony_grammar import Diagnostic

__all__ = ["register"]

_UNREADABLE: Final = "unreadable"
_STYLES: Final = {
    "complete": "green",
    "truncated": "yellow",
    "malformed": "red",
    _UNREADABLE: "red",
}


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of one file.

    Attributes:
        name: what to call it.
        status: the verdict, or that it could not be read.
        ok: whether it is complete and no finding is an error.
        start: the start symbol it was read from; None if it could not be read.
        unit: whether it was text or ids; None if it could not be read.
        messages: how many whole messages were read.
        findings: what was found.
        problem: why it could not be read.
    """

    name: str
    status: str
    ok: bool = False
    start: str | None = None
    unit: str | None = None
    messages: int = 0
    findings: "tuple[Diagnostic, ...]" = ()
    problem: str | None = None


class _Totals:
    """What became of all files.

    Attributes:
        statuses: how many files have each verdict.
        codes: how often each finding was made.
        failed: how many files are not as they should be.
        warnings: how many of the findings are warnings.
    """

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.failed = 0
        self.warnings = 0

    def add(self, result: _Result) -> None:
        """Count one file."""
        self.statuses[result.status] += 1
        self.failed += not result.ok
        self.codes.update(finding.code for finding in result.findings)
        self.warnings += sum(f.severity.value == "warning" for f in result.findings)

    def exit_code(self, *, strict: bool) -> int:
        """The exit code; `strict` makes a warning as bad as an error."""
        if self.statuses[_UNREADABLE]:
            return MISUSE
        return FINDINGS if self.failed or (strict and self.warnings) else 0


def _check(  # noqa: PLR0913  a parameter is an option
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            show_default=False,
            help="Files, folders (all *.harmony below them), or - for what is piped in.",
        ),
    ] = None,
    *,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    form: Form = Layout.TEXT,
    keep_newline: Keep = False,
    warnings_as_errors: Annotated[
        bool, typer.Option("--warnings-as-errors", help="Fail on warnings, too.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show findings only, no verdicts and no summary.")
    ] = False,
) -> None:
    """Check transcripts: is each complete, cut off or malformed, and where and why.

    \b
    Examples:
      harmony-grammar check examples/*.harmony
      harmony-grammar check --start completion sampled.txt
      harmony-grammar check --format json logs/ > report.json
      echo '[200006, 1428, 200008, 12194, 200007]' | harmony-grammar check -

    Exit codes: 0 if all are complete, 1 if not (or if there are warnings and
    --warnings-as-errors is given), 2 if something could not be read.
    """  # noqa: D301  the escape tells typer to keep the lines
    output, totals = Output(), _Totals()
    rows: list[dict[str, Any]] = []
    for name in with_progress(expand(files or []), output):
        result = _result(name, kind, start, keep_newline=keep_newline)
        totals.add(result)
        if form is Layout.JSON:
            rows.append(_data(result))
        elif result.problem is not None:
            complain(result.problem)
        else:
            output.lines(_lines(result, quiet=quiet))
    if form is Layout.JSON:
        dump({"files": rows, "summary": _summary_data(totals)})
    elif not quiet:
        output.line(*_summary(totals))
    raise typer.Exit(totals.exit_code(strict=warnings_as_errors))


def _result(name: str, kind: InputKind, start: StartChoice, *, keep_newline: bool) -> _Result:
    try:
        source = read(name, kind, keep_newline=keep_newline).source
    except Misuse as problem:
        return _Result(label(name), _UNREADABLE, problem=str(problem))
    used, report = judge(source, start)
    unit = "text" if isinstance(source, str) else "ids"
    count = len(report.conversation)
    return _Result(label(name), report.status, report.ok, used, unit, count, report.diagnostics)


# --- for people ---


def _lines(result: _Result, *, quiet: bool) -> list[list[Part]]:
    verdict: list[Part] = [f"{result.name}: ", (result.status, _STYLES[result.status])]
    verdict.append((f" ({result.start}, {_count(result.messages, 'message')})", "dim"))
    rows = [] if quiet else [verdict]
    for finding in result.findings:
        rows += finding_parts(result.name, finding)
    return rows


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _summary(totals: _Totals) -> list[Part]:
    files = _count(totals.statuses.total(), "file")
    parts: list[Part] = [(files, "bold")]
    for status, style in _STYLES.items():
        if number := totals.statuses[status]:
            parts += [": " if len(parts) == 1 else ", ", (f"{number} {status}", style)]
    if totals.codes:
        found = ", ".join(f"{code} {number}" for code, number in sorted(totals.codes.items()))
        parts.append(f"; found {found}")
    return parts


# --- for programs ---


def _data(result: _Result) -> dict[str, Any]:
    data: dict[str, Any] = {"name": result.name, "status": result.status, "ok": result.ok}
    if result.problem is not None:
        return {**data, "error": result.problem}
    return {
        **data,
        "start": result.start,
        "unit": result.unit,
        "messages": result.messages,
        "diagnostics": [finding.to_dict() for finding in result.findings],
    }


def _summary_data(totals: _Totals) -> dict[str, Any]:
    return {
        "files": totals.statuses.total(),
        **{status: totals.statuses[status] for status in _STYLES},
        "warnings": totals.warnings,
        "codes": dict(sorted(totals.codes.items())),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", short_help="Is it complete, cut off or malformed?")(_check)
