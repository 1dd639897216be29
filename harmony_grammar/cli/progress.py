"""A progress bar on a terminal, for many files or large ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harmony_grammar.cli.inputs import STDIN
from harmony_grammar.cli.output import is_rich

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.cli.output import Output

__all__ = ["with_progress"]

_MANY_FILES: Final = 50
_MANY_BYTES: Final = 8_000_000


def with_progress(files: Sequence[str], output: Output) -> Iterator[str]:
    """The files, one by one, with a bar on standard error while there is much to do.

    Args:
        files: the files, or `-`.
        output: where lines are written meanwhile; if that is a terminal, the bar stands below
            them.
    """
    if not is_rich(sys.stderr):
        yield from files
        return
    sizes = [_size(name) for name in files]
    if len(files) < _MANY_FILES and sum(sizes) < _MANY_BYTES:
        yield from files
        return
    from rich.console import Console  # noqa: PLC0415  only terminals need it
    from rich.progress import Progress  # noqa: PLC0415

    console = output.console or Console(stderr=True)
    with Progress(console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("reading", total=sum(sizes) or None)
        for name, size in zip(files, sizes, strict=True):
            yield name
            bar.advance(task, size)


def _size(name: str) -> int:
    """How many bytes a file has; 0 if that cannot be known."""
    try:
        return 0 if name == STDIN else Path(name).stat().st_size
    except OSError:
        return 0
