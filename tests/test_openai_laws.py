"""The laws of the conversion, over generated requests, completions and cuttings."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from strategies_requests import (
    ASK,
    PLAIN,
    TOOLS,
    WITH_TOOLS,
    anything,
    chats,
    completions,
    cuts,
    said,
)

import harmony_grammar as hg
from harmony_grammar import openai as hgo
from harmony_grammar.openai.history import dropped
from harmony_grammar.strategies import conversations, walks
from harmony_grammar.tokens import special_pattern

GRAMMAR = hg.Grammar.default()
MEANING = GRAMMAR.rules.meaning
SPECIAL = special_pattern(GRAMMAR.rules.specials)
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PREPARED = {
    "plain": hgo.from_chat(PLAIN),
    "tools": hgo.from_chat(WITH_TOOLS),
    "ready": hgo.from_chat(WITH_TOOLS, ready_only=True),
    "surface": hgo.from_chat(WITH_TOOLS, unknown_tools="surface"),
    "builtins": hgo.from_responses(
        {
            "input": "Hi",
            "tools": [
                {"type": "code_interpreter", "container": {"type": "auto"}},
                {"type": "web_search"},
            ],
        }
    ),
    "legacy": hgo.from_chat({"messages": [ASK], "functions": [t["function"] for t in TOOLS]}),
}
PROMPTS = st.sampled_from(sorted(PREPARED)).map(PREPARED.__getitem__)
FINISHES = st.sampled_from(["stop", "length", "abort", "content_filter", "error"])


# --- 1, 2: what both sides have survives the way there and back ---


@given(completions())
def test_a_turn_survives_responses(completion: str) -> None:
    prompt = hgo.from_chat(WITH_TOOLS).conversation.messages
    messages = [*prompt, *hg.parse(completion, "completion").messages]
    request = hgo.to_responses(hg.Conversation(messages))
    back = hgo.from_responses(request, keep_reasoning="all", spelling="model")
    assert back.conversation.messages == messages
    assert not back.notes


@given(completions())
def test_a_turn_that_both_apis_can_say_survives_chat(completion: str) -> None:
    """But for the joining: there is at most one message of each channel in a chat's message."""
    prompt = hgo.from_chat(WITH_TOOLS).conversation.messages
    messages = [*prompt, *hg.parse(completion, "completion").messages]
    request = hgo.to_chat(hg.Conversation(messages))
    back = hgo.from_chat(request, keep_reasoning="all", spelling="model")
    # Written again, nothing changes any more.
    again = hgo.to_chat(hg.Conversation(back.conversation.messages))
    assert again["messages"] == request["messages"]
    texts = [m.text for m in messages[3:] if m.channel == MEANING.reasoning]
    kept = [m.text for m in back.conversation.messages[3:] if m.channel == MEANING.reasoning]
    assert kept == texts


@given(chats())
def test_a_request_survives_its_prompt(request: dict[str, Any]) -> None:
    first = hgo.from_chat(request, keep_reasoning="all")
    parsed = hg.parse(first.ids, "prompt", bodies=True)
    assert parsed.messages[2:] == first.conversation.messages[2:]
    for back in (
        hgo.from_chat(hgo.to_chat(first.conversation), keep_reasoning="all"),
        hgo.from_responses(hgo.to_responses(first.conversation), keep_reasoning="all"),
    ):
        assert back.ids == first.ids


@given(chats())
def test_prompts_are_strict_and_spelled_once(request: dict[str, Any]) -> None:
    prepared = hgo.from_chat(request)
    assert hg.check(prepared.ids, "prompt").ok
    spans = prepared.spans()
    assert [s.start for s in spans] == [0, *(s.end for s in spans[:-1])]
    assert spans[-1].end == len(prepared.ids)
    assert not any(span.sampled for span in spans)


# --- 3: nothing raises, no call is invented ---


@given(PROMPTS, anything(), FINISHES)
def test_any_completion_can_be_told(
    prepared: hgo.Prepared, completion: str | list[int], finish: Any
) -> None:
    chat, whole = prepared.chat(completion, finish), prepared.responses(completion, finish)
    ChatCompletion.model_validate(
        {**chat.to_dict(), "choices": [{**chat.to_dict()["choices"][0], "finish_reason": "stop"}]}
    )
    Response.model_validate(whole.to_dict())
    noted = {note.path for note in chat.notes}
    recovered = hg.recover(completion)
    ready = {call.arguments for call in recovered.tool_calls(None) if call.ready}
    calls = chat.message.get("tool_calls", [])
    for call in calls:
        arguments = call["function"]["arguments"]
        assert arguments in ready or noted
    if chat.finish_reason == "tool_calls":
        assert calls


