"""`harmony-grammar grammar`: the rules of the format, one by one."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from harmony_grammar.cli.docs import GrammarFile, grammar_of
from harmony_grammar.cli.output import Misuse, Output, Part

if TYPE_CHECKING:
    from harmony_grammar.docs.reference import RuleEntry, TerminalEntry

__all__ = ["register"]


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
    grammar: GrammarFile = None,
) -> None:
    """Show a rule: its sentence, its definition, examples and how they come from it.

    \b
    Examples:
      harmony-grammar grammar
      harmony-grammar grammar call
      harmony-grammar grammar --grammar mine.lark message
    """  # noqa: D301  the escape tells typer to keep the lines
    from harmony_grammar.docs.reference import rules_of, terminals_of  # noqa: PLC0415  help needs none

    loaded = grammar_of(grammar)
    rules = {entry.name: entry for entry in rules_of(loaded)}
    terminals = {entry.name: entry for entry in terminals_of(loaded)}
    if rule is None:
        wide = max(map(len, rules))
        Output().lines(_list(entry, wide) for entry in rules.values())
    elif rule in rules:
        Output().lines(_rows(rules[rule]))
    elif rule in terminals:
        Output().lines(_terminal(terminals[rule]))
    else:
        near = get_close_matches(rule, [*rules, *terminals], n=1)
        advice = f"did you mean `{near[0]}`?" if near else "`grammar` alone lists all"
        raise Misuse(f"there is no rule {rule!r}: {advice}")


def _list(entry: "RuleEntry", wide: int) -> list[Part]:
    return [(f"{entry.name:<{wide}}  ", "bold"), entry.sentence]


def _rows(entry: "RuleEntry") -> Iterator[Sequence[Part]]:
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


def _terminal(entry: "TerminalEntry") -> Iterator[Sequence[Part]]:
    yield [(entry.ebnf or entry.name, "bold")]
    yield [entry.words]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("grammar", short_help="Show a rule of the format.")(_grammar)
