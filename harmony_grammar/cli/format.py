"""`harmony-grammar format`: transcripts in their normal form.

What is formatted is read again before anything is written, so that a file is never changed into
one that says something else.
"""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import difflib
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harmony_grammar.cli.inputs import (
    STDIN,
    Input,
    InputKind,
    StartChoice,
    expand,
    judge,
    read,
)
from harmony_grammar.cli.options import Keep, Kind, Spelling, SpellingChoice, Start
from harmony_grammar.cli.output import FINDINGS, MISUSE, Misuse, Output, complain, write_bytes
from harmony_grammar.cli.progress import with_progress
from harmony_grammar.cli.reading import show_error
from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from harmony_grammar.tree import Conversation

__all__ = ["register"]

_DIFF_STYLES: Final = {"+": "green", "-": "red", "@": "cyan"}


def _format(  # noqa: PLR0913  a parameter is an option
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            show_default=False,
            help="Files or folders (all *.harmony below them), written in place; - is what is "
            "piped in, and goes to standard output.",
        ),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="As --check, and show what would change.")
    ] = False,
    spelling: Spelling = SpellingChoice.OPENAI,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
) -> None:
    """Rewrite transcripts in their normal form: one spelling of headers, the usual terminators.

    Formatting changes no message, and formatting twice changes nothing more. What
    is not complete is shown and left as it is.

    \b
    Examples:
      harmony-grammar format chat.harmony
      harmony-grammar format --diff --spelling model logs/
      harmony-grammar format - < chat.harmony | harmony-grammar tokens
    """  # noqa: D301  the escape tells typer to keep the lines
    job = _Job(spelling, start, write=not (check or diff), diff=diff)
    for name in with_progress(expand(files or []), Output(sys.stderr)):
        try:
            job.one(name, read(name, kind, keep_newline=keep_newline))
        except Misuse as problem:  # noqa: PERF203  one bad file does not stop the others
            job.unreadable(problem)
    job.summary()
    raise typer.Exit(job.exit_code)


class _Job:
    """Formatting some files.

    Args:
        spelling: how headers are spelled.
        start: which start symbol files are read from.
        write: whether to write what changes.
        diff: whether to show what changes.

    Attributes:
        exit_code: the worst that happened so far.
    """

    def __init__(
        self, spelling: SpellingChoice, start: StartChoice, *, write: bool, diff: bool
    ) -> None:
        self.exit_code = 0
        self._spelling = spelling
        self._start = start
        self._write = write
        self._diff = diff
        self._changed = 0
        self._same = 0

    def one(self, name: str, given: Input) -> None:
        """Format one input."""
        used, report = judge(given.source, self._start)
        if report.status != "complete":
            show_error(given.name, report)
            self._worse(FINDINGS)
            return
        old = _written(given.source, given)
        new = _formatted(given, report.conversation, self._spelling)
        _require_same(given, new, StartChoice(used), report.conversation)
        text = _written(new, given)
        if name == STDIN and self._write:
            write_bytes(text.encode())
        elif text == old:
            self._same += 1
        else:
            self._change(name, given.name, old, text)

    def _change(self, path: str, name: str, old: str, new: str) -> None:
        self._changed += 1
        if self._diff:
            _show_diff(name, old, new)
        if self._write:
            _replace_file(path, new.encode())
        else:
            self._worse(FINDINGS)
        Output(sys.stderr).line("formatted " if self._write else "would format ", (name, "bold"))

    def unreadable(self, problem: Misuse) -> None:
        """Say that an input could not be read."""
        complain(str(problem))
        self._worse(MISUSE)

    def summary(self) -> None:
        """Say what became of the files."""
        if self._changed + self._same:
            verb = "formatted" if self._write else "would be formatted"
            Output(sys.stderr).line(f"{self._changed} {verb}, {self._same} in normal form already")

    def _worse(self, code: int) -> None:
        self.exit_code = max(self.exit_code, code)


def _formatted(
    given: Input, conversation: "Conversation", spelling: SpellingChoice
) -> str | list[int]:
    import harmony_grammar as hg  # noqa: PLC0415  help texts need none of it

    normal, last = conversation.canonical(), conversation.open_message
    if last is not None and last.content is None:
        # How far an open header goes is said by how it is written, not by its fields.
        normal = replace(normal, open_message=last)
    if isinstance(given.source, str):
        return hg.render(normal, spelling=spelling.value)
    return hg.encode(normal, spelling=spelling.value)


def _require_same(
    given: Input, new: str | list[int], start: StartChoice, conversation: "Conversation"
) -> None:
    """Raise an error unless the new form says what the old one did."""
    _, report = judge(new, start)
    if report.status != "complete" or report.conversation != conversation:
        raise HarmonyError(
            f"{given.name}: the normal form would not say the same, so the file is left as it is; "
            "please report this fault with the file"
        )


def _written(source: str | list[int], given: Input) -> str:
    """A text or ids in the manner that the input was written."""
    if isinstance(source, str):
        return source + given.ending
    if given.written == "list":
        return json.dumps(source) + given.ending
    return " ".join(map(str, source)) + given.ending


def _show_diff(name: str, old: str, new: str) -> None:
    output = Output()
    rows = difflib.unified_diff(
        old.split("\n"), new.split("\n"), name, f"{name} (normal form)", lineterm="", n=1
    )
    for row in rows:
        output.line((row, _DIFF_STYLES.get(row[:1], "")))


def _replace_file(name: str, data: bytes) -> None:
    """Write a file anew, so that it is never half written; a link keeps its place."""
    path = Path(os.path.realpath(name))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(path.stat().st_mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("format", short_help="Rewrite transcripts in their normal form.")(_format)
