"""`harmony-grammar explain`: what a code means, with a bad and a mended example."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harmony_grammar.cli.output import Misuse, Output, Part

if TYPE_CHECKING:
    from harmony_grammar.docs.catalogue import Entry

__all__ = ["register"]

_STYLES: Final = {
    "error": "bold red",
    "repair": "bold cyan",
    "warning": "bold yellow",
    "input": "bold magenta",
}


def _explain(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="CODE",
            show_default=False,
            help="The code, as a finding has it in brackets; without one, all are listed.",
        ),
    ] = None,
) -> None:
    """Explain a code: what is wrong, an example of it, and the same as it should be.

    \b
    Examples:
      harmony-grammar explain
      harmony-grammar explain unknown-channel
    """  # noqa: D301  the escape tells typer to keep the lines
    import harmony_grammar as hg  # noqa: PLC0415  help texts need none of it
    from harmony_grammar.docs.catalogue import catalogue  # noqa: PLC0415  nor of this

    entries = {entry.code: entry for entry in catalogue(hg.Grammar.default())}
    if code is None:
        Output().lines(_list(entry) for entry in entries.values())
    elif code.strip("[]") in entries:
        Output().lines(_rows(entries[code.strip("[]")]))
    else:
        near = get_close_matches(code, entries, n=1)
        advice = f"did you mean `{near[0]}`?" if near else "`explain` alone lists all"
        raise Misuse(f"there is no code {code!r}: {advice}")


def _list(entry: "Entry") -> list[Part]:
    return [(f"{entry.kind:<8}", _STYLES[entry.kind]), (f"{entry.code:<24}", "bold"), entry.meaning]


def _rows(entry: "Entry") -> Iterator[Sequence[Part]]:
    yield [(entry.code, "bold"), " (", (entry.kind, _STYLES[entry.kind]), ")"]
    yield [f"  {entry.meaning}"]
    if entry.bad is None:
        return
    yield [("\nbad", "red"), f", read as a {entry.start}:"]
    yield [f"  {entry.bad}"]
    yield [("\nsaid of it:", "dim")]
    yield from ([f"  {line}"] for line in entry.said.splitlines())
    yield [("\nmended", "green"), ":"]
    yield [f"  {entry.good}"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", short_help="Explain a code, with examples.")(_explain)
