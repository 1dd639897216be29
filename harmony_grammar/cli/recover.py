"""`harmony-grammar recover`: write mended transcripts, and say what was changed."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harmony_grammar.cli.datasets.files import FOLDER_SUFFIXES, DataKind, is_data_set
from harmony_grammar.cli.inputs import STDIN, InputKind, StartChoice, expand, read
from harmony_grammar.cli.options import Data, Field, Keep, Kind, Start
from harmony_grammar.cli.output import FINDINGS, Misuse, Output, complain

if TYPE_CHECKING:
    from harmony_grammar.cli.mending import Mended, Mending

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
    from harmony_grammar.cli.mending import Mending  # noqa: PLC0415  help needs none of it

    names = expand(files or [], _SUFFIXES)
    if write and (out is not None or STDIN in names):
        raise Misuse("--write writes files in place: it goes neither with --out nor with -")
    mending = Mending(start, kind, field, keep_newline=keep_newline)
    said, failed = Output(sys.stderr), False
    for name, target in zip(names, _targets(names, out, write=write), strict=True):
        kind_of_data = is_data_set(name, data)
        if kind_of_data is DataKind.NONE:
            pieces: Iterator[Mended] = iter([_transcript(mending, name)])
        else:
            pieces = mending.rows(name, kind_of_data)
        with_lines = _told(pieces, said, quiet=quiet)
        failed = mending.write(with_lines, name, target) or failed
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


def _transcript(mending: "Mending", name: str) -> "Mended":
    given = read(name, mending.kind, keep_newline=mending.keep_newline)
    return mending.transcript(given)


def _told(pieces: Iterator["Mended"], said: Output, *, quiet: bool) -> Iterator["Mended"]:
    """The same, after saying what was changed."""
    for piece in pieces:
        if not quiet:
            said.lines(piece.lines)
        if piece.problem is not None:
            complain(piece.problem)
        yield piece


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recover", short_help="Write mended transcripts.")(_recover)
