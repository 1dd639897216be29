"""What a check finds: about transcripts, about the rows of data sets, and in all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.cli.output import FINDINGS, INTERRUPTED, MISUSE, TERMINATED

if TYPE_CHECKING:
    from harmony_grammar import Diagnostic

__all__ = [
    "ROW_CODES",
    "STATUSES",
    "UNREADABLE",
    "BatchResult",
    "EarlyEnd",
    "FileResult",
    "Found",
    "LostProcessError",
    "Totals",
]

UNREADABLE: Final = "unreadable"
STATUSES: Final = ("complete", "truncated", "malformed", UNREADABLE)

# What is found about rows, besides what is found in transcripts.
ROW_CODES: Final = {
    "invalid-row": "A row is JSON, in a file that can be read to its end.",
    "no-transcript": "A row has a field with text, ids or messages.",
    "invalid-messages": "The messages of a row are a chat, items of Responses or wire JSON.",
    "not-in-format": "What the messages of a row say has a place in the format.",
    "unwritable-messages": "The messages of a row have fields that the format can write.",
}


class EarlyEnd(Enum):
    """Why a check ended early, as JSON calls it."""

    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ENOUGH = "stopped_at_max_errors"
    LOST_PROCESS = "process_ended"


_EXIT_CODES: Final = {
    EarlyEnd.INTERRUPTED: INTERRUPTED,
    EarlyEnd.TERMINATED: TERMINATED,
    EarlyEnd.LOST_PROCESS: MISUSE,
}


class LostProcessError(Exception):
    """One of several processes was ended by the system."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and the file and row that it was made in.

    Attributes:
        name: what the file is called.
        diagnostic: the finding.
        row: the number of the row, from 1; None in a transcript.
        word: what the number counts: `line` or `row`.
        field: the field of the row that holds the transcript, if there is one.
        message: the index of the message, if the row is given as messages.
    """

    name: str
    diagnostic: Diagnostic
    row: int | None = None
    word: str = "line"
    field: str | None = None
    message: int | None = None

    @property
    def where(self) -> str:
        """Where in its row the finding was made, in words; empty if it is about the whole row."""
        if self.diagnostic.code in ROW_CODES:
            return ""
        place = self.diagnostic.place if self.message is None else f"message {self.message}"
        return place if self.field is None else f"{self.field}, {place}"

    @property
    def line(self) -> int | None:
        """The line of the file, if it is known."""
        if self.row is None:
            return self.diagnostic.line
        return self.row if self.word == "line" else None

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON-ready data, without the file."""
        data = self.diagnostic.to_dict()
        if self.row is None:
            return data
        place = {self.word: self.row, "field": self.field, "message_index": self.message}
        if self.diagnostic.code in ROW_CODES:
            return {**place, **{key: data[key] for key in ("code", "severity", "message", "hint")}}
        return {**place, **{("text_line" if k == "line" else k): v for k, v in data.items()}}


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one transcript.

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
    findings: tuple[Diagnostic, ...] = ()
    problem: str | None = None


@dataclass(slots=True)
class BatchResult:
    """What became of some rows, or of all rows of a data set.

    Attributes:
        statuses: how many rows have each verdict.
        failed: how many rows are not as they should be.
        messages: how many whole messages were read.
        findings: what was found, in order.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    messages: int = 0
    findings: list[Found] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.statuses.total()

    def count(self, status: str, *, ok: bool, messages: int = 0) -> None:
        """Count a row."""
        self.statuses[status] += 1
        self.failed += not ok
        self.messages += messages

    def add(self, other: BatchResult) -> None:
        """Count the rows of another one; its findings are not kept."""
        self.statuses += other.statuses
        self.failed += other.failed
        self.messages += other.messages


class Totals:
    """What became of everything.

    Attributes:
        statuses: how many transcripts have each verdict.
        rows: what became of the rows of all data sets.
        data_sets: how many data sets there are.
        codes: how often each finding was made.
        examples: the first finding of each code.
        failed: how many transcripts are not as they should be.
        errors, warnings: how many of the findings are errors and warnings.
        ending: why it ended early; None if it did not.
    """

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.rows = BatchResult()
        self.data_sets = 0
        self.codes: Counter[str] = Counter()
        self.examples: dict[str, Found] = {}
        self.failed = self.errors = self.warnings = 0
        self.ending: EarlyEnd | None = None

    def add_file(self, result: FileResult) -> None:
        """Count one transcript, but not its findings."""
        self.statuses[result.status] += 1
        self.failed += not result.ok

    def add_finding(self, found: Found) -> None:
        """Count a finding."""
        code = found.diagnostic.code
        self.codes[code] += 1
        self.examples.setdefault(code, found)
        warning = found.diagnostic.severity.value == "warning"
        self.warnings += warning
        self.errors += not warning

    def exit_code(self, *, strict: bool) -> int:
        """The exit code; `strict` makes a warning as bad as an error."""
        if self.ending in _EXIT_CODES:
            return _EXIT_CODES[self.ending]
        if self.statuses[UNREADABLE]:
            return MISUSE
        failed = self.failed or self.rows.failed or self.errors
        return FINDINGS if failed or (strict and self.warnings) else 0

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON-ready data."""
        data: dict[str, Any] = {
            "files": self.statuses.total() + self.data_sets,
            **{status: self.statuses[status] for status in STATUSES},
            "warnings": self.warnings,
            "codes": dict(sorted(self.codes.items())),
        }
        if self.data_sets:
            data["rows"] = {
                "rows": self.rows.rows,
                **{status: self.rows.statuses[status] for status in STATUSES},
                "messages": self.rows.messages,
            }
            data["errors"] = self.errors
        return data if self.ending is None else {**data, self.ending.value: True}
