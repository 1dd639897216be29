"""Opening data sets and reading them some rows at a time, so that memory does not grow.

What kind a file is and what it is packed with is found out by its name or by how it begins. A
batch is what one job works on: lines that are still to be decoded, which is the job's work, or
rows that are decoded already.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import sys
import zlib
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from harmony_grammar.cli.inputs import STDIN, label
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "FOLDER_SUFFIXES",
    "Batch",
    "DataKind",
    "OpenedFile",
    "batches",
    "is_data_set",
    "kind_of",
    "needs",
]

_PACKED: Final = (".gz", ".zst")
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PARQUET: Final = b"PAR1"
_PEEKED: Final = 1 << 16


class DataKind(str, Enum):
    """What a file is."""

    AUTO = "auto"
    NONE = "none"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


_BY_SUFFIX: Final = {
    ".jsonl": DataKind.JSONL,
    ".ndjson": DataKind.JSONL,
    ".json": DataKind.JSON,
    ".parquet": DataKind.PARQUET,
}
_LINES: Final = tuple(
    name + packed for name in (".jsonl", ".ndjson") for packed in ("", ".gz", ".zst")
)

# What is looked for in a folder. Many a .json file is no data set, so these have to be named.
FOLDER_SUFFIXES: Final = (*_LINES, ".parquet")


def needs(package: str, what: str) -> Misuse:
    """What to say where an optional package is missing."""
    remedy = "pip install 'harmony-grammar[data]'"
    return Misuse(f"{what} needs the package {package}, which is not installed: {remedy}")


def kind_of(name: str) -> DataKind:
    """What kind of data set the name of a file says it is."""
    path = Path(name)
    suffix = Path(path.stem).suffix if path.suffix in _PACKED else path.suffix
    return _BY_SUFFIX.get(suffix.lower(), DataKind.NONE)


def is_data_set(name: str, told: DataKind) -> DataKind:
    """What kind of data set a file is; `NONE` for a transcript.

    A `.json` file that begins like a list of ids is a transcript, as is whatever cannot be
    opened, which reading it will say.

    Args:
        name: the file, or `-`.
        told: what the user says that it is.
    """
    if told is not DataKind.AUTO:
        return told
    kind = kind_of(name)
    if name != STDIN and kind is not DataKind.JSON:
        return kind
    try:
        head = _head(name)
    except OSError:
        return DataKind.NONE
    return _by_content(head, kind)


def _head(name: str) -> bytes:
    if name == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            return b""
        return _peeked(_piped())
    with Path(name).open("rb") as raw:
        return _unpacked(raw, name).read(_PEEKED)


def _peeked(stream: IO[bytes]) -> bytes:
    """How a stream goes on, without going on."""
    if isinstance(stream, io.BufferedReader):
        return stream.peek(_PEEKED)
    at = stream.tell()
    head = stream.read(_PEEKED)
    stream.seek(at)
    return head


def _by_content(head: bytes, kind: DataKind) -> DataKind:
    """What a stream with this beginning is."""
    if head.startswith(_PARQUET):
        return DataKind.PARQUET
    if head.startswith((_GZIP, _ZSTD)):
        return DataKind.JSONL
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith(b"{"):
        return kind if kind is DataKind.JSON else DataKind.JSONL
    rows = (b"{", b'"', b"[") if kind is DataKind.JSON else (b"{",)
    listed = begin.startswith(b"[") and begin[1:].lstrip().startswith(rows)
    return DataKind.JSON if listed else DataKind.NONE


def _piped() -> IO[bytes]:
    if sys.stdin is None:
        raise Misuse("standard input is closed: name a file")
    return sys.stdin.buffer


class OpenedFile:
    """An open data set.

    Args:
        name: the file, or `-`.

    Attributes:
        stream: its bytes, unpacked.

    Raises:
        Misuse: if it cannot be opened.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._raw: IO[bytes] = _open(name)
        try:
            self.stream = _unpacked(self._raw, name)
        except Misuse:
            if name != STDIN:
                self._raw.close()
            raise

    @property
    def position(self) -> int:
        """How many bytes of the file were read."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Close it, if it is a file."""
        if self.name != STDIN:
            self.stream.close()
            self._raw.close()


def _open(name: str) -> IO[bytes]:
    if name == STDIN:
        return _piped()
    try:
        return Path(name).open("rb")
    except FileNotFoundError:
        raise Misuse(f"{name}: there is no such file; check the spelling") from None
    except OSError as error:
        raise Misuse(f"{name}: {error.strerror or 'cannot be read'}") from None


def _unpacked(raw: IO[bytes], name: str) -> IO[bytes]:
    """The stream without the packing that its first bytes tell of."""
    head = _peeked(raw)
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.open(raw))
    if head.startswith(_ZSTD):
        return io.BufferedReader(_zstd(label(name))(raw), _PEEKED)
    return raw


def _zstd(name: str) -> Callable[[IO[bytes]], io.RawIOBase]:
    try:
        import zstandard  # noqa: PLC0415  only packed files need it
    except ImportError:
        raise needs("zstandard", name) from None
    reader = zstandard.ZstdDecompressor().stream_reader

    def unpacked(raw: IO[bytes]) -> io.RawIOBase:
        return cast("io.RawIOBase", reader(raw, read_across_frames=True, closefd=False))

    return unpacked


