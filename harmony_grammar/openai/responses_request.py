"""Responses requests: items of the API as entries of a history."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.openai.chat_request import HOST_KEYS
from harmony_grammar.openai.choices import answer_form, effort_of, tool_choice
from harmony_grammar.openai.history import Ask, Call, Instruct, Result, Run, Say, Think
from harmony_grammar.openai.notes import ConversionError, NoteCode
from harmony_grammar.openai.plain import (
    ANSWER_PHASE,
    PREAMBLE_PHASE,
    as_count,
    as_id,
    as_list,
    as_object,
    as_text,
    as_word,
    compact,
    note_keys,
)
from harmony_grammar.openai.prepared import Prepared, RequestSettings
from harmony_grammar.openai.request_tools import PYTHON
from harmony_grammar.openai.responses_output import ECHOED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.history import Entry
    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Options

__all__ = ["ItemReader", "read_responses"]

_KEYS: Final = HOST_KEYS | {
    *("input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"),
    *("max_output_tokens", "previous_response_id", "include", "background", "max_tool_calls"),
}
_HOST_STATE: Final = ("prompt", "conversation", "context_management")


def read_responses(
    request: Any, previous: Any, grammar: Grammar, options: Options, notes: NoteList
) -> Prepared:
    """The prompt and all else that a request of Responses asks for."""
    data = as_object(request, "")
    for key in (*_HOST_STATE, "truncation"):
        if data.get(key) not in (None, "disabled"):
            notes.add(NoteCode.NO_PLACE, f"/{key}", f"{key!r}")
    note_keys(notes, data, {*_KEYS, *_HOST_STATE, "truncation"}, "")
    default = True if options.strict_default is None else options.strict_default
    settings = RequestSettings(grammar, options, notes, "responses", default)
    settings.model = data.get("model") or ""
    settings.include = tuple(as_list(data.get("include") or (), "/include"))
    reader = ItemReader(settings)
    given = data.get("input")
    items = [] if given is None or isinstance(given, str) else as_list(given, "/input")
    former = reader.former(previous, items)
    if data.get("tools") is not None:
        settings.tools.read(data["tools"], "/tools")
    settings.most = as_count(data.get("max_output_tokens"), "/max_output_tokens", least=1)
    _read_reasoning(settings, data, options, notes)
    text = as_object(data.get("text") or {}, "/text")
    note_keys(notes, text, ("format", "verbosity"), "/text")
    if text.get("verbosity") not in (None, "medium"):
        notes.add(NoteCode.NO_PLACE, "/text/verbosity", "'verbosity'")
    settings.form = answer_form(text.get("format"), "/text/format", options, notes)
    told = data.get("instructions") or []
    entries: list[Entry] = (
        [Instruct("/instructions", told)]
        if isinstance(told, str)
        else reader.entries(told, "/instructions")
    )
    asked = [Ask("/input", given)] if isinstance(given, str) else reader.entries(items, "/input")
    # Instructions of former turns are not carried over; those of this request come first.
    leading = list(takewhile(lambda entry: isinstance(entry, Instruct), asked))
    entries += leading
    entries += [entry for entry in former if not isinstance(entry, Instruct)]
    entries += asked[len(leading) :]
    settings.echo = {key: data[key] for key in ECHOED if data.get(key) is not None}
    settings.choice = tool_choice(data.get("tool_choice"), settings.tools, "/tool_choice")
    return settings.prepared(entries, None)


def _read_reasoning(
    settings: RequestSettings, data: Mapping[str, Any], options: Options, notes: NoteList
) -> None:
    said = as_object(data.get("reasoning") or {}, "/reasoning")
    known = ("effort", "summary", "generate_summary", "context", "max_tokens")
    note_keys(notes, said, known, "/reasoning")
    for key in ("summary", "generate_summary"):
        if said.get(key) is not None:
            notes.add(NoteCode.NO_PLACE, f"/reasoning/{key}", f"{key!r}")
    effort = effort_of(said.get("effort"), "/reasoning/effort", options, notes)
    settings.effort = effort._replace(
        most=as_count(said.get("max_tokens"), "/reasoning/max_tokens")
    )
    context = said.get("context")
    if context == "all_turns":
        settings.keep = "all"
    elif context not in (None, "auto", "current_turn"):
        known_words = "auto, current_turn, all_turns"
        raise ConversionError(
            f"there is no context {context!r}; there are {known_words}", "/reasoning/context"
        )


class ItemReader:
    """Reads items of Responses.

    Args:
        settings: the request.
    """

    def __init__(self, settings: RequestSettings) -> None:
        self._settings = settings
        self._contents = settings.contents
        self._notes = settings.notes
        self._codec = settings.options.codec
        self._known: dict[str, Mapping[str, Any]] = {}

    def former(self, previous: Any, items: list[Any]) -> list[Entry]:
        """The entries of the items of former turns, but for those that references name.

        Args:
            previous: the items of former turns.
            items: the items of this one, which may refer to them.
        """
        referred = {_reference_of(item) for item in items} - {None}
        listed = as_list(previous or [], "/previous")
        found: list[Entry] = []
        for index, item in enumerate(listed):
            data = as_object(item, f"/previous/{index}")
            name = as_id(data.get("id"), f"/previous/{index}/id")
            if name in referred:
                self._known[str(name)] = data
            else:
                found += self._item(data, f"/previous/{index}")
        return found

    def entries(self, items: Any, path: str) -> list[Entry]:
        """The entries of some items.

        Raises:
            ConversionError: if one is of no kind that can be said to the model.
        """
        found: list[Entry] = []
        for index, item in enumerate(as_list(items, path)):
            found += self._item(item, f"{path}/{index}")
        return found

    def _item(self, item: Any, path: str) -> Iterator[Entry]:
        if isinstance(item, str):
            raise ConversionError("an item is an object: {'role': 'user', 'content': ...}", path)
        data = as_object(item, path)
        kind = data.get("type") or ("message" if "role" in data else None)
        reader = _READERS.get(str(kind))
        if reader is None:
            raise ConversionError(
                f"there is no way to say an item of the kind {kind!r} to the model: leave it out, "
                "or send it as a function call and its output",
                f"{path}/type",
            )
        if data.get("status") == "incomplete":
            self._notes.add(NoteCode.INCOMPLETE, path)
        yield from reader(self, data, path)

    def _message(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        role = data.get("role")
        note_keys(self._notes, data, _MESSAGE_KEYS, path)
        text = self._contents.text(data.get("content"), f"{path}/content")
        if role in ("system", "developer"):
            yield Instruct(path, text)
        elif role == "user":
            yield Ask(path, text)
        elif role != "assistant":
            known = "system, developer, user, assistant"
            raise ConversionError(f"there is no role {role!r}; there are {known}", f"{path}/role")
        else:
            phase = data.get("phase")
            if phase not in (None, *_PHASES):
                known = ", ".join(_PHASES)
                raise ConversionError(
                    f"there is no phase {phase!r}; there are {known}", f"{path}/phase"
                )
            yield Say(path, text, None if phase is None else _PHASES[phase])

    def _reasoning(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, _REASONING_KEYS, path)
        content = data.get("content")
        text: str | None = None
        if content:
            parts = as_list(content, f"{path}/content")
            texts = [self._contents.text([p], f"{path}/content/{i}") for i, p in enumerate(parts)]
            text = "\n".join(texts)
        elif data.get("encrypted_content") is not None:
            sealed = as_text(data["encrypted_content"], f"{path}/encrypted_content")
            text = self._codec.decode(sealed) if self._codec else None
        if text is None:
            if content is None or data.get("summary"):
                self._notes.add(NoteCode.REASONING, path)
            return
        yield Think(path, text)

    def _call(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, _CALL_KEYS, path)
        given = data.get("arguments")
        arguments = given if isinstance(given, str) else compact(given or {}, f"{path}/arguments")
        name = as_text(data.get("name"), f"{path}/name")
        space = as_word(data.get("namespace"), f"{path}/namespace")
        yield Call(path, as_id(data.get("call_id"), f"{path}/call_id"), name, arguments, space)

    def _custom_call(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, (*_CALL_KEYS, "input"), path)
        text = as_text(data.get("input"), f"{path}/input")
        name = as_text(data.get("name"), f"{path}/name")
        arguments = compact({"input": text}, path)
        space = as_word(data.get("namespace"), f"{path}/namespace")
        yield Call(path, as_id(data.get("call_id"), f"{path}/call_id"), name, arguments, space)

    def _output(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, ("type", "id", "call_id", "output", "status", "name"), path)
        text = self._contents.text(data.get("output"), f"{path}/output")
        call = as_id(data.get("call_id"), f"{path}/call_id")
        yield Result(path, call, as_word(data.get("name"), f"{path}/name"), text)

    def _python(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, _PYTHON_KEYS, path)
        code = as_text(data.get("code") or "", f"{path}/code")
        outputs = as_list(data.get("outputs") or [], f"{path}/outputs")
        logs = [as_object(o, f"{path}/outputs/{i}").get("logs") for i, o in enumerate(outputs)]
        for index, log in enumerate(logs):
            if log is None:
                self._notes.add(NoteCode.MEDIA, f"{path}/outputs/{index}", "an output")
        texts = [as_text(log, f"{path}/outputs") for log in logs if log is not None]
        yield Run(path, PYTHON, code, "".join(texts) if texts else None)

    def _search(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        # What the search found is not in the item, and a call without it would mislead.
        self._notes.add(NoteCode.NO_PLACE, path, str(data.get("type")))
        return iter(())

    def _mcp_call(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        note_keys(self._notes, data, _MCP_KEYS, path)
        label = as_text(data.get("server_label"), f"{path}/server_label")
        name = as_text(data.get("name"), f"{path}/name")
        given = data.get("arguments")
        arguments = given if isinstance(given, str) else compact(given or {}, f"{path}/arguments")
        call = as_id(data.get("id"), f"{path}/id") or path
        self._settings.tools.servers.add(label)
        yield Call(path, call, name, arguments, label)
        error, output = data.get("error"), data.get("output")
        text = output if isinstance(output, str) else None
        if text is None and error is not None:
            text = error if isinstance(error, str) else compact(error, f"{path}/error")
        if text is not None:
            yield Result(path, call, None, text)

    def _mcp_tools(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        label = as_text(data.get("server_label"), f"{path}/server_label")
        self._settings.tools.listed(label, data.get("tools") or [], path)
        return iter(())

    def _reference(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        known = self._known.get(str(data.get("id")))
        if known is None:
            raise ConversionError(
                f"no item of the turns before has the id {data.get('id')!r}: give them as "
                "`previous`, or send the item itself",
                f"{path}/id",
            )
        return self._item(known, path)

    def _compaction(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        sealed = data.get("encrypted_content")
        text = self._codec.decode(sealed) if self._codec and isinstance(sealed, str) else None
        if text is None:
            raise ConversionError("only the codec that wrote it can read a compaction", path)
        yield Instruct(path, text)


def _reference_of(item: Any) -> str | None:
    """The id that an item refers to, if it is a reference."""
    if not isinstance(item, Mapping) and not hasattr(item, "model_dump"):
        return None
    data = as_object(item, "/input")
    is_reference = data.get("type") == "item_reference"
    return as_id(data.get("id"), "/input") if is_reference else None


_PHASES: Final[Mapping[str, Any]] = {PREAMBLE_PHASE: "preamble", ANSWER_PHASE: "answer"}
_MESSAGE_KEYS: Final = ("type", "role", "content", "id", "status", "phase")
_REASONING_KEYS: Final = ("type", "id", "summary", "content", "encrypted_content", "status")
_CALL_KEYS: Final = ("type", "id", "call_id", "name", "namespace", "arguments", "status")
_PYTHON_KEYS: Final = ("type", "id", "code", "outputs", "container_id", "status")
_MCP_KEYS: Final = (
    *("type", "id", "server_label", "name", "arguments", "output", "error", "status"),
    "approval_request_id",
)
_READERS: Final[Mapping[str, Callable[[ItemReader, Mapping[str, Any], str], Iterator[Entry]]]] = {
    "message": ItemReader._message,  # noqa: SLF001  the table of its own class
    "reasoning": ItemReader._reasoning,  # noqa: SLF001
    "function_call": ItemReader._call,  # noqa: SLF001
    "custom_tool_call": ItemReader._custom_call,  # noqa: SLF001
    "function_call_output": ItemReader._output,  # noqa: SLF001
    "custom_tool_call_output": ItemReader._output,  # noqa: SLF001
    "code_interpreter_call": ItemReader._python,  # noqa: SLF001
    "web_search_call": ItemReader._search,  # noqa: SLF001
    "mcp_call": ItemReader._mcp_call,  # noqa: SLF001
    "mcp_list_tools": ItemReader._mcp_tools,  # noqa: SLF001
    "item_reference": ItemReader._reference,  # noqa: SLF001
    "compaction": ItemReader._compaction,  # noqa: SLF001
}
