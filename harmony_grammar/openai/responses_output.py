"""Completions as Responses: output items, or the events that build them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from harmony_grammar.openai.completion import CompletionReader, OutputGrew, OutputKind, OutputOpened
from harmony_grammar.openai.plain import ANSWER_PHASE, PREAMBLE_PHASE
from harmony_grammar.openai.request_tools import BROWSER, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.openai.completion import OutputMessage, Told
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.openai.prepared import Finish, Prepared

__all__ = ["ECHOED", "Dialect", "ResponsesOutput", "ResponsesStream"]

Dialect: TypeAlias = Literal["openai", "open-responses"]
Json: TypeAlias = "dict[str, Any]"

# What a response says again of its request, and what it says if the request does not.
ECHOED: Final[Mapping[str, Any]] = {
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "instructions": None,
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "max_output_tokens": None,
    "previous_response_id": None,
    "reasoning": None,
    "text": {"format": {"type": "text"}},
    "truncation": "disabled",
    "user": None,
    "background": False,
    "service_tier": "default",
    "store": False,
}
_PHASES: Final = {OutputKind.PREAMBLE: PREAMBLE_PHASE, OutputKind.ANSWER: ANSWER_PHASE}
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
_STATUSES: Final[Mapping[str | None, str]] = {
    "stop": "completed",
    "length": "incomplete",
    "content_filter": "incomplete",
    "abort": "cancelled",
    "error": "failed",
    None: "completed",
}
_FAILED: Final = {"code": "server_error", "message": "the server failed while it was sampling"}
_SEALED: Final = "reasoning.encrypted_content"


@dataclass(frozen=True)
class ResponsesOutput:
    """A completion as Responses has it.

    Attributes:
        output: the items.
        status: `completed`, `incomplete`, `cancelled` or `failed`.
        incomplete_details: why it is incomplete; None if it is not.
        error: what failed; None if nothing.
        usage: how many tokens there were.
        notes: what was damaged, or could not be shown; paths name the completion's messages.
    """

    output: list[Json]
    status: str
    incomplete_details: Json | None
    error: Json | None
    usage: Json
    notes: tuple[ConversionNote, ...]
    _response: Json

    def to_dict(self, created_at: float = 0) -> Json:
        """The whole object that the API returns.

        Args:
            created_at: when it was made, in seconds since 1970.
        """
        return {**self._response, "created_at": created_at}


class ResponsesStream:
    """Events of a response, as the model samples; see `Prepared.responses_stream`.

    Args:
        prepared: the prompt.
        dialect: `openai`, or `open-responses` with the names of that specification.
        created_at: when it is made, in seconds since 1970.

    Raises:
        ValueError: if there is no such dialect.

    Example:
        >>> from harmony_grammar import openai as hgo
        >>> stream = hgo.from_responses({"input": "Hi"}).responses_stream()
        >>> events = stream.feed("<|channel|>final<|message|>Hello") + stream.finish("stop")
        >>> [event["type"] for event in events][3:5]
        ['response.content_part.added', 'response.output_text.delta']
    """

    def __init__(
        self, prepared: Prepared, dialect: Dialect = "openai", *, created_at: float = 0
    ) -> None:
        if dialect not in get_args(Dialect):
            raise ValueError(f"dialect must be {' or '.join(get_args(Dialect))}, not {dialect!r}")
        self._prepared = prepared
        self._created = created_at
        self._reader = CompletionReader(prepared)
        self._id = prepared.make_id("resp_")
        self._reasoning = "reasoning_text" if dialect == "openai" else "reasoning"
        self._sequence = 0
        self._started = False
        self._places: dict[int, Json] = {}  # the item of each output, by its place
        self._items: list[Json] = []
        self._finish: Finish | None = None
        self._error: Json | None = None

    @property
    def notes(self) -> tuple[ConversionNote, ...]:
        """What was damaged, or could not be shown, so far."""
        return tuple(self._reader.notes)

    def feed(self, source: str | int | Iterable[int]) -> list[Json]:
        """The events that more of the completion makes.

        Args:
            source: more ids, or more text; not one and then the other.

        Raises:
            TypeError: if it is neither, or not what came before.
        """
        if type(source) is list and len(source) == 1:  # as streams mostly come
            text, output = self._reader.flow(source[0]), self._reader.output
            if text and output:
                return [] if _is_search(output) else self._grown(output, text)
        told = self._reader.feed(source)
        return self._begun() + self._events(told)

    def finish(self, reason: Finish | None = "stop", error: Json | None = None) -> list[Json]:
        """The last events.

        Args:
            reason: why sampling ended: `stop`, `length`, `abort`, `content_filter` or `error`.
            error: what failed, as `code` and `message`.
        """
        self._finish = reason
        events = self._begun() + self._events(self._reader.finish(reason))
        self._error = (error or _FAILED) if reason == "error" else None
        status = _STATUSES[reason]
        last = {"completed": "completed", "failed": "failed"}.get(status, "incomplete")
        events.append(self._event(f"response.{last}", response=self._response(status)))
        return events

    def take(self, source: str | Iterable[int], reason: Finish | None = "stop") -> ResponsesOutput:
        """The whole response of a whole completion, without events.

        Args:
            source: the completion.
            reason: as for `finish`.
        """
        self._reader.take(source, reason)
        self._finish = reason
        self._error = _FAILED if reason == "error" else None
        self._items = [self._item(one, _ended(one)) for one in self._reader.outputs]
        return self.output()

    def output(self) -> ResponsesOutput:
        """The whole response, once the stream has been finished."""
        response = self._response(_STATUSES[self._finish])
        return ResponsesOutput(
            output=self._items,
            status=response["status"],
            incomplete_details=response["incomplete_details"],
            error=self._error,
            usage=response["usage"],
            notes=tuple(self._reader.notes),
            _response=response,
        )

    # --- the response ---

    def _response(self, status: str) -> Json:
        ended = status != "in_progress"
        why = _INCOMPLETE.get(self._finish or "")
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "model": self._prepared.settings.model,
            "status": status,
            "output": list(self._items),
            "error": self._error,
            "incomplete_details": {"reason": why} if why and ended else None,
            **ECHOED,
            **self._prepared.settings.echo,
            "usage": self._usage() if ended else None,
        }

    def _usage(self) -> Json:
        prompt, completion = self._prepared.length, self._reader.completion_tokens
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": completion,
            "output_tokens_details": {"reasoning_tokens": self._reader.reasoning_tokens},
            "total_tokens": prompt + completion,
        }

    # --- events ---

    def _event(self, kind: str, **fields: Any) -> Json:
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return event

    def _begun(self) -> list[Json]:
        if self._started:
            return []
        self._started = True
        kinds = ("response.created", "response.in_progress")
        return [self._event(kind, response=self._response("in_progress")) for kind in kinds]

    def _events(self, told: Sequence[Told]) -> list[Json]:
        made: list[Json] = []
        for one in told:
            if isinstance(one, OutputGrew):
                made += self._grown(one.output, one.text)
            elif isinstance(one, OutputOpened):
                if not _is_search(one.output):  # its item needs to say what is searched
                    made += self._opened(one.output)
            else:
                made += self._closed(one.output)
        return made

    def _at(self, output: OutputMessage) -> Json:
        at = self._places.get(output.place)
        if at is None:
            at = {"item_id": self._item_id(output), "output_index": len(self._places)}
            self._places[output.place] = at
        return at

    def _opened(self, output: OutputMessage) -> list[Json]:
        at = self._at(output)
        number = at["output_index"]
        item = self._item(output, "in_progress")
        made = [self._event("response.output_item.added", output_index=number, item=item)]
        part = _part(output, "")
        if part is not None:
            made.append(
                self._event("response.content_part.added", **at, content_index=0, part=part)
            )
        name = _SPECIAL.get(_kind(output))
        if name is not None:
            made.append(self._event(f"response.{name}.in_progress", **at))
        return made

    def _grown(self, output: OutputMessage, text: str) -> list[Json]:
        at, kind = self._at(output), _kind(output)
        if kind == "reasoning":
            name = f"response.{self._reasoning}.delta"
            return [self._event(name, **at, content_index=0, delta=text)]
        if kind == "message":
            name = "response.output_text.delta"
            return [self._event(name, **at, content_index=0, delta=text, logprobs=[])]
        name = _DELTAS.get(kind, "")
        return [self._event(f"response.{name}.delta", **at, delta=text)] if name else []

    def _closed(self, output: OutputMessage) -> list[Json]:
        made = self._opened(output) if _is_search(output) else []
        at, kind, text = self._at(output), _kind(output), output.text
        item = self._item(output, _ended(output))
        if kind == "reasoning":
            name = f"response.{self._reasoning}.done"
            made.append(self._event(name, **at, content_index=0, text=text))
        elif kind == "message":
            name = "response.output_text.done"
            made.append(self._event(name, **at, content_index=0, text=text, logprobs=[]))
        elif output.whole:
            made += self._done(output, kind, at)
        part = _part(output, text)
        if part is not None:
            made.append(self._event("response.content_part.done", **at, content_index=0, part=part))
        self._items.append(item)
        number = at["output_index"]
        made.append(self._event("response.output_item.done", output_index=number, item=item))
        return made

    def _done(self, output: OutputMessage, kind: str, at: Json) -> list[Json]:
        """The events of a whole call; one that is cut has none, so that nobody runs it."""
        if kind == "custom_tool_call":
            name, text = "response.custom_tool_call_input", output.input
            return [
                self._event(f"{name}.delta", **at, delta=text),
                self._event(f"{name}.done", **at, input=text),
            ]
        if kind == "code_interpreter_call":
            done = self._event("response.code_interpreter_call_code.done", **at, code=output.text)
            words = ("interpreting", "completed")
            return [done, *(self._event(f"response.{kind}.{word}", **at) for word in words)]
        if kind == "web_search_call":
            words = ("searching", "completed")
            return [self._event(f"response.{kind}.{word}", **at) for word in words]
        done = self._event(f"response.{_DELTAS[kind]}.done", **at, arguments=output.text)
        if kind == "mcp_call":
            return [done, self._event("response.mcp_call.completed", **at)]
        return [done]

    # --- items ---

    def _item_id(self, output: OutputMessage) -> str:
        return self._prepared.make_id(_PREFIXES[_kind(output)], output.place)

    def _item(self, output: OutputMessage, status: str) -> Json:
        kind, ended = _kind(output), status != "in_progress"
        item: Json = {"type": kind, "id": self._item_id(output), "status": status}
        if kind == "custom_tool_call":
            del item["status"]  # which these items do not have
        text = output.text if ended else ""
        if kind == "reasoning":
            return item | self._thought(text, ended=ended)
        if kind == "message":
            content = [_part(output, text)] if ended else []
            return item | {
                "role": "assistant",
                "phase": _PHASES[output.kind],
                "content": content,
            }
        return item | self._called(output, kind, text, ended=ended)

    def _called(self, output: OutputMessage, kind: str, text: str, *, ended: bool) -> Json:
        """What the item of a call says besides what all items do."""
        tool = output.tool
        if kind == "web_search_call":
            return {"action": _action(output)}
        if kind == "code_interpreter_call":
            container = self._prepared.make_id("cntr_")
            return {"code": text, "container_id": container, "outputs": None}
        if kind == "mcp_call":
            label = "" if tool is None else tool.namespace
            return {"server_label": label, "name": output.name, "arguments": text}
        said: Json = {"call_id": self._prepared.call_id(output.place), "name": output.name}
        if tool is not None and tool.namespace is not None:
            said["namespace"] = tool.namespace
        if kind == "custom_tool_call":
            return said | {"input": output.input if ended else ""}
        return said | {"arguments": text}

    def _thought(self, text: str, *, ended: bool) -> Json:
        content = [{"type": "reasoning_text", "text": text}] if ended else []
        fields: Json = {"summary": [], "content": content}
        codec = self._prepared.options.codec
        if ended and codec is not None and _SEALED in self._prepared.settings.include:
            fields["encrypted_content"] = codec.encode(text)
        return fields


_DELTAS: Final = {
    "function_call": "function_call_arguments",
    "mcp_call": "mcp_call_arguments",
    "code_interpreter_call": "code_interpreter_call_code",
}
# Kinds of items with events of their own besides those of their text.
_SPECIAL: Final = {
    "code_interpreter_call": "code_interpreter_call",
    "web_search_call": "web_search_call",
    "mcp_call": "mcp_call",
}
_PREFIXES: Final = {
    "reasoning": "rs_",
    "message": "msg_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "web_search_call": "ws_",
    "code_interpreter_call": "ci_",
    "mcp_call": "mcp_",
}
_TOOL_KINDS: Final = {"custom": "custom_tool_call", "mcp": "mcp_call"}


def _kind(output: OutputMessage) -> str:
    """The type of the item that an output is."""
    if output.kind is OutputKind.REASONING:
        return "reasoning"
    if output.kind is OutputKind.BUILTIN:
        return "code_interpreter_call" if output.name == PYTHON else "web_search_call"
    if output.kind is OutputKind.CALL:
        return _TOOL_KINDS.get(output.tool.kind if output.tool else "", "function_call")
    return "message"


def _ended(output: OutputMessage) -> str:
    """The status of an item that is over."""
    return "completed" if output.whole else "incomplete"


def _is_search(output: OutputMessage) -> bool:
    return output.kind is OutputKind.BUILTIN and output.name != PYTHON


def _part(output: OutputMessage, text: str) -> Json | None:
    """The content part of an item; None if its kind has none."""
    if output.kind is OutputKind.REASONING:
        return {"type": "reasoning_text", "text": text}
    if output.kind in _PHASES:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return None


def _action(output: OutputMessage) -> Json:
    """What a call of the browser does, in the API's words."""
    try:
        said = json.loads(output.text)
    except (ValueError, RecursionError):
        said = None
    said = said if isinstance(said, dict) else {}
    verb = output.name.removeprefix(f"{BROWSER}.")
    if verb == "open":
        where = said.get("id", said.get("url"))
        named = where is None or isinstance(where, str)
        return {"type": "open_page", "url": where if named else f"cursor:{where}"}
    if verb == "find":
        cursor = said.get("cursor", -1)
        pattern = str(said.get("pattern", ""))
        return {"type": "find_in_page", "pattern": pattern, "url": f"cursor:{cursor}"}
    query = str(said.get("query", ""))
    return {"type": "search", "query": query, "queries": [query]}
