"""Mending transcripts and the rows of data sets."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import harmony_grammar as hg
from harmony_grammar.cli.datasets.batches import batches
from harmony_grammar.cli.datasets.files import DataKind, Opened, needs
from harmony_grammar.cli.datasets.judging import decoded, starts_of
from harmony_grammar.cli.datasets.rows import BadRow, source_of
from harmony_grammar.cli.inputs import Input, InputKind, StartChoice, judge, label
from harmony_grammar.cli.output import Misuse, finding_parts, write_bytes
from harmony_grammar.cli.results import Found
from harmony_grammar.cli.sinks import row_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harmony_grammar.cli.output import Part

__all__ = ["Mended", "Mending"]


@dataclass(slots=True)
class Mended:
    """Something that was mended, or is as it was.

    Attributes:
        data: what to write.
        lines: what was changed, in words.
        problem: why it could not be mended.
    """

    data: bytes
    lines: list[list[Part]] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Mending:
    """How to mend.

    Attributes:
        start: the start symbol.
        kind: whether transcripts are text or ids.
        field: the field of a row that holds the transcript; None to find out.
        keep_newline: whether a newline at the end of a text is part of it.
    """

    start: StartChoice
    kind: InputKind
    field: str | None
    keep_newline: bool

    def transcript(self, given: Input) -> Mended:
        """Mend a transcript."""
        source, repairs, problem = _mended(given.source, self.start, tuple(StartChoice)[1:])
        lines = [line for repair in repairs for line in finding_parts(given.name, repair)]
        said = None if problem is None else f"{given.name}: {problem}"
        text = source if isinstance(source, str) else _ids(source, given)
        return Mended((text + given.ending).encode("utf-8", "surrogatepass"), lines, said)

    def rows(self, name: str, kind: DataKind) -> Iterator[Mended]:
        """Mend a data set, row by row."""
        if kind is DataKind.PARQUET:
            raise Misuse(f"{label(name)}: Parquet files cannot be written; give JSON Lines")
        opened = Opened(name)
        try:
            for batch in batches(opened, kind, self.field):
                for number, row in decoded(batch):
                    line = batch.lines[number - batch.first] if batch.lines else b""
                    yield self._row(Found(label(name), _NOTHING, number, batch.word), row, line)
                if batch.problem is not None:
                    yield Mended(b"", problem=f"{label(name)}: {batch.problem}")
        finally:
            opened.close()

    def _row(self, place: Found, row: Any, line: bytes) -> Mended:
        """Mend a row; `line` is how it is written, if it is a line of its own."""
        unchanged = Mended(line.rstrip(b"\r\n") + b"\n" if line else _line(row))
        try:
            if isinstance(row, BadRow):
                raise row
            given = source_of(hg.Grammar.default(), row, self.field)
        except BadRow as bad:
            unchanged.problem = f"{place.name}:{place.row}: {bad}"
            return unchanged
        if given.messages is not None:
            return unchanged
        source, repairs, problem = _mended(given.source, self.start, starts_of(given.field))
        if problem is not None:
            unchanged.problem = f"{place.name}:{place.row}: {problem}"
        if problem is not None or not repairs:
            return unchanged
        found = (Found(place.name, r, place.row, place.word, given.field) for r in repairs)
        lines = [part for one in found for part in row_parts(one)]
        return Mended(_line(source if given.field is None else {**row, given.field: source}), lines)

    def write(self, pieces: Iterable[Mended], name: str, target: Path | None) -> bool:
        """Write what was mended to a file or to standard output.

        Args:
            pieces: what to write.
            name: the file that it was read from, which says how it is packed.
            target: the file to write to; it is replaced when all is written.

        Returns:
            Whether something could not be mended.
        """
        failed = False
        if target is None:
            for piece in pieces:
                write_bytes(piece.data)
                failed = failed or piece.problem is not None
            return failed
        with _replacing(target, name) as stream:
            for piece in pieces:
                stream.write(piece.data)
                failed = failed or piece.problem is not None
        return failed


_NOTHING = hg.Diagnostic("", hg.Severity.ERROR, "", hg.Span(0, 0))


def _mended(
    source: str | list[int], start: StartChoice, candidates: tuple[StartChoice, ...]
) -> tuple[str | list[int], tuple[hg.Diagnostic, ...], str | None]:
    """A source without its faults, what was mended, and why it could not be."""
    used, report = judge(source, start, candidates=candidates)
    if report.status == "complete":
        return source, (), None
    recovery = hg.recover(source, used)
    try:
        tree = recovery.conversation
        mended = hg.render(tree) if isinstance(source, str) else hg.encode(tree)
    except hg.RenderError as error:
        return source, (), f"what was read cannot be written: {error}"
    # What was cut off and nothing else needed mending is told by the verdict alone.
    return mended, recovery.diagnostics or report.diagnostics[-1:], None


def _ids(ids: list[int], given: Input) -> str:
    """Ids as they were given: a JSON list or words."""
    return json.dumps(ids) if given.written == "list" else " ".join(map(str, ids))


def _line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


@contextmanager
def _replacing(target: Path, name: str) -> Iterator[IO[bytes]]:
    """A stream whose content takes the place of a file once all of it is written."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as raw, _packed(raw, Path(name).suffix) as stream:
            yield stream
        if target.exists():
            Path(temporary).chmod(target.stat().st_mode & 0o7777)
        else:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
