"""What people in the field have as chats and rows: each case that was seen, and a neighbour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from test_cli_commands import run

import harmony_grammar as hg

if TYPE_CHECKING:
    from pathlib import Path

HI = {"role": "user", "content": "Hi"}
HELLO = {"role": "assistant", "content": "Hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
F = {"type": "function", "function": {"name": "f"}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "W",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
ROME = {
    **CALL,
    "function": {"name": "get_weather", "arguments": {"location": "Rome"}},
}
MARKUP = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello"
CALLED = (
    "<|channel|>analysis<|message|>R<|end|><|start|>assistant<|channel|>commentary<|message|>"
    "Let me look.<|end|><|start|>assistant to=functions.f<|channel|>commentary json<|message|>"
    "{}<|call|>"
)
PROMPT = "<|start|>user<|message|>Hi<|end|><|start|>assistant"
ANSWER = "<|channel|>final<|message|>Hello<|return|>"


@pytest.mark.parametrize(
    ("data", "written"),
    [
        # What openai_harmony writes as JSON, with contents of its own kinds.
        (
            {
                "messages": [
                    {
                        "role": "system",
                        "content": [{"type": "system_content", "reasoning_effort": "High"}],
                    },
                    {
                        "role": "developer",
                        "content": [
                            {"type": "developer_content", "instructions": "Talk like a pirate!"}
                        ],
                    },
                    HI,
                ]
            },
            ["Reasoning: high\n", "# Instructions\n\nTalk like a pirate!<|end|>"],
        ),
        (
            {"messages": [{"role": "developer", "content": [{"type": "developer_content"}]}, HI]},
            ["<|start|>developer<|message|><|end|>"],
        ),
        # A chat, with reasoning under another name, text beside a call, and null as content.
        (
            {
                "messages": [
                    HI,
                    {**CALLING, "content": "Let me look.", "reasoning_content": "R"},
                ],
                "tools": [F],
            },
            [
                "type f = () => any;",
                CALLED,
            ],
        ),
        ({"messages": [HI, CALLING]}, ["<|start|>assistant to=functions.f"]),
        ({"messages": [HI, {**CALLING, "content": ""}]}, ["<|start|>assistant to=functions.f"]),
    ],
)  # fmt: skip
def test_messages_are_rendered_whole(tmp_path: Path, data: Any, written: list[str]) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    for command in ("render", "convert"):
        done = run(command, str(file))
        assert (done.exit_code, done.stderr) == (0, "")
        for text in written:
            assert text in done.stdout
    assert run("check", str(file)).exit_code == 0


def checked(folder: Path, *rows: Any) -> list[tuple[str, str]]:
    """The findings of rows: their codes, and what they say."""
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run("check", "--format", "json", str(file))
    (entry,) = json.loads(done.stdout)["files"]
    return [(f["code"], f["message"]) for f in entry["diagnostics"]]


SHAREGPT = [
    {"from": "system", "value": "Be brief."},
    {"from": "human", "value": "Hi"},
    {"from": "gpt", "value": "Hello"},
]
ITEMS = [
    {"role": "user", "content": "Its a love story?"},
    {"type": "reasoning", "id": "r", "summary": [],
     "content": [{"type": "reasoning_text", "text": "lyrics"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "x"},
]  # fmt: skip
IDS = [200006, 1428, 200008, 12194, 200007]
PAD = 199999


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        # Tools as JSON text, which tables ask for.
        ({"messages": [HI, HELLO], "tools": json.dumps([WEATHER])}, []),
        ({"messages": json.dumps([HI, HELLO]), "tools": json.dumps([F])}, []),
        ({"messages": [HI, HELLO], "tools": "get_weather"}, ["invalid-messages"]),
        # Markup in what the model says, now or in an earlier turn.
        ({"messages": [HI, {**HELLO, "content": MARKUP}]}, ["spelled-token"]),
        ({"messages": [HI, {**HELLO, "reasoning": MARKUP}, HI, HELLO]}, ["spelled-token"]),
        ({"messages": [HI, {**HELLO, "reasoning": "hm"}, HI, HELLO]}, []),
        # Halves of a row.
        ({"prompt": PROMPT.replace("user", "usr"), "completion": ANSWER}, ["unknown-role"]),
        ({"prompt": PROMPT, "completion": ANSWER}, []),
        ({"prompt": [HI], "chosen": [HELLO], "rejected": [{**HELLO, "content": MARKUP}]},
         ["spelled-token"]),
        ({"chosen": [HI, HELLO], "rejected": [HI, {**HELLO, "content": MARKUP}]},
         ["spelled-token"]),
        ({"chosen": [HI, HELLO], "rejected": [HI, HELLO]}, []),
        # ShareGPT and items of Responses.
        ({"conversations": SHAREGPT}, []),
        ({"conversations": json.dumps(SHAREGPT)}, []),
        ({"conversations": [{**SHAREGPT[0], "from": "alien"}]}, ["invalid-messages"]),
        ({"input": ITEMS}, []),
        ({"input": [*ITEMS, {"type": "computer_call"}]}, ["invalid-messages"]),
        # Padding.
        ({"input_ids": [PAD, PAD, *IDS], "attention_mask": [0, 0, *[1] * 5]}, []),
        ({"input_ids": [*IDS, PAD], "attention_mask": [*[1] * 5, 0]}, []),
        ({"input_ids": [PAD, *IDS]}, ["foreign-token"]),
        # What a request says that no transcript does.
        ({"messages": [HI, {**HELLO, "weight": 0}]}, ["not-in-format"]),
        ({"messages": [{**HI, "mood": "good"}, HELLO]}, ["not-in-format"]),
        ({"messages": [HI, {**HELLO, "content": None, "refusal": "No."}]}, ["not-in-format"]),
        ({"messages": [HI, HELLO], "reasoning_effort": "minimal"}, ["not-in-format"]),
        ({"messages": [HI, HELLO], "score": 3, "source": "x"}, []),
        ({"messages": [{**HI, "content": [{"type": "text", "text": "a"},
                                          {"type": "image_url", "image_url": {"url": "x"}}]}]},
         ["not-in-format"]),
        # Functions, as they were called.
        ({"messages": [HI, {"role": "assistant", "function_call": CALL["function"]},
                       {"role": "function", "name": "f", "content": "1"}],
          "functions": [F["function"]]}, []),
        ({"messages": [HI], "functions": json.dumps([F["function"]])}, []),
    ],
)  # fmt: skip
def test_rows_are_judged(tmp_path: Path, row: Any, codes: list[str]) -> None:
    assert [code for code, _ in checked(tmp_path, row)] == codes


def test_an_object_as_content_is_json(tmp_path: Path) -> None:
    result = {"role": "tool", "tool_call_id": "c1", "content": {"temperature": 20, "sky": "clear"}}
    row = {"messages": [HI, {**CALLING, "tool_calls": [ROME]}, result], "tools": [WEATHER]}
    ((code, said),) = checked(tmp_path, row)
    assert code == "not-in-format"
    assert said.startswith("/messages/2/content: an object stands where text belongs")
    done = run("convert", str(tmp_path / "rows.jsonl"))
    text = json.loads(done.stdout)["text"]
    assert text.endswith('<|message|>{"temperature":20,"sky":"clear"}<|end|><|start|>assistant')
    assert 'commentary json<|message|>{"location":"Rome"}<|call|>' in text
    assert hg.check(text, "prompt").ok


def test_places_are_those_of_the_row(tmp_path: Path) -> None:
    """Also where the row has another form than the API, or its prompt apart."""
    noted = {"conversations": [*SHAREGPT[1:], {**SHAREGPT[1], "mood": "good"}], "system": "S"}
    result = {"from": "observation", "value": {"a": 1}}
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {}}'}
    rows = [noted, {"conversations": [SHAREGPT[1], call, result]}]
    said = [message.split(": ")[0] for _, message in checked(tmp_path, *rows)]
    assert said == ["/conversations/2/mood", "/conversations/2/value"]
    broken = {"conversations": [SHAREGPT[1], {"from": "gpt", "value": 3}]}
    ((code, message),) = checked(tmp_path, broken)
    assert (code, "/conversations/1/value: " in message) == ("invalid-messages", True)


def test_convert_takes_both_halves_of_a_row(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"prompt": PROMPT, "completion": ANSWER},
        {"prompt": [HI], "completion": [HELLO], "tools": json.dumps([F])},
        {"prompt": [HI], "chosen": [HELLO], "rejected": [HI]},
        {"chosen": [HI, HELLO], "rejected": [HI]},
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run("convert", str(file))
    first, second = [json.loads(line)["text"] for line in done.stdout.splitlines()]
    assert first == PROMPT + ANSWER
    assert "type f = () => any;" in second
    assert second.endswith(
        "<|message|>Hi<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>"
    )
    told = [line for line in done.stderr.splitlines() if line]
    assert [line.rpartition("jsonl:")[2][:2] for line in told] == ["3:", "4:"]
    assert all("name one with --field" in line for line in told)
    named = run("convert", str(file), "--field", "chosen")
    whole = "<|message|>Hi<|end|><|start|>assistant<|channel|>final<|message|>Hello<|return|>"
    assert [json.loads(line)["text"].endswith(whole) for line in named.stdout.splitlines()] == [
        True,
        True,
    ]


def test_what_follows_an_error_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "a.harmony"
    file.write_text(
        "<|start|>user<|message|>hi<|end|><|start|>assistant<|channel|>\u2013\u2013commentary "
        "to=functions.f <|constrain|>json<|message|>{}<|call|><|start|>functions.f to=assistant"
        "<|channel|>commentary<|message|>r<|end|><|start|>assistant<|channel|>final<|message|>"
        "The answer<|return|>",
        encoding="utf-8",
    )
    done = run("show", str(file))
    assert done.exit_code == 1
    assert "The answer" in done.stdout
