"""`harmony-grammar format`: transcripts in their normal form.

What is formatted is read again before anything is written, so that a file is never changed into
one that says something else.
"""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import difflib
import sys
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
    grammar_of,
    judge,
    read,
    show_error,
)
from harmony_grammar.cli.options import GrammarFile, Keep, Kind, Spelling, SpellingChoice, Start
from harmony_grammar.cli.output import (
    FINDINGS,
    MISUSE,
    Misuse,
    Output,
    complain,
    write_bytes,
)
from harmony_grammar.cli.progress import Meter
from harmony_grammar.cli.replacing import replacing
from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from harmony_grammar import Grammar
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
    grammar: GrammarFile = None,
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
    names, loaded = expand(files or []), grammar_of(grammar)
    job = _Formatting(loaded, spelling, start, write=not (check or diff), diff=diff)
    with Meter([name for name in names if name != STDIN], Output(sys.stderr)) as meter:
        for name in names:
            try:
                job.one(name, read(name, kind, keep_newline=keep_newline))
            except Misuse as problem:
                job.unreadable(problem)
            meter.done(name)
    job.summary()
    raise typer.Exit(job.exit_code)


class _Formatting:
    """Formatting some files.

    Args:
        grammar: the grammar.
        spelling: how headers are spelled.
        start: which start symbol files are read from.
        write: whether to write what changes.
        diff: whether to show what changes.

    Attributes:
        exit_code: the worst that happened so far.
    """

    def __init__(
        self,
        grammar: "Grammar",
        spelling: SpellingChoice,
        start: StartChoice,
        *,
        write: bool,
        diff: bool,
    ) -> None:
        self.exit_code = 0
        self._grammar = grammar
        self._spelling = spelling
        self._start = start
        self._write = write
        self._diff = diff
        self._changed = 0
        self._same = 0

    def one(self, name: str, given: Input) -> None:
        """Format one input."""
        used, report = judge(self._grammar, given.source, self._start)
        if report.status != "complete":
            show_error(given.name, report)
            self._worse(FINDINGS)
            return
        if name == STDIN and self._write and given.manner == "json":  # no file is written over
            as_text = isinstance(given.source, str)
            given = replace(given, manner="text" if as_text else "list", ending="\n")
        old = given.like(given.source)
        new = self._formatted(given, report.conversation)
        self._require_same(given, new, StartChoice(used), report.conversation)
        data = given.like(new)
        if name == STDIN and self._write:
            write_bytes(data)
        elif data == old:
            self._same += 1
        else:
            self._change(name, given.name, old, data)

    def _formatted(self, given: Input, conversation: "Conversation") -> str | list[int]:
        normal, last = conversation.canonical(), conversation.open_message
        if last is not None and last.content is None:
            # How far an open header goes is said by how it is written, not by its fields.
            normal = replace(normal, open_message=last)
        text = isinstance(given.source, str)
        write = self._grammar.render if text else self._grammar.encode
        return write(normal, spelling=self._spelling.value)

    def _require_same(
        self,
        given: Input,
        new: str | list[int],
        start: StartChoice,
        conversation: "Conversation",
    ) -> None:
        """Raise an error unless the new form says what the old one did."""
        _, report = judge(self._grammar, new, start)
        if report.status != "complete" or report.conversation != conversation:
            raise HarmonyError(
                f"{given.name}: the normal form would not say the same, so the file is left as it "
                "is; please report this fault with the file"
            )

    def _change(self, path: str, name: str, old: bytes, new: bytes) -> None:
        self._changed += 1
        if self._diff:
            _show_diff(name, old.decode(), new.decode())
        if self._write:
            with replacing(Path(path)) as file:
                file.stream.write(new)
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


def _show_diff(name: str, old: str, new: str) -> None:
    output = Output()
    rows = difflib.unified_diff(
        old.split("\n"), new.split("\n"), name, f"{name} (normal form)", lineterm="", n=1
    )
    for row in rows:
        output.line((row, _DIFF_STYLES.get(row[:1], "")))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("format", short_help="Rewrite transcripts in their normal form.")(_format)
