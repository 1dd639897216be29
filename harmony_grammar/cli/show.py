"""`harmony-grammar show`: a conversation as a reader wants it, on the terminal."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from typing import TYPE_CHECKING, Annotated, Final

import typer

from harmony_grammar.cli.inputs import STDIN, InputKind, StartChoice, grammar_of, judge, read
from harmony_grammar.cli.options import File, GrammarFile, Keep, Kind, Start
from harmony_grammar.cli.output import FINDINGS, Output, Part, finding_parts, visible
from harmony_grammar.grammar.meaning import Use
from harmony_grammar.tree import Message, Role
from harmony_grammar.view.data import findings_of, results, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar import Diagnostic, Grammar, Report
    from harmony_grammar.tree import OpenMessage

__all__ = ["register"]

_ROLES: Final = {
    Role.SYSTEM: "bold magenta",
    Role.DEVELOPER: "bold blue",
    Role.USER: "bold green",
    Role.ASSISTANT: "bold cyan",
    Role.TOOL: "bold yellow",
}
_MARGIN: Final = 4


def _show(  # noqa: PLR0913  a parameter is an option
    file: File = STDIN,
    *,
    fold: Annotated[
        bool, typer.Option("--fold", help="Only say how long the reasoning is, not what it says.")
    ] = False,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
) -> None:
    """Show a conversation: who says what on which channel, calls with their results.

    \b
    Examples:
      harmony-grammar show chat.harmony
      harmony-grammar show --fold chat.harmony | less -R
      harmony-grammar show --start completion completion-ids.json

    Behind an error what recovery reads is shown, with what was mended.

    Exit codes: 0 if it is complete, 1 if not.
    """  # noqa: D301  the escape tells typer to keep the lines
    given, loaded = read(file, kind, keep_newline=keep_newline), grammar_of(grammar)
    used, report = judge(loaded, given.source, start)
    shown = _Shown(loaded, given.name, fold=fold)
    shown.show(whole(loaded, given.source, used, report))
    if report.status != "complete":
        raise typer.Exit(FINDINGS)


_STYLES: Final = {Use.REASONING: "dim", Use.PREAMBLE: "yellow", Use.ANSWER: "green"}


class _Shown:
    """A conversation on the terminal."""

    def __init__(self, grammar: "Grammar", name: str, *, fold: bool) -> None:
        self._output = Output()
        self._name = name
        self._meaning = grammar.rules.meaning
        self._fold = fold

    def show(self, report: "Report") -> None:
        """Show all of it, with the findings where they are."""
        conversation = report.conversation
        answered = results(conversation.messages)
        findings = findings_of(conversation.messages, report.diagnostics)
        for index, message in enumerate(conversation):
            self._message(index, message, answered.get(index))
            self._findings(findings.get(index, ()))
        if conversation.open_message is not None:
            self._message(len(conversation), conversation.open_message, None)
        self._findings(findings.get(len(conversation), ()))

    def _message(self, index: int, message: "Message | OpenMessage", call: int | None) -> None:
        self._output.line(*self._head(index, message, call))
        style = "dim" if self._meaning.is_reasoning(message.channel) else ""
        text = message.text
        if self._fold and self._meaning.is_reasoning(message.channel):
            text, style = f"({len(text)} characters of reasoning)", "dim italic"
        self._body(text, style)

    def _head(self, index: int, message: "Message | OpenMessage", call: int | None) -> list[Part]:
        author = message.author
        speaker = author.role.value if author.name is None else f"{author.role.value} {author.name}"
        style = _ROLES.get(author.role, "bold") if isinstance(author.role, Role) else "bold"
        parts: list[Part] = [(f"{index + 1}. ", "dim"), (speaker, style)]
        if message.channel is not None:
            parts += [" on ", (message.channel, _STYLES[self._meaning.use_of(message.channel)])]
        if message.recipient is not None:
            parts += [" to ", (message.recipient, "bold")]
        if message.content_type is not None:
            parts.append((f" as {message.content_type.name}", "dim"))
        parts += [(f" {field} {value}", "dim") for field, value in message.extras.items()]
        if call is not None:
            parts.append((f" (answers {call + 1})", "dim"))
        if not isinstance(message, Message):
            parts.append((" (open)", "yellow"))
        return parts

    def _body(self, text: str, style: str) -> None:
        """A body, indented; on a terminal with its long lines wrapped within the margin."""
        if self._output.console is None:
            self._output.lines([" " * _MARGIN + line] if line else [""] for line in _lines(text))
            self._output.line()
            return
        from rich.padding import Padding  # noqa: PLC0415  only terminals need it
        from rich.text import Text  # noqa: PLC0415  only terminals need it

        shown = Text(visible(text), style)
        self._output.console.print(Padding(shown, (0, 0, 1, _MARGIN)), soft_wrap=False)

    def _findings(self, findings: "Iterable[Diagnostic]") -> None:
        for finding in findings:
            self._output.lines(finding_parts(self._name, finding, caret=False))
            self._output.line()


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show", short_help="Show a conversation to a reader.")(_show)
