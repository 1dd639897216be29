"""Completions as Chat Completions: a message, or chunks of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.openai.completion import CompletionReader, OutputGrew, OutputKind, OutputOpened
from harmony_grammar.openai.plain import ANSWER_PHASE, PREAMBLE_PHASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.openai.completion import OutputMessage, Told
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.openai.prepared import Finish, Prepared

__all__ = ["ChatOutput", "ChatStream"]

_JOINER: Final = "\n"
_SAID: Final = (OutputKind.PREAMBLE, OutputKind.ANSWER)
_PHASES: Final = {OutputKind.PREAMBLE: PREAMBLE_PHASE, OutputKind.ANSWER: ANSWER_PHASE}
_NOT_TEXT: Final = (OutputKind.CALL, OutputKind.BUILTIN)


@dataclass(frozen=True)
class ChatOutput:
    """A completion as Chat Completions has it.

    Attributes:
        message: the assistant's message.
        finish_reason: why it ended; None if the host broke off.
        usage: how many tokens there were.
        notes: what was damaged, or could not be shown; paths name the completion's messages.
        id: the id of the completion.
        model: the model that the request names.
    """

    message: dict[str, Any]
    finish_reason: str | None
    usage: dict[str, Any]
    notes: tuple[ConversionNote, ...]
    id: str
    model: str

    def to_dict(self, created: int = 0) -> dict[str, Any]:
        """The whole object that the API returns.

        Args:
            created: when it was made, in seconds since 1970.
        """
        choice = {
            "index": 0,
            "message": self.message,
            "finish_reason": self.finish_reason,
            "logprobs": None,
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": created,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage,
        }


class ChatStream:
    """Chunks of a completion, as the model samples; see `Prepared.chat_stream`.

    A call is opened as soon as its header is whole. If sampling then stops inside it, the finish
    reason is `length`, and the call is to be dropped; `ready_only=True` never opens such a call.

    Args:
        prepared: the prompt.
        include_usage: whether a last chunk says how many tokens there were.
        created: when it is made, in seconds since 1970.

    Example:
        >>> from harmony_grammar import openai as hgo
        >>> prepared = hgo.from_chat({"messages": [{"role": "user", "content": "Hi"}]})
        >>> stream = prepared.chat_stream()
        >>> [c["choices"][0]["delta"] for c in stream.feed("<|channel|>final<|message|>Hello")]
        [{'role': 'assistant', 'content': ''}, {'content': 'Hello'}]
        >>> [c["choices"][0]["finish_reason"] for c in stream.finish("stop")]
        ['stop']
    """

    def __init__(
        self, prepared: Prepared, *, include_usage: bool = False, created: int = 0
    ) -> None:
        self._prepared = prepared
        self._options = prepared.options
        self._settings = prepared.settings
        self._include_usage = include_usage
        self._created = created
        self._reader = CompletionReader(prepared)
        self._id = prepared.make_id("chatcmpl-")
        self._started = False
        self._reason: str | None = None
        self._calls: dict[int, int] = {}  # the number of each call, by its place
        self._open: dict[str, OutputMessage | None] = {"reasoning": None, "content": None}
        hidden = self._settings.effort.hidden
        self._fields = () if hidden else self._options.reasoning_fields

    @property
    def notes(self) -> tuple[ConversionNote, ...]:
        """What was damaged, or could not be shown, so far."""
        return tuple(self._reader.notes)

    def feed(self, source: str | int | Iterable[int]) -> list[dict[str, Any]]:
        """The chunks that more of the completion makes.

        Args:
            source: more ids, or more text; not one and then the other.

        Raises:
            TypeError: if it is neither, or not what came before.
        """
        if type(source) is list and len(source) == 1:  # as streams mostly come
            text, output = self._reader.flow(source[0]), self._reader.output
            if text and output:
                return self._grown(output, text)
        told = self._reader.feed(source)
        return self._begun() + self._chunks(told)

    def finish(self, reason: Finish | None = "stop") -> list[dict[str, Any]]:
        """The last chunks.

        Args:
            reason: why sampling ended: `stop`, `length`, `abort`, `content_filter` or `error`.
        """
        chunks = self._begun() + self._chunks(self._reader.finish(reason))
        self._reason = self._finish_reason(reason)
        chunks.append(self._chunk({}, self._reason))
        if self._include_usage:
            last = self._chunk({}, None)
            chunks.append({**last, "choices": [], "usage": self._usage()})
        return chunks

    def take(self, source: str | Iterable[int], reason: Finish | None = "stop") -> ChatOutput:
        """The whole message of a whole completion, without chunks.

        Args:
            source: the completion.
            reason: as for `finish`.
        """
        self._reader.take(source, reason)
        self._reason = self._finish_reason(reason)
        return self.output()

    def output(self) -> ChatOutput:
        """The whole message, once the stream has been finished."""
        reader = self._reader
        return ChatOutput(
            message=self._message(),
            finish_reason=self._reason,
            usage=self._usage(),
            notes=tuple(reader.notes),
            id=self._id,
            model=self._settings.model,
        )

    # --- chunks ---

    def _begun(self) -> list[dict[str, Any]]:
        if self._started:
            return []
        self._started = True
        return [self._chunk({"role": "assistant", "content": ""})]

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._settings.model,
            "choices": [
                {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None},
            ],
        }

    def _chunks(self, told: Sequence[Told]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for one in told:
            if isinstance(one, OutputGrew):
                made += self._grown(one.output, one.text)
            elif not self._shows_call(one.output):
                continue
            elif isinstance(one, OutputOpened):
                made.append(self._chunk(self._opened(one.output)))
            elif one.output.is_custom:
                number = self._calls[one.output.place]
                item = {"index": number, "custom": {"input": one.output.input}}
                made.append(self._chunk({"tool_calls": [item]}))
        return made

    def _grown(self, output: OutputMessage, text: str) -> list[dict[str, Any]]:
        if output.kind in _NOT_TEXT:
            return self._argued(output, text)
        name = "content" if output.kind in _SAID else "reasoning"
        before = self._open[name]
        if before is not output:
            self._open[name] = output
            text = text if before is None else _JOINER + text
        fields = ("content",) if name == "content" else self._fields
        if not fields:
            return []
        return [self._chunk(dict.fromkeys(fields, text))]

    def _argued(self, output: OutputMessage, text: str) -> list[dict[str, Any]]:
        if not self._shows_call(output) or output.is_custom:
            return []
        if self._settings.legacy:
            return [self._chunk({"function_call": {"arguments": text}})]
        item = {"index": self._calls[output.place], "function": {"arguments": text}}
        return [self._chunk({"tool_calls": [item]})]

    def _opened(self, output: OutputMessage) -> dict[str, Any]:
        number = self._calls.setdefault(output.place, len(self._calls))
        if self._settings.legacy:
            return {"function_call": {"name": output.name, "arguments": ""}}
        call: dict[str, Any] = {"index": number, "id": self._prepared.call_id(output.place)}
        if output.is_custom:  # the API has no type for it in a chunk
            return {"tool_calls": [{**call, "custom": {"name": output.name, "input": ""}}]}
        function = {"name": output.name, "arguments": ""}
        return {"tool_calls": [{**call, "type": "function", "function": function}]}

    def _shows_call(self, output: OutputMessage) -> bool:
        """Whether a call is one that Chat Completions show."""
        if output.kind is OutputKind.BUILTIN:
            return self._options.builtin_calls == "expose"
        if output.kind is not OutputKind.CALL:
            return False
        # The old form has room for one call.
        return not (self._settings.legacy and self._calls and output.place not in self._calls)

    # --- the whole ---

    def _texts(self, *kinds: OutputKind) -> list[str]:
        found = (one.text for one in self._reader.outputs if one.kind in kinds)
        return [text for text in found if text]

    def _shown(self) -> list[OutputMessage]:
        """The calls that are shown; one that was cut is none."""
        return [one for one in self._reader.outputs if self._shows_call(one) and one.whole]

    def _message(self) -> dict[str, Any]:
        said, thought = self._texts(*_SAID), self._texts(OutputKind.REASONING)
        calls = [self._call(one) for one in self._shown()]
        content: str | None = _JOINER.join(said)
        if not said and calls:
            content = None
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if thought:
            message |= dict.fromkeys(self._fields, _JOINER.join(thought))
        if thought and self._fields and self._options.reasoning_details:
            message["reasoning_details"] = [
                {"type": "reasoning.text", "text": text, "index": index, "format": None}
                for index, text in enumerate(thought)
            ]
        if self._options.phases:
            message["content_parts"] = [
                {"phase": _PHASES[one.kind], "text": one.text}
                for one in self._reader.outputs
                if one.kind in _SAID and one.text
            ]
        if calls and self._settings.legacy:
            message["function_call"] = calls[0]["function"]
        elif calls:
            message["tool_calls"] = calls
        return message

    def _call(self, output: OutputMessage) -> dict[str, Any]:
        name = self._prepared.call_id(output.place)
        if output.is_custom:
            custom = {"name": output.name, "input": output.input}
            return {"id": name, "type": "custom", "custom": custom}
        function = {"name": output.name, "arguments": output.text}
        return {"id": name, "type": "function", "function": function}

    def _finish_reason(self, reason: Finish | None) -> str | None:
        if reason in ("length", "content_filter"):
            return reason
        if reason != "stop":
            return None
        outputs, shown = self._reader.outputs, self._shown()
        if not shown or outputs[-1] is not shown[-1]:
            return "stop"
        if self._settings.legacy:
            return "function_call"
        forced = self._prepared.choice.forced
        return self._options.forced_finish if forced else "tool_calls"

    def _usage(self) -> dict[str, Any]:
        prompt, completion = self._prepared.length, self._reader.completion_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "completion_tokens_details": {"reasoning_tokens": self._reader.reasoning_tokens},
        }
