"""Opening data sets: what kind a file is, and what it is packed with.

Both are found out by the name of a file or by how it begins. What is unpacked is so a little at
a time, for a small file may unpack to a very large one.
"""

from __future__ import annotations

import gzip
import io
import sys
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from harmony_grammar.cli.inputs import STDIN, label
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

__all__ = [
    "FOLDER_SUFFIXES",
    "MEGABYTE",
    "DataKind",
    "OpenedFile",
    "is_data_set",
    "kind_of",
    "needs",
    "packed",
]

_PACKED: Final = (".gz", ".zst")
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PARQUET: Final = b"PAR1"
_PEEKED: Final = 1 << 16
_UNPACKED_AT_ONCE: Final = 1024  # bytes of zstd, of which four can stand for 128 KiB


MEGABYTE: Final = 1_000_000


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
    if name != STDIN and (kind is not DataKind.JSON or Path(name).is_fifo()):
        return kind  # what is read of a pipe is gone, so its name has to do
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
        return _unpacked(raw, name)[0].read(_PEEKED)


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
        suffix: what it is packed with: `.gz`, `.zst`, or empty.

    Raises:
        Misuse: if it cannot be opened.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._raw: IO[bytes] = _open(name)
        try:
            self.stream, self.suffix = _unpacked(self._raw, name)
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
        raise Misuse(f"{label(name)}: there is no such file; check the spelling") from None
    except OSError as error:
        raise Misuse(f"{label(name)}: {error.strerror or 'cannot be read'}") from None


def _unpacked(raw: IO[bytes], name: str) -> tuple[IO[bytes], str]:
    """The stream without the packing that its first bytes tell of, and its suffix."""
    head = _peeked(raw)
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.open(raw)), ".gz"
    if head.startswith(_ZSTD):
        return io.BufferedReader(_ZstdReader(raw, _zstandard(name)), _PEEKED), ".zst"
    return raw, ""


def _zstandard(name: str) -> Any:
    try:
        import zstandard  # noqa: PLC0415  only packed files need it
    except ImportError:
        raise needs("zstandard", label(name)) from None
    return zstandard


class _ZstdReader(io.RawIOBase):
    """What a stream of zstd frames holds.

    The reader of the package itself takes a file that is cut off inside a frame for a whole one.

    Args:
        raw: the frames.
        zstandard: the package.
    """

    def __init__(self, raw: IO[bytes], zstandard: Any) -> None:
        self._raw = raw
        self._error: type[Exception] = zstandard.ZstdError
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer, and say how far.

        Raises:
            OSError: if a frame is damaged.
            EOFError: if the last one does not end.
        """
        while not self._ready and self._more():
            pass
        taken = min(len(self._ready), len(view := memoryview(buffer)))
        view[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _more(self) -> bool:
        """Unpack a little; whether there was anything left."""
        data = self._rest or self._raw.read(_UNPACKED_AT_ONCE)
        if not data and self._frame is not None:
            raise EOFError("the file ends inside a frame of zstd")
        if not data:
            return False
        self._frame = self._frame or self._new_frame()
        try:
            self._ready = memoryview(self._frame.decompress(data))
        except self._error as error:
            raise OSError(str(error)) from None
        self._rest = b""
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None
        return True


@contextmanager
def packed(raw: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    """A stream that packs what is written to it.

    Args:
        raw: where the packed bytes go.
        suffix: how to pack: `.gz`, `.zst`, or empty for not at all.
    """
    if suffix == ".gz":
        with gzip.open(raw, "wb") as stream:
            yield cast("IO[bytes]", stream)
    elif suffix == ".zst":
        compressor = _zstandard(suffix).ZstdCompressor(write_checksum=True)
        with compressor.stream_writer(raw, closefd=False) as stream:
            yield cast("IO[bytes]", stream)
    else:
        yield raw
