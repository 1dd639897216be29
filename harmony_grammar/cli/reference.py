"""`explain`, `grammar` and `docs`: what the format has, by code, by rule, or as a whole."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

import typer

from harmony_grammar.cli.inputs import grammar_of
from harmony_grammar.cli.options import GrammarFile
from harmony_grammar.cli.output import Misuse, Output, Part, one_line, write_bytes
from harmony_grammar.cli.replacing import replacing
from harmony_grammar.docs import Format
from harmony_grammar.docs.catalogue import Entry, catalogue
from harmony_grammar.docs.reference import RuleEntry, TerminalEntry, rules_of, terminals_of

__all__ = ["register"]

# --- rules ---


def _grammar(
    rule: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE",
            show_default=False,
            help="A rule or a terminal; without one, all rules are listed.",
        ),
    ] = None,
    *,
    lark: Annotated[
        bool,
        typer.Option(
            "--lark",
            help="Print the grammar as plain Lark, which lark.Lark reads without this package; "
            "with RULE, that of a start: conversation, prompt, completion, tool_type.",
        ),
    ] = False,
    grammar: GrammarFile = None,
) -> None:
    """Show a rule: its sentence, its definition, examples and how they come from it.

    \b
    Examples:
      harmony-grammar grammar
      harmony-grammar grammar call
      harmony-grammar grammar --lark completion > completion.lark
      harmony-grammar grammar --grammar mine.lark message
    """  # noqa: D301  the escape tells typer to keep the lines
    loaded = grammar_of(grammar)
    if lark:
        write_bytes(loaded.to_lark(rule or "conversation").encode())
        return
    rules = {entry.name: entry for entry in rules_of(loaded)}
    terminals = {entry.name: entry for entry in terminals_of(loaded)}
    if rule is None:
        wide = max(map(len, rules))
        Output().lines(_rule_line(entry, wide) for entry in rules.values())
    elif rule in rules:
        Output().lines(_rule_lines(rules[rule]))
    elif rule in terminals:
        Output().lines(_terminal_lines(terminals[rule]))
    else:
        raise _unknown("rule", rule, [*rules, *terminals], "grammar")


def _rule_line(entry: RuleEntry, wide: int) -> list[Part]:
    return [(f"{entry.name:<{wide}}  ", "bold"), entry.sentence]


def _rule_lines(entry: RuleEntry) -> Iterator[Sequence[Part]]:
    if entry.sentence:
        yield [entry.sentence, "\n"]
    yield [(entry.ebnf, "bold")]
    for example in entry.examples:
        writer = f" (written by {example.writer.rstrip('.')})" if example.writer else ""
        yield [("\nexample", "green"), f"{writer}:"]
        yield [f"  {example.text}"]
        tree = example.tree or "(this example does not come from the rule)"
        yield from ([(f"  {line}", "dim")] for line in tree.splitlines())
    if entry.departure:
        yield [("\nthe reference implementation", "yellow"), f": {entry.departure}"]
    if entry.used_by:
        yield [("\nused by", "cyan"), f": {', '.join(entry.used_by)}"]


def _terminal_lines(entry: TerminalEntry) -> Iterator[Sequence[Part]]:
    yield [(entry.ebnf or entry.name, "bold")]
    yield [entry.words]


def _unknown(kind: str, name: str, known: Iterable[str], command: str) -> Misuse:
    near = get_close_matches(name, [*known], n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"`{command}` alone lists all"
    return Misuse(f"there is no {kind} {name!r}: {advice}")


# --- codes ---

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
    *,
    grammar: GrammarFile = None,
) -> None:
    """Explain a code: what is wrong, an example of it, and the same as it should be.

    \b
    Examples:
      harmony-grammar explain
      harmony-grammar explain unknown-channel
    """  # noqa: D301  the escape tells typer to keep the lines
    entries = {entry.code: entry for entry in catalogue(grammar_of(grammar))}
    if code is None:
        Output().lines(_code_line(entry) for entry in entries.values())
    elif code.strip("[]") in entries:
        Output().lines(_code_lines(entries[code.strip("[]")]))
    else:
        raise _unknown("code", code, entries, "explain")


def _code_line(entry: Entry) -> list[Part]:
    return [(f"{entry.kind:<8}", _STYLES[entry.kind]), (f"{entry.code:<24}", "bold"), entry.meaning]


def _code_lines(entry: Entry) -> Iterator[Sequence[Part]]:
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


# --- all of it ---


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


def _write(folder: Path, made: dict[str, str]) -> None:
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new:
            new.stream.write(text.encode())
    Output().line(f"{one_line(str(folder))}: {len(made)} files")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("explain", short_help="Explain a code, with examples.")(_explain)
    app.command("grammar", short_help="Show a rule of the format.")(_grammar)
    app.command("docs", short_help="Write the reference of the format.")(_docs)
