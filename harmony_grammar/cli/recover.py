"""`harmony-grammar recover`: write mended transcripts, and say what was changed."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import dataclasses
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from harmony_grammar.cli.datasets.files import (
    FOLDER_SUFFIXES,
    DataKind,
    OpenedFile,
    batches,
    is_data_set,
    needs,
)
from harmony_grammar.cli.datasets.rows import BadRow, decoded, source_of, starts_of
from harmony_grammar.cli.inputs import (
    STDIN,
    Input,
    InputKind,
    StartChoice,
    expand,
    grammar_of,
    judge,
    label,
    read,
)
from harmony_grammar.cli.options import Data, Field, GrammarFile, Keep, Kind, Start
from harmony_grammar.cli.output import (
    FINDINGS,
    Misuse,
    Output,
    complain,
    finding_parts,
    replacing,
    write_bytes,
)
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
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Do not say what was changed.")
    ] = False,
) -> None:
    """Mend transcripts: write what can be read from them, and say what was changed.

    What is as it should be is written as it is. Data sets are mended row by row
    and written as JSON, a row a line; a row that cannot be mended stays as it is.

    \b
    Examples:
      harmony-grammar recover broken.harmony > mended.harmony
      harmony-grammar recover --write logs/
      harmony-grammar recover --out mended/ train.jsonl.gz

    Exit codes: 0 if all that is written is complete, 1 if something could not be
    mended, 2 if a file could not be read or the command was misused.
    """  # noqa: D301  the escape tells typer to keep the lines
    names = expand(files or [], _SUFFIXES)
    if write and (out is not None or STDIN in names):
        raise Misuse("--write writes files in place: it goes neither with --out nor with -")
    mending = _Mending(grammar_of(grammar), start, field)
    said, failed = Output(sys.stderr), False
    for name, target in zip(names, _targets(names, out, write=write), strict=True):
        kind_of_data = is_data_set(name, data)
        if kind_of_data is DataKind.NONE:
            given = read(name, kind, keep_newline=keep_newline)
            mended = iter([mending.transcript(given)])
        else:
            mended = mending.rows(name, kind_of_data)
        failed = _write(_told(mended, said, quiet=quiet), name, target) or failed
    raise typer.Exit(FINDINGS if failed else 0)


def _targets(names: list[str], out: Path | None, *, write: bool) -> list[Path | None]:
    """Where each file is written to; None is standard output."""
    if write:
        return [Path(name) for name in names]
    if out is None:
        return [None] * len(names)
    targets = [out / ("stdin" if name == STDIN else Path(name).name) for name in names]
    if len(set(targets)) < len(targets):
        raise Misuse("two of the files have the same name: give each an --out of its own")
    out.mkdir(parents=True, exist_ok=True)
    return list(targets)


def _told(mended: Iterator["_Mended"], said: Output, *, quiet: bool) -> Iterator["_Mended"]:
    """The same, after saying what was changed."""
    for one in mended:
        if not quiet:
            said.lines(one.lines)
        if one.problem is not None:
            complain(one.problem)
        yield one


# --- mending ---


@dataclass(slots=True)
class _Mended:
    """Something that was mended, or is as it was.

    Attributes:
        data: what to write.
        lines: what was changed, in words.
        problem: why it could not be mended.
    """

    data: bytes
    lines: "list[list[Part]]" = dataclasses.field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Mending:
    """How to mend.

    Attributes:
        grammar: the grammar.
        start: the start symbol.
        field: the field of a row that holds the transcript; None to find out.
    """

    grammar: "Grammar"
    start: StartChoice
    field: str | None

    def transcript(self, given: Input) -> _Mended:
        """Mend a transcript."""
        source, repairs, problem = self._mended(given.source, tuple(StartChoice)[1:])
        lines = [line for repair in repairs for line in finding_parts(given.name, repair)]
        said = None if problem is None else f"{given.name}: {problem}"
        return _Mended(given.like(source).encode("utf-8", "surrogatepass"), lines, said)

    def rows(self, name: str, kind: DataKind) -> Iterator[_Mended]:
        """Mend a data set, row by row."""
        if kind is DataKind.PARQUET:
            raise Misuse(f"{label(name)}: Parquet files cannot be written; give JSON Lines")
        opened = OpenedFile(name)
        try:
            for batch in batches(opened, kind, self.field):
                for number, row in decoded(batch):
                    line = batch.lines[number - batch.first] if batch.lines else b""
                    found = partial(Found, label(name), row=number, word=batch.word)
                    yield self._row(f"{label(name)}:{number}", found, row, line)
                if batch.problem is not None:
                    yield _Mended(b"", problem=f"{label(name)}: {batch.problem}")
        finally:
            opened.close()

    def _row(self, place: str, found: Callable[..., Found], row: Any, line: bytes) -> _Mended:
        """Mend a row.

        Args:
            place: where it is, in words.
            found: makes a finding of a diagnostic of this row.
            row: the row.
            line: how it is written, if it is a line of its own.
        """
        unchanged = _Mended(line.rstrip(b"\r\n") + b"\n" if line else _line(row))
        try:
            if isinstance(row, BadRow):
                raise row
            given = source_of(self.grammar, row, self.field)
        except BadRow as bad:
            unchanged.problem = f"{place}: {bad}"
            return unchanged
        if given.messages is not None:
            return unchanged
        source, repairs, problem = self._mended(given.source, starts_of(given.field))
        if problem is not None:
            unchanged.problem = f"{place}: {problem}"
        if problem is not None or not repairs:
            return unchanged
        lines = [part for one in repairs for part in row_parts(found(one, field=given.field))]
        return _Mended(
            _line(source if given.field is None else {**row, given.field: source}), lines
        )

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
        return mended, recovery.diagnostics or report.diagnostics[-1:], None


def _line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


# --- writing ---


def _write(mended: Iterable[_Mended], name: str, target: Path | None) -> bool:
    """Write what was mended to a file or to standard output.

    Args:
        mended: what to write.
        name: the file that it was read from, which says how it is packed.
        target: the file to write to; it is replaced when all is written.

    Returns:
        Whether something could not be mended.
    """
    if target is None:
        return _written(mended, write_bytes)
    with replacing(target) as raw, _packed(raw, Path(name).suffix) as stream:
        return _written(mended, stream.write)


def _written(mended: Iterable[_Mended], write: Callable[[bytes], object]) -> bool:
    failed = False
    for one in mended:
        write(one.data)
        failed = failed or one.problem is not None
    return failed


@contextmanager
def _packed(raw: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    """The stream, packed as the suffix of its file says."""
    if suffix == ".gz":
        with gzip.open(raw, "wb") as packed:
            yield cast("IO[bytes]", packed)
    elif suffix == ".zst":
        try:
            import zstandard  # noqa: PLC0415  only packed files need it
        except ImportError:
            raise needs("zstandard", suffix) from None
        with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as packed:
            yield cast("IO[bytes]", packed)
    else:
        yield raw


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recover", short_help="Write mended transcripts.")(_recover)
