"""Conversations as JSON, in any form in use: both APIs, wire JSON, and ShareGPT.

Which form it is, is found out by what it says: wire JSON has channels, recipients or contents of
its own kinds; Responses have items with types; ShareGPT says `from` and `value`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from harmony_grammar.openai.chat_request import read_chat
from harmony_grammar.openai.notes import ConversionError, NoteList
from harmony_grammar.openai.options import Options
from harmony_grammar.openai.plain import as_list
from harmony_grammar.openai.responses_request import read_responses
from harmony_grammar.tree import Conversation, Role
from harmony_grammar.tree.contents import DeveloperContent, SystemContent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.openai.prepared import Prepared

__all__ = ["ROW_OPTIONS", "JsonForm", "ReadJson", "form_of", "is_conversation", "read_json"]

JsonForm: TypeAlias = Literal["chat", "responses", "wire", "sharegpt"]

_WIRE_KEYS: Final = frozenset({"channel", "recipient", "content_type"})
_WIRE_CONTENTS: Final = frozenset({SystemContent.kind, DeveloperContent.kind})
_ITEMS: Final = frozenset(
    {
        *("function_call", "function_call_output", "reasoning", "custom_tool_call"),
        *("custom_tool_call_output", "code_interpreter_call", "web_search_call", "mcp_call"),
        *("mcp_list_tools", "item_reference", "compaction", "message"),
    }
)
# What a row of a data set says of its conversation; its other columns are its own affair.
_OF_CHAT: Final = (
    *("messages", "tools", "functions", "tool_choice", "response_format", "reasoning_effort"),
    *("reasoning", "continue_final_message"),
)
_OF_RESPONSES: Final = ("input", "instructions", "tools", "tool_choice", "reasoning", "text")
_OF_OTHERS: Final = frozenset({"output", "instruction", "target", "label", "answer"})
_SHAREGPT: Final = ("conversations", "conversation")
_SPEAKERS: Final = {
    "system": "system",
    **dict.fromkeys(("human", "user", "prompter"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard", "model"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
    **dict.fromkeys(("observation", "tool", "function_response", "tool_response"), "tool"),
}


# How a row is read that is looked at, not sampled from: what no model reads is told, all else is
# judged, reasoning of every turn included, since training may be on it, and arguments are declared
# as JSON so that they are held to be it.
ROW_OPTIONS: Final = Options(
    media="skip",
    unsupported_tools="skip",
    keep_reasoning="all",
    stray_results="keep",
    spelling="openai-constrain",
    generation_prompt=False,
)


class ReadJson(NamedTuple):
    """A conversation that was read.

    Attributes:
        conversation: its messages; a prompt if the model is to go on.
        paths: for each message, the JSON pointer to what it was made of; empty for what stands
            in no message of the input, such as the system message.
        notes: what had no place.
        prepared: the request; None for wire JSON, which is none.
    """

    conversation: Conversation
    paths: tuple[str, ...]
    notes: tuple[ConversionNote, ...]
    prepared: Prepared | None = None


def is_conversation(data: Any) -> bool:
    """Whether JSON data looks like a conversation in any form."""
    if isinstance(data, Mapping):
        named = any(key in data for key in ("messages", *_SHAREGPT)) or _speaks(data)
        return named or _is_input(data)
    # One that speaks is enough: what is wrong with the others has to be told.
    return isinstance(data, list) and any(map(_speaks, data))


def _is_input(data: Mapping[str, Any]) -> bool:
    """Whether an object is a request of Responses; many data sets call other texts `input`."""
    given = data.get("input")
    if isinstance(given, list):
        return is_conversation(given)
    return isinstance(given, str) and not _OF_OTHERS.intersection(data)


def _speaks(item: Any) -> bool:
    if not isinstance(item, Mapping):
        return False
    return "role" in item or "from" in item or item.get("type") in _ITEMS


def form_of(data: Any) -> JsonForm:
    """The form of a conversation, found out by what it says.

    Args:
        data: an object with the conversation in it, or the list of what is said.
    """
    listed = data
    if isinstance(data, Mapping):
        name = next((key for key in ("messages", *_SHAREGPT, "input") if key in data), None)
        if name == "input":
            return "responses"
        listed = [data] if name is None else data[name]
    if isinstance(listed, str):
        with suppress(ConversionError):
            listed = as_list(listed, "")
    items = [item for item in (listed if isinstance(listed, list) else ()) if item is not None]
    plain = [item for item in items if isinstance(item, Mapping)]
    if any("from" in item and "role" not in item for item in plain):
        return "sharegpt"
    if any(_is_wire(item) for item in plain):
        return "wire"
    if any(item.get("type") in _ITEMS for item in plain):
        return "responses"
    return "chat"


def _is_wire(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    kinds = {part.get("type") for part in parts if isinstance(part, Mapping)}
    said = {key for key in _WIRE_KEYS if message.get(key) is not None}
    return bool(said) or not _WIRE_CONTENTS.isdisjoint(kinds)


def read_json(
    data: Any,
    grammar: Grammar,
    options: Options,
    form: JsonForm | None = None,
    *,
    is_row: bool = False,
) -> ReadJson:
    """Read a conversation in any form.

    Args:
        data: an object with the conversation in it, or the list of what is said.
        grammar: the grammar.
        options: how it is converted; the prompt of a generation follows unless the model has
            spoken last.
        form: the form; None to find out.
        is_row: whether an object is a row of a data set, whose other columns say nothing.

    Raises:
        ConversionError: if it is no conversation of that form.
        HarmonyError: if wire JSON says what the tree does not have.
        KeyError: if a message of wire JSON lacks a key.
    """
    found = form or form_of(data)
    if found == "wire":
        wrapped = data if isinstance(data, Mapping) else {"messages": data}
        known = {key: wrapped[key] for key in ("messages", "open_message") if key in wrapped}
        conversation = Conversation.from_dict(known if is_row else wrapped)
        paths = tuple(f"/messages/{index}" for index in range(len(conversation)))
        return ReadJson(conversation, paths, ())
    notes = NoteList(strict=options.strict)
    key = "input" if found == "responses" else "messages"
    request = data if isinstance(data, Mapping) else {key: data}
    if found == "sharegpt":
        return _read_sharegpt(request, grammar, options, is_row=is_row)
    if is_row:
        known_keys = _OF_RESPONSES if found == "responses" else _OF_CHAT
        request = {name: request[name] for name in known_keys if request.get(name) is not None}
    request = _with_lists(request)
    spoken = _model_spoke_last(request.get(key))
    chosen = options.changed(generation_prompt=options.generation_prompt and not spoken)
    if found == "responses":
        prepared = read_responses(request, (), grammar, chosen, notes)
    else:
        prepared = read_chat(request, grammar, chosen, notes)
    return ReadJson(prepared.conversation, prepared.paths, prepared.notes, prepared)


def _with_lists(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request without null, and with lists where JSON text stands for them."""
    made = {name: _present(value) for name, value in request.items() if value is not None}
    for name in ("messages", "tools", "functions"):
        if isinstance(made.get(name), str):
            made[name] = as_list(made[name], f"/{name}")
    return made


