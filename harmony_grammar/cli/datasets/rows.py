"""Reading data sets row by row, so that memory does not grow, and mending one field of a row.

A file may be broken anywhere. What can be read before that is read, and where it breaks off is
told. What stands between rows is handed out, too, so that a file can be written again as it was.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.cli.datasets.files import MEGABYTE, DataKind, OpenedFile, needs
from harmony_grammar.cli.inputs import STDIN, label
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "BadRow",
    "Batch",
    "Between",
    "Damage",
    "Row",
    "batches",
    "decode",
    "rows_of",
    "with_transcript",
]

_MOST_ROWS: Final = 256
_BESIDE: Final = ("tools", "attention_mask")  # columns that say something of a transcript
_MOST_BYTES: Final = 1 << 20
_CHUNK: Final = 1 << 18


class BadRow(Exception):
    """A row that cannot be read.

    Attributes:
        code: the stable name of the finding.
        hint: what to do about it.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint

    def __reduce__(self) -> tuple[type[BadRow], tuple[str, str, str]]:
        return BadRow, (self.code, str(self), self.hint)


class Row(NamedTuple):
    """A row.

    Attributes:
        data: how it is written; empty in Parquet.
        value: what it says; None if it is not decoded yet, a `BadRow` if it cannot be read.
    """

    data: bytes
    value: Any = None


class Between(NamedTuple):
    """What stands between rows.

    Attributes:
        data: how it is written.
    """

    data: bytes


class Damage(NamedTuple):
    """The end of what can be read, although the file goes on.

    Attributes:
        problem: why.
    """

    problem: str


@dataclass(slots=True)
class Batch:
    """Some rows of a data set.

    Attributes:
        first: the number of the first, from 1: its line, or which row it is.
        word: what the number counts.
        lines: JSON, a row a line, if it is not decoded yet, or why a line was not read.
        values: the rows, if they are.
        problem: why reading ends after these rows although the file does not.
    """

    first: int
    word: str
    lines: list[bytes | BadRow] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    problem: str | None = None


def batches(
    opened: OpenedFile, kind: DataKind, column: str | None, longest: int
) -> Iterator[Batch]:
    """The rows of a data set, some at a time.

    Args:
        opened: the file.
        kind: what it is.
        column: the only column of a Parquet file that is needed; None for all that may be.
        longest: how many bytes a row may have.

    Raises:
        Misuse: if a package is missing that reading it needs, or it is no Parquet file.
    """
    number, read, word = 1, 0, _WORDS[kind]
    batch = Batch(number, word)
    for row in rows_of(opened, kind, column, longest):
        if isinstance(row, Damage):
            batch.problem = row.problem
        elif isinstance(row, Row):
            number += 1
            read += len(row.data)
            if row.value is None and kind is DataKind.JSONL:
                batch.lines.append(row.data)
            else:
                (batch.lines if kind is DataKind.JSONL else batch.values).append(row.value)
            if number - batch.first == _MOST_ROWS or read > _MOST_BYTES:
                yield batch
                batch, read = Batch(number, word), 0
    if number > batch.first or batch.problem is not None:
        yield batch


def rows_of(
    opened: OpenedFile, kind: DataKind, column: str | None, longest: int
) -> Iterator[Row | Between | Damage]:
    """The rows of a data set and what stands between them, in order; see `batches`."""
    try:
        yield from _READERS[kind](opened, column, longest)
    except json.JSONDecodeError as error:
        yield Damage(f"this is no JSON from here on: {error.msg}")
    except RecursionError:
        yield Damage("this is no JSON from here on: it nests too deeply")
    except BadRow as bad:
        yield Damage(f"{bad}; {bad.hint}")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        yield Damage(f"the file is damaged from here on: {error}")


def _too_long(longest: int) -> BadRow:
    said = f"the row is longer than {longest // MEGABYTE:,} MB"
    return BadRow("invalid-row", said, "allow longer rows with --longest-row")


# --- JSON Lines ---


