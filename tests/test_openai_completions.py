"""Completions, kind by kind: what a client sees of each message, and of each kind of damage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from strategies_requests import ASK, PLAIN, TOOLS, WITH_TOOLS

import harmony_grammar as hg
from harmony_grammar import openai as hgo

THINK = "<|channel|>analysis<|message|>I think.<|end|>"
NEXT = "<|start|>assistant"
ANSWER = "<|channel|>final<|message|>It is 3."
HEADER = "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
CALL = f'{HEADER}{{"city": "Oslo"}}<|call|>'
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def codes(notes: tuple[hgo.ConversionNote, ...]) -> set[str]:
    return {note.code.value for note in notes}


def test_all_kinds_at_once() -> None:
    completion = (
        f"{THINK}{NEXT}<|channel|>commentary<|message|>I look.<|end|>"
        f"{NEXT}<|channel|>analysis<|message|>So.<|end|>{NEXT}{CALL}"
    )
    out = hgo.from_chat(WITH_TOOLS).chat(completion)
    (call,) = out.message.pop("tool_calls")
    assert out.message == {
        "role": "assistant",
        "content": "I look.",
        "refusal": None,
        "reasoning": "I think.\nSo.",
    }
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert (out.finish_reason, out.notes) == ("tool_calls", ())


@pytest.mark.parametrize(
    ("completion", "finish", "content", "reason", "noted"),
    [
        (f"{THINK}{NEXT}{ANSWER}<|return|>", "stop", "It is 3.", "stop", set()),
        (f"{THINK}{NEXT}{ANSWER}", "stop", "It is 3.", "stop", set()),  # the server kept its token
        (f"{THINK}{NEXT}{ANSWER}", "length", "It is 3.", "length", {"repaired"}),
        (f"{THINK}{NEXT}{ANSWER}<|end|>", "stop", "It is 3.", "stop", set()),
        (f"{ANSWER}<|return|>", "content_filter", "It is 3.", "content_filter", set()),
        (f"{ANSWER}<|return|>", "abort", "It is 3.", None, set()),
        # Reasoning alone is never shown as an answer.
        ("<|channel|>analysis<|message|>Hm.<|return|>", "stop", "", "stop", {"no-answer"}),
        # Text that looks like a token is text.
        ("<|channel|>final<|message|>a <|sep|> b<|return|>", "stop", "a <|sep|> b", "stop", set()),
        # Behind the stop token nothing counts.
        (f"{ANSWER}<|return|>More.", "stop", "It is 3.", "stop", {"overrun"}),
        (f"{CALL}More.", "stop", None, "tool_calls", {"overrun"}),
        # No call is surfaced that nobody declared.
        (CALL.replace("get_weather", "rm"), "stop", "", "stop", {"unknown-tool"}),
        ("<|channel|>analysis to=python<|message|>1+1<|call|>", "stop", "", "stop",
         {"uninvited-tool"}),
        ("<|channel|>analysis to=browser.search<|message|>{}<|call|>", "stop", "", "stop",
         {"uninvited-tool"}),
        # A cut call is none.
        (f'{HEADER}{{"city": "O', "length", "", "length", {"truncated-call", "repaired"}),
        (f'{HEADER}{{"city": "O', "stop", "", "stop", {"truncated-call"}),
        # The arguments are wrong, and the client is told.
        (f"{HEADER}{{}}<|call|>", "stop", None, "tool_calls", {"invalid-arguments"}),
        (f"{HEADER}x<|call|>", "stop", None, "tool_calls", {"invalid-arguments"}),
        # A call that is ended as a message is one if it is the last and whole.
        (CALL.replace("<|call|>", "<|end|>"), "stop", None, "tool_calls", {"repaired"}),
        # Whom the model calls is lost, so nobody gets what it says.
        (f" to=functions.rm{CALL}", "stop", "", "stop", {"ambiguous-call", "repaired"}),
        (CALL.replace("functions.get_weather", ""), "stop", "", "stop",
         {"ambiguous-call", "repaired"}),
        (" to=functions.rm<|channel|>final to=functions.f<|message|>Hi<|return|>", "stop", "Hi",
         "stop", {"repaired"}),
        # The namespace is missing.
        (CALL.replace("functions.", ""), "stop", None, "tool_calls", {"bare-recipient"}),
    ],
)  # fmt: skip
def test_what_a_chat_shows(
    completion: str, finish: Any, content: str | None, reason: str | None, noted: set[str]
) -> None:
    out = hgo.from_chat(WITH_TOOLS).chat(completion, finish)
    assert (out.message["content"], out.finish_reason) == (content, reason)
    assert codes(out.notes) == noted
    assert bool(out.message.get("tool_calls")) == (reason == "tool_calls")


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentaryjson to=functions.get_weather<|message|>",
        "<|channel|>commentary to=functions.get_weather<|channel|>commentary json<|message|>",
        " to=functions.get_weather<|channel|>commentary to=functions.get_weather json<|message|>",
    ],
)
@pytest.mark.parametrize("ready_only", [False, True])
def test_a_call_with_a_damaged_header_is_shown_only_if_it_is_ready(
    header: str, *, ready_only: bool
) -> None:
    completion = f'{header}{{"city": "Oslo"}}<|call|>'
    out = hgo.from_chat(WITH_TOOLS, ready_only=ready_only).chat(completion)
    (call,) = hg.recover(completion).tool_calls(TOOLS)
    assert bool(out.message.get("tool_calls")) == call.ready
    assert out.notes


def test_only_ready_calls_if_that_is_asked_for() -> None:
    prepared = hgo.from_chat(WITH_TOOLS, ready_only=True)
    assert "tool_calls" not in prepared.chat(f"{HEADER}{{}}<|call|>").message
    assert prepared.chat(CALL).message["tool_calls"]
    stream = prepared.chat_stream()
    early = stream.feed(f'{HEADER}{{"city": "Oslo"}}')
    assert not any(c["choices"][0]["delta"].get("tool_calls") for c in early)
    late = stream.feed("<|call|>")
    assert any(c["choices"][0]["delta"].get("tool_calls") for c in late)


def test_several_calls_in_one_completion() -> None:
    out = hgo.from_chat(WITH_TOOLS).chat(f"{CALL}{NEXT}{CALL.replace('Oslo', 'Rom')}")
    first, second = out.message["tool_calls"]
    assert first["id"] != second["id"]
    assert "Rom" in second["function"]["arguments"]
    assert (out.finish_reason, out.notes) == ("tool_calls", ())


def test_a_call_that_the_request_does_not_allow_is_not_shown() -> None:
    out = hgo.from_chat({**WITH_TOOLS, "tool_choice": "none"}).chat(CALL)
    assert "tool_calls" not in out.message
    assert (out.finish_reason, codes(out.notes)) == ("stop", {"forbidden-call"})


def test_undeclared_tools_can_be_shown() -> None:
    prepared = hgo.from_chat(WITH_TOOLS, unknown_tools="surface")
    out = prepared.chat(CALL.replace("get_weather", "rm"))
    assert out.message["tool_calls"][0]["function"]["name"] == "rm"
    assert "unknown-tool" in codes(out.notes)


def test_a_forced_call_ends_as_the_option_says() -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    for forced in ("tool_calls", "stop"):
        prepared = hgo.from_chat({**WITH_TOOLS, "tool_choice": choice}, forced_finish=forced)
        assert prepared.chat(CALL).finish_reason == forced


def test_functions_of_old_requests_are_called_in_the_old_form() -> None:
    prepared = hgo.from_chat({"messages": [ASK], "functions": [t["function"] for t in TOOLS]})
    out = prepared.chat(CALL)
    assert out.message["function_call"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert out.finish_reason == "function_call"


def test_reasoning_goes_where_it_is_asked_for() -> None:
    completion = f"{THINK}{NEXT}<|channel|>analysis<|message|>So.<|end|>{NEXT}{ANSWER}<|return|>"
    fields = ("reasoning", "reasoning_content")
    out = hgo.from_chat(PLAIN, reasoning_fields=fields, reasoning_details=True).chat(completion)
    assert out.message["reasoning"] == out.message["reasoning_content"] == "I think.\nSo."
    assert [d["text"] for d in out.message["reasoning_details"]] == ["I think.", "So."]
    hidden = hgo.from_chat({**PLAIN, "reasoning": {"exclude": True}}).chat(completion)
    assert "reasoning" not in hidden.message


def test_preambles_and_answers_can_be_told_apart() -> None:
    completion = f"<|channel|>commentary<|message|>I look.<|end|>{NEXT}{ANSWER}<|return|>"
    prepared = hgo.from_chat(PLAIN, phases=True)
    message = prepared.chat(completion).message
    assert message["content"] == "I look.\nIt is 3."
    request = {"messages": [ASK, message]}
    assert [m.channel for m in hgo.from_chat(request).conversation.messages[2:]] == [
        "commentary",
        "final",
    ]


def test_usage_counts_the_bodies_of_reasoning() -> None:
    prepared = hgo.from_chat(PLAIN)
    completion = f"{THINK}{NEXT}{ANSWER}<|return|>"
    usage = prepared.chat(completion).usage
    assert usage == prepared.chat(prepared.ids_of(completion)).usage
    assert usage["completion_tokens"] == len(prepared.ids_of(completion))
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}


# --- Responses ---


def items(request: dict[str, Any], completion: str, finish: Any = "stop", **options: Any) -> Any:
    prepared = hgo.from_responses(request, **options)
    out = prepared.responses(completion, finish)
    Response.model_validate(out.to_dict())
    stream = prepared.responses_stream()
    events = stream.feed(completion) + stream.finish(finish)
    for event in events:
        EVENTS.validate_python(event)
    return out, [event["type"].removeprefix("response.") for event in events]


FLAT = [{"type": "function", **tool["function"]} for tool in TOOLS]


def test_items_of_all_kinds() -> None:
    completion = f"{THINK}{NEXT}<|channel|>commentary<|message|>I look.<|end|>{NEXT}{CALL}"
    out, kinds = items({"input": "Hi", "tools": FLAT}, completion)
    assert [item["type"] for item in out.output] == ["reasoning", "message", "function_call"]
    assert out.output[1]["phase"] == "commentary"
    assert kinds == [
        *("created", "in_progress"),
        *("output_item.added", "content_part.added", "reasoning_text.delta"),
        *("reasoning_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done"),
        *("content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done"),
        *("output_item.done", "completed"),
    ]


def test_a_cut_call_is_an_incomplete_item_that_nobody_runs() -> None:
    out, kinds = items({"input": "Hi", "tools": FLAT}, f'{HEADER}{{"city', "length")
    assert out.output[0]["status"] == "incomplete"
    assert (out.status, out.incomplete_details) == ("incomplete", {"reason": "max_output_tokens"})
    assert "function_call_arguments.done" not in kinds
    assert kinds[-1] == "incomplete"


@pytest.mark.parametrize(
    ("finish", "status", "last"),
    [
        ("stop", "completed", "completed"),
        ("length", "incomplete", "incomplete"),
        ("content_filter", "incomplete", "incomplete"),
        ("abort", "cancelled", "incomplete"),
        ("error", "failed", "failed"),
    ],
)
def test_how_a_response_ends(finish: str, status: str, last: str) -> None:
    out, kinds = items({"input": "Hi"}, ANSWER, finish)
    assert (out.status, kinds[-1]) == (status, last)
    assert out.output[0]["status"] == ("completed" if finish == "stop" else "incomplete")


def test_predefined_tools() -> None:
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "web_search"}]
    out, kinds = items(
        {"input": "Hi", "tools": tools}, "<|channel|>analysis to=python<|message|>1+1<|call|>"
    )
    assert out.output[0]["code"] == "1+1"
    assert "code_interpreter_call.interpreting" in kinds
    for verb, body, action in [
        ("search", {"query": "q"}, {"type": "search", "query": "q", "queries": ["q"]}),
        ("open", {"id": 3}, {"type": "open_page", "url": "cursor:3"}),
        ("open", {"id": "http://a"}, {"type": "open_page", "url": "http://a"}),
        ("find", {"pattern": "p", "cursor": 2},
         {"type": "find_in_page", "pattern": "p", "url": "cursor:2"}),
    ]:  # fmt: skip
        completion = f"<|channel|>analysis to=browser.{verb}<|message|>{json.dumps(body)}<|call|>"
        out, kinds = items({"input": "Hi", "tools": tools}, completion)
        assert out.output[0]["action"] == action
        assert "web_search_call.searching" in kinds


def test_custom_tools_take_their_text() -> None:
    tools = [{"type": "custom", "name": "sql", "description": "Runs SQL."}]
    completion = HEADER.replace("get_weather", "sql") + '{"input": "SELECT \\"a\\""}<|call|>'
    out, kinds = items({"input": "Hi", "tools": tools}, completion)
    assert out.output[0]["input"] == 'SELECT "a"'
    assert "custom_tool_call_input.done" in kinds
    chat = hgo.from_chat({"messages": [ASK], "tools": [{"type": "custom", "custom": tools[0]}]})
    assert chat.chat(completion).message["tool_calls"][0]["custom"]["input"] == 'SELECT "a"'


def test_tools_of_servers_and_namespaces_get_their_names_back() -> None:
    tools = [
        {"type": "mcp", "server_label": "crm", "server_url": "https://x"},
        {"type": "namespace", "name": "mail", "description": "Mail.", "tools": [
            {"type": "function", "name": "send", "parameters": {"type": "object"}}]},
    ]  # fmt: skip
    listed = {"crm": [{"name": "find", "inputSchema": {"type": "object", "properties": {}}}]}
    request = {"input": "Hi", "tools": tools}
    call = HEADER.replace("functions.get_weather", "crm.find") + "{}<|call|>"
    out, kinds = items(request, call, mcp_tools=listed)
    assert (out.output[0]["server_label"], out.output[0]["name"]) == ("crm", "find")
    assert "mcp_call.completed" in kinds
    call = HEADER.replace("get_weather", "mail__send") + "{}<|call|>"
    out, _ = items(request, call, mcp_tools=listed)
    assert (out.output[0]["namespace"], out.output[0]["name"]) == ("mail", "send")


class Reversing:
    """A codec that anybody can read."""

    def encode(self, text: str) -> str:
        return "r:" + text[::-1]

    def decode(self, content: str) -> str | None:
        return content[2:][::-1] if content.startswith("r:") else None


def test_a_codec_carries_reasoning() -> None:
    request = {"input": "Hi", "include": ["reasoning.encrypted_content"]}
    out, _ = items(request, f"{THINK}{NEXT}{ANSWER}<|return|>", codec=Reversing())
    sealed = out.output[0]["encrypted_content"]
    assert sealed == "r:.kniht I"
    item = {"type": "reasoning", "summary": [], "encrypted_content": sealed}
    read = hgo.from_responses({"input": [item]}, codec=Reversing())
    assert read.conversation.messages[1].text == "I think."
    unread = hgo.from_responses({"input": [item]})
    assert codes(unread.notes) == {"unreadable-reasoning"}


def test_the_other_dialect_names_reasoning_its_own_way() -> None:
    stream = hgo.from_responses({"input": "Hi"}).responses_stream("open-responses")
    kinds = [event["type"] for event in stream.feed(THINK)]
    assert "response.reasoning.delta" in kinds
    assert "response.reasoning.done" in kinds
    with pytest.raises(ValueError, match="open-responses"):
        hgo.from_responses({"input": "Hi"}).responses_stream("other")  # type: ignore[arg-type]


# --- the next turn ---


def test_a_cut_completion_is_closed() -> None:
    prepared = hgo.from_chat(PLAIN)
    ids = prepared.ids_of("<|channel|>final<|message|>It is")
    following = prepared.next_turn(ids, [{"role": "user", "content": "Go on."}])
    assert following.text.endswith(
        "<|channel|>final<|message|>It is<|end|><|start|>user<|message|>Go on.<|end|>"
        "<|start|>assistant"
    )
    assert not [s for s in following.spans() if s.sampled and s.part == "end"]


def test_an_unfinished_header_is_left_out() -> None:
    prepared = hgo.from_chat(PLAIN)
    ids = prepared.ids_of(f"{THINK}{NEXT}<|channel|>fin")
    following = prepared.next_turn(ids)
    assert following.ids == prepared.ids + prepared.ids_of(THINK) + prepared.opening
    assert codes(following.notes) == {"cut-header"}


def test_what_an_answer_makes_superfluous_is_left_out() -> None:
    prepared = hgo.from_chat(PLAIN)
    ids = prepared.ids_of(f"{THINK}{NEXT}{ANSWER}<|return|>")
    asked = [{"role": "user", "content": "And?"}]
    following = prepared.next_turn(ids, asked)
    assert "I think." not in following.text
    kept = hgo.from_chat(PLAIN, keep_reasoning="all").next_turn(ids, asked)
    assert kept.ids[: len(prepared.ids) + len(ids) - 1] == prepared.ids + ids[:-1]


def test_an_answer_that_was_begun_is_gone_on_with() -> None:
    request = {"messages": [ASK, {"role": "assistant", "content": "It is"}]}
    prepared = hgo.from_chat({**request, "continue_final_message": True})
    assert prepared.text.endswith("<|start|>assistant<|channel|>final<|message|>It is")
    for completion in (" 3.<|return|>", prepared.ids_of(" 3.<|return|>")):
        out = prepared.chat(completion)
        assert out.message["content"] == " 3."
        assert out.usage["completion_tokens"] == len(prepared.ids_of(" 3.<|return|>"))
    assert prepared.constraint().matcher().expected()
    following = prepared.next_turn(" 3.<|return|>")
    assert "It is 3.<|end|>" in following.text
    spans = [s for s in following.spans() if s.sampled]
    assert [following.ids[s.start : s.end] for s in spans] == [prepared.ids_of(" 3.")]