# --- 4: a stream says what the whole says, however it is cut ---


def fold_chat(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], str | None]:
    """The message that chunks build, as clients put it together."""
    message: dict[str, Any] = {"role": None, "content": ""}
    calls: list[dict[str, Any]] = []
    reason = None
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            reason = choice["finish_reason"] or reason
            message["role"] = delta.get("role") or message["role"]
            for field in ("content", "reasoning"):
                if delta.get(field):
                    message[field] = message.get(field, "") + delta[field]
            if "function_call" in delta:
                known = message.setdefault("function_call", {"name": "", "arguments": ""})
                for key, value in delta["function_call"].items():
                    known[key] += value
            for call in delta.get("tool_calls", []):
                if call["index"] == len(calls):
                    calls.append({**call, "function": dict(call["function"])})
                else:
                    calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    if calls:
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in calls]
    return message, reason


@given(PROMPTS, anything(), FINISHES, st.data())
def test_chunks_say_what_the_message_says(
    prepared: hgo.Prepared, completion: str | list[int], finish: Any, data: st.DataObject
) -> None:
    whole = prepared.chat(completion, finish)
    stream = prepared.chat_stream()
    chunks = [c for piece in data.draw(st.composite(cuts)(completion)) for c in stream.feed(piece)]
    chunks += stream.finish(finish)
    message, reason = fold_chat(chunks)
    expected = dict(whole.message)
    del expected["refusal"]
    expected["content"] = expected["content"] or ""
    cut = [n for n in whole.notes if n.code is hgo.NoteCode.TRUNCATED]
    if cut and not prepared.options.ready_only:  # the stream had opened the call already
        opened = message.pop("tool_calls", None)
        message.pop("function_call", None)
        shown = expected.pop("tool_calls", [])
        expected.pop("function_call", None)
        assert (opened or shown)[: len(shown)] == shown
    assert message == expected
    assert reason == whole.finish_reason
    assert stream.notes == whole.notes
    assert stream.output() == whole


@given(PROMPTS, anything(), FINISHES, st.sampled_from(["openai", "open-responses"]), st.data())
def test_events_say_what_the_items_say(
    prepared: hgo.Prepared,
    completion: str | list[int],
    finish: Any,
    dialect: Any,
    data: st.DataObject,
) -> None:
    whole = prepared.responses(completion, finish)
    stream = prepared.responses_stream(dialect)
    events = [e for piece in data.draw(st.composite(cuts)(completion)) for e in stream.feed(piece)]
    events += stream.finish(finish)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    added = [e["output_index"] for e in events if e["type"] == "response.output_item.added"]
    done = [e for e in events if e["type"] == "response.output_item.done"]
    assert added == [e["output_index"] for e in done] == list(range(len(done)))
    assert [e["item"] for e in done] == whole.output
    assert events[-1]["response"]["output"] == whole.output
    assert events[-1]["response"]["status"] == whole.status
    assert fold_texts(events) == [text_of(item) for item in whole.output]
    assert stream.output() == whole
    if dialect == "openai":
        for event in events:
            EVENTS.validate_python(event)


def text_of(item: dict[str, Any]) -> str:
    if item["type"] in ("message", "reasoning"):
        return "".join(part["text"] for part in item["content"])
    return str(item.get("arguments") or item.get("code") or item.get("input") or "")


def fold_texts(events: list[dict[str, Any]]) -> list[str]:
    """The text of each item, from its deltas."""
    texts: dict[int, str] = {}
    kinds: dict[int, str] = {}
    for event in events:
        if event["type"] == "response.output_item.added":
            texts[event["output_index"]] = ""
            kinds[event["output_index"]] = event["item"]["type"]
        elif event["type"].endswith(".delta"):
            texts[event["output_index"]] += event["delta"]
    return [texts[index] for index in sorted(texts)]


@given(st.sampled_from(sorted(PREPARED)), completions(), st.data())
def test_no_special_token_is_ever_shown(name: str, completion: str, data: st.DataObject) -> None:
    stream = PREPARED[name].chat_stream()
    for piece in data.draw(st.composite(cuts)(completion)):
        for chunk in stream.feed(piece):
            delta = chunk["choices"][0]["delta"]
            assert not SPECIAL.search(str(delta.get("content")) + str(delta.get("reasoning")))


