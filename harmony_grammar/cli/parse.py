"""`harmony-grammar parse`: the messages of a transcript and what each consists of."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from harmony_grammar.cli.inputs import STDIN, InputKind, StartChoice, grammar_of, parsed, read
from harmony_grammar.cli.options import File, Form, GrammarFile, Keep, Kind, Start
from harmony_grammar.cli.output import Arrangement, Output, Part, dump
from harmony_grammar.tree import Message

if TYPE_CHECKING:
    from harmony_grammar.tree import Conversation, OpenMessage

__all__ = ["register"]

_PREVIEW: Final = 60  # characters of a body that the tree shows
_PARTS: Final = ("header", "body", "terminator")


def _parse(  # noqa: PLR0913  a parameter is an option
    file: File = STDIN,
    *,
    start: Start = StartChoice.AUTO,
    kind: Kind = InputKind.AUTO,
    form: Form = Arrangement.TEXT,
    keep_newline: Keep = False,
    grammar: GrammarFile = None,
) -> None:
    """Show the messages of a transcript: fields, bodies, and where each part stands.

    Places are half-open ranges: of characters if the input is text, of ids if it
    is ids. The JSON is openai_harmony's wire JSON with the places added, so that
    render reads it back.

    \b
    Examples:
      harmony-grammar parse chat.harmony
      harmony-grammar parse --format json chat.harmony | jq .messages
      harmony-grammar parse --format json chat.harmony | harmony-grammar render
    """  # noqa: D301  the escape tells typer to keep the lines
    given = read(file, kind, keep_newline=keep_newline)
    conversation = parsed(grammar_of(grammar), given, start)
    unit = "text" if isinstance(given.source, str) else "ids"
    if form is Arrangement.JSON:
        dump(_data(conversation, unit))
    else:
        _show(_branch(conversation, "characters" if unit == "text" else "ids"))


# --- for programs ---


def _data(conversation: "Conversation", unit: str) -> dict[str, Any]:
    data: dict[str, Any] = {"start": conversation.start, "unit": unit}
    data["messages"] = [_message_data(message) for message in conversation]
    if conversation.open_message is not None:
        data["open_message"] = _message_data(conversation.open_message)
    return data


def _message_data(message: "Message | OpenMessage") -> dict[str, Any]:
    data = message.to_dict()
    if isinstance(message, Message):
        data["terminator"] = message.terminator
    return {**data, "spans": dict(_spans(message))}


def _spans(message: "Message | OpenMessage") -> Iterator[tuple[str, list[int]]]:
    """Where the whole and its parts stand."""
    offsets = message.offsets or (0, 0, 0)
    yield "message", [offsets[0], offsets[-1]]
    for part, (begin, end) in zip(_PARTS, pairwise(offsets), strict=False):
        if part == "header" or message.content is not None:
            yield part, [begin, end]


# --- for people ---


class _Branch(NamedTuple):
    """A line of the tree and what hangs on it."""

    line: list[Part]
    below: "list[_Branch]"


def _branch(conversation: "Conversation", unit: str) -> _Branch:
    messages: list[Message | OpenMessage] = [*conversation]
    if conversation.open_message is not None:
        messages.append(conversation.open_message)
    below = [_message_branch(message) for message in messages]
    return _Branch([(str(conversation.start), "bold"), (f"  (places in {unit})", "dim")], below)


def _message_branch(message: "Message | OpenMessage") -> _Branch:
    author, spans = message.author, dict(_spans(message))
    speaker = author.role.value if author.name is None else f"{author.role.value} {author.name}"
    opened = "" if isinstance(message, Message) else " (open)"
    head: list[Part] = [(speaker, "bold cyan"), (opened, "yellow"), _place(spans["message"])]
    fields: dict[str, str | None] = {
        "channel": message.channel,
        "recipient": message.recipient,
        "content type": _kind(message),
        **message.extras,
    }
    below = [_leaf(name, value) for name, value in fields.items() if value is not None]
    if "body" in spans:
        below.append(_Branch([("body: ", "dim"), _preview(message), _place(spans["body"])], []))
    if isinstance(message, Message):
        below.append(_leaf("ended by", message.terminator or ""))
    return _Branch(head, below)


def _kind(message: "Message | OpenMessage") -> str | None:
    kind = message.content_type
    return kind and kind.name + (" (constrained)" if kind.constrained else "")


def _leaf(name: str, value: str) -> _Branch:
    return _Branch([(f"{name}: ", "dim"), value], [])


def _place(span: list[int]) -> Part:
    return (f"  {span[0]}..{span[1]}", "dim")


def _preview(message: "Message | OpenMessage") -> str:
    """The body on one line, cut if it is long."""
    text = message.text
    return repr(text) if len(text) <= _PREVIEW else repr(text[:_PREVIEW]) + "…"


def _show(top: _Branch) -> None:
    output = Output()
    output.line(*top.line)
    output.lines(_rows(top, ""))


def _rows(top: _Branch, margin: str) -> Iterator[list[Part]]:
    """The lines below a branch, joined by lines as `tree` draws them."""
    for index, branch in enumerate(top.below):
        last = index == len(top.below) - 1
        yield [(margin + ("└── " if last else "├── "), "dim"), *branch.line]
        yield from _rows(branch, margin + ("    " if last else "│   "))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("parse", short_help="Show messages, fields and places.")(_parse)
