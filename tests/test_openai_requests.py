"""Requests, rule by rule: what each part of a request is in the prompt, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai.types.responses import ResponseOutputMessage
from strategies_requests import ASK, NOW, TOOLS, WEATHER

import harmony_grammar as hg
from harmony_grammar import openai as hgo
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Callable

HI = {"role": "user", "content": "Hi"}
NOW_CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}


def chat(*messages: Any, **more: Any) -> hgo.Prepared:
    options = {k: more.pop(k) for k in list(more) if k in hgo.Options.__dataclass_fields__}
    return hgo.from_chat({"messages": list(messages), **more}, **options)


def items(*given: Any, **more: Any) -> hgo.Prepared:
    options = {k: more.pop(k) for k in list(more) if k in hgo.Options.__dataclass_fields__}
    return hgo.from_responses({"input": list(given), **more}, **options)


def heads(prepared: hgo.Prepared) -> list[str]:
    """The messages of a prompt behind its system message, shortly."""
    said = []
    for m in prepared.conversation.messages[1:]:
        who = m.author.name or m.author.role.value
        to = f" to={m.recipient}" if m.recipient else ""
        on = f" on {m.channel}" if m.channel else ""
        body = "…" if m.author.role is hg.Role.DEVELOPER else m.text
        said.append(f"{who}{to}{on}: {body}")
    return said


def codes(prepared: hgo.Prepared) -> list[str]:
    return [note.code.value for note in prepared.notes]


# --- the system message ---


@pytest.mark.parametrize(
    ("effort", "level", "noted"),
    [
        (None, "medium", []),
        ("low", "low", []),
        ("high", "high", []),
        ("minimal", "low", ["effort"]),
        ("xhigh", "high", ["effort"]),
        ("max", "high", ["effort"]),
        ("none", "low", ["effort"]),
    ],
)
def test_efforts(effort: str | None, level: str, noted: list[str]) -> None:
    for prepared in (
        chat(HI, reasoning_effort=effort),
        hgo.from_responses({"input": "Hi", "reasoning": {"effort": effort}}),
        chat(HI, reasoning={"effort": effort}),
    ):
        assert f"\nReasoning: {level}\n" in prepared.text
        assert codes(prepared) == noted


def test_no_effort_is_what_the_option_says() -> None:
    forbidden = chat(HI, reasoning_effort="none", no_effort="no-analysis").constraint()
    with pytest.raises(hg.ConstraintViolation):
        forbidden.matcher().accept_all(forbidden.encode("<|channel|>analysis<|message|>"))
    with pytest.raises(hgo.ConversionError, match="cannot be told not to reason"):
        chat(HI, reasoning_effort="none", no_effort="error")
    with pytest.raises(hgo.ConversionError, match="there is no effort 'enormous'"):
        chat(HI, reasoning_effort="enormous")


def test_the_system_message_is_never_the_clients() -> None:
    prepared = chat({"role": "system", "content": "You are Bob."}, HI, date="2026-11-28")
    system, developer = prepared.text.split("<|end|>")[:2]
    assert system == (
        "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\nCurrent date: 2026-11-28\n\nReasoning: medium\n\n"
        "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    )
    assert developer == "<|start|>developer<|message|># Instructions\n\nYou are Bob."
    assert "You are Bob." in chat(HI, identity="You are Bob.").text.split("<|end|>")[0]


# --- instructions ---


def test_leading_instructions_are_one_message_and_later_ones_stay() -> None:
    told = chat(
        {"role": "system", "content": "A"},
        {"role": "developer", "content": [{"type": "text", "text": "B"}]},
        {"role": "system", "content": " "},
        HI,
        {"role": "system", "content": "C"},
        HI,
    )
    assert heads(told) == ["developer: …", "user: Hi", "developer: …", "user: Hi"]
    assert "# Instructions\n\nA\n\nB<|end|>" in told.text
    assert "# Instructions\n\nC<|end|>" in told.text
    responses = hgo.from_responses(
        {"instructions": "A", "input": [{"role": "developer", "content": "B"}, HI]}
    )
    assert "# Instructions\n\nA\n\nB<|end|>" in responses.text
    assert heads(chat({"role": "system", "content": "  "}, HI)) == ["user: Hi"]


def test_former_instructions_are_not_carried_over() -> None:
    previous = [{"role": "developer", "content": "Old."}, HI, _message("Hello.")]
    following = hgo.from_responses({"input": "And?", "instructions": "New."}, previous=previous)
    assert "Old." not in following.text
    assert heads(following)[1:] == ["user: Hi", "assistant on final: Hello.", "user: And?"]


def _message(text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
        **more,
    }


# --- tools ---


def test_both_shapes_of_functions_are_taken_by_both() -> None:
    flat = {"type": "function", **WEATHER["function"]}
    texts = {chat(HI, tools=[tool]).text for tool in (WEATHER, flat)}
    texts |= {hgo.from_responses({"input": "Hi", "tools": [t]}).text for t in (WEATHER, flat)}
    assert len(texts) == 1
    legacy = chat(HI, functions=[WEATHER["function"]], function_call="auto")
    assert legacy.text in texts


@pytest.mark.parametrize(
    ("name", "written", "noted"),
    [
        ("get-weather", "get-weather", []),
        ("mail/send", "mail/send", []),
        ("send mail", "send_mail", ["renamed-tool"]),
        ("a<|end|>b", "aendb", ["renamed-tool"]),
        ("python", "python_tool", ["renamed-tool"]),
        ("browser.search", "browser.search_tool", ["renamed-tool"]),
        ("7up 3", "_7up_3", ["renamed-tool"]),
    ],
)
def test_names(name: str, written: str, noted: list[str]) -> None:
    prepared = chat(HI, tools=[{"type": "function", "function": {"name": name}}])
    assert list(prepared.names) == [f"functions.{written}"]
    assert prepared.names[f"functions.{written}"].name == name
    assert codes(prepared) == noted
    assert f"type {written} = () => any;" in prepared.text


def test_names_as_identifiers_stay_apart() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("a-b", "a.b", "a_b")]
    prepared = chat(HI, tools=tools, names="identifier")
    assert list(prepared.names) == ["functions.a_b", "functions.a_b_2", "functions.a_b_3"]
    with pytest.raises(hgo.ConversionError, match="two tools are called 'a'"):
        chat(HI, tools=[{"type": "function", "function": {"name": "a"}}] * 2)
    kept = chat(HI, tools=[{"type": "function", "function": {"name": "python"}}],
                alias_reserved=False)  # fmt: skip
    assert list(kept.names) == ["functions.python"]


@pytest.mark.parametrize("kind", ["image_generation", "file_search", "computer_use_preview", "x"])
def test_tools_that_the_model_has_not_learned(kind: str) -> None:
    with pytest.raises(hgo.ConversionError, match="unsupported_tools='skip'") as caught:
        hgo.from_responses({"input": "Hi", "tools": [{"type": kind}]})
    assert caught.value.path == "/tools/0/type"
    left = hgo.from_responses({"input": "Hi", "tools": [{"type": kind}]}, unsupported_tools="skip")
    assert codes(left) == ["unsupported-tool"]


def test_predefined_tools_stand_in_the_system_message() -> None:
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}},
                  {"type": "web_search_preview"}]  # fmt: skip
    prepared = hgo.from_responses({"input": "Hi", "tools": tools})
    system = prepared.text.split("<|end|>")[0]
    for title in ("## python", "## browser"):
        assert system.index(title) < system.index("# Valid channels")
    assert "Calls to these tools" not in system
    with pytest.raises(hgo.ConversionError, match="no tool of the kind"):
        hgo.from_responses({"input": "Hi", "tools": tools}, builtins="refuse")


@pytest.mark.parametrize(
    ("parameters", "type_"),
    [
        (None, "() => any"),
        ({}, "() => any"),
        ({"type": "object", "properties": {}, "additionalProperties": False}, "() => any"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "(_: {\n}) => any"),
    ],
)
def test_functions_without_arguments(parameters: Any, type_: str) -> None:
    """The guide writes those that take nothing in a form of its own; the mask has the schema."""
    function = {"name": "f", "parameters": parameters}
    prepared = chat(HI, tools=[{"type": "function", "function": function}], tool_choice="required")
    assert f"type f = {type_};" in prepared.text
    call = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
    matcher = prepared.constraint().matcher()
    matcher.accept_all(prepared.ids_of(call))
    more = prepared.ids_of('{"a')
    if parameters and parameters["additionalProperties"] is False:
        with pytest.raises(hg.ConstraintViolation):
            matcher.accept_all(more)
    else:
        matcher.accept_all(more)


def test_custom_tools_are_functions_of_one_text() -> None:
    tool = {"type": "custom", "name": "sql", "description": "Runs SQL.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: a"}}  # fmt: skip
    prepared = hgo.from_responses({"input": "Hi", "tools": [tool]})
    assert "// Runs SQL.\n// The input must follow this lark grammar:\n// start: a" in prepared.text
    assert "type sql = (_: {\ninput: string,\n}) => any;" in prepared.text


def test_servers_and_namespaces() -> None:
    space = {"type": "namespace", "name": "mail", "description": "Mail.",
             "tools": [{"type": "function", "name": "send"}]}  # fmt: skip
    flat = hgo.from_responses({"input": "Hi", "tools": [space]})
    assert list(flat.names) == ["functions.mail__send"]
    own = hgo.from_responses({"input": "Hi", "tools": [space]}, namespaces="own")
    assert list(own.names) == ["mail.send"]
    assert "namespace mail {" in own.text
    server = {"type": "mcp", "server_label": "crm", "server_url": "https://x"}
    with pytest.raises(hgo.ConversionError, match="mcp_tools="):
        hgo.from_responses({"input": "Hi", "tools": [server]})
    listed = {"type": "mcp_list_tools", "server_label": "crm",
              "tools": [{"name": "find", "input_schema": {"type": "object"}}]}  # fmt: skip
    assert list(items(listed, HI).names) == ["crm.find"]


# --- choices ---


@pytest.mark.parametrize(
    ("choice", "may", "must"),
    [
        (None, True, False),
        ("auto", True, False),
        ("none", False, False),
        ("required", True, True),
        ({"type": "function", "function": {"name": "now"}}, True, True),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "now"}}]}}, True, False),
        ({"type": "function", "function": {"name": "get_weather"}}, False, True),
    ],
)  # fmt: skip
def test_choices_bind_the_mask_and_not_the_prompt(choice: Any, *, may: bool, must: bool) -> None:
    prepared = chat(HI, tools=TOOLS, tool_choice=choice)
    assert prepared.ids == chat(HI, tools=TOOLS).ids
    for text, allowed in [
        ("<|channel|>commentary to=functions.now <|constrain|>json<|message|>{}<|call|>", may),
        ("<|channel|>final<|message|>Hi<|return|>", not must),
    ]:
        matcher = prepared.constraint().matcher()
        ids = prepared.ids_of(text)
        if allowed:
            matcher.accept_all(ids)
        else:
            with pytest.raises(hg.ConstraintViolation):
                matcher.accept_all(ids)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tool_choice": "required"}, "there are no tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "there is no tool 'f'"),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}},
         "auto or required"),
        ({"response_format": {"type": "xml"}}, "there is no format 'xml'"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "Schema"),
        ({"prediction": {"type": "content", "content": "x"}}, "predicted"),
        ({"modalities": ["audio"]}, "writes text alone"),
    ],
)  # fmt: skip
def test_requests_that_contradict_themselves(more: dict[str, Any], said: str) -> None:
    with pytest.raises(hgo.ConversionError, match=said):
        chat(HI, **more)


def test_a_response_format_is_told_and_binds() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}  # fmt: skip
    form = {"name": "n", "description": "A number.", "schema": schema}
    prepared = chat(HI, response_format={"type": "json_schema", "json_schema": form})
    flat = hgo.from_responses({"input": "Hi", "text": {"format": {"type": "json_schema", **form}}})
    assert prepared.text == flat.text
    assert "# Response Formats\n\n## n\n\n// A number.\n{" in prepared.text
    matcher = prepared.constraint().matcher()
    matcher.accept_all(prepared.ids_of("<|channel|>final <|constrain|>json<|message|>"))
    assert matcher.expected()
    with pytest.raises(hg.ConstraintViolation):
        matcher.accept_all(prepared.ids_of("Hi"))
    quiet = chat(HI, response_format={"type": "json_schema", "json_schema": form},
                 declare_format=False)  # fmt: skip
    assert heads(quiet) == ["user: Hi"]
    hint = {**form, "strict": False}
    assert codes(chat(HI, response_format={"type": "json_schema", "json_schema": hint})) == [
        "schema-as-hint"
    ]


# --- messages ---


def test_the_order_of_one_message_of_the_model() -> None:
    said = {"role": "assistant", "content": "I look.", "reasoning": "Hm.",
            "tool_calls": [NOW_CALL, {**NOW_CALL, "id": "c2"}]}  # fmt: skip
    results = [{"role": "tool", "tool_call_id": i, "content": i} for i in ("c1", "c2")]
    assert heads(chat(ASK, said, *results, tools=TOOLS))[2:] == [
        "assistant on analysis: Hm.",
        "assistant on commentary: I look.",
        "assistant to=functions.now on commentary: {}",
        "assistant to=functions.now on commentary: {}",
        "functions.now to=assistant on commentary: c1",
        "functions.now to=assistant on commentary: c2",
    ]
    swapped = chat(ASK, said, *reversed(results), tools=TOOLS)
    assert heads(swapped)[-2:] == [
        "functions.now to=assistant on commentary: c1",
        "functions.now to=assistant on commentary: c2",
    ]
    assert codes(swapped) == ["results-reordered"]


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content", "thinking"])
def test_reasoning_has_many_names(key: str) -> None:
    said = {"role": "assistant", "content": None, key: "Hm.", "tool_calls": [NOW_CALL]}
    assert "assistant on analysis: Hm." in heads(chat(ASK, said))
    with pytest.raises(hgo.ConversionError, match="different things"):
        chat(ASK, {**said, "reasoning": "A", "thinking": "B"})
    details = [{"type": "reasoning.text", "text": "A"}, {"type": "reasoning.text", "text": "B"}]
    apart = {"role": "assistant", "reasoning": "A\nB", "reasoning_details": details,
             "tool_calls": [NOW_CALL]}  # fmt: skip
    assert heads(chat(ASK, apart))[1:3] == ["assistant on analysis: A", "assistant on analysis: B"]


@pytest.mark.parametrize(
    ("message", "head", "noted"),
    [
        ({"role": "assistant", "content": "x"}, "assistant on final: x", []),
        ({"role": "assistant", "content": None}, None, ["empty-message"]),
        ({"role": "assistant", "refusal": "No."}, "assistant on final: No.", ["refusal-as-text"]),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
         "assistant on final: No.", ["refusal-as-text"]),
        ({"role": "assistant", "content": "x", "audio": {"id": "a"}}, "assistant on final: x",
         ["no-place"]),
        ({"role": "user", "content": ""}, "user: ", []),
        ({"role": "user", "content": "x", "name": "Ann"}, "user: x", ["no-place"]),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, "b"]}, "user: ab", []),
        ({"role": "user", "content": {"a": "é"}}, 'user: {"a":"é"}', ["json-content"]),
        ({"role": "user", "content": "x", "mood": "good"}, "user: x", ["unknown-key"]),
    ],
)  # fmt: skip
def test_messages(message: dict[str, Any], head: str | None, noted: list[str]) -> None:
    prepared = chat(message)
    assert heads(prepared) == ([head] if head is not None else [])
    assert codes(prepared) == noted
    for note in prepared.notes:
        assert note.path.startswith("/messages/0")
    if noted:
        with pytest.raises(hgo.ConversionError) as caught:
            chat(message, strict=True)
        assert caught.value.code in noted


@pytest.mark.parametrize("part", ["image_url", "input_audio", "file", "input_image", "video_url"])
def test_media(part: str) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": part}]}
    with pytest.raises(hgo.ConversionError, match="media="):
        chat(message)
    assert heads(chat(message, media="skip")) == ["user: a"]
    assert heads(chat(message, media="placeholder"))[0].startswith("user: a[")
    described: Callable[[Any], str] = lambda data: f"<{data['type']}>"  # noqa: E731
    assert heads(chat(message, media=described)) == [f"user: a<{part}>"]


def test_arguments_are_written_as_they_are() -> None:
    for given, written in [('{"b": 1.50, "a":2}', '{"b": 1.50, "a":2}'), ({"é": 1}, '{"é":1}'),
                           ("", "")]:  # fmt: skip
        call = {"id": "c", "function": {"name": "f", "arguments": given}}
        said = {"role": "assistant", "tool_calls": [call]}
        assert heads(chat(said))[0].endswith(f": {written}")


# --- call ids ---


def test_results_find_their_calls() -> None:
    call = {"role": "assistant", "tool_calls": [NOW_CALL]}
    with pytest.raises(hgo.ConversionError, match="no call has the id 'c9'"):
        chat(call, {"role": "tool", "tool_call_id": "c9", "content": ""})
    named = chat(call, {"role": "tool", "name": "now", "content": "x"})
    assert heads(named)[-1] == "functions.now to=assistant on commentary: x"
    legacy = chat(
        {"role": "assistant", "function_call": {"name": "now", "arguments": "{}"}},
        {"role": "function", "name": "now", "content": "x"},
    )
    assert heads(legacy) == heads(named)
    with pytest.raises(hgo.ConversionError, match="two calls have the id"):
        chat({"role": "assistant", "tool_calls": [NOW_CALL, NOW_CALL]})
    other = {**NOW_CALL, "function": {"name": "then", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "c1", "content": "x"}
    again = chat(call, result, {"role": "assistant", "tool_calls": [other]}, result)
    assert heads(again)[-1].startswith("functions.then ")
    assert codes(chat(call, HI)) == ["call-without-result"]


# --- what is dropped ---


def test_reasoning_before_the_last_answer_is_dropped() -> None:
    thought = {"role": "assistant", "content": "A.", "reasoning": "R1"}
    calls = {"role": "assistant", "reasoning": "R2", "tool_calls": [NOW_CALL]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "x"}
    history = (HI, thought, HI, calls, result)
    assert [h for h in heads(chat(*history)) if "analysis" in h] == ["assistant on analysis: R2"]
    # A user who interrupts the tool loop is no answer.
    assert "assistant on analysis: R2" in heads(chat(*history, HI))
    kept = chat(*history, keep_reasoning="all")
    assert [h[-2:] for h in heads(kept) if "analysis" in h] == ["R1", "R2"]
    assert not [h for h in heads(chat(*history, keep_reasoning="none")) if "analysis" in h]
    answered = chat(*history, {"role": "assistant", "content": "B."}, HI)
    assert not [h for h in heads(answered) if "analysis" in h]
    assert len([h for h in heads(answered) if "functions.now" in h]) == 2
    all_turns = hgo.from_responses(
        {"input": [_reasoning("R"), _message("A."), HI], "reasoning": {"context": "all_turns"}}
    )
    assert "assistant on analysis: R" in heads(all_turns)


def _reasoning(text: str) -> dict[str, Any]:
    content = [{"type": "reasoning_text", "text": text}]
    return {"type": "reasoning", "id": "rs_1", "summary": [], "content": content}


def test_predefined_tools_are_dropped_with_their_results() -> None:
    run = {"type": "code_interpreter_call", "id": "ci", "code": "1+1", "container_id": "c",
           "status": "completed", "outputs": [{"type": "logs", "logs": "2"}]}  # fmt: skip
    assert heads(items(HI, run)) == [
        "user: Hi",
        "assistant to=python on analysis: 1+1",
        "python to=assistant on analysis: 2",
    ]
    assert heads(items(HI, run, _message("Two."), HI)) == [
        "user: Hi",
        "assistant on final: Two.",
        "user: Hi",
    ]


# --- items ---


@pytest.mark.parametrize(
    ("phase", "channel"),
    [("commentary", "commentary"), ("final_answer", "final"), (None, "commentary")],
)
def test_phases(phase: str | None, channel: str) -> None:
    more = {} if phase is None else {"phase": phase}
    call = {"type": "function_call", "call_id": "c", "name": "now", "arguments": "{}"}
    prepared = items(HI, _message("I look.", **more), _reasoning("R"), call)
    assert f"assistant on {channel}: I look." in heads(prepared)
    if phase is None:  # nothing follows
        assert "assistant on final: I look." in heads(items(HI, _message("I look.")))


def test_reasoning_items() -> None:
    summary = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}]}
    assert codes(items(summary, HI)) == ["unreadable-reasoning"]
    several = _reasoning("A")
    several["content"].append({"type": "reasoning_text", "text": "B"})
    assert heads(items(several)) == ["assistant on analysis: A\nB"]
    cut = {**_message("x"), "status": "incomplete"}
    assert codes(items(cut)) == ["incomplete-item"]


def test_references_name_items_of_former_turns() -> None:
    former = [HI, {**_message("A."), "id": "msg_7"}]
    request = {"input": [{"type": "item_reference", "id": "msg_7"}, HI]}
    prepared = hgo.from_responses(request, previous=former)
    assert heads(prepared) == ["user: Hi", "assistant on final: A.", "user: Hi"]
    with pytest.raises(hgo.ConversionError, match="`previous`"):
        hgo.from_responses(request)


def test_items_that_cannot_be_said() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed",
              "action": {"type": "search", "query": "q"}}  # fmt: skip
    assert codes(items(HI, search)) == ["no-place"]
    for kind in ("computer_call", "image_generation_call", "x", None):
        with pytest.raises(hgo.ConversionError, match="no way to say"):
            items({"type": kind, "id": "i"})
    with pytest.raises(hgo.ConversionError, match="codec"):
        items({"type": "compaction", "encrypted_content": "x"})


def test_what_is_the_hosts_is_noted() -> None:
    prepared = hgo.from_responses(
        {"input": "Hi", "conversation": "conv_1", "text": {"verbosity": "low"},
         "reasoning": {"summary": "auto"}, "truncation": "auto"}
    )  # fmt: skip
    assert codes(prepared) == ["no-place"] * 4
    assert hgo.from_responses({"input": "Hi", "model": "m", "temperature": 0.5}).notes == ()


def test_objects_of_the_client_are_taken() -> None:
    message = ResponseOutputMessage.model_validate(_message("A.", phase="final_answer"))
    assert heads(items(HI, message, HI)) == ["user: Hi", "assistant on final: A.", "user: Hi"]


@pytest.mark.parametrize(
    ("spelling", "header"),
    [
        ("openai", "assistant to=functions.now<|channel|>commentary json<|message|>"),
        ("openai-constrain",
         "assistant to=functions.now<|channel|>commentary <|constrain|>json<|message|>"),
        ("model", "assistant<|channel|>commentary to=functions.now <|constrain|>json<|message|>"),
    ],
)  # fmt: skip
def test_spellings_of_calls(spelling: Any, header: str) -> None:
    said = {"role": "assistant", "tool_calls": [NOW_CALL]}
    assert f"<|start|>{header}{{}}<|call|>" in chat(said, spelling=spelling).text


def test_a_conversation_for_training_ends_the_turn() -> None:
    """A prompt never does: what follows is another turn."""
    said = {"role": "assistant", "reasoning": "Hm.", "content": "x"}
    answer = "<|start|>assistant<|channel|>final<|message|>x"
    trained = chat(HI, said, HI, said, generation_prompt=False, keep_reasoning="all").text
    assert trained.endswith(f"Hm.<|end|>{answer}<|return|>")
    assert trained.count("Hm.") == 2
    assert trained.count("<|return|>") == 1
    assert chat(HI, said, HI, said, generation_prompt=False).text.count("Hm.") == 1
    assert chat(HI, said).text.endswith(f"{answer}<|end|><|start|>assistant")
    called = chat(HI, {"role": "assistant", "tool_calls": [NOW_CALL]}, generation_prompt=False)
    assert called.text.endswith("{}<|call|>")


def test_items_of_further_kinds() -> None:
    mcp = {"type": "mcp_call", "id": "m", "server_label": "crm", "name": "find", "arguments": "{}",
           "output": "1"}  # fmt: skip
    assert heads(items(HI, mcp))[1:] == [
        "assistant to=crm.find on commentary: {}",
        "crm.find to=assistant on commentary: 1",
    ]
    assert heads(items(HI, {**mcp, "output": None, "error": {"code": 1}}))[-1].endswith(
        '{"code":1}'
    )
    custom = [
        {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": 'SELECT "ü"'},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "3"},
    ]
    assert heads(items(HI, *custom))[1:] == [
        'assistant to=functions.sql on commentary: {"input":"SELECT \\"ü\\""}',
        "functions.sql to=assistant on commentary: 3",
    ]


def test_names_of_users() -> None:
    named = {**HI, "name": "Ann"}
    assert codes(chat(named)) == ["no-place"]
    kept = chat(named, user_names=True)
    assert (codes(kept), "<|start|>user:Ann<|message|>Hi<|end|>" in kept.text) == ([], True)


def test_reasoning_as_other_servers_ask_for_it() -> None:
    assert "Reasoning: high" in chat(HI, reasoning={"effort": "high"}).text
    off = chat(HI, reasoning={"enabled": False})
    assert (codes(off), "Reasoning: low" in off.text) == (["effort"], True)
    few = chat(HI, reasoning={"max_tokens": 3}).constraint()
    with pytest.raises(hg.ConstraintViolation):
        few.matcher().accept_all(few.encode("<|channel|>analysis<|message|>one two three four"))


def test_options_that_there_are_not() -> None:
    with pytest.raises(TypeError, match="there is no option 'colour'"):
        hgo.from_chat([HI], colour="red")
    with pytest.raises(ValueError, match="spelling must be one of"):
        hgo.from_chat([HI], spelling="old")


@pytest.mark.parametrize(
    "request_", [None, 3, "Hi", {"messages": 3}, {"messages": [3]}, {"messages": [{}]}, {}]
)
def test_what_is_no_request(request_: Any) -> None:
    with pytest.raises(hgo.ConversionError):
        hgo.from_chat(request_)


# --- nothing goes in silence ---


@pytest.mark.parametrize(
    ("message", "head"),
    [
        ({"role": "assistant", "content": ""}, []),
        ({"role": "assistant", "content": None, "reasoning": "R"}, ["assistant on analysis: R"]),
    ],
)
def test_an_answer_can_be_begun_with_nothing(message: dict[str, Any], head: list[str]) -> None:
    prepared = chat(HI, message, continue_final_message=True)
    assert heads(prepared) == ["user: Hi", *head]
    assert prepared.text.endswith("<|start|>assistant<|channel|>final<|message|>")
    assert codes(prepared) == ["empty-message"]


def test_parts_of_a_content_say_what_the_content_says() -> None:
    parts = [{"phase": "commentary", "text": "A"}, {"phase": "final_answer", "text": "B"}]
    said = {"role": "assistant", "content": "A\nB", "content_parts": parts}
    assert heads(chat(said)) == ["assistant on commentary: A", "assistant on final: B"]
    with pytest.raises(hgo.ConversionError, match="content and content_parts differ"):
        chat({**said, "content": "C"})


@pytest.mark.parametrize(
    ("call", "noted"),
    [
        ({"id": "c", "name": "now", "arguments": "{}"}, []),
        ({"id": "c", "function": {"name": "now", "arguments": "{}"}}, []),
        ({"id": "c", "function": {"name": "now", "arguments": "{}", "mood": 1}}, ["unknown-key"]),
    ],
)
def test_keys_of_calls(call: dict[str, Any], noted: list[str]) -> None:
    assert codes(chat({"role": "assistant", "tool_calls": [call]})) == noted


def test_keys_of_tools() -> None:
    beside = {**NOW, "strict": True}
    assert [note.path for note in chat(HI, tools=[beside]).notes] == ["/tools/0/strict"]
    space = {"type": "namespace", "name": "mail", "description": "Mail.",
             "tools": [{"type": "function", "name": "send"}]}  # fmt: skip
    flat = hgo.from_responses({"input": "Hi", "tools": [space]})
    assert [note.path for note in flat.notes if note.code is hgo.NoteCode.NO_PLACE] == [
        "/tools/0/description"
    ]
    own = hgo.from_responses({"input": "Hi", "tools": [space]}, namespaces="own")
    assert "Mail." in own.text
    assert hgo.NoteCode.NO_PLACE not in {note.code for note in own.notes}


def _system(**fields: Any) -> hg.Message:
    return hg.Message(hg.Author(hg.Role.SYSTEM), [hg.SystemContent(**fields)])


def _developer(content: hg.DeveloperContent) -> hg.Message:
    return hg.Message(hg.Author(hg.Role.DEVELOPER), [content])


SPACE = ToolNamespaceConfig("mail", "Mail.", tools=[ToolDescription("send", "")])
RESULT = hg.Message(hg.Author(hg.Role.TOOL, "python"), "2", "analysis", "assistant")  # type: ignore[arg-type]
SEARCH = hg.Message(hg.Author(hg.Role.ASSISTANT), "{}", "analysis", "browser.search")  # type: ignore[arg-type]
FORM = {"type": "object"}


@pytest.mark.parametrize(
    ("message", "of_chat", "of_responses"),
    [
        (_system(), [], []),
        (_system(model_identity="Bob"), ["not-in-api"], ["not-in-api"]),
        (_system(knowledge_cutoff="2020-01"), ["not-in-api"], ["not-in-api"]),
        (_system(channel_config=None), ["not-in-api"], ["not-in-api"]),
        (_system(conversation_start_date="2026-01-01"), ["not-in-api"], ["not-in-api"]),
        (_system(tools={"python": ToolNamespaceConfig.python()}), ["not-in-api"], []),
        (_system(tools={"python": ToolNamespaceConfig("python", "Mine.", tools=[])}),
         ["not-in-api"] * 2, ["not-in-api"]),
        (_system(tools={"shell": ToolNamespaceConfig("shell", tools=[])}),
         ["not-in-api"], ["not-in-api"]),
        (_developer(hg.DeveloperContent(tools={"mail": SPACE})),
         ["not-in-api", "tool-as-function"], ["not-in-api", "tool-as-function"]),
        (_developer(hg.DeveloperContent().with_response_format("a", FORM)
                    .with_response_format("b", FORM)), ["not-in-api"], ["not-in-api"]),
        (hg.Message(hg.Author(hg.Role.DEVELOPER), "Own words."), ["plain-body"], ["plain-body"]),  # type: ignore[arg-type]
        (hg.Message(hg.Author(hg.Role.USER, "Ann"), "Hi"), ["not-in-api"], ["not-in-api"]),  # type: ignore[arg-type]
        (RESULT, ["not-in-api"], ["not-in-api"]),
        (SEARCH, ["not-in-api"], ["tool-as-function"]),
    ],
)  # fmt: skip
def test_what_has_no_place_in_the_apis(
    message: hg.Message, of_chat: list[str], of_responses: list[str]
) -> None:
    for write, expected in ((hgo.to_chat, of_chat), (hgo.to_responses, of_responses)):
        notes: list[hgo.ConversionNote] = []
        write(hg.Conversation([message]), notes=notes)
        assert [note.code.value for note in notes] == expected
        if expected:
            with pytest.raises(hgo.ConversionError):
                write(hg.Conversation([message]), strict=True)