# --- 6: what the mask admits, converts without a note ---


@given(chats(), st.data())
def test_what_the_mask_admits_has_no_notes(request: dict[str, Any], data: st.DataObject) -> None:
    prepared = hgo.from_chat(request)
    constraint = prepared.constraint()
    walk = data.draw(walks(constraint))
    done = bool(walk) and walk[-1] in constraint.stop_ids
    notes = prepared.chat(walk, "stop" if done else "length").notes
    unfinished = {hgo.NoteCode.TRUNCATED, hgo.NoteCode.REPAIRED}
    assert {note.code for note in notes} <= (set() if done else unfinished)


# --- 7: dropping ---


@given(conversations())
def test_dropping_twice_is_dropping_once(conversation: hg.Conversation) -> None:
    messages = conversation.messages
    gone = dropped(messages, GRAMMAR, "auto")
    kept = [message for index, message in enumerate(messages) if index not in gone]
    assert not dropped(kept, GRAMMAR, "auto")
    for index in gone:
        name = messages[index].author.name or messages[index].recipient or ""
        assert not name.startswith("functions.")


# --- 8: the next prompt begins with this one and what was sampled ---


@given(st.sampled_from(["plain", "tools", "ready"]), anything())
def test_the_next_prompt_keeps_what_was_sampled(name: str, completion: str | list[int]) -> None:
    prepared = PREPARED[name]
    if isinstance(completion, str):  # which has no ids if it holds half a character
        completion = prepared.ids_of(completion.encode("utf-8", "replace").decode())
    ids = completion
    following = prepared.next_turn(ids)
    messages = following.conversation.messages[len(prepared.conversation.messages) :]
    assert following.ids[: len(prepared.ids) - 2] == prepared.ids[:-2]
    if not messages:
        return
    spans = [s for s in following.spans() if s.sampled]
    kept = [i for s in spans for i in following.ids[s.start : s.end]]
    # All that was kept is what was sampled, in order and without a gap, up to the last terminator.
    assert kept == ids[: len(kept)]
    assert following.ids[: len(prepared.ids)] == prepared.ids


@given(completions(), said())
def test_results_and_questions_go_on_behind_the_sampled_ids(completion: str, text: str) -> None:
    prepared = hgo.from_chat(WITH_TOOLS, keep_reasoning="all")
    ids = prepared.ids_of(completion)
    out = prepared.chat(ids)
    calls = out.message.get("tool_calls", [])
    new = [{"role": "tool", "tool_call_id": c["id"], "content": text} for c in calls]
    following = prepared.next_turn(ids, new or [{"role": "user", "content": text}])
    known = prepared.ids + ids
    assert following.ids[: len(known) - 1] == known[:-1]
    assert hg.check(following.ids, "prompt").ok
    # Rendered from the messages that a client would send, it says the same.
    resent = {
        **WITH_TOOLS,
        "messages": [ASK, out.message, *(new or [{"role": "user", "content": text}])],
    }
    again = hgo.from_chat(resent, keep_reasoning="all", spelling="model")
    if not any(n > 1 for n in _counts(completion)):
        assert again.conversation == following.conversation


def _counts(completion: str) -> list[int]:
    """How many messages of each channel there are, which a chat joins."""
    channels = [m.channel for m in hg.parse(completion, "completion").messages if not m.recipient]
    said_on = [channel for channel in channels if channel != MEANING.reasoning]
    ordered = sorted(channels, key=lambda c: c != MEANING.reasoning) == channels
    return [channels.count(MEANING.reasoning), len(said_on), 1 if ordered else 2]


# --- 9: names ---


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_names_are_told_apart_and_come_back(names: list[str]) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    prepared = hgo.from_chat({"messages": [ASK], "tools": tools})
    assert sorted(tool.name for tool in prepared.names.values()) == sorted(names)
    for recipient, tool in prepared.names.items():
        call = hg.Message(hg.Author(hg.Role.ASSISTANT), "{}", MEANING.preamble, recipient)  # type: ignore[arg-type]
        completion = hg.encode(hg.Conversation([call], start="completion"))
        (given_call,) = prepared.chat(completion).message["tool_calls"]
        assert given_call["function"]["name"] == tool.name
    assert hg.check(prepared.ids, "prompt").status == "complete"
