"""`harmony-grammar view`: a transcript as one page to look at in a browser."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from pathlib import Path
from typing import Annotated

import typer

from harmony_grammar.checking.lint import Lint
from harmony_grammar.cli.inputs import STDIN, InputKind, StartChoice, grammar_of, judge, label, read
from harmony_grammar.cli.options import File, GrammarFile, Keep, Kind, Start
from harmony_grammar.cli.output import FINDINGS, Output, write_bytes
from harmony_grammar.cli.replacing import replacing
from harmony_grammar.view.data import fields_of_ids, shown, whole
from harmony_grammar.view.page import compact, encoded, page, ranges

__all__ = ["register"]


def _view(  # noqa: PLR0913  a parameter is an option
    file: File = STDIN,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PAGE",
            help="The file to write to.",
            show_default="standard output",
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option(help="Whether the page has the tokens, which make it larger.")
    ] = True,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
) -> None:
    """Write a transcript as one page of HTML: messages, tokens, headers, findings.

    The page needs nothing beside it and fetches nothing. Nothing in a transcript
    becomes markup or script. Behind an error what recovery reads is shown, with
    what was mended.

    \b
    Examples:
      harmony-grammar view chat.harmony -o chat.html
      harmony-grammar view --no-tokens large.harmony > large.html

    Exit codes: 0 if it is complete, 1 if not; the page is written in either case.
    """  # noqa: D301  the escape tells typer to keep the lines
    given, loaded = read(file, kind, keep_newline=keep_newline), grammar_of(grammar)
    chosen, report = judge(loaded, given.source, start)
    report = whole(loaded, given.source, chosen, report)
    data = shown(loaded, given.source, report, Path(given.name).name)
    if tokens:
        ids = encoded(loaded, given.source)
        read_as = report
        if ids is not given.source:  # once more, for places among the ids; it has been linted
            checked = loaded.check(ids, chosen, Lint(select=frozenset()))
            read_as = whole(loaded, ids, chosen, checked)
        data["tokens"] = compact(loaded, ids, fields_of_ids(loaded, ids, read_as.conversation))
        spans = [found.span for found in report.diagnostics]
        data["tokens"]["found"] = ranges(loaded, given.source, ids, spans)
    made = page(data).encode("utf-8")
    if out is None:
        write_bytes(made)
    else:
        with replacing(out) as new:
            new.stream.write(made)
        Output().line(
            f"{label(str(out))}: {len(data['messages'])} messages, {len(data['findings'])} findings"
        )
    if report.status != "complete":
        raise typer.Exit(FINDINGS)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("view", short_help="Write a transcript as a page.")(_view)
