"""Opening data sets: what kind a file is, and what it is packed with."""

from __future__ import annotations

import gzip
import io
import sys
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from harmony_grammar.cli.inputs import STDIN, label
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FOLDER_SUFFIXES", "DataKind", "Opened", "is_data_set", "kind_of", "needs"]

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


class Opened:
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
