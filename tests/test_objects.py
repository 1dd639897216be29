"""Objects can be changed as the reference's: what is dropped then, what is kept, what is shared."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import openai_harmony as reference  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

import harmony_grammar as hg
from harmony_grammar.strategies import conversations, ids, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = (
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
)
OPENAI = (
    "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
)
BYTEWISE = [200006, 1428, 200008, 39, 72, 200007]  # `Hi` in two ids, as no tokeniser writes it


def read(text: str | list[int]) -> hg.Message:
    (message,) = hg.parse(text).messages
    return message


# --- what a change drops ---


@pytest.mark.parametrize("text", [MODELS, OPENAI])
@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (lambda m: setattr(m, "channel", "analysis"), "commentary", "analysis"),
        (lambda m: setattr(m, "recipient", "functions.gg"), "functions.f", "functions.gg"),
        (lambda m: setattr(m, "content_type", "json"), "<|constrain|>json", "json"),
        (lambda m: setattr(m, "content_type", None), " <|constrain|>json", ""),
        (lambda m: m.with_channel("analysis"), "commentary", "analysis"),
        (lambda m: setattr(m.content[0], "text", "[]"), "{}", "[]"),
        (lambda m: setattr(m, "content", "[]"), "{}", "[]"),
        (lambda m: m.adding_content("[]"), "{}", "{}[]"),
        (lambda m: m.content.append(hg.TextContent("[]")), "{}", "{}[]"),
    ],
)
def test_a_changed_header_keeps_its_order(
    text: str, change: Callable[[hg.Message], None], old: str, new: str
) -> None:
    message = read(text)
    change(message)
    assert hg.render(message) == text.replace(old, new)


def test_what_ends_a_message_follows_its_recipient() -> None:
    message = read(MODELS)
    message.recipient = None
    assert hg.render(message) == (
        "<|start|>assistant<|channel|>commentary <|constrain|>json<|message|>{}<|end|>"
    )
    message.recipient = "functions.f"
    assert hg.render(message) == MODELS


def test_a_changed_author_is_written() -> None:
    message = read("<|start|>functions.f to=assistant<|channel|>commentary<|message|>5<|end|>")
    message.author.name = "functions.g"
    assert hg.render(message).startswith("<|start|>functions.g to=assistant<|channel|>")
    message.author = hg.Author(hg.Role.USER)
    message.channel = message.recipient = None
    assert hg.render(message) == "<|start|>user<|message|>5<|end|>"


def test_a_changed_text_drops_its_ids() -> None:
    message = read(BYTEWISE)
    assert hg.encode(message) == BYTEWISE
    message.content[0].text = "Hello"
    assert hg.encode(message) == [200006, 1428, 200008, 13225, 200007]
    message = read(BYTEWISE)
    message.channel = "final"
    message.author.role = hg.Role.ASSISTANT
    assert hg.encode(message)[-3:] == BYTEWISE[-3:]


DEVELOPER = """<|start|>developer<|message|># Instructions

Be  brief.



# Tools

## functions

namespace functions {

// Looks.
type look = (_: {
// Where.
at: string,
}) => any;

} // namespace functions<|end|>"""


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.with_instructions("Be kind."),
        lambda content: setattr(content, "instructions", "Be kind."),
        lambda content: content.tools["functions"].tools.clear(),
        lambda content: setattr(content.tools["functions"].tools[0], "name", "see"),
        lambda content: content.tools["functions"].tools[0].parameters["properties"].clear(),
        lambda content: content.tools.update(x=hg.ToolNamespaceConfig("x", tools=[])),
        lambda content: content.with_response_format("f", {"type": "object"}),
    ],
)
def test_a_changed_content_is_written_anew(change: Callable[[Any], None]) -> None:
    tree = hg.parse(DEVELOPER, bodies=True)
    content = tree.messages[0].content[0]
    assert isinstance(content, hg.DeveloperContent)
    assert hg.render(tree) == DEVELOPER
    assert content.source is not None
    before = copy.deepcopy(content)
    change(content)
    assert content.source is None
    assert hg.render(tree) == hg.render(
        hg.Message.from_role_and_content(hg.Role.DEVELOPER, content.canonical())
    )
    assert before.source is not None
    assert hg.render(hg.Message.from_role_and_content(hg.Role.DEVELOPER, before)) == DEVELOPER


def test_what_is_no_content_is_told_when_it_is_written() -> None:
    message = hg.Message.from_role_and_content(hg.Role.USER, "Hi")
    message.content.append("you")  # type: ignore[arg-type]
    with pytest.raises(hg.RenderError, match="a content of type str"):
        hg.render(message)


# --- what is shared ---


@given(st.data(), sentences())
def test_what_is_remembered_is_not_what_is_changed(data: st.DataObject, text: str) -> None:
    before = hg.parse(text).to_json()
    for message in hg.parse(text).messages:
        message.author.name, message.author.role = "x", hg.Role.TOOL
        message.channel, message.extras = "final", {"a": "b"}
        message.content.clear()
        message.with_recipient(data.draw(st.sampled_from(["x", "functions.f"])))
    assert hg.parse(text).to_json() == before
    assert hg.parse(text) == hg.parse(text)
    assert hg.recover(text, "conversation").conversation.to_json() == before
    assert hg.render(hg.parse(text)) == text


