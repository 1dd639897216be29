"""`harmony-grammar docs`: the documents that a grammar makes."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harmony_grammar.cli.output import Misuse, Output, write_bytes
from harmony_grammar.docs.formats import Format

if TYPE_CHECKING:
    from harmony_grammar import Grammar

__all__ = ["GrammarFile", "grammar_of", "register"]

GrammarFile = Annotated[
    Path | None,
    typer.Option(
        "--grammar",
        metavar="FILE",
        help="A grammar of your own, in the syntax of the packaged one.",
        show_default="the packaged one",
    ),
]


def _docs(
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The folder to write to; it is made if it is not there.",
            show_default="standard output, for one file",
        ),
    ] = None,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="Pages (markdown), one page with everything in it (html), the rules alone "
            "(ebnf), the diagrams alone (svg), or data for programs (json).",
        ),
    ] = Format.MARKDOWN,
    grammar: GrammarFile = None,
) -> None:
    """Write the reference of the format: rules, diagrams, tokens, codes, a cheat sheet.

    All of it is made from the grammar and from the tables that the programs use.
    It needs the packages of the extra named docs.

    \b
    Examples:
      harmony-grammar docs --out reference
      harmony-grammar docs --format html > reference.html
      harmony-grammar docs --format ebnf --grammar mine.lark
    """  # noqa: D301  the escape tells typer to keep the lines
    loaded = grammar_of(grammar)
    try:
        from harmony_grammar.docs.files import files  # noqa: PLC0415  nothing else needs it
    except ModuleNotFoundError as error:
        raise Misuse(
            f"documents need the package {error.name}: pip install 'harmony-grammar[docs]'"
        ) from None
    made = files(loaded, form)
    if out is not None:
        _write(out, made)
    elif len(made) == 1:
        write_bytes("".join(made.values()).encode())
    else:
        raise Misuse(f"{form.value} is {len(made)} files: say where to, with --out DIR")


def grammar_of(path: "Path | None") -> "Grammar":
    """The grammar in a file; without one, the packaged one.

    Raises:
        Misuse: if the file cannot be read.
    """
    import harmony_grammar as hg  # noqa: PLC0415  help texts need none of it
    from harmony_grammar.cli.inputs import read_text  # noqa: PLC0415

    return hg.Grammar.default() if path is None else hg.Grammar.from_text(read_text(str(path)))


def _write(folder: Path, made: dict[str, str]) -> None:
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    Output().line(f"{folder}: {len(made)} files")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("docs", short_help="Write the reference of the format.")(_docs)
