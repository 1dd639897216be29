"""Reading one whole transcript, for the commands that need its tree."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from harmony_grammar.cli.inputs import judge
from harmony_grammar.cli.output import FINDINGS, Output, finding_parts

if TYPE_CHECKING:
    from harmony_grammar import Report
    from harmony_grammar.cli.inputs import Input, StartChoice
    from harmony_grammar.tree import Conversation

__all__ = ["show_error", "tree"]


def show_error(name: str, report: Report) -> None:
    """Show on standard error why an input is not complete."""
    Output(sys.stderr).lines(finding_parts(name, report.diagnostics[-1]))


def tree(given: Input, start: StartChoice) -> Conversation:
    """The tree of an input.

    Raises:
        typer.Exit: if the input is not complete, after saying why.
    """
    _, report = judge(given.source, start)
    if report.status != "complete":
        show_error(given.name, report)
        raise typer.Exit(FINDINGS)
    return report.conversation
