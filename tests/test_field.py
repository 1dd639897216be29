"""What people reported: outputs, prompts and tools that were read wrongly, and a neighbour of each.

Chats and rows have a file of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from test_cli_commands import run
from test_corpus import ids_of

import harmony_grammar as hg
from harmony_grammar.streaming.recovery import Recovery

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
NYC = '<|message|>{"location":"NYC"}<|call|>'


def fields(recovery: Recovery) -> list[tuple[str, str | None, str | None, str]]:
    return [(m.author.role.value, m.channel, m.recipient, m.text) for m in recovery.messages]


def readings(text: str, start: Start) -> list[Recovery]:
    """The same by each entry point: as text and ids, at once and as a stream."""
    found = [hg.recover(text, start), hg.recover(ids_of(text), start)]
    for pieces in (list(text), [[one] for one in ids_of(text)]):
        stream = hg.StreamParser(start, recover=True)
        for piece in pieces:
            stream.feed(piece)
        read = stream.close()
        assert isinstance(read, Recovery)
        found.append(read)
    return found


A = "assistant"
OUTPUTS: list[tuple[str, Start, list[tuple[Any, ...]], list[tuple[str, str]]]] = [
    # special tokens stripped
    (
        'analysisWe need to answer in one word. The answer is "four".assistantfinalfour',
        "completion",
        [
            (A, "analysis", None, 'We need to answer in one word. The answer is "four".'),
            (A, "final", None, "four"),
        ],
        [],
    ),
    (
        (
            "analysisThe user typed random strings. We should respond politely.assistantfinal"
            "It looks like you're testing. How can I help?"
        ),
        "conversation",
        [
            (A, "analysis", None, "The user typed random strings. We should respond politely."),
            (A, "final", None, "It looks like you're testing. How can I help?"),
        ],
        [],
    ),
    (
        'analysisLook.assistantcommentary to=functions.get_weather json{"location":"NYC"}',
        "completion",
        [
            (A, "analysis", None, "Look."),
            (A, "commentary", "functions.get_weather", '{"location":"NYC"}'),
        ],
        [("functions.get_weather", "ambiguous")],
    ),
    # a channel where a role should stand
    (
        "<|channel|>analysis<|message|>t<|end|><|start|>final<|message|>Answer<|return|>",
        "completion",
        [(A, "analysis", None, "t"), (A, "final", None, "Answer")],
        [],
    ),
    (
        "<|start|>analysis<|message|>t<|end|><|start|>final<|message|>Answer<|return|>",
        "conversation",
        [(A, "analysis", None, "t"), (A, "final", None, "Answer")],
        [],
    ),
    # text before the first header
    (
        (
            "I will check the weather. <|channel|>analysis<|message|>Need it.<|end|>"
            "<|start|>assistant<|channel|>commentary to=functions.get_weather "
            f"<|constrain|>json{NYC}"
        ),
        "completion",
        [
            (A, "analysis", None, "I will check the weather. "),
            (A, "analysis", None, "Need it."),
            (A, "commentary", "functions.get_weather", '{"location":"NYC"}'),
        ],
        [("functions.get_weather", "ready")],
    ),
    # a recipient is never lost
    (
        f"<|channel|> to=functions.get_weather{NYC}",
        "completion",
        [(A, "commentary", "functions.get_weather", '{"location":"NYC"}')],
        [("functions.get_weather", "ambiguous")],
    ),
    (
        (
            "<|start|>assistant<|channel|>commentary to=functions.get_weather<|channel|>analysis "
            f"<|channel|>commentary <|channel|>final{NYC}"
        ),
        "conversation",
        [(A, "commentary", "functions.get_weather", '{"location":"NYC"}')],
        [("functions.get_weather", "ambiguous")],
    ),
    (
        f"<|start|>assistantcommentary to=functions.get_weather json{NYC}",
        "conversation",
        [(A, "commentary", "functions.get_weather", '{"location":"NYC"}')],
        [("functions.get_weather", "ready")],
    ),
    # a call that ends as a message does
    (
        "<|channel|>commentary to=functions.get_weather" + NYC.replace("call", "end"),
        "completion",
        [(A, "commentary", "functions.get_weather", '{"location":"NYC"}')],
        [("functions.get_weather", "ready")],
    ),
    # white space that the reference reads
    (
        "<|start|>assistant<|channel|>analysis <|message|>x<|end|>",
        "conversation",
        [(A, "analysis", None, "x")],
        [],
    ),
    # a channel that is the beginning of a known one
    (
        (
            "<|channel|>comment<|message|>hello<|end|><|start|>assistant<|channel|>fin<|message|>x"
            "<|return|>"
        ),
        "completion",
        [(A, None, None, "hello"), (A, None, None, "x")],
        [],
    ),
]


@pytest.mark.parametrize(("text", "start", "messages", "calls"), OUTPUTS)
def test_outputs_are_read(
    text: str, start: Start, messages: list[tuple[Any, ...]], calls: list[tuple[str, str]]
) -> None:
    for recovery in readings(text, start):
        assert fields(recovery) == messages
        found = recovery.tool_calls([WEATHER])
        assert [(call.name, call.status) for call in found] == calls


def test_a_stop_id_never_reaches_the_user() -> None:
    head = ids_of("<|channel|>final<|message|>Hello")
    for ids in ([*head, 199999], [199999, *head, 199999, 199999]):
        stream = hg.StreamParser(recover=True)
        told = [event for token in ids for event in stream.feed(token)] + stream.finish()
        said = "".join(event.text for event in told if isinstance(event, hg.TextDelta))
        assert said == hg.recover(ids).messages[0].text == "Hello"
        assert hg.recover(ids).messages[0].terminator == "<|return|>"
        assert hg.check(ids, "completion").status == "malformed"


@pytest.mark.parametrize(("word", "meant"), [("comment", "commentary"), ("fin", "final")])
def test_a_channel_that_is_cut_short_is_named(word: str, meant: str) -> None:
    text = f"<|start|>assistant<|channel|>{word}<|message|>Hi<|end|>"
    (found,) = hg.check(text).diagnostics
    assert found.message == f"there is no channel `{word}`"
    assert found.hint == f"did you mean `{meant}`?"
    (mended,) = hg.recover(text, "conversation").diagnostics
    assert f"did it mean {meant}?" in mended.assumed


@pytest.mark.parametrize("name", ["calendar.respondToEvent", "a.b.c", "python", "x:y"])
def test_a_tool_has_one_recipient_everywhere(name: str) -> None:
    tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    recipient = f"functions.{name}"
    held = hg.Constraint([tool], reasoning="forbid", preambles=False)
    assert held.tool_names == (recipient,)
    call = f"<|channel|>commentary to={recipient} <|constrain|>json<|message|>{{}}<|call|>"
    held.matcher().accept_all(held.encode(call))
    (found,) = hg.recover(call).tool_calls([tool])
    assert (found.name, found.status) == (recipient, "ready")
    content = hg.DeveloperContent.new().with_function_tools([hg.ToolDescription(name, "R")])
    prompt = hg.render(hg.Message.from_role_and_content(hg.Role.DEVELOPER, content))
    if ":" in name:  # which no declaration can be called
        return
    told = hg.Constraint.from_prompt(prompt + "<|start|>assistant")
    assert told.tool_names == (recipient,)
    report = hg.check(f"{prompt}<|start|>assistant{call}")
    assert [found.code for found in report.diagnostics] == []


OLLAMA = (
    "<|start|>developer<|message|># Tools\n\n## functions\n\nnamespace functions {\n\n// W\n"
    "type get_weather = (_: {\n  location: string,\n}) => any;\n\n} // namespace functions\n\n"
    "# Instructions\n\nBe brief.\n<|end|><|start|>user<|message|>Go<|end|><|start|>assistant"
)


def test_sections_may_be_in_any_order() -> None:
    assert hg.Constraint.from_prompt(OLLAMA).tool_names == ("functions.get_weather",)
    assert '"functions.get_weather"' in run("tools", "-", stdin=OLLAMA).stdout
    call = "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{}<|call|>"
    (found,) = hg.check(OLLAMA + call).diagnostics
    assert (found.code, "'location' is a required property" in found.message) == (
        "invalid-arguments",
        True,
    )


@pytest.mark.parametrize("style", ["faithful", "compatible"])
def test_what_the_faithful_style_writes_is_held(style: Any) -> None:
    tool = hg.ToolDescription("f", "d", {"type": "object", "properties": {"x": {"not": {}}}})
    content = hg.DeveloperContent.new().with_function_tools([tool])
    message = hg.Message.from_role_and_content(hg.Role.DEVELOPER, content)
    prompt = hg.render(message, schema_style="faithful") + "<|start|>assistant"
    assert "x?: never," in prompt
    held = hg.Constraint.from_prompt(prompt, schema_style=style, reasoning="forbid")
    head = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
    held.matcher().accept_all(held.encode(head + "{}<|call|>"))
    with pytest.raises(hg.ConstraintViolation):
        held.matcher().accept_all(held.encode(head + '{"x": 1}'))


@pytest.mark.parametrize("key", ["parameters", "inputSchema", "input_schema"])
def test_empty_schemas_are_rendered_as_the_reference_does(key: str) -> None:
    tool = {
        "name": "f",
        "description": None,
        key: {"type": "object", "properties": [], "required": []},
    }
    assert hg.Constraint([tool]).tool_names == ("functions.f",)
    call = "<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    assert [one.status for one in hg.recover(call).tool_calls([tool])] == ["ready"]
    described = hg.ToolDescription("f", "", {"type": "object", "properties": [], "required": []})
    content = hg.DeveloperContent.new().with_function_tools([described])
    message = hg.Message.from_role_and_content(hg.Role.DEVELOPER, content)
    assert "type f = (_: {\n}) => any;" in hg.render(message)
