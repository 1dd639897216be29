"""`harmony-grammar check`: is this the format, and if not, where and why."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from harmony_grammar.cli.config import chosen_lint
from harmony_grammar.cli.datasets.files import (
    FOLDER_SUFFIXES,
    MEGABYTE,
    DataKind,
    OpenedFile,
    is_data_set,
)
from harmony_grammar.cli.inputs import (
    InputKind,
    StartChoice,
    called,
    expand,
    grammar_of,
    judge,
    read,
)
from harmony_grammar.cli.options import Data, Field, GrammarFile, Keep, Kind, LongestRow, Start
from harmony_grammar.cli.output import Misuse, Output, Terminated
from harmony_grammar.cli.progress import Meter
from harmony_grammar.cli.reports import ReportFormat, report_in
from harmony_grammar.cli.results import (
    UNREADABLE,
    BatchResult,
    EarlyEnd,
    FileResult,
    Found,
    LostProcessError,
    Totals,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from harmony_grammar import Grammar
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.cli.reports import FindingsReport

__all__ = ["register"]

_SUFFIXES = (".harmony", *FOLDER_SUFFIXES)


_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES",
        show_default=False,
        help="Transcripts, data sets (.jsonl, .json, .parquet; .gz and .zst), folders, "
        "patterns such as 'logs/**/*.jsonl', or - for what is piped in.",
    ),
]
_Form = Annotated[
    ReportFormat,
    typer.Option(
        "--format",
        help="Lines for people, JSON (jsonl: one finding a line), workflow commands of "
        "GitHub Actions, or SARIF 2.1.0.",
    ),
]
_Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="CODES", help="Look at these lint rules only."),
]
_Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODES", help="Leave out these lint rules."),
]
_Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="Processes for data sets; 0 is one a core."),
]
_MaxErrors = Annotated[
    int | None, typer.Option("--max-errors", min=1, help="Stop after so many errors.")
]
_WarningsAsErrors = Annotated[
    bool, typer.Option("--warnings-as-errors", help="Fail on warnings, too.")
]
_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show findings only, no verdicts and no summary.")
]
_Brief = Annotated[bool, typer.Option("--summary", help="Show the summary only.")]


def _check(  # noqa: PLR0913  a parameter is an option
    files: _Files = None,
    *,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    data: Data = DataKind.AUTO,
    field: Field = None,
    longest_row: LongestRow = 256,
    form: _Form = ReportFormat.TEXT,
    select: _Select = None,
    ignore: _Ignore = None,
    jobs: _Jobs = 1,
    max_errors: _MaxErrors = None,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
    warnings_as_errors: _WarningsAsErrors = False,
    quiet: _Quiet = False,
    brief: _Brief = False,
) -> None:
    """Check transcripts and data sets: is each complete, cut off or malformed, where and why.

    \b
    Examples:
      harmony-grammar check examples/*.harmony
      harmony-grammar check --start completion sampled.txt
      harmony-grammar check --jobs 4 --summary train.jsonl.zst
      harmony-grammar check --format sarif logs/ > report.sarif
      echo '[200006, 1428, 200008, 12194, 200007]' | harmony-grammar check -

    A row of a data set is text, ids, or messages: wire JSON or an OpenAI chat.
    Which lint rules apply, and how bad they are, may also stand in the nearest
    pyproject.toml under [tool.harmony-grammar]: select, ignore, and a table
    severity. An option replaces what stands there.

    Exit codes: 0 if all is well, 1 if something is not complete or has an error
    (or a warning, with --warnings-as-errors), 2 if a file could not be read or
    the command was misused, 130 if it was interrupted.
    """  # noqa: D301  the escape tells typer to keep the lines
    names, output = expand(files or [], _SUFFIXES), Output()
    wanted = _Wanted(
        grammar=grammar_of(grammar),
        own_grammar=grammar is not None,
        start=start,
        kind=kind,
        keep_newline=keep_newline,
        data=data,
        field=field,
        longest=longest_row * MEGABYTE,
        lint=chosen_lint(select, ignore),
        jobs=jobs or os.cpu_count() or 1,
        max_errors=max_errors,
    )
    report = report_in(form, output, quiet=quiet, brief=brief)
    with Meter(names, output) as meter:
        check = _Check(wanted, report, meter)
        check.run(names)
    code = check.totals.exit_code(strict=warnings_as_errors)
    report.close(check.totals, code)
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Wanted:
    """What a check is to do.

    Attributes:
        grammar: the grammar.
        own_grammar: whether it is not the packaged one.
        start: the start symbol.
        kind: whether transcripts are text or ids.
        keep_newline: whether a newline at the end of a text is part of it.
        data: what kind of data set the files are.
        field: the field of a row that holds the transcript; None to find out.
        longest: how many bytes a row may have.
        lint: which lint rules are looked at.
        jobs: how many processes work on data sets.
        max_errors: after how many errors to stop; None for never.
    """

    grammar: "Grammar"
    own_grammar: bool
    start: StartChoice
    kind: InputKind
    keep_newline: bool
    data: DataKind
    field: str | None
    longest: int
    lint: "Lint"
    jobs: int
    max_errors: int | None


class _EnoughError(Exception):
    """There were as many errors as the user wants to see."""


class _Check:
    """A check under way.

    Args:
        wanted: what to do.
        report: where findings go.
        meter: shows how far it is.
    """

    def __init__(self, wanted: _Wanted, report: "FindingsReport", meter: Meter) -> None:
        self.totals = Totals()
        self._wanted = wanted
        self._report = report
        self._meter = meter

    def run(self, files: Sequence[str]) -> None:
        """Check files, until all are, or there are enough errors, or the user interrupts."""
        try:
            for name in files:
                kind = is_data_set(name, self._wanted.data)
                if kind is DataKind.NONE:
                    self._transcript(name)
                else:
                    self._data_set(name, kind)
                self._meter.done(name)
        except Terminated:
            self.totals.ending = EarlyEnd.TERMINATED
        except KeyboardInterrupt:
            self.totals.ending = EarlyEnd.INTERRUPTED
        except _EnoughError:
            self.totals.ending = EarlyEnd.ENOUGH
        except LostProcessError:
            self.totals.ending = EarlyEnd.LOST_PROCESS

    def _transcript(self, name: str) -> None:
        result = self._judged(name)
        self.totals.add_file(result)
        self._report.file(result)
        for diagnostic in result.findings:
            self._tell(Found(result.name, diagnostic))

    def _judged(self, name: str) -> FileResult:
        wanted = self._wanted
        try:
            source = read(name, wanted.kind, keep_newline=wanted.keep_newline).source
        except Misuse as problem:
            return FileResult(called(name), UNREADABLE, problem=str(problem))
        used, verdict = judge(wanted.grammar, source, wanted.start, wanted.lint)
        unit = "text" if isinstance(source, str) else "ids"
        count = len(verdict.conversation)
        return FileResult(
            called(name), verdict.status, verdict.ok, used, unit, count, verdict.diagnostics
        )

    def _tell(self, found: Found) -> None:
        """Tell of a finding.

        Raises:
            _EnoughError: if it is the last error that the user wants to see.
        """
        self.totals.add_finding(found)
        self._report.finding(found)
        if self._wanted.max_errors is not None and self.totals.errors >= self._wanted.max_errors:
            raise _EnoughError

    def _data_set(self, name: str, kind: DataKind) -> None:
        from harmony_grammar.cli.datasets.judging import pool  # noqa: PLC0415  transcripts need none

        try:
            opened = OpenedFile(name)
        except Misuse as problem:
            self._unreadable(name, problem)
            return
        whole = BatchResult()
        self.totals.data_sets += 1
        try:
            with pool(self._wanted.jobs) as executor:
                self._rows(opened, kind, executor, whole)
        except Misuse as problem:
            self.totals.data_sets -= 1
            self._unreadable(name, problem)
            return
        except (KeyboardInterrupt, _EnoughError, LostProcessError):
            self._report.data_set(called(name), kind, whole)
            raise
        finally:
            opened.close()
        self._report.data_set(called(name), kind, whole)

    def _unreadable(self, name: str, problem: Misuse) -> None:
        result = FileResult(called(name), UNREADABLE, problem=str(problem))
        self.totals.add_file(result)
        self._report.file(result)

    def _rows(
        self, opened: OpenedFile, kind: DataKind, executor: "Executor | None", whole: BatchResult
    ) -> None:
        from harmony_grammar.cli.datasets.judging import (  # noqa: PLC0415  as above
            Settings,
            in_order,
            judge_batch,
        )
        from harmony_grammar.cli.datasets.rows import batches  # noqa: PLC0415

        wanted = self._wanted
        text = wanted.grammar.text if wanted.own_grammar else None
        settings = Settings(called(opened.name), text, wanted.field, wanted.start, wanted.lint)
        work = partial(judge_batch, settings)
        source = batches(opened, kind, wanted.field, wanted.longest)
        for result in in_order(executor, wanted.jobs, work, source):
            whole.add(result)
            self.totals.rows.add(result)
            self._meter.at(opened.position, result.rows)
            for found in result.findings:
                self._tell(found)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", short_help="Is it complete, cut off or malformed?")(_check)
