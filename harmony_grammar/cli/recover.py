"""`harmony-grammar recover`: write mended transcripts, and say what was changed."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import dataclasses
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harmony_grammar.cli.datasets.files import (
    FOLDER_SUFFIXES,
    MEGABYTE,
    DataKind,
    OpenedFile,
    is_data_set,
    packed,
)
from harmony_grammar.cli.datasets.judging import source_of, starts_of, value_of
from harmony_grammar.cli.datasets.rows import BadRow, Between, Damage, rows_of, with_transcript
from harmony_grammar.cli.inputs import (
    STDIN,
    Input,
    InputKind,
    StartChoice,
    called,
    expand,
    grammar_of,
    judge,
    label,
    read,
)
from harmony_grammar.cli.options import Data, Field, GrammarFile, Keep, Kind, LongestRow, Start
from harmony_grammar.cli.output import (
    FINDINGS,
    MISUSE,
    Misuse,
    Output,
    complain,
    finding_parts,
    one_line,
    write_bytes,
)
from harmony_grammar.cli.replacing import replacing
from harmony_grammar.cli.reports import row_parts
from harmony_grammar.cli.results import Found
from harmony_grammar.errors import Diagnostic, RenderError

if TYPE_CHECKING:
    from harmony_grammar import Grammar
    from harmony_grammar.cli.output import Part

__all__ = ["register"]

_SUFFIXES = (".harmony", *FOLDER_SUFFIXES)


def _recover(  # noqa: PLR0913  a parameter is an option
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            show_default=False,
            help="Transcripts, data sets (.jsonl, .json; .gz and .zst), folders, patterns, or - "
            "for what is piped in.",
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", show_default="standard output", help="The folder to write to."
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the files in place.")] = False,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    data: Data = DataKind.AUTO,
    field: Field = None,
    longest_row: LongestRow = 256,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Do not say what was changed.")
    ] = False,
) -> None:
    """Mend transcripts: write what can be read from them, and say what was changed.

    What is as it should be stays as it is written, byte for byte. So does a row
    that cannot be mended, and the other fields of one that is. A file that cannot
    be read to its end is not written in place.

    \b
    Examples:
      harmony-grammar recover broken.harmony > mended.harmony
      harmony-grammar recover --write logs/
      harmony-grammar recover --out mended/ train.jsonl.gz

    Exit codes: 0 if all that is written is complete, 1 if something could not be
    mended, 2 if a file could not be read or the command was misused.
    """  # noqa: D301  the escape tells typer to keep the lines
    targets = _targets(names := expand(files or [], _SUFFIXES), out, write=write)
    mending = _Mending(grammar_of(grammar), start, field, longest_row * MEGABYTE)
    code, said = 0, None if quiet else Output(sys.stderr)
    for name, target in zip(names, targets, strict=True):
        file, kind_of_data = _File(name, target, said), is_data_set(name, data)
        try:
            if kind_of_data is not DataKind.NONE:
                failed = file.data_set(mending, kind_of_data)
            else:
                failed = file.transcript(mending, read(name, kind, keep_newline=keep_newline))
            code = max(code, FINDINGS if failed else 0)
        except Misuse as problem:  # the other files are mended all the same
            complain(str(problem))
            code = MISUSE
    raise typer.Exit(code)


def _targets(names: list[str], out: Path | None, *, write: bool) -> list[Path | None]:
    """Where each file is written to; None is standard output."""
    if write and (out is not None or STDIN in names):
        raise Misuse("--write writes files in place: it goes neither with --out nor with -")
    if write:
        return [Path(name) for name in names]
    if out is None:
        return [None] * len(names)
    targets = [out / ("stdin" if name == STDIN else Path(name).name) for name in names]
    if len(set(targets)) < len(targets):
        raise Misuse("two of the files have the same name: give each an --out of its own")
    out.mkdir(parents=True, exist_ok=True)
    return list(targets)


# --- writing ---


@dataclass(slots=True)
class _Mended:
    """A part of a file that was mended, or is as it was.

    Attributes:
        data: what to write.
        lines: what was changed, in words.
        problem: why it could not be mended.
        lost: whether `data` is not all that the file has there.
    """

    data: bytes
    lines: "list[list[Part]]" = dataclasses.field(default_factory=list)
    problem: str | None = None
    lost: bool = False


@dataclass(slots=True)
class _File:
    """A file on its way to being mended.

    Attributes:
        name: the file, or `-`.
        target: the file to write to; None for standard output.
        said: where to say what was changed; None for nowhere.
    """

    name: str
    target: Path | None
    said: Output | None

    def transcript(self, mending: "_Mending", given: Input) -> bool:
        """Mend a transcript; whether it could not be."""
        return self._written(iter([mending.transcript(given)]), "")

    def data_set(self, mending: "_Mending", kind: DataKind) -> bool:
        """Mend a data set, row by row; whether something could not be."""
        if kind is DataKind.PARQUET:
            said = "Parquet files cannot be written; give JSON Lines"
            raise Misuse(f"{label(self.name)}: {said}")
        opened = OpenedFile(self.name)
        try:
            return self._written(mending.rows(opened, kind), opened.suffix)
        finally:
            opened.close()

    def _written(self, parts: Iterator[_Mended], suffix: str) -> bool:
        if self.target is None:
            return sum(self._part(part, write_bytes) for part in parts) > 0
        failed = changed = lost = False
        with replacing(self.target) as new:
            with packed(new.stream, suffix) as stream:
                for part in parts:
                    failed = self._part(part, stream.write) or failed
                    changed = changed or bool(part.lines)
                    lost = lost or part.lost
            new.discarded = self._in_place and (lost or not changed)
        if self._in_place and lost:
            complain(f"{label(self.name)}: stays as it is; with --out, what can be read is written")
        return failed

    def _part(self, part: _Mended, write: Callable[[bytes], object]) -> bool:
        """Write a part and tell of it; whether it could not be mended."""
        write(part.data)
        if self.said is not None:
            self.said.lines(part.lines)
        if part.problem is not None:
            complain(part.problem)
        return part.problem is not None

    @property
    def _in_place(self) -> bool:
        """Whether it is written to where it was read from."""
        if self.target is None or self.name == STDIN:
            return False
        return self.target.exists() and self.target.samefile(self.name)


# --- mending ---


@dataclass(frozen=True, slots=True)
class _Mending:
    """How to mend.

    Attributes:
        grammar: the grammar.
        start: the start symbol.
        field: the field of a row that holds the transcript; None to find out.
        longest: how many bytes a row may have.
    """

    grammar: "Grammar"
    start: StartChoice
    field: str | None
    longest: int

    def transcript(self, given: Input) -> _Mended:
        """Mend a transcript."""
        source, repairs, problem = self._mended(given.source, tuple(StartChoice)[1:])
        lines = [line for repair in repairs for line in finding_parts(given.name, repair)]
        said = None if problem is None else one_line(f"{given.name}: {problem}")
        return _Mended(given.like(source) if lines else given.data, lines, said)

    def rows(self, opened: OpenedFile, kind: DataKind) -> Iterator[_Mended]:
        """Mend a data set."""
        name, number, word = label(opened.name), 0, "line" if kind is DataKind.JSONL else "row"
        for row in rows_of(opened, kind, self.field, self.longest):
            if isinstance(row, Between):
                yield _Mended(row.data)
            elif isinstance(row, Damage):
                yield _Mended(b"", problem=one_line(f"{name}: {row.problem}"), lost=True)
            else:
                number += 1
                found = partial(Found, called(opened.name), row=number, word=word)
                yield self._row(f"{name}:{number}", found, row.data, row.value)

    def _row(self, place: str, found: Callable[..., Found], data: bytes, value: Any) -> _Mended:
        """Mend a row.

        Args:
            place: where it is, in words.
            found: makes a finding of a diagnostic of this row.
            data: how it is written.
            value: what it says, if that was read already.
        """
        if data.isspace():
            return _Mended(data)
        row = value_of(data) if value is None else value
        try:
            if isinstance(row, BadRow):
                raise row
            given = source_of(self.grammar, row, self.field)
            if given.messages is not None:
                return _Mended(data)
            source, repairs, problem = self._mended(given.source, starts_of(given.field))
            if problem is not None:
                return _Mended(data, problem=one_line(f"{place}: {problem}"))
            if repairs and given.places is not None:
                said = "ids with an attention mask stay as they are, or it would no longer fit"
                return _Mended(data, problem=one_line(f"{place}: {said}"))
            mended = with_transcript(data, given.field, source) if repairs else data
        except (BadRow, ValueError, RecursionError) as bad:
            return _Mended(data, problem=one_line(f"{place}: {bad}"), lost=not data)
        lines = [part for one in repairs for part in row_parts(found(one, field=given.field))]
        return _Mended(mended, lines)

    def _mended(
        self, source: str | list[int], candidates: tuple[StartChoice, ...]
    ) -> tuple[str | list[int], tuple[Diagnostic, ...], str | None]:
        """A source without its faults, what was mended, and why it could not be."""
        used, report = judge(self.grammar, source, self.start, candidates=candidates)
        if report.status == "complete":
            return source, (), None
        recovery = self.grammar.recover(source, used)
        write = self.grammar.render if isinstance(source, str) else self.grammar.encode
        try:
            mended = write(recovery.conversation)
        except RenderError as error:
            return source, (), f"what was read cannot be written: {error}"
        # What was cut off and nothing else needed mending is told by the verdict alone.
        told = recovery.diagnostics or report.diagnostics[-1:]
        return mended, self._with_end(told, source, mended), None

    def _with_end(
        self,
        told: "tuple[Diagnostic, ...]",
        source: str | list[int],
        mended: str | list[int],
    ) -> "tuple[Diagnostic, ...]":
        """What was mended, with another last token if there is one."""
        before, now = self._end(source), self._end(mended)
        if not before or before == now:
            return told
        *others, last = told
        said = f"the mended text ends in {now or 'no token'}, not in {before}"
        return *others, dataclasses.replace(
            last, hint=f"{last.hint}; {said}" if last.hint else said
        )

    def _end(self, source: str | list[int]) -> str:
        """The special token that a text or ids end in, in words; empty if they end in none."""
        rules = self.grammar.rules
        if isinstance(source, str):
            found = next((name for s, name in rules.specials.items() if source.endswith(s)), "")
        else:
            found = rules.special_ids.get(source[-1], "") if source else ""
        return rules.words(found) if found else ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recover", short_help="Write mended transcripts.")(_recover)