def _present(value: Any) -> Any:
    """The value without what is None, as columns of a table fill what a row does not have."""
    if isinstance(value, str):  # most are, and to ask for what is abstract takes long
        return value
    if isinstance(value, (dict, Mapping)):
        return {key: _present(item) for key, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def _model_spoke_last(said: Any) -> bool:
    if not isinstance(said, list) or not said or not isinstance(said[-1], Mapping):
        return False
    last = said[-1]
    if last.get("prefix"):
        return False
    kind = last.get("type")
    calls = kind in _ITEMS and kind not in ("message", "item_reference")
    return last.get("role") == Role.ASSISTANT.value or (calls and not str(kind).endswith("output"))


# --- ShareGPT ---


def _read_sharegpt(
    row: Mapping[str, Any], grammar: Grammar, options: Options, *, is_row: bool
) -> ReadJson:
    """Read a conversation of ShareGPT's as a chat, and tell places as they are in it."""
    name = next((key for key in (*_SHAREGPT, "messages") if key in row), "messages")
    request = _of_sharegpt(row, name)
    first = len(request["messages"]) - len(as_list(row.get(name), f"/{name}"))

    def place(path: str) -> str:
        steps = path.split("/")
        if steps[1:2] != ["messages"] or not steps[2:]:
            return path
        turn = int(steps[2]) - first
        if turn < 0:
            return "/system"
        inner = ["value" if step in ("content", "tool_calls") else step for step in steps[3:4]]
        return "/".join(["", name, str(turn), *inner, *steps[4:]])

    try:
        read = read_json(request, grammar, options, "chat", is_row=is_row)
    except ConversionError as error:
        raise ConversionError(error.problem, place(error.path), error.code) from None
    notes = tuple(note._replace(path=place(note.path)) for note in read.notes)
    return read._replace(paths=tuple(map(place, read.paths)), notes=notes)


def _of_sharegpt(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The request that a conversation of ShareGPT's is."""
    turns = as_list(row.get(name), f"/{name}")
    calls: list[str] = []
    numbered = enumerate(turns)
    messages = list(chain.from_iterable(_turn(t, f"/{name}/{i}", calls) for i, t in numbered))
    request = {key: value for key, value in row.items() if key != name}
    if isinstance(request.get("system"), str) and request["system"]:
        messages.insert(0, {"role": "system", "content": request.pop("system")})
    return {**request, "messages": messages}


def _turn(turn: Any, path: str, calls: list[str]) -> Sequence[dict[str, Any]]:
    if not isinstance(turn, Mapping):
        raise ConversionError("a turn is an object with `from` and `value`", path)
    speaker = _SPEAKERS.get(str(turn.get("from")).lower())
    if speaker is None:
        known = ", ".join(_SPEAKERS)
        raise ConversionError(
            f"there is no speaker {turn.get('from')!r}; there are {known}", f"{path}/from"
        )
    kept = {key: turn[key] for key in turn if key not in ("from", "value")}
    value = turn.get("value")
    if speaker == "call":
        functions = _called(value, f"{path}/value")
        calls[:] = [f"{path}/{index}" for index in range(len(functions))]
        made = [
            {"id": name, "type": "function", "function": function}
            for name, function in zip(calls, functions, strict=True)
        ]
        return [{"role": "assistant", "content": None, "tool_calls": made, **kept}]
    if speaker == "tool":
        named = {"tool_call_id": calls.pop(0)} if calls else {}
        return [{"role": "tool", "content": value, **named, **kept}]
    return [{"role": speaker, "content": value, **kept}]


def _called(value: Any, path: str) -> list[Mapping[str, Any]]:
    """The functions that a call of ShareGPT's names: an object, a list of them, or its text."""
    try:
        data = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ConversionError("a call is JSON with `name` and `arguments`", path) from None
    listed = data if isinstance(data, list) else [data]
    if not all(isinstance(one, Mapping) and "name" in one for one in listed):
        raise ConversionError("a call is JSON with `name` and `arguments`", path)
    return listed
