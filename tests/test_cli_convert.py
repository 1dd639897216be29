"""`convert`, and the commands that take messages of the APIs where a transcript is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from strategies_requests import TOOLS
from test_cli_commands import run

import harmony_grammar as hg
from harmony_grammar import openai as hgo

if TYPE_CHECKING:
    from pathlib import Path

CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "reasoning": "I ask.", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Nine."},
    ],
    "tools": TOOLS,
}
SHAREGPT = {
    "conversations": [
        {"from": "human", "value": "What time is it?"},
        {"from": "function_call", "value": '{"name": "now", "arguments": {}}'},
        {"from": "observation", "value": "Nine."},
        {"from": "gpt", "value": "It is nine."},
    ]
}


def saved(folder: Path, data: Any, name: str = "a.json") -> str:
    path = folder / name
    lines = data if isinstance(data, list) else [data]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_a_request_becomes_what_the_library_makes_of_it(tmp_path: Path) -> None:
    prepared = hgo.from_chat(CHAT, date="2026-01-01")
    file = saved(tmp_path, CHAT)
    ids = run("convert", file, "--to", "ids", "--date", "2026-01-01")
    assert json.loads(ids.stdout) == prepared.ids
    text = run("convert", file, "--date", "2026-01-01")
    assert text.stdout == prepared.text + "\n"


@pytest.mark.parametrize("form", ["chat", "responses", "wire", "text", "ids"])
def test_there_and_back(tmp_path: Path, form: str) -> None:
    first = run("convert", saved(tmp_path, CHAT), "--to", form)
    assert (first.exit_code, first.stderr) == (0, "")
    (tmp_path / "b").write_text(first.stdout, encoding="utf-8")
    back = run("convert", str(tmp_path / "b"), "--from", form, "--to", "ids")
    assert json.loads(back.stdout) == hgo.from_chat(CHAT).ids
    found = run("convert", str(tmp_path / "b"), "--to", "ids")  # the form is found out
    assert found.stdout == back.stdout


def test_a_data_set_becomes_json_lines(tmp_path: Path) -> None:
    file = saved(tmp_path, [CHAT, SHAREGPT, {"text": hgo.from_chat(CHAT).text}], "a.jsonl")
    out = tmp_path / "b.jsonl"
    done = run("convert", file, "--to", "ids", "-o", str(out))
    assert (done.exit_code, done.stdout) == (0, "")
    rows = [json.loads(line)["ids"] for line in out.read_text("utf-8").splitlines()]
    assert rows[0] == rows[2] == hgo.from_chat(CHAT).ids
    assert hg.check(rows[1]).ok


def test_sharegpt_is_a_chat(tmp_path: Path) -> None:
    done = run("convert", saved(tmp_path, SHAREGPT), "--to", "chat")
    messages = json.loads(done.stdout)["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"}
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"]


def test_a_row_that_cannot_be_converted_is_told_and_left_out(tmp_path: Path) -> None:
    rows = [CHAT, {"messages": [{"role": "cook", "content": "?"}]}, {"n": 1}, CHAT]
    done = run("convert", saved(tmp_path, rows, "a.jsonl"), "--to", "text")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2
    assert "a.jsonl:2: /messages/0/role: there is no role 'cook'" in done.stderr
    assert "a.jsonl:3: " in done.stderr


def test_rows_that_only_look_like_requests_lose_nothing(tmp_path: Path) -> None:
    row = {"instruction": "Add.", "input": "1 + 1", "output": "2"}
    done = run("convert", saved(tmp_path, [row], "a.jsonl"))
    assert (done.exit_code, done.stdout) == (1, "")
    wire = {"messages": [{"role": "user", "content": "Hi"}], "tools": []}
    done = run("convert", "--from", "wire", saved(tmp_path, wire))
    assert (done.exit_code, "has no field 'tools'" in done.stderr) == (1, True)


def test_what_has_no_place_is_told(tmp_path: Path) -> None:
    named = {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}
    file = saved(tmp_path, named)
    said = run("convert", file)
    assert (said.exit_code, "/messages/0/name" in said.stderr) == (0, True)
    assert run("convert", file, "--quiet").stderr == ""
    strict = run("convert", file, "--strict")
    assert (strict.exit_code, strict.stdout) == (1, "")
    picture = {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}
    file = saved(tmp_path, picture)
    assert "media='skip'" in run("convert", file).stderr
    assert "[image_url]" in run("convert", file, "--media", "placeholder").stdout


def test_notes_go_where_they_are_asked_for(tmp_path: Path) -> None:
    named = {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}
    notes = tmp_path / "notes.jsonl"
    file = saved(tmp_path, [CHAT, named], "a.jsonl")
    done = run("convert", file, "--notes", str(notes))
    assert (done.exit_code, done.stderr) == (0, "")
    (told,) = [json.loads(line) for line in notes.read_text("utf-8").splitlines()]
    assert (told["row"], told["code"], told["path"]) == (2, "no-place", "/messages/0/name")
    strict = run("convert", file, "--notes", str(notes), "--strict")
    assert (strict.exit_code, notes.read_text("utf-8")) == (1, "")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old", encoding="utf-8")
    bad = saved(tmp_path, {"messages": [{"role": "cook", "content": ""}]})
    assert run("convert", bad, "-o", str(out)).exit_code == 1
    assert out.read_text("utf-8") == "old"
    assert "this is no JSON" in run("convert", "--from", "chat", stdin="x").stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["parse"], "now"),
        (["show"], "What time is it?"),
        (["tokens"], "What"),
        (["render"], "<|start|>user<|message|>What time is it?<|end|>"),
        (["check"], "complete"),
        (["tools"], "functions.get_weather"),
    ],
)
def test_commands_take_a_request(tmp_path: Path, command: list[str], said: str) -> None:
    done = run(*command, saved(tmp_path, CHAT))
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    if command != ["check"]:
        told = run(*command, "--as", "chat", saved(tmp_path, CHAT))
        assert told.stdout == done.stdout


def test_a_request_is_not_written_over(tmp_path: Path) -> None:
    file = saved(tmp_path, CHAT)
    before = (tmp_path / "a.json").read_bytes()
    done = run("format", file)
    assert (tmp_path / "a.json").read_bytes() == before
    assert done.exit_code == 2
    assert "convert" in done.stderr


def test_messages_that_are_piped_in_are_formatted() -> None:
    done = run("format", "-", stdin=json.dumps(CHAT))
    assert done.stdout == hgo.from_chat(CHAT).text + "\n"
    spelled = run("format", "--spelling", "model", "-", stdin=json.dumps(CHAT))
    assert "assistant<|channel|>commentary to=functions.now" in spelled.stdout


def test_a_request_is_a_prompt_for_a_mask(tmp_path: Path) -> None:
    """It says more than its prompt does: which tools may be called, and in which form."""
    asked = {"messages": CHAT["messages"][:2], "tools": TOOLS, "tool_choice": "required"}
    completion = tmp_path / "c"
    completion.write_text("<|channel|>final<|message|>Nine.<|return|>", encoding="utf-8")
    for choice, code in (("required", 1), ("auto", 0)):
        file = saved(tmp_path, {**asked, "tool_choice": choice})
        done = run("validate-completion", "--prompt", file, str(completion))
        assert done.exit_code == code, done.output
    file = saved(tmp_path, asked)
    outdone = run("validate-completion", "--prompt", file, "--tool-choice", "auto", str(completion))
    assert outdone.exit_code == 0
    prefilled = {"messages": [*CHAT["messages"][:2], {"role": "assistant", "content": "It is",
                                                      "prefix": True}]}  # fmt: skip
    told = run("next", "--prompt", saved(tmp_path, prefilled), "--format", "json")
    assert json.loads(told.stdout)["complete"] is False
    wire = hgo.from_chat(asked).conversation.to_dict()
    assert run("next", "--prompt", saved(tmp_path, wire)).exit_code == 0


def test_rows_of_every_form_are_checked(tmp_path: Path) -> None:
    responses = hgo.to_responses(hgo.from_chat(CHAT).conversation)
    rows = [
        CHAT,
        SHAREGPT,
        responses,
        {"messages": json.dumps(CHAT["messages"]), "tools": json.dumps(TOOLS)},
        {"messages": [{"role": "assistant", "refusal": "No."}]},
        {"messages": [{"role": "user", "content": {"a": 1}}]},
    ]
    done = run("check", "--format", "json", saved(tmp_path, rows, "a.jsonl"))
    (entry,) = json.loads(done.stdout)["files"]
    assert (entry["rows"], entry["complete"]) == (6, 6)
    codes = {found["code"] for found in entry["diagnostics"]}
    assert "not-in-format" in codes


PROMPT = "<|start|>user<|message|>Hi<|end|><|start|>assistant"
ANSWER = "<|channel|>final<|message|>Hello<|return|>"


@pytest.mark.parametrize(
    ("row", "codes"),
    [
        ({"prompt": PROMPT, "completion": ANSWER}, []),
        ({"prompt": PROMPT.replace("user", "usr"), "completion": ANSWER}, ["unknown-role"]),
        ({"prompt": PROMPT, "chosen": ANSWER, "rejected": ANSWER}, []),
        ({"prompt": PROMPT, "chosen": ANSWER, "rejected": ANSWER.replace("final", "finale")},
         ["unknown-channel"]),
        ({"prompt": [{"role": "user", "content": "Hi"}],
          "completion": [{"role": "assistant", "content": "Hello"}]}, []),
        ({"messages": [{"role": "user", "content": "Hi"},
                       {"role": "assistant", "content": ANSWER}]}, ["spelled-token"]),
    ],
)  # fmt: skip
def test_no_part_of_a_row_goes_unseen(
    tmp_path: Path, row: dict[str, Any], codes: list[str]
) -> None:
    done = run("check", "--format", "json", saved(tmp_path, row, "a.jsonl"))
    (entry,) = json.loads(done.stdout)["files"]
    assert [found["code"] for found in entry["diagnostics"]] == codes
    assert entry["rows"] == 1