# --- reading some rows at a time ---

_MOST_ROWS: Final = 256
_MOST_BYTES: Final = 1 << 20
_CHUNK: Final = 1 << 18
_BETWEEN: Final = re.compile(r"[\s,]*")


@dataclass(slots=True)
class Batch:
    """Some rows of a data set.

    Attributes:
        first: the number of the first, from 1: its line, or which row it is.
        word: what the number counts.
        lines: JSON, a row a line, if it is not decoded yet.
        values: the rows, if they are.
        problem: why reading ends after these rows although the file does not.
    """

    first: int
    word: str
    lines: list[bytes] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    problem: str | None = None

    @property
    def size(self) -> int:
        """How many rows it has."""
        return len(self.lines) + len(self.values)


def batches(opened: OpenedFile, kind: DataKind, column: str | None) -> Iterator[Batch]:
    """The rows of a data set, in order.

    Args:
        opened: the file.
        kind: what it is.
        column: the only column of a Parquet file that is needed; None for all.

    Raises:
        Misuse: if a package is missing that reading it needs, or it is no Parquet file.
    """
    first, word, reader = 1, _WORDS[kind], _READERS[kind](opened, column)
    while True:
        try:
            batch = next(reader, None)
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, ValueError) as error:
            problem = f"the file is damaged from here on: {error}"
            yield Batch(first, word, problem=problem)
            return
        if batch is None:
            return
        yield batch
        first = batch.first + batch.size


def _lines(opened: OpenedFile, _: str | None) -> Iterator[Batch]:
    number, stream = 1, opened.stream
    while lines := list(islice(_some(stream), _MOST_ROWS)):
        if number == 1:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        yield Batch(number, "line", lines)
        number += len(lines)


def _some(stream: Any) -> Iterator[bytes]:
    """Lines, up to a number of bytes."""
    read = 0
    for line in stream:
        yield line
        read += len(line)
        if read > _MOST_BYTES:
            return


def _json(opened: OpenedFile, _: str | None) -> Iterator[Batch]:
    """The items of a list, or one object."""
    number, values, read = 1, list[Any](), 0
    items = _items(opened)
    while True:
        try:
            value, length = next(items)
        except StopIteration:
            break
        except (ValueError, RecursionError) as error:
            yield Batch(number, "row", [], values, f"this is no JSON from here on: {error}")
            return
        values.append(value)
        read += length
        if len(values) == _MOST_ROWS or read > _MOST_BYTES:
            yield Batch(number, "row", [], values)
            number, values, read = number + len(values), [], 0
    if values:
        yield Batch(number, "row", [], values)


def _items(opened: OpenedFile) -> Iterator[tuple[Any, int]]:
    """The items of the list that a stream holds, and how long each is; an object is one item."""
    text = _JsonStream(opened)
    if text.skip(re.compile(r"\s*")) != "[":
        yield text.value()
        return
    text.at += 1
    while (char := text.skip(_BETWEEN)) != "]":
        if not char:
            raise ValueError("the list does not end")
        yield text.value()


class _JsonStream:
    """A stream of JSON, decoded value by value; only what is needed is kept."""

    def __init__(self, opened: OpenedFile) -> None:
        self._read: Callable[[int], bytes] = opened.stream.read
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder().raw_decode
        self.text, self.at, self.ended = "", 0, False

    def more(self, least: int = 0) -> bool:
        """Read on; whether there was anything left."""
        data = self._read(max(_CHUNK, least))
        self.text = self.text[self.at :] + self._decode(data, final=not data)
        self.at, self.ended = 0, not data
        return not self.ended

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Go over what a pattern matches; the character after it, empty at the end."""
        while True:
            match = pattern.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def value(self) -> tuple[Any, int]:
        """The value that begins here, and its length. What is read doubles until it is whole."""
        while True:
            try:
                value, end = self._parse(self.text, self.at)
            except ValueError:
                if self.ended or not self.more(len(self.text) - self.at):
                    raise
                continue
            if end == len(self.text) and not self.ended:  # a number may go on
                self.more(len(self.text) - self.at)
                continue
            length, self.at = end - self.at, end
            return value, length


def _parquet(opened: OpenedFile, column: str | None) -> Iterator[Batch]:
    try:
        import pyarrow as pa  # noqa: PLC0415  only Parquet needs it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise needs("pyarrow", opened.name) from None
    try:
        piped = opened.name == STDIN  # the index of a Parquet file is at its end
        file = pq.ParquetFile(io.BytesIO(sys.stdin.buffer.read()) if piped else opened.stream)
    except pa.ArrowException as error:
        raise Misuse(f"{opened.name}: this is no Parquet file: {error}") from None
    names = file.schema_arrow.names
    columns = None if column is None else [name for name in (column, "tools") if name in names]
    number = 1
    try:
        for batch in file.iter_batches(batch_size=_MOST_ROWS, columns=columns):
            values = batch.to_pylist()
            yield Batch(number, "row", [], values)
            number += len(values)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from None


_WORDS: Final = {DataKind.JSONL: "line", DataKind.JSON: "row", DataKind.PARQUET: "row"}
_READERS: Final[dict[DataKind, Callable[[OpenedFile, str | None], Iterator[Batch]]]] = {
    DataKind.JSONL: _lines,
    DataKind.JSON: _json,
    DataKind.PARQUET: _parquet,
}
