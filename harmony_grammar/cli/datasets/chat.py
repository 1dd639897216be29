"""OpenAI chats as harmony messages, as the chat templates of these models write them.

| in the chat | in harmony |
|---|---|
| the tools of the row | functions of the first developer message |
| `system` or `developer` | a developer message with these instructions |
| `user` | a user message |
| `assistant` with reasoning | a message with the reasoning, unless a user message follows later |
| `assistant` with content | an answer; beside calls, a preamble |
| `assistant` with `tool_calls` | a call of a function each |
| `tool` | a result of the function that its `tool_call_id` (or `name`) tells |

A system message with the defaults comes first. Contents in parts are joined; what is no text in
them, such as an image, is passed over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.tree import Author, Conversation, Message, Role
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.tree.functions import function_of
from harmony_grammar.tree.tools import FUNCTIONS, ToolDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harmony_grammar import Grammar

__all__ = ["conversation_of_chat", "is_chat"]

_WIRE_KEYS: Final = {"channel", "recipient", "content_type"}
_WIRE_CONTENTS: Final = {SystemContent.kind, DeveloperContent.kind}
_REASONING: Final = ("reasoning_content", "thinking", "reasoning")


def is_chat(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether messages are an OpenAI chat, not the wire JSON of harmony messages.

    Wire JSON has channels, recipients or contents of its own kinds; a chat has none of them.
    """
    return not any(_is_wire(message) for message in messages)


def _is_wire(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    kinds = {part.get("type") for part in parts if isinstance(part, dict)}
    return not _WIRE_KEYS.isdisjoint(message) or not _WIRE_CONTENTS.isdisjoint(kinds)


def conversation_of_chat(
    grammar: Grammar, messages: Sequence[Mapping[str, Any]], tools: Any = None
) -> tuple[Conversation, list[int]]:
    """The harmony conversation that an OpenAI chat is.

    Args:
        grammar: the grammar.
        messages: the messages of the chat.
        tools: the tools of the chat.

    Returns:
        The conversation, and for each of its messages the index of the one of the chat that it
        comes from.

    Raises:
        KeyError: if something is missing in a message or tool.
        ValueError: if a message has a role that chats do not have.
    """
    chat = _Chat(
        grammar, messages, [function_of(tool, f"tools[{n}]") for n, tool in enumerate(tools or ())]
    )
    pairs = list(chat.all())
    return Conversation([message for _, message in pairs]), [index for index, _ in pairs]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else part.get("text") or "" for part in content)


class _Chat:
    """A chat on its way to messages."""

    def __init__(
        self,
        grammar: Grammar,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[ToolDescription],
    ) -> None:
        self._grammar = grammar
        self._messages = messages
        self._tools = tools
        self._calls: dict[str, str] = {}
        users = [i for i, message in enumerate(messages) if message.get("role") == Role.USER.value]
        self._last_user = users[-1] if users else -1

    def all(self) -> Iterator[tuple[int, Message]]:
        """The messages of the conversation, each after the index of what it comes from."""
        yield 0, Message.from_role_and_content(Role.SYSTEM, SystemContent.new())
        roles = [message["role"] for message in self._messages]
        if self._tools and not {"system", "developer"}.intersection(roles):
            yield from ((0, message) for message in self._instructions({}, 0))
        for index, message in enumerate(self._messages):
            reader = _READERS.get(message["role"])
            if reader is None:
                known = ", ".join(_READERS)
                raise ValueError(f"message {index} has the role {message['role']!r}, not {known}")
            yield from ((index, made) for made in reader(self, message, index))

    def _instructions(self, message: Mapping[str, Any], _: int) -> Iterator[Message]:
        content = DeveloperContent.new()
        if text := _text(message):
            content = content.with_instructions(text)
        if self._tools:
            content, self._tools = content.with_function_tools(self._tools), ()
        yield Message.from_role_and_content(Role.DEVELOPER, content)

    def _question(self, message: Mapping[str, Any], _: int) -> Iterator[Message]:
        yield Message.from_role_and_content(Role.USER, _text(message))

    def _answer(self, message: Mapping[str, Any], index: int) -> Iterator[Message]:
        reasoning = next((message[key] for key in _REASONING if message.get(key)), "")
        calls = message.get("tool_calls") or ()
        meaning = self._grammar.rules.meaning
        if reasoning and index > self._last_user:
            yield self._said(reasoning, meaning.reasoning)
        if text := _text(message):
            yield self._said(text, meaning.preamble if calls else meaning.answer)
        for call in calls:
            yield self._call(call)

    def _said(self, text: str, channel: str) -> Message:
        said = Message.from_role_and_content(Role.ASSISTANT, text)
        return said.with_channel(channel)

    def _call(self, call: Mapping[str, Any]) -> Message:
        function = call["function"]
        name = f"{FUNCTIONS}.{function['name']}"
        self._calls[str(call.get("id"))] = name
        given = function.get("arguments", "")
        arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        kind = f"{self._grammar.rules.literal(self._grammar.rules.meaning.constrain_marker)}json"
        called = Message.from_role_and_content(Role.ASSISTANT, arguments).with_recipient(name)
        return called.with_channel(self._grammar.rules.calls_channel).with_content_type(kind)

    def _result(self, message: Mapping[str, Any], _: int) -> Iterator[Message]:
        told = message.get("name") or message.get("tool_call_id") or "unknown"
        name = self._calls.get(str(message.get("tool_call_id"))) or f"{FUNCTIONS}.{told}"
        result = Message.from_author_and_content(Author(Role.TOOL, name), _text(message))
        result = result.with_recipient(self._grammar.rules.opening_role)
        yield result.with_channel(self._grammar.rules.calls_channel)


_READERS: Final[dict[str, Callable[[_Chat, Mapping[str, Any], int], Iterator[Message]]]] = {
    "system": _Chat._instructions,  # noqa: SLF001  the table of its own class
    "developer": _Chat._instructions,  # noqa: SLF001
    "user": _Chat._question,  # noqa: SLF001
    "assistant": _Chat._answer,  # noqa: SLF001
    "tool": _Chat._result,  # noqa: SLF001
}
