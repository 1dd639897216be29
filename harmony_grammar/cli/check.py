"""`harmony-grammar check`: is this the format, and if not, where and why."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import os
from typing import TYPE_CHECKING, Annotated

import typer

from harmony_grammar.cli.datasets.files import FOLDER_SUFFIXES, DataKind
from harmony_grammar.cli.inputs import InputKind, StartChoice, expand
from harmony_grammar.cli.options import Data, Field, Keep, Kind, Start
from harmony_grammar.cli.output import Output
from harmony_grammar.cli.progress import Meter
from harmony_grammar.cli.sinks import Format, JsonLinesSink, JsonSink, TextSink

if TYPE_CHECKING:
    from harmony_grammar.cli.sinks import Sink

__all__ = ["register"]

_SUFFIXES = (".harmony", *FOLDER_SUFFIXES)


_Files = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES",
        show_default=False,
        help="Transcripts, data sets (.jsonl, .json, .parquet; .gz and .zst), folders, "
        "patterns such as 'logs/**/*.jsonl', or - for what is piped in.",
    ),
]
_Form = Annotated[
    Format,
    typer.Option(
        "--format",
        help="Lines for people, JSON (jsonl: one finding a line), workflow commands of "
        "GitHub Actions, or SARIF 2.1.0.",
    ),
]
_Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="CODES", help="Look at these lint rules only."),
]
_Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODES", help="Leave out these lint rules."),
]
_Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="Processes for data sets; 0 is one a core."),
]
_MaxErrors = Annotated[
    int | None, typer.Option("--max-errors", min=1, help="Stop after so many errors.")
]
_WarningsAsErrors = Annotated[
    bool, typer.Option("--warnings-as-errors", help="Fail on warnings, too.")
]
_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show findings only, no verdicts and no summary.")
]
_Brief = Annotated[bool, typer.Option("--summary", help="Show the summary only.")]


def _check(  # noqa: PLR0913  a parameter is an option
    files: _Files = None,
    *,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    data: Data = DataKind.AUTO,
    field: Field = None,
    form: _Form = Format.TEXT,
    select: _Select = None,
    ignore: _Ignore = None,
    jobs: _Jobs = 1,
    max_errors: _MaxErrors = None,
    keep_newline: Keep = False,
    warnings_as_errors: _WarningsAsErrors = False,
    quiet: _Quiet = False,
    brief: _Brief = False,
) -> None:
    """Check transcripts and data sets: is each complete, cut off or malformed, where and why.

    \b
    Examples:
      harmony-grammar check examples/*.harmony
      harmony-grammar check --start completion sampled.txt
      harmony-grammar check --jobs 4 --summary train.jsonl.zst
      harmony-grammar check --format sarif logs/ > report.sarif
      echo '[200006, 1428, 200008, 12194, 200007]' | harmony-grammar check -

    A row of a data set is text, ids, or messages: wire JSON or an OpenAI chat.
    Which lint rules apply, and how bad they are, may also stand in the nearest
    pyproject.toml under [tool.harmony-grammar]: select, ignore, and a table
    severity. An option replaces what stands there.

    Exit codes: 0 if all is well, 1 if something is not complete or has an error
    (or a warning, with --warnings-as-errors), 2 if a file could not be read or
    the command was misused, 130 if it was interrupted.
    """  # noqa: D301  the escape tells typer to keep the lines
    from harmony_grammar.cli.checking import Check, Wanted  # noqa: PLC0415  help needs none of it
    from harmony_grammar.cli.config import chosen_lint  # noqa: PLC0415

    names, lint, output = expand(files or [], _SUFFIXES), chosen_lint(select, ignore), Output()
    cores = jobs or os.cpu_count() or 1
    wanted = Wanted(start, kind, keep_newline, data, field, lint, cores, max_errors)
    sink = _sink(form, output, quiet=quiet, brief=brief)
    with Meter(names, output) as meter:
        check = Check(wanted, sink, meter)
        check.run(names)
    code = check.totals.exit_code(strict=warnings_as_errors)
    sink.close(check.totals, code)
    raise typer.Exit(code)


def _sink(form: Format, output: Output, *, quiet: bool, brief: bool) -> "Sink":
    from harmony_grammar.cli.sinks_ci import GithubSink, SarifSink  # noqa: PLC0415  few need it

    if form is Format.TEXT:
        return TextSink(output, quiet=quiet, brief=brief)
    if form is Format.GITHUB:
        return GithubSink(output, quiet=quiet)
    if form is Format.SARIF:
        return SarifSink()
    return JsonSink() if form is Format.JSON else JsonLinesSink()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", short_help="Is it complete, cut off or malformed?")(_check)