def everything(conversation: hg.Conversation) -> list[object]:
    encoding = hg.load_harmony_encoding("HarmonyGptOss")
    return [
        copy.deepcopy(conversation),
        [message.header for message in conversation.messages],
        [message.offsets for message in conversation.messages],
        [message.content[0].text for message in conversation.messages if message.content],
        conversation.to_json(),
        encoding.name,
    ]


@given(conversations())
def test_our_functions_change_nothing_they_are_given(conversation: hg.Conversation) -> None:
    encoding = hg.load_harmony_encoding("HarmonyGptOss")
    before = everything(conversation)
    for call in (
        hg.encode,
        encoding.render_conversation,
        encoding.render_conversation_for_training,
        hg.loss_mask,
        hg.Conversation.canonical,
        hg.Conversation.to_dict,
        hg.Conversation.model_dump,
        copy.deepcopy,
        pickle.dumps,
    ):
        with suppress(hg.HarmonyError):
            call(conversation)
        assert everything(conversation) == before


@given(ids())
def test_canonical_copies_share_nothing(source: list[int]) -> None:
    tree = hg.parse(source)
    before = tree.to_json()
    for message in tree.canonical().messages:
        message.author.name = "x"
        message.content.clear()
        message.extras = {"a": "b"}
    assert tree.to_json() == before
    assert hg.encode(tree) == source


def test_contents_of_prompts_that_are_kept_are_not_shared() -> None:
    first, second = (hg.parse(DEVELOPER, bodies=True).messages[0].content[0] for _ in range(2))
    assert first == second
    first.with_instructions("Other.")  # type: ignore[attr-defined]
    assert hg.parse(DEVELOPER, bodies=True).messages[0].content[0] == second


# --- conversion, as pydantic does it ---


def both(make: Callable[[Any], Any]) -> tuple[Any, Any]:
    return make(hg), make(reference)


@pytest.mark.parametrize(
    "make",
    [
        lambda side: side.Message(author={"role": "user"}),
        lambda side: side.Message(author={"role": "tool", "name": "f"}, channel="commentary"),
        lambda side: side.Message(author=side.Author(role="user")),
        lambda side: side.Conversation(messages=[{"author": {"role": "user"}, "recipient": "x"}]),
        lambda side: side.Conversation(messages=({"author": {"role": "user"}},)),
    ],
)
def test_dicts_are_converted_as_the_reference_converts_them(make: Callable[[Any], Any]) -> None:
    ours, theirs = both(make)
    assert ours.to_dict() == theirs.to_dict()


@pytest.mark.parametrize(
    "make",
    [
        lambda side: side.Author(role="usr"),
        lambda side: side.Author(role=5),
        lambda side: side.Message(author="user"),
        lambda side: side.Message(author={"role": "user"}, content=5),
        lambda side: side.Message(author={"role": "user"}, channel=5),
        lambda side: side.Message(author={}),
        lambda side: side.TextContent(text=None),
        lambda side: side.Conversation(messages=[5]),
        lambda side: side.SystemContent(reasoning_effort="high"),
        lambda side: side.SystemContent(tools=5),
        lambda side: side.DeveloperContent(tools={"f": {"name": 5}}),
    ],
)
def test_wrong_types_raise_a_value_error_of_ours(make: Callable[[Any], Any]) -> None:
    with pytest.raises(ValidationError):
        make(reference)
    with pytest.raises(hg.HarmonyError) as told:
        make(hg)
    assert isinstance(told.value, hg.FieldError)
    assert isinstance(told.value, ValueError)


# --- pydantic ---


class Request(BaseModel):
    """A model with fields of our objects."""

    messages: list[hg.Message | dict[str, Any]]
    conversation: hg.Conversation | None = None
    content: hg.Content | None = None
    author: hg.Author | None = None
    tools: dict[str, hg.ToolNamespaceConfig] = {}


def test_models_take_our_objects_and_dump_wire_json() -> None:
    message = hg.Message.from_role_and_content(hg.Role.USER, "Hi")
    chat = {"role": "user", "content": "Hi", "tool_calls": []}
    request = Request(
        messages=[message, chat],
        conversation=hg.Conversation([message]),
        content=hg.TextContent("x"),
        author=message.author,
        tools={"x": hg.ToolNamespaceConfig("x", tools=[])},
    )
    assert request.messages[0] is message
    assert request.messages[1] == chat
    wire = {
        "messages": [message.to_dict(), chat],
        "conversation": {"messages": [message.to_dict()]},
        "content": {"type": "text", "text": "x"},
        "author": {"role": "user", "name": None},
        "tools": {"x": {"name": "x", "tools": []}},
    }
    assert request.model_dump() == wire
    assert json.loads(request.model_dump_json()) == wire
    again = Request.model_validate_json(request.model_dump_json())
    assert again.messages == [message.to_dict(), chat]  # a dict stays one, where it may
    assert again.conversation == request.conversation
    assert again.content == request.content
    assert again.author == request.author
    assert again.tools == request.tools