def _lines(opened: OpenedFile, _: str | None, longest: int) -> Iterator[Row | Between]:
    read = opened.stream.readline
    line = read(longest + 1)
    if line.startswith(codecs.BOM_UTF8):
        yield Between(codecs.BOM_UTF8)
        line = line[len(codecs.BOM_UTF8) :]
    while line:
        if len(line) <= longest or line.endswith(b"\n"):
            yield Row(line)
        else:
            while line and not line.endswith(b"\n"):
                line = read(_CHUNK)
            yield Row(b"", _too_long(longest))
        line = read(longest + 1)


def decode(line: bytes) -> Any:
    """What a line says, by the standard reader, which takes more than the fast ones do.

    Raises:
        ValueError: if it is no JSON.
    """
    text = line.rstrip(b"\r\n").decode("utf-8", "surrogatepass")  # its end is no part of it
    value, end = _decoded(text, _past_blanks(text, 0))
    if (end := _past_blanks(text, end)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return value


# --- JSON ---

_BLANKS: Final = " \t\r\n"
_BLANK: Final = re.compile(f"[{_BLANKS}]*")
_READ: Final = json.JSONDecoder().raw_decode
# Takes integers of more digits than Python reads, and is slower.
_PASS: Final = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_UNCLOSED: Final = "Unterminated string"
_LONGEST_SIGN: Final = 16  # an error before the last of them is none of a text cut off


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at a place, and where it ends."""
    try:
        return _READ(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _PASS(text, at)


def _json(opened: OpenedFile, _: str | None, longest: int) -> Iterator[Row | Between]:
    """The items of a list, or one value."""
    text = _JsonText(opened.stream, longest)
    mark = text.sign() if text.peek() == codecs.BOM_UTF8.decode() else b""
    yield Between(mark + text.blank())
    if text.peek() == "[":
        yield Between(text.sign())
        yield from _items(text)
    else:
        yield text.row()
    yield Between(text.blank())
    if text.peek():
        raise _wrong("more follows; if a row stands on each line, say `--data jsonl`")


def _items(text: _JsonText) -> Iterator[Row | Between]:
    """The items of a list and its end, which is there even if an item cannot be read."""
    before, first = text.blank(), True
    try:
        while text.peek() != "]":
            if not first:
                before += text.comma() + text.blank()
            row = text.row()
            yield Between(before)
            yield row
            before, first = text.blank(), False
    except Exception:
        yield Between(b"]\n")
        raise
    yield Between(before + text.sign())


def _wrong(said: str) -> json.JSONDecodeError:
    return json.JSONDecodeError(said, "", 0)


class _JsonText:
    """A stream of JSON, decoded value by value; only what is needed is kept.

    Args:
        stream: the stream.
        longest: how long a value may be.
    """

    def __init__(self, stream: IO[bytes], longest: int) -> None:
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._longest = longest
        self._text, self._at, self._whole = "", 0, False
        self._problem: Exception | None = None

    def peek(self) -> str:
        """The next sign; empty at the end.

        Raises:
            Exception: if that is no end but where the file is damaged.
        """
        while self._at == len(self._text) and not self._whole:
            self._more()
        if self._at == len(self._text) and self._problem is not None:
            raise self._problem
        return self._text[self._at : self._at + 1]

    def sign(self) -> bytes:
        """Go over the next sign."""
        self._at += 1
        return self._text[self._at - 1].encode()

    def comma(self) -> bytes:
        """Go over a comma between items."""
        if self.peek() != ",":
            raise _wrong("Expecting ',' delimiter" if self.peek() else "the list does not end")
        return self.sign()

    def blank(self) -> bytes:
        """Go over white space."""
        found = b""
        while self.peek() and (match := _BLANK.match(self._text, self._at)) and match.group():
            found += match.group().encode()
            self._at = match.end()
            self._limit(len(found))
        return found

    def row(self) -> Row:
        """Go over a value. What is read at a time doubles until it is whole."""
        while True:
            try:
                value, end = _decoded(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._whole or not self._cut_off(error):
                    raise self._problem or error from None
            else:
                if end < len(self._text) or self._whole:  # else a number may go on
                    break
            self._limit(len(self._text) - self._at)
            self._more(len(self._text) - self._at)
        self._limit(end - self._at)
        begin, self._at = self._at, end
        return Row(self._text[begin:end].encode(), value)

    def _cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether a value may be right, were there more of it."""
        late = error.pos > len(self._text) - _LONGEST_SIGN
        return late or error.msg.startswith(_UNCLOSED)

    def _limit(self, length: int) -> None:
        if length > self._longest:
            raise _too_long(self._longest)

    def _more(self, least: int = 0) -> None:
        """Read on, up to where the file is damaged."""
        parts, wanted = [self._text[self._at :]], max(least, _CHUNK)
        while wanted > 0 and not self._whole:
            try:
                data = self._read(_CHUNK)
                parts.append(self._decode(data, final=not data))
            except UnicodeDecodeError as error:
                self._problem = error
                parts.append(error.object[: error.start].decode())
            except (OSError, EOFError, zlib.error) as error:
                self._problem = error
            self._whole = self._problem is not None or not data
            wanted -= len(parts[-1])
        self._text, self._at = "".join(parts), 0


# --- Parquet ---


def _parquet(opened: OpenedFile, column: str | None, _: int) -> Iterator[Row]:
    try:
        import pyarrow as pa  # noqa: PLC0415  only Parquet needs it
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise needs("pyarrow", opened.name) from None
    try:
        piped = opened.name == STDIN  # the index of a Parquet file is at its end
        file = pq.ParquetFile(io.BytesIO(sys.stdin.buffer.read()) if piped else opened.stream)
    except pa.ArrowException as error:
        raise Misuse(f"{label(opened.name)}: this is no Parquet file: {error}") from None
    schema = file.schema_arrow
    wanted = {column} if column in schema.names else {f.name for f in schema if _may_hold(f.type)}
    columns = [name for name in schema.names if name in wanted or name in _BESIDE]
    try:
        for batch in file.iter_batches(batch_size=_MOST_ROWS, columns=columns):
            yield from (Row(b"", value) for value in batch.to_pylist())
    except pa.ArrowException as error:
        raise ValueError(str(error)) from None


def _may_hold(kind: Any) -> bool:
    """Whether a column may hold a transcript: text, ids or messages."""
    from pyarrow import types  # noqa: PLC0415  only Parquet needs it

    if types.is_dictionary(kind):
        return _may_hold(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return bool(types.is_integer(kind.value_type) or types.is_struct(kind.value_type))
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_struct(kind))


_Reader: TypeAlias = "Callable[[OpenedFile, str | None, int], Iterator[Row | Between]]"
_WORDS: Final = {DataKind.JSONL: "line", DataKind.JSON: "row", DataKind.PARQUET: "row"}
_READERS: Final[dict[DataKind, _Reader]] = {
    DataKind.JSONL: _lines,
    DataKind.JSON: _json,
    DataKind.PARQUET: _parquet,
}


# --- mending ---


def with_transcript(data: bytes, name: str | None, source: str | list[int]) -> bytes:
    """A row with another transcript; whatever else is in it stays as it is written.

    Args:
        data: the row, which is JSON.
        name: the field that holds the transcript; None if it is the row itself.
        source: the transcript.

    Raises:
        ValueError, RecursionError: if the standard reader of JSON does not take the row.
    """
    text = data.decode("utf-8", "surrogatepass")
    begin = _past_blanks(text, 0)
    begin, end = _place(text, begin, name) if name is not None else (begin, _PASS(text, begin)[1])
    old = text[begin:end]
    close = "," in old and ", " not in old
    new = json.dumps(
        source, ensure_ascii=old.isascii(), separators=(",", ":") if close else None
    ).encode("utf-8", "backslashreplace")  # which writes half a character as JSON does
    return b"".join((_bytes(text[:begin]), new, _bytes(text[end:])))


def _place(text: str, at: int, name: str) -> tuple[int, int]:
    """Where the value of a field stands in an object; the last one, if there are several."""
    found = 0, 0
    while text[at := _past_blanks(text, at + 1)] != "}":
        key, at = _PASS(text, at)
        begin = _past_blanks(text, _past_blanks(text, at) + 1)
        at = _past_blanks(text, end := _PASS(text, begin)[1])
        found = (begin, end) if key == name else found
        if text[at] == "}":
            break
    return found


def _past_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
