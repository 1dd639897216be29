"""Saying things: to a person on a terminal with colours, to a pipe in plain lines.

Whether it is a terminal is decided for each stream. Colours also yield to `NO_COLOR` and to a
terminal that calls itself dumb. What is said may quote an input, so control characters, which
could steer a terminal, are shown as dots.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

__all__ = [
    "FINDINGS",
    "INTERRUPTED",
    "MISUSE",
    "READER_GONE",
    "TERMINATED",
    "Arrangement",
    "Misuse",
    "Output",
    "Part",
    "Terminated",
    "complain",
    "dump",
    "finding_parts",
    "is_rich",
    "json_bytes",
    "one_line",
    "visible",
    "write_bytes",
]

FINDINGS: Final = 1
MISUSE: Final = 2
INTERRUPTED: Final = 130
READER_GONE: Final = 141
TERMINATED: Final = 143

# A piece of a line: text, or text and how rich is to style it.
Part: TypeAlias = "str | tuple[str, str]"


class Arrangement(str, Enum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


class Misuse(Exception):
    """The command cannot do what was asked: wrong arguments, or input that cannot be read."""


class Terminated(KeyboardInterrupt):
    """The system asked the process to end, as a user does with an interrupt."""


def is_rich(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and stream.isatty()


def visible(text: str) -> str:
    """`text` with a dot for every character that a terminal could take for a command."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)


def one_line(text: str) -> str:
    """`text` with a dot for every line end, too.

    So names and messages, which may quote an input, cannot begin a line of their own. A line may
    be a command to what reads it: GitHub Actions obeys those that begin with two colons.
    """
    return visible(text).replace("\n", "·")


class Output:
    """Lines for a stream.

    Args:
        stream: the stream; standard output, unless told otherwise.

    Attributes:
        console: rich's console, if the stream is a terminal that shows colours.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.console: Console | None = None
        if isinstance(self.stream, io.TextIOWrapper):  # never fail on what it cannot encode
            self.stream.reconfigure(errors="backslashreplace")
        if is_rich(self.stream):
            from rich.console import Console  # noqa: PLC0415  only terminals need it

            self.console = Console(file=self.stream, highlight=False, soft_wrap=True)

    def line(self, *parts: Part) -> None:
        """Write one line, or several that belong together."""
        pieces = [(p, "") if isinstance(p, str) else p for p in parts]
        if self.console is None:
            self.stream.write("".join(visible(text) for text, _ in pieces) + "\n")
            return
        from rich.text import Text  # noqa: PLC0415  only terminals need it

        self.console.print(Text.assemble(*((visible(text), style) for text, style in pieces)))

    def lines(self, rows: Iterable[Iterable[Part]]) -> None:
        """Write many lines."""
        for row in rows:
            self.line(*row)


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    Output(sys.stderr).line(("error: ", "bold red"), message)


def finding_parts(name: str, finding: Any, *, caret: bool = True) -> list[list[Part]]:
    """A diagnostic as lines: where and what, the caret, what was expected, what to do.

    Args:
        name: the name of the input.
        finding: the diagnostic.
        caret: whether to show the line that it is in.
    """
    style = "bold red" if finding.severity.value == "error" else "bold yellow"
    head: list[Part] = [
        f"{one_line(name)}:{_place(finding)}: ",
        (f"{finding.severity}: ", style),
        (one_line(finding.message), "bold"),
        (f" [{finding.code}]", "dim"),
    ]
    rows = [head]
    if caret and (picture := finding.picture()):
        source, _, below = picture.rpartition("\n")
        rows += [[source], [(below, style)]]
    if finding.expected:
        rows.append([("  expected: ", "cyan"), one_line(", ".join(finding.expected))])
    if finding.hint:
        rows.append([("  hint: ", "green"), one_line(finding.hint)])
    return rows


def _place(finding: Any) -> str:
    """Where a diagnostic is, in the way editors understand it if it is in a text."""
    if finding.unit == "text":
        return f"{finding.line}:{finding.column}"
    return f" {finding.place}"


# What could steer a terminal, or turn around the order in which signs are shown.
_STEERING: Final = (
    "\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_ESCAPED: Final = re.compile(f"[{_STEERING}\ud800-\udfff]")
_HIDDEN: Final = re.compile(f"[{_STEERING}\x00-\x08\x0b\x0c\x0e-\x1f]|\r(?!\n)")


def json_bytes(data: object, indent: int | None = None) -> bytes:
    """Data as JSON; what could steer a terminal is escaped, and so is half a character."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: json.dumps(match.group())[1:-1], text).encode()


def dump(data: object) -> None:
    """Write JSON to standard output."""
    write_bytes(json_bytes(data, indent=2) + b"\n")


def write_bytes(data: bytes) -> None:
    """Write to standard output exactly these bytes; to a terminal, none that could steer it."""
    sys.stdout.flush()
    if sys.stdout.isatty():
        data = _HIDDEN.sub("·", data.decode("utf-8", "replace")).encode()
    sys.stdout.buffer.write(data)