def test_models_refuse_what_describes_no_message() -> None:
    adapter = TypeAdapter(hg.Message)
    with pytest.raises(ValidationError, match="Unknown role: 'usr'"):
        adapter.validate_python({"role": "usr", "content": "Hi"})
    with pytest.raises(ValidationError, match="must be Message, not int"):
        adapter.validate_python(5)


@pytest.mark.parametrize(
    "node",
    [
        hg.Message.from_role_and_content(hg.Role.USER, "Hi").with_channel("x"),
        hg.Message.from_role_and_content(hg.Role.SYSTEM, hg.SystemContent().with_python_tool()),
        hg.Message.from_role_and_content(
            hg.Role.DEVELOPER,
            hg.DeveloperContent("x").with_function_tools([hg.ToolDescription("f", "d", {"a": 1})]),
        ),
        hg.Conversation([hg.Message.from_role_and_content(hg.Role.USER, "Hi")]),
        hg.Author(hg.Role.TOOL, "f"),
        hg.TextContent("Hi"),
        hg.SystemContent(),
        hg.DeveloperContent().with_response_format("f", {"type": "object"}),
        hg.ToolDescription("f", "d"),
        hg.ToolNamespaceConfig.browser(),
        hg.ChannelConfig(["a"], channel_required=False),
    ],
    ids=lambda node: type(node).__name__,
)
def test_pydantics_methods(node: Any) -> None:
    kind = type(node)
    assert kind.model_validate(node) is node
    assert kind.model_validate(node.model_dump()) == node
    assert kind.model_validate_json(node.model_dump_json()) == node
    assert kind.model_validate(json.loads(json.dumps(node.to_dict()))) == node
    assert json.loads(node.model_dump_json()) == node.model_dump(mode="json")
    assert None not in node.model_dump(exclude_none=True).values()
    shallow, deep = node.model_copy(), node.model_copy(deep=True)
    assert shallow == deep == node
    assert shallow is not node
    assert TypeAdapter(kind).json_schema() == kind.model_json_schema()
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(node.to_dict(), kind.model_json_schema())


OPTIONS: list[dict[str, Any]] = [
    {},
    {"mode": "json"},
    {"exclude_none": True},
    {"exclude_defaults": True},
]


def test_dumps_are_those_of_the_reference() -> None:
    for name in ("Author", "TextContent", "SystemContent", "ToolDescription", "ChannelConfig"):
        every: dict[str, dict[str, Any]] = {
            "Author": {"role": "user"},
            "TextContent": {"text": "x"},
            "SystemContent": {"tools": {"x": {"name": "y", "tools": []}}},
            "ToolDescription": {"name": "f", "description": "d"},
            "ChannelConfig": {"valid_channels": ["a"], "channel_required": True},
        }
        fields = every[name]
        ours, theirs = getattr(hg, name)(**fields), getattr(reference, name)(**fields)
        for options in OPTIONS:
            assert ours.model_dump(**options) == theirs.model_dump(**options)
        assert json.loads(ours.model_dump_json()) == json.loads(theirs.model_dump_json())
    message, other = both(lambda side: side.Message.from_role_and_content(side.Role.USER, "Hi"))
    assert message.model_dump(exclude={"content"}) == other.model_dump(exclude={"content"})
    assert message.model_dump(include={"author"}) == other.model_dump(include={"author"})
    copied = message.model_copy(update={"channel": "final"})
    assert (copied.channel, message.channel) == ("final", None)
    with pytest.raises(hg.FieldError, match="no field 'chanel': did you mean 'channel'"):
        message.model_copy(update={"chanel": "final"})


# --- a fresh process ---


@pytest.mark.parametrize(
    "entrance",
    [
        "hg.Message.from_json(wire)",
        "hg.Message.from_dict(json.loads(wire))",
        "hg.Message.model_validate_json(wire)",
        "hg.Conversation.from_json('{\"messages\": [' + wire + ']}')",
        "hg.Conversation.from_dict({'messages': [json.loads(wire)]})",
        "hg.Content.of_dict(json.loads(wire)['content'][0])",
        "hg.Message(hg.Author('system'), json.loads(wire)['content'])",
    ],
)
@pytest.mark.parametrize("kind", ["SystemContent", "DeveloperContent"])
def test_contents_load_in_a_fresh_process(entrance: str, kind: str) -> None:
    role = hg.Role.SYSTEM if kind == "SystemContent" else hg.Role.DEVELOPER
    wire = hg.Message.from_role_and_content(role, getattr(hg, kind)()).to_json()
    program = f"import json\nimport harmony_grammar as hg\nwire = {wire!r}\nprint({entrance})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: PLW1510, S603
    assert kind in done.stdout, done.stderr
