"""Harmony conversations as requests: the history the other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.api import Grammar
from harmony_grammar.bodies.reading import read_body
from harmony_grammar.openai.notes import NoteCode, NoteList
from harmony_grammar.openai.plain import ANSWER_PHASE, PREAMBLE_PHASE
from harmony_grammar.openai.request_tools import BROWSER, PYTHON
from harmony_grammar.tree import Conversation, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent, ReasoningEffort, SystemContent
from harmony_grammar.tree.tools import FUNCTIONS, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.tree import Message
    from harmony_grammar.tree.tools import ResponseFormat, ToolDescription

__all__ = ["to_chat", "to_responses"]

_BUILTINS: Final = {BROWSER: "web_search", PYTHON: "code_interpreter"}
# What a system message says that no request does.
_ABOUT_THE_MODEL: Final = {
    "model_identity": "the identity of the model",
    "knowledge_cutoff": "the end of the model's knowledge",
    "conversation_start_date": "the current date",
    "channel_config": "the channels",
}
_DOT: Final = "."
_JOINER: Final = "\n"


def to_chat(
    conversation: Conversation,
    *,
    grammar: Grammar | None = None,
    strict: bool = False,
    notes: list[ConversionNote] | None = None,
) -> dict[str, Any]:
    """A conversation as a request of Chat Completions.

    Args:
        conversation: the conversation.
        grammar: the grammar; None for the default.
        strict: whether what has no place in the API is an error.
        notes: where to note it; None to note it nowhere.

    Returns:
        The request: `messages`, and `tools`, `reasoning_effort` and `response_format` where the
        conversation says something of them. `from_chat` makes the conversation of it again, but
        for the reasoning that prompts leave out.

    Raises:
        ConversionError: if something has no place, and that is an error.

    Example:
        >>> import harmony_grammar as hg
        >>> to_chat(hg.parse("<|start|>user<|message|>Hi<|end|>"))
        {'messages': [{'role': 'user', 'content': 'Hi'}]}
    """
    writer = _RequestWriter(conversation, grammar or Grammar.default(), NoteList(strict=strict))
    request: dict[str, Any] = {"messages": list(_chat_messages(writer))}
    for kind in writer.builtins:
        writer.notes.add(NoteCode.NOT_IN_API, "/messages", f"the predefined tool {kind!r}")
    if writer.tools:
        request["tools"] = [_chat_tool(space, tool) for space, tool in writer.tools]
    if writer.effort not in (None, ReasoningEffort.MEDIUM):
        request["reasoning_effort"] = writer.effort_word
    if writer.formats:
        request["response_format"] = {"type": "json_schema", "json_schema": writer.format}
    if notes is not None:
        notes.extend(writer.notes)
    return request


def to_responses(
    conversation: Conversation,
    *,
    grammar: Grammar | None = None,
    strict: bool = False,
    notes: list[ConversionNote] | None = None,
) -> dict[str, Any]:
    """A conversation as a request of Responses.

    Args:
        conversation: the conversation.
        grammar: the grammar; None for the default.
        strict: whether what has no place in the API is an error.
        notes: where to note it; None to note it nowhere.

    Returns:
        The request: `input`, and `instructions`, `tools`, `reasoning` and `text` where the
        conversation says something of them; see `to_chat`.

    Raises:
        ConversionError: if something has no place, and that is an error.

    Example:
        >>> import harmony_grammar as hg
        >>> to_responses(hg.parse("<|start|>user<|message|>Hi<|end|>"))["input"]
        [{'type': 'message', 'role': 'user', 'content': 'Hi'}]
    """
    writer = _RequestWriter(conversation, grammar or Grammar.default(), NoteList(strict=strict))
    request: dict[str, Any] = {"input": list(_items(writer))}
    tools = [{"type": kind} for kind in writer.builtins]
    tools += [{"type": "function", **_function(space, tool)} for space, tool in writer.tools]
    if tools:
        request["tools"] = tools
    if writer.effort not in (None, ReasoningEffort.MEDIUM):
        request["reasoning"] = {"effort": writer.effort_word}
    if writer.formats:
        request["text"] = {"format": {"type": "json_schema", **writer.format}}
    if notes is not None:
        notes.extend(writer.notes)
    return request


def _function(space: str, tool: ToolDescription) -> dict[str, Any]:
    name = tool.name if space == FUNCTIONS else f"{space}__{tool.name}"
    said: dict[str, Any] = {"name": name}
    if tool.description:
        said["description"] = tool.description
    if tool.parameters is not None:
        said["parameters"] = tool.parameters
    return said


def _chat_tool(space: str, tool: ToolDescription) -> dict[str, Any]:
    return {"type": "function", "function": _function(space, tool)}


def _usual(name: str) -> ToolNamespaceConfig:
    """A predefined namespace as it is declared for a request."""
    return ToolNamespaceConfig.browser() if name == BROWSER else ToolNamespaceConfig.python()


class _RequestWriter:
    """What a conversation says, apart from how an API has it."""

    def __init__(self, conversation: Conversation, grammar: Grammar, notes: NoteList) -> None:
        self.grammar = grammar
        self.meaning = grammar.rules.meaning
        self.notes = notes
        self.effort: ReasoningEffort | None = None
        self.builtins: list[str] = []
        self.tools: list[tuple[str, ToolDescription]] = []
        self.formats: list[ResponseFormat] = []
        self.said: list[tuple[str, Message, str]] = []
        self._pending: dict[str, list[str]] = {}
        self._calls = 0
        for index, message in enumerate(conversation.messages):
            self._read(message, f"/messages/{index}")
        opened = conversation.open_message
        if opened is not None and opened.content:
            notes.add(NoteCode.NOT_IN_API, "/open_message", "what the answer begins with")
        for form in self.formats[1:]:
            notes.add(NoteCode.NOT_IN_API, "/messages", f"a further format, {form.name!r}")

    @property
    def effort_word(self) -> str:
        """The effort, as the API spells it."""
        return (self.effort or ReasoningEffort.MEDIUM).value.lower()

    @property
    def format(self) -> dict[str, Any]:
        """The form of the answer, as both APIs have it."""
        form = self.formats[0]
        said: dict[str, Any] = {"name": form.name, "schema": form.schema}
        return {**said, "description": form.description} if form.description else said

    def _read(self, message: Message, path: str) -> None:
        role = message.author.role
        if message.extras:
            self.notes.add(NoteCode.NOT_IN_API, path, ", ".join(map(repr, message.extras)))
        if role in (Role.SYSTEM, Role.DEVELOPER):
            self._declared(message, path)
        else:
            self.said.append(("", message, path))

    def _declared(self, message: Message, path: str) -> None:
        """What a message of the system or the developer says."""
        for piece in message.content:
            content: Any = piece
            if isinstance(piece, TextContent) and isinstance(message.author.role, Role):
                content = read_body(piece.text, message.author.role, self.grammar.rules).content
            if isinstance(content, SystemContent):
                self._system(content, path)
            elif isinstance(content, DeveloperContent):
                self._developer(content, message, path)
            elif isinstance(piece, TextContent):
                self.notes.add(NoteCode.PLAIN_BODY, path, "the body")
                self.said.append((piece.text, message, path))

    def _system(self, content: SystemContent, path: str) -> None:
        self.effort = content.reasoning_effort
        default = SystemContent.new()
        for name, said in _ABOUT_THE_MODEL.items():
            if getattr(content, name) != getattr(default, name):
                self.notes.add(NoteCode.NOT_IN_API, path, said)
        for name in content.extras:
            self.notes.add(NoteCode.NOT_IN_API, path, f"the section {name!r}")
        for name, config in (content.tools or {}).items():
            if name in _BUILTINS:
                self.builtins.append(_BUILTINS[name])
                if config != _usual(name):
                    said = f"what the prompt says of {name!r} itself"
                    self.notes.add(NoteCode.NOT_IN_API, path, said)
            else:
                self._add(config, path)

    def _developer(self, content: DeveloperContent, message: Message, path: str) -> None:
        for config in (content.tools or {}).values():
            self._add(config, path)
        for name in content.extras:
            self.notes.add(NoteCode.NOT_IN_API, path, f"the section {name!r}")
        self.formats += content.response_formats
        if content.instructions:
            self.said.append((content.instructions, message, path))

    def _add(self, config: ToolNamespaceConfig, path: str) -> None:
        if config.description:
            said = f"what the namespace {config.name!r} is for"
            self.notes.add(NoteCode.NOT_IN_API, path, said)
        if not config.tools:
            self.notes.add(NoteCode.NOT_IN_API, path, f"the tool {config.name!r}")
        elif config.name != FUNCTIONS:
            self.notes.add(NoteCode.TOOL_AS_FUNCTION, path, f"each of {config.name!r}")
        self.tools += [(config.name, tool) for tool in config.tools]

    # --- calls ---

    def name_of(self, recipient: str) -> str:
        """The name of a tool in the API."""
        space, dot, name = recipient.partition(_DOT)
        return name if dot and space == FUNCTIONS else recipient.replace(_DOT, "__", 1)

    def call_id(self, message: Message) -> str:
        """A new id of a call, which the next result of its tool has."""
        self._calls += 1
        made = f"call_{self._calls}"
        self._pending.setdefault(message.recipient or "", []).append(made)
        return made

    def result_id(self, message: Message) -> str | None:
        """The id of the call that a result is of."""
        waiting = self._pending.get(message.author.name or "")
        return waiting.pop(0) if waiting else None

    def is_call(self, message: Message) -> bool:
        """Whether a message is a call of a function."""
        return message.recipient is not None and not self.is_builtin(message.recipient)

    def is_builtin(self, name: str | None) -> bool:
        """Whether a name is that of a predefined tool."""
        return name is not None and name.split(_DOT, 1)[0] in _BUILTINS

    def is_model(self, message: Message) -> bool:
        """Whether the model speaks."""
        return message.author.role == self.meaning.model_role


def _chat_messages(writer: _RequestWriter) -> Iterator[dict[str, Any]]:
    turn: dict[str, Any] = {}
    for instructions, message, path in writer.said:
        role = message.author.role
        speaks = writer.is_model(message) and not instructions
        if turn and (not speaks or _begins_anew(writer, turn, message)):
            yield _closed(turn)
            turn = {}
        if instructions:
            word = "developer" if role is Role.DEVELOPER else "system"
            yield {"role": word, "content": instructions}
        elif role is Role.USER:
            if message.author.name is not None:
                writer.notes.add(NoteCode.NOT_IN_API, path, "the name of a user")
            yield {"role": "user", "content": message.text}
        elif not speaks:
            yield from _chat_result(writer, message, path)
        else:
            _add_to_turn(writer, turn, message, path)
    if turn:
        yield _closed(turn)


def _begins_anew(writer: _RequestWriter, turn: dict[str, Any], message: Message) -> bool:
    """Whether a message cannot be of the same turn: reasoning, preamble, calls or an answer."""
    if not turn:
        return False
    meaning = writer.meaning
    if turn.get("answered"):
        return True
    if writer.is_call(message) or writer.is_builtin(message.recipient):
        return False
    if message.channel == meaning.answer:
        return "tool_calls" in turn or "content" in turn
    return "tool_calls" in turn or (message.channel == meaning.reasoning and "content" in turn)


def _closed(turn: dict[str, Any]) -> dict[str, Any]:
    thoughts = turn.pop("thoughts", [])
    turn.pop("answered", None)
    message = {"role": "assistant", "content": None, **turn}
    if thoughts:
        message["reasoning"] = _JOINER.join(thoughts)
    if len(thoughts) > 1:
        message["reasoning_details"] = [
            {"type": "reasoning.text", "text": text, "index": index}
            for index, text in enumerate(thoughts)
        ]
    if "tool_calls" not in message and message["content"] is None and not thoughts:
        message["content"] = ""
    return message


def _add_to_turn(writer: _RequestWriter, turn: dict[str, Any], message: Message, path: str) -> None:
    meaning, text = writer.meaning, message.text
    if writer.is_builtin(message.recipient):
        writer.notes.add(NoteCode.NOT_IN_API, path, "a call of a predefined tool")
    elif message.recipient is not None:
        function = {"name": writer.name_of(message.recipient), "arguments": text}
        call = {"id": writer.call_id(message), "type": "function", "function": function}
        turn.setdefault("tool_calls", []).append(call)
    elif meaning.is_reasoning(message.channel):
        turn.setdefault("thoughts", []).append(text)
    elif message.channel == meaning.answer:
        turn["content"], turn["answered"] = text, True
    else:
        before = turn.get("content")
        turn["content"] = text if before is None else before + _JOINER + text


def _chat_result(writer: _RequestWriter, message: Message, path: str) -> Iterator[dict[str, Any]]:
    if writer.is_builtin(message.author.name):
        writer.notes.add(NoteCode.NOT_IN_API, path, "a result of a predefined tool")
        return
    made = {"role": "tool", "content": message.text}
    known = writer.result_id(message)
    if known is None:
        yield {**made, "name": writer.name_of(message.author.name or "")}
    else:
        yield {**made, "tool_call_id": known}


def _items(writer: _RequestWriter) -> Iterator[dict[str, Any]]:
    for place, (instructions, message, path) in enumerate(writer.said):
        role = message.author.role
        if instructions:
            word = "developer" if role is Role.DEVELOPER else "system"
            yield {"type": "message", "role": word, "content": instructions}
        elif role is Role.USER:
            if message.author.name is not None:
                writer.notes.add(NoteCode.NOT_IN_API, path, "the name of a user")
            yield {"type": "message", "role": "user", "content": message.text}
        elif writer.is_model(message):
            yield _item(writer, message, place, path)
        elif message.author.name == PYTHON:
            before = writer.said[place - 1][1] if place else message
            if before.recipient != PYTHON:  # else it stands in the item of its call
                writer.notes.add(NoteCode.NOT_IN_API, path, "a result of a predefined tool")
        elif (known := writer.result_id(message)) is not None:
            yield {"type": "function_call_output", "call_id": known, "output": message.text}
        elif writer.is_builtin(message.author.name):
            writer.notes.add(NoteCode.NOT_IN_API, path, "a result of a predefined tool")
        else:
            name = writer.name_of(message.author.name or "")
            yield {"type": "function_call_output", "name": name, "output": message.text}


def _item(writer: _RequestWriter, message: Message, place: int, path: str) -> dict[str, Any]:
    meaning, text = writer.meaning, message.text
    if writer.is_builtin(message.recipient) and message.recipient != PYTHON:
        writer.notes.add(NoteCode.TOOL_AS_FUNCTION, path, str(message.recipient))
    if message.recipient == PYTHON:
        outputs = [{"type": "logs", "logs": log} for log in _logs(writer, place)]
        call = {"type": "code_interpreter_call", "id": f"ci_{place}", "status": "completed"}
        return {**call, "code": text, "container_id": "", "outputs": outputs or None}
    if message.recipient is not None:
        return {
            "type": "function_call",
            "call_id": writer.call_id(message),
            "name": writer.name_of(message.recipient),
            "arguments": text,
        }
    if meaning.is_reasoning(message.channel):
        content = [{"type": "reasoning_text", "text": text}]
        return {"type": "reasoning", "id": f"rs_{place}", "summary": [], "content": content}
    preamble = message.channel == meaning.preamble
    return {
        "type": "message",
        "role": "assistant",
        "phase": PREAMBLE_PHASE if preamble else ANSWER_PHASE,
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def _logs(writer: _RequestWriter, place: int) -> Iterator[str]:
    """What came of the code of a message, if it follows."""
    for _, message, _ in writer.said[place + 1 : place + 2]:
        if message.author.name == PYTHON:
            yield message.text
