"""A progress bar on a terminal, for many files or large ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harmony_grammar.cli.inputs import STDIN
from harmony_grammar.cli.output import is_rich

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress
    from typing_extensions import Self

    from harmony_grammar.cli.output import Output

__all__ = ["Meter"]

_MANY_FILES: Final = 50
_MANY_BYTES: Final = 8_000_000


class Meter:
    """A bar on standard error while there is much to do, by bytes, with a rate of rows.

    Args:
        files: the files, or `-`.
        output: where lines are written meanwhile.
    """

    def __init__(self, files: Sequence[str], output: Output) -> None:
        self._sizes = {name: _size(name) for name in files}
        total = sum(self._sizes.values())
        much = len(files) >= _MANY_FILES or total >= _MANY_BYTES or STDIN in files
        self._bar = _bar(output, total) if much and is_rich(sys.stderr) else None
        self._before = self._rows = 0

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, position: int, rows: int) -> None:
        """Some more rows of a file were read, up to a byte of it."""
        self._rows += rows
        if self._bar is not None:
            task = self._bar.tasks[0]
            rate = f"{self._rows / max(task.elapsed or 0.0, 0.001):,.0f} rows/s"
            done = self._before + position
            self._bar.update(task.id, completed=done, rate=rate)

    def done(self, name: str) -> None:
        """A file was read to its end."""
        self._before += self._sizes.get(name, 0)
        if self._bar is not None:
            self._bar.update(self._bar.tasks[0].id, completed=self._before)


def _bar(output: Output, total: int) -> Progress:
    from rich import progress  # noqa: PLC0415  only terminals need it
    from rich.console import Console  # noqa: PLC0415

    bar = progress.Progress(
        progress.TextColumn("reading"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        console=output.console or Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
    bar.add_task("reading", total=total or None, rate="")
    return bar


def _size(name: str) -> int:
    """How many bytes a file has; 0 if that cannot be known."""
    try:
        return 0 if name == STDIN else Path(name).stat().st_size
    except OSError:
        return 0
