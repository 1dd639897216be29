"""Chat Completions requests: messages of the API as entries of a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.openai.choices import AnswerForm, answer_form, effort_of, tool_choice
from harmony_grammar.openai.history import Ask, Call, Instruct, Result, Say, Think
from harmony_grammar.openai.notes import ConversionError, NoteCode
from harmony_grammar.openai.plain import (
    ANSWER_PHASE,
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.history import Entry
    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Options
    from harmony_grammar.openai.plain import Contents

__all__ = ["ChatReader", "entries_of_chat", "read_chat"]

# What a host does with a request, which says nothing of the prompt or of what is in the answer.
HOST_KEYS: Final = frozenset(
    {
        *("model", "stream", "stream_options", "n", "seed", "user", "store", "metadata", "stop"),
        *("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty"),
        *("repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "service_tier"),
        *("safety_identifier", "prompt_cache_key", "prompt_cache_retention", "extra_headers"),
        *("extra_query", "timeout", "ignore_eos", "min_tokens", "stop_token_ids", "priority"),
    }
)
_KEYS: Final = HOST_KEYS | {
    *("messages", "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"),
    *("response_format", "reasoning_effort", "reasoning", "max_tokens", "max_completion_tokens"),
    *("continue_final_message", "add_generation_prompt", "prediction", "modalities", "audio"),
}
_REASONING: Final = ("reasoning", "reasoning_content", "thinking")
_DETAILS: Final = "reasoning_details"


def read_chat(request: Any, grammar: Grammar, options: Options, notes: NoteList) -> Prepared:
    """The prompt and all else that a request of Chat Completions asks for."""
    data = _request(request)
    note_keys(notes, data, _KEYS, "")
    _refuse_audio(data)
    settings = RequestSettings(grammar, options, notes, "chat", bool(options.strict_default))
    settings.model = data.get("model") or ""
    if data.get("tools") is not None:
        settings.tools.read(data["tools"], "/tools")
    legacy = data.get("functions")
    if legacy is not None:
        settings.legacy = True
        settings.tools.read(legacy, "/functions")
    choice = data.get("tool_choice")
    if choice is None and data.get("function_call") is not None:
        choice = data["function_call"]
        choice = {"type": "function", **choice} if isinstance(choice, Mapping) else choice
    settings.choice = tool_choice(choice, settings.tools, "/tool_choice")
    settings.effort = _effort(data, options, notes)
    form = answer_form(data.get("response_format"), "/response_format", options, notes)
    settings.form = form if form.for_mask is not None else AnswerForm()
    newer, older = "max_completion_tokens", "max_tokens"
    key = older if data.get(newer) is None else newer
    settings.most = as_count(data.get(key), f"/{key}", least=1)
    reader = ChatReader(settings.contents, notes, user_names=options.user_names)
    messages = as_list(data.get("messages"), "/messages")
    prefill = _prefill(data, messages)
    last = messages.pop() if prefill else None
    entries = [
        entry
        for index, message in enumerate(messages)
        for entry in reader.entries(message, f"/messages/{index}")
    ]
    body: str | None = None
    if prefill:
        before = list(reader.entries(last, f"/messages/{len(messages)}"))
        said = before.pop() if before and isinstance(before[-1], Say) else None
        entries += before
        body = said.text if isinstance(said, Say) else ""
    return settings.prepared(entries, body)


def _request(request: Any) -> Mapping[str, Any]:
    listed = isinstance(request, (list, tuple))
    return {"messages": request} if listed else as_object(request, "")


def _refuse_audio(data: Mapping[str, Any]) -> None:
    if data.get("prediction") is not None:
        raise ConversionError("predicted outputs are not the model's: leave it out", "/prediction")
    if (
        "audio" in as_list(data.get("modalities") or (), "/modalities")
        or data.get("audio") is not None
    ):
        raise ConversionError("the model writes text alone", "/modalities")


def _effort(data: Mapping[str, Any], options: Options, notes: NoteList) -> Any:
    """The effort: the API's word, or what OpenRouter's form of it says."""
    word, path = data.get("reasoning_effort"), "/reasoning_effort"
    form = data.get("reasoning")
    if form is None:
        return effort_of(word, path, options, notes)
    said = as_object(form, "/reasoning")
    note_keys(notes, said, ("effort", "max_tokens", "exclude", "enabled", "summary"), "/reasoning")
    if said.get("summary") is not None:
        notes.add(NoteCode.NO_PLACE, "/reasoning/summary", "'summary'")
    if said.get("effort") is not None:
        word, path = said["effort"], "/reasoning/effort"
    elif said.get("enabled") is False:
        word, path = "none", "/reasoning/enabled"
    effort = effort_of(word, path, options, notes)
    most = as_count(said.get("max_tokens"), "/reasoning/max_tokens")
    return effort._replace(most=most, hidden=bool(said.get("exclude")))


def _prefill(data: Mapping[str, Any], messages: list[Any]) -> bool:
    """Whether the model is to go on with the last message."""
    if not messages:
        return False
    last = as_object(messages[-1], f"/messages/{len(messages) - 1}")
    asked = bool(data.get("continue_final_message") or last.get("prefix"))
    if asked and (last.get("role") != "assistant" or last.get("tool_calls")):
        raise ConversionError(
            "only what the assistant says can be gone on with", f"/messages/{len(messages) - 1}"
        )
    return asked


def entries_of_chat(
    messages: Any, contents: Contents, notes: NoteList, *, user_names: bool = False
) -> list[Entry]:
    """The entries of some messages, as they are added to a history."""
    reader = ChatReader(contents, notes, user_names=user_names)
    listed = as_list(messages, "")
    return [e for index, one in enumerate(listed) for e in reader.entries(one, f"/{index}")]


class ChatReader:
    """Reads messages of Chat Completions.

    Args:
        contents: reads contents.
        notes: what is noted.
        user_names: whether names of users are kept.
    """

    def __init__(self, contents: Contents, notes: NoteList, *, user_names: bool) -> None:
        self._contents = contents
        self._notes = notes
        self._user_names = user_names

    def entries(self, message: Any, path: str) -> Iterator[Entry]:
        """The entries of a message.

        Raises:
            ConversionError: if it has no role that chats have, or something is wrong in it.
        """
        data = as_object(message, path)
        role = data.get("role")
        if role == "assistant":
            yield from self._assistant(data, path)
            return
        text = self._contents.text(data.get("content"), f"{path}/content")
        if role in ("system", "developer"):
            self._keys(data, ("role", "content"), path)
            yield Instruct(path, text)
        elif role == "user":
            self._keys(data, ("role", "content", *(("name",) if self._user_names else ())), path)
            name = as_word(data.get("name"), f"{path}/name") if self._user_names else None
            yield Ask(path, text, name)
        elif role == "tool":
            self._keys(data, ("role", "content", "tool_call_id", "name"), path)
            call = as_id(data.get("tool_call_id"), f"{path}/tool_call_id")
            yield Result(path, call, as_word(data.get("name"), f"{path}/name"), text)
        elif role == "function":
            self._keys(data, ("role", "content", "name"), path)
            yield Result(path, None, as_word(data.get("name"), f"{path}/name"), text)
        else:
            known = "system, developer, user, assistant, tool, function"
            raise ConversionError(f"there is no role {role!r}; there are {known}", f"{path}/role")

    def _keys(self, data: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        for key, value in data.items():
            if key in known or value is None or value in ([], ""):
                continue
            code = NoteCode.NO_PLACE if key in _UNPLACED else NoteCode.UNKNOWN_KEY
            self._notes.add(code, f"{path}/{key}", f"{key!r}")

    def _assistant(self, data: Mapping[str, Any], path: str) -> Iterator[Entry]:
        self._keys(data, _ASSISTANT, path)
        calls = list(self._calls(data, path))
        thoughts, content = _split(data.get("content"))
        yield from self._reasoning(data, thoughts, path)
        said = list(self._said(data, content, calls, path))
        yield from said
        yield from calls
        if not (said or calls):
            self._notes.add(NoteCode.EMPTY_MESSAGE, path)

    def _reasoning(
        self, data: Mapping[str, Any], thoughts: list[Any], path: str
    ) -> Iterator[Think]:
        """Reasoning, under any of the names that servers give it."""
        found = {
            key: as_text(data[key], f"{path}/{key}")
            for key in _REASONING
            if data.get(key) not in (None, "")
        }
        texts = list(found.values())
        if texts and any(text != texts[0] for text in texts):
            raise ConversionError(f"{' and '.join(found)} say different things: send one", path)
        details = as_list(data.get(_DETAILS) or [], f"{path}/{_DETAILS}")
        pieces = [
            as_text(item["text"], f"{path}/{_DETAILS}/{index}/text")
            for index, detail in enumerate(details)
            if (item := as_object(detail, f"{path}/{_DETAILS}/{index}")).get("text")
        ]
        pieces += [as_text(t, f"{path}/content") for t in thoughts if t]
        if texts and pieces and "\n".join(pieces) != texts[0]:
            raise ConversionError(
                f"{next(iter(found))} and the reasoning in parts differ: send one", path
            )
        for text in pieces or texts[:1]:
            yield Think(path, text)

    def _said(
        self, data: Mapping[str, Any], content: Any, calls: list[Call], path: str
    ) -> Iterator[Say]:
        """What is said: before calls, as an answer, or as a refusal."""
        phase: Any = "preamble" if calls else "answer"
        parts = data.get("content_parts")
        if parts:  # what this package wrote, to keep them apart
            for index, part in enumerate(as_list(parts, f"{path}/content_parts")):
                place = f"{path}/content_parts/{index}"
                item = as_object(part, place)
                answer = item.get("phase") == ANSWER_PHASE
                text = as_text(item.get("text"), f"{place}/text")
                yield Say(path, text, "answer" if answer else "preamble")
            self._require_same(content, parts, path)
        elif text := self._contents.text(content, f"{path}/content"):
            yield Say(path, text, phase)
        if data.get("refusal"):
            self._notes.add(NoteCode.REFUSAL, f"{path}/refusal")
            yield Say(path, as_text(data["refusal"], f"{path}/refusal"), phase)

    def _require_same(self, content: Any, parts: Any, path: str) -> None:
        """Refuse a content that says something else than its parts do."""
        text = self._contents.text(content, f"{path}/content")
        said = [part["text"] for part in parts if part["text"]]
        if text and text != "\n".join(said):
            raise ConversionError("content and content_parts differ: send one", path)

    def _calls(self, data: Mapping[str, Any], path: str) -> Iterator[Call]:
        given = as_list(data.get("tool_calls") or [], f"{path}/tool_calls")
        for index, item in enumerate(given):
            place = f"{path}/tool_calls/{index}"
            yield self._call(as_object(item, place), place)
        if data.get("function_call") is not None:
            place = f"{path}/function_call"
            yield self._call({"function": data["function_call"]}, place)

    def _call(self, call: Mapping[str, Any], path: str) -> Call:
        known = ("id", "type", "function", "custom", "index")
        bare = call.get("function") is None and call.get("custom") is None
        self._keys(call, (*known, *_CALLED) if bare else known, path)
        if call.get("custom") is not None:
            custom = as_object(call["custom"], f"{path}/custom")
            text = as_text(custom.get("input"), f"{path}/custom/input")
            name, arguments = custom.get("name"), compact({"input": text}, path)
        else:
            inner = call.get("function")  # some data sets have the call without it
            function = call if inner is None else as_object(inner, f"{path}/function")
            if inner is not None:
                self._keys(function, _CALLED, f"{path}/function")
            name, given = function.get("name"), function.get("arguments")
            arguments = "" if given is None else given
            if not isinstance(arguments, str):
                arguments = compact(arguments, f"{path}/function/arguments")
        name = as_text(name, f"{path}/function/name")
        return Call(path, as_id(call.get("id"), f"{path}/id"), name, arguments)


_CALLED: Final = ("name", "arguments")
_UNPLACED: Final = frozenset({"name", "audio", "annotations", "weight", "logprobs"})
_ASSISTANT: Final = (
    *("role", "content", "tool_calls", "function_call", "refusal", "prefix", "content_parts"),
    *(_DETAILS, *_REASONING),
)
_THOUGHTS: Final = ("thinking", "reasoning")


def _split(content: Any) -> tuple[list[Any], Any]:
    """The reasoning that stands among the parts of a content, and the other parts."""
    if not isinstance(content, list):
        return [], content
    thoughts = [p for p in content if isinstance(p, Mapping) and p.get("type") in _THOUGHTS]
    if not thoughts:
        return [], content
    texts = [part.get(part["type"]) or part.get("text") for part in thoughts]
    return texts, [part for part in content if part not in thoughts]
