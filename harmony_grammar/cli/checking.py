"""Checking transcripts and data sets, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from harmony_grammar.cli.datasets.files import DataKind, Opened, is_data_set
from harmony_grammar.cli.inputs import InputKind, StartChoice, judge, label, read
from harmony_grammar.cli.output import Misuse
from harmony_grammar.cli.results import UNREADABLE, BatchResult, FileResult, Found, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.cli.progress import Meter
    from harmony_grammar.cli.sinks import Sink

__all__ = ["Check", "Wanted"]


@dataclass(frozen=True)
class Wanted:
    """What a check is to do.

    Attributes:
        start: the start symbol.
        kind: whether transcripts are text or ids.
        keep_newline: whether a newline at the end of a text is part of it.
        data: what kind of data set the files are.
        field: the field of a row that holds the transcript; None to find out.
        lint: which lint rules are looked at.
        jobs: how many processes work on data sets.
        max_errors: after how many errors to stop; None for never.
    """

    start: StartChoice
    kind: InputKind
    keep_newline: bool
    data: DataKind
    field: str | None
    lint: Lint
    jobs: int
    max_errors: int | None


class _EnoughError(Exception):
    """There were as many errors as the user wants to see."""


class Check:
    """A check under way.

    Args:
        wanted: what to do.
        sink: where findings go.
        meter: shows how far it is.
    """

    def __init__(self, wanted: Wanted, sink: Sink, meter: Meter) -> None:
        self.totals = Totals()
        self._wanted = wanted
        self._sink = sink
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
        except KeyboardInterrupt:
            self.totals.interrupted = True
        except _EnoughError:
            self.totals.enough = True

    def _transcript(self, name: str) -> None:
        result = self._judged(name)
        self.totals.add_file(result)
        self._sink.file(result)
        for diagnostic in result.findings:
            self._tell(Found(result.name, diagnostic))

    def _judged(self, name: str) -> FileResult:
        wanted = self._wanted
        try:
            source = read(name, wanted.kind, keep_newline=wanted.keep_newline).source
        except Misuse as problem:
            return FileResult(label(name), UNREADABLE, problem=str(problem))
        used, report = judge(source, wanted.start, wanted.lint)
        unit = "text" if isinstance(source, str) else "ids"
        count = len(report.conversation)
        return FileResult(
            label(name), report.status, report.ok, used, unit, count, report.diagnostics
        )

    def _tell(self, found: Found) -> None:
        """Tell of a finding.

        Raises:
            _EnoughError: if it is the last error that the user wants to see.
        """
        self.totals.add_finding(found)
        self._sink.finding(found)
        if self._wanted.max_errors is not None and self.totals.errors >= self._wanted.max_errors:
            raise _EnoughError

    def _data_set(self, name: str, kind: DataKind) -> None:
        from harmony_grammar.cli.datasets.jobs import pool  # noqa: PLC0415  transcripts need none

        try:
            opened = Opened(name)
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
        except (KeyboardInterrupt, _EnoughError):
            self._sink.data_set(label(name), kind, whole)
            raise
        finally:
            opened.close()
        self._sink.data_set(label(name), kind, whole)

    def _unreadable(self, name: str, problem: Misuse) -> None:
        result = FileResult(label(name), UNREADABLE, problem=str(problem))
        self.totals.add_file(result)
        self._sink.file(result)

    def _rows(
        self, opened: Opened, kind: DataKind, executor: Executor | None, whole: BatchResult
    ) -> None:
        from harmony_grammar.cli.datasets.batches import batches  # noqa: PLC0415
        from harmony_grammar.cli.datasets.jobs import in_order  # noqa: PLC0415
        from harmony_grammar.cli.datasets.judging import Settings, judge_batch  # noqa: PLC0415

        wanted = self._wanted
        settings = Settings(label(opened.name), wanted.field, wanted.start, wanted.lint)
        work = partial(judge_batch, settings)
        source = batches(opened, kind, wanted.field)
        for result in in_order(executor, wanted.jobs, work, source):
            whole.add(result)
            self.totals.rows.add(result)
            self._meter.at(opened.position, result.rows)
            for found in result.findings:
                self._tell(found)
