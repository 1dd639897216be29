"""`harmony-grammar render`: messages as JSON to text or ids."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import json
import sys
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from harmony_grammar.cli.inputs import STDIN, InputKind, grammar_of, label, read_text
from harmony_grammar.cli.options import File, GrammarFile, Spelling, SpellingChoice
from harmony_grammar.cli.output import (
    FINDINGS,
    Misuse,
    Output,
    complain,
    one_line,
    write_bytes,
)
from harmony_grammar.errors import RenderError
from harmony_grammar.tree import Conversation, Start

if TYPE_CHECKING:
    from harmony_grammar import Grammar

__all__ = ["Target", "register"]

_SHAPE: Final = 'give {"messages": [{"role": "user", "content": "Hi"}]}, a list of messages, or one'

# What `parse` says besides.
_PLACES_OF_ALL: Final = frozenset({"start", "unit"})
_KNOWN: Final = frozenset({"messages", "open_message", *_PLACES_OF_ALL})
_PLACES: Final = frozenset({"terminator", "spans"})


class Target(str, Enum):
    """What is written."""

    TEXT = "text"
    IDS = "ids"


def _render(  # noqa: PLR0913  each is an option
    file: File = STDIN,
    *,
    to: Annotated[Target, typer.Option("--to", help="Decoded text, or a JSON list of ids.")] = (
        Target.TEXT
    ),
    read_as: Annotated[
        InputKind,
        typer.Option(
            "--as",
            help="What the JSON is: wire, or messages or a request of Chat Completions (chat), of "
            "Responses, or ShareGPT. By itself (auto): wire, unless it says what only those say.",
        ),
    ] = InputKind.AUTO,
    spelling: Spelling = SpellingChoice.OPENAI,
    grammar: GrammarFile = None,
    no_newline: Annotated[
        bool,
        typer.Option(
            "--no-newline",
            "-n",
            help="Write the text alone, without the newline that ends a text file.",
        ),
    ] = False,
) -> None:
    """Write messages as text or token ids. The messages are openai_harmony's wire JSON.

    That is what its to_json writes and what parse --format json prints: an object
    with a list of messages, the list alone, or one message. Requests of OpenAI's
    APIs are taken, too; convert has more to say about them.

    \b
    Examples:
      harmony-grammar render messages.json > chat.harmony
      harmony-grammar render --to ids messages.json
      echo '{"role": "user", "content": "Hi"}' | harmony-grammar render
    """  # noqa: D301  the escape tells typer to keep the lines
    loaded, text = grammar_of(grammar), read_text(file)
    form = None if read_as is InputKind.AUTO else read_as
    conversation = _request(label(file), text, form, loaded, spelling.value)
    conversation = conversation or _conversation(label(file), text)
    try:
        if to is Target.IDS:
            text = json.dumps(loaded.encode(conversation, spelling=spelling.value))
        else:
            text = loaded.render(conversation, spelling=spelling.value)
        data = text.encode()
    except (RenderError, UnicodeEncodeError) as error:
        complain(f"{label(file)}: {_said(error)}")
        raise typer.Exit(FINDINGS) from None
    write_bytes(data if no_newline else data + b"\n")


def _said(error: RenderError | UnicodeEncodeError) -> str:
    if isinstance(error, RenderError):
        return str(error)
    return "a text has half of a surrogate pair, which no text file can hold: remove it"


# What messages of the APIs have, and wire JSON has not.
_OF_APIS: Final = frozenset(
    {
        *("tool_calls", "tool_call_id", "function_call", "reasoning", "reasoning_content"),
        *("refusal", "thinking"),
    }
)


def _request(
    name: str, text: str, form: InputKind | None, grammar: "Grammar", spelling: Any
) -> Conversation | None:
    """The conversation of a request of the APIs; None for wire JSON.

    Raises:
        Misuse: if it cannot be read.
    """
    from harmony_grammar.openai.any_form import read_json  # noqa: PLC0415  wire JSON needs none
    from harmony_grammar.openai.options import Options  # noqa: PLC0415

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None  # which is told where wire JSON is read
    if form is InputKind.WIRE or (form is None and not _is_request(data)):
        return None
    try:
        told: Any = None if form is None else form.value
        read = read_json(data, grammar, Options(spelling=spelling), told)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Misuse(f"{name}: these are no messages: {error}") from None
    for note in read.notes:
        Output(sys.stderr).line(f"{name}: ", ("note: ", "bold yellow"), one_line(str(note)))
    return read.conversation


def _is_request(data: Any) -> bool:
    from harmony_grammar.openai.any_form import form_of, is_conversation  # noqa: PLC0415

    if not is_conversation(data):
        return False
    form = form_of(data)
    if form != "chat":
        return form != "wire"
    said = data.get("messages", [data]) if isinstance(data, dict) else data
    more = isinstance(data, dict) and not _KNOWN.issuperset(data) and "role" not in data
    if not isinstance(said, list):
        return False
    return more or any(isinstance(m, dict) and not _OF_APIS.isdisjoint(m) for m in said)


def _conversation(name: str, text: str) -> Conversation:
    """The conversation that wire JSON describes.

    Raises:
        Misuse: if it is no JSON, or describes no messages.
    """
    try:
        return _built(_wrapped(json.loads(text)))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Misuse(f"{name}: this is no JSON: {place}: {error.msg}; {_SHAPE}") from None
    except KeyError as error:
        raise Misuse(f"{name}: a message lacks {error}; {_SHAPE}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise Misuse(f"{name}: these are no messages: {error}; {_SHAPE}") from None
    except RecursionError:
        raise Misuse(f"{name}: the JSON nests too deeply; {_SHAPE}") from None


def _wrapped(data: Any) -> dict[str, Any]:
    """The data as an object with a list of messages."""
    if isinstance(data, list):
        return {"messages": data}
    if not isinstance(data, dict):
        raise TypeError(f"the JSON is {type(data).__name__}, neither an object nor a list")
    return data if "messages" in data else {"messages": [data]}


def _built(data: dict[str, Any]) -> Conversation:
    kept = _without(data, _PLACES_OF_ALL)
    kept["messages"] = [_without(message, _PLACES) for message in data["messages"]]
    if data.get("open_message") is not None:
        kept["open_message"] = _without(data["open_message"], _PLACES)
    conversation = Conversation.from_dict(kept)
    start = data.get("start", conversation.start)
    if start not in get_args(Start):
        raise ValueError(f"start is {start!r}, and it can be {', '.join(get_args(Start))}")
    return replace(conversation, start=start)


def _without(data: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in names}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("render", short_help="Write wire JSON as text or token ids.")(_render)
