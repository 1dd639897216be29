"""`harmony-grammar tokens`: the ids of a transcript, one a line, and what each is part of."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import typer

from harmony_grammar.cli.inputs import (
    STDIN,
    InputKind,
    StartChoice,
    grammar_of,
    judge,
    read,
    show_error,
)
from harmony_grammar.cli.options import File, Form, GrammarFile, Keep, Kind, Start
from harmony_grammar.cli.output import FINDINGS, Arrangement, Output, Part, dump
from harmony_grammar.view.data import fields_of_ids
from harmony_grammar.view.page import encoded

if TYPE_CHECKING:
    from harmony_grammar import Vocabulary

__all__ = ["register"]

_UNKNOWN: Final = "(not in the vocabulary)"
_STYLES: Final = {"body": "", "unread": "red"}


@dataclass(frozen=True, slots=True)
class _TokenRow:
    """One id.

    Attributes:
        index: where it stands.
        id: the id.
        text: what it stands for; None if it is unknown.
        special: whether it is a special token.
        message: the index of its message; None beyond the last one that could be read.
        part: the part of the message.
    """

    index: int
    id: int
    text: str | None
    special: bool
    message: int | None
    part: str


def _tokens(  # noqa: PLR0913  a parameter is an option
    file: File = STDIN,
    *,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    form: Form = Arrangement.TEXT,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
) -> None:
    """Show the token ids of a transcript: what each spells and which part it belongs to.

    The parts are start, author, channel, recipient, content-type, body-start,
    body and end; unread is what follows the last message that could be read. A
    text is encoded first, as the model's server encodes it.

    \b
    Examples:
      harmony-grammar tokens chat.harmony
      harmony-grammar tokens --format json completion-ids.json
      harmony-grammar render --to ids messages.json | harmony-grammar tokens
    """  # noqa: D301  the escape tells typer to keep the lines
    given, loaded = read(file, kind, keep_newline=keep_newline), grammar_of(grammar)
    source = given.source
    ids = encoded(loaded, source)
    _, report = judge(loaded, ids, start)
    spell = _Spelling(loaded.vocabulary)
    rows = (
        _TokenRow(index, token, spell.text(token), spell.special(token), *place)
        for index, (token, place) in enumerate(
            zip(ids, fields_of_ids(loaded, ids, report.conversation), strict=True)
        )
    )
    if form is Arrangement.JSON:
        dump([asdict(row) for row in rows])
    else:
        _show(list(rows))
    if report.status != "complete":
        _, said = judge(loaded, source, start)
        show_error(given.name, said)
        raise typer.Exit(FINDINGS)


class _Spelling:
    """What ids stand for."""

    def __init__(self, vocabulary: "Vocabulary") -> None:
        self._vocabulary = vocabulary
        self._special = frozenset(vocabulary.special_ids.values())

    def special(self, token: int) -> bool:
        """Whether an id is a special token."""
        return token in self._special

    def text(self, token: int) -> str | None:
        r"""What an id stands for, with bytes that are no text as `\x..`; None if unknown."""
        if not 0 <= token < self._vocabulary.size:
            return None
        return self._vocabulary.piece(token).decode("utf-8", "backslashreplace")


def _show(rows: Sequence[_TokenRow]) -> None:
    Output().lines(_table(rows))


def _table(rows: Sequence[_TokenRow]) -> Iterator[list[Part]]:
    wide = max([5, *(len(str(row.id)) for row in rows)])
    yield [(f"{'index':>7}  {'id':>{wide}}  {'message':>7}  {'part':<12}  text", "bold")]
    for row in rows:
        message = "" if row.message is None else str(row.message)
        yield [
            (f"{row.index:>7}  ", "dim"),
            f"{row.id:>{wide}}  {message:>7}  ",
            (f"{row.part:<12}  ", _STYLES.get(row.part, "cyan")),
            (_quoted(row), "bold magenta" if row.special else ""),
        ]


def _quoted(row: _TokenRow) -> str:
    if row.text is None:
        return _UNKNOWN
    return row.text if row.special else repr(row.text)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tokens", short_help="Show token ids and what each is part of.")(_tokens)
