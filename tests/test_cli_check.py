"""`harmony-grammar check`: verdicts, inputs, summaries and exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
ANSWER = "<|channel|>final<|message|>Hello.<|return|>"
BAD = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>finall<|message|>x<|end|>"
WARNED = "<|start|>assistant<|channel|>final JSON<|message|>{}<|end|>"
IDS = [200006, 1428, 200008, 12194, 200007]


def run(*arguments: object, stdin: str | bytes = "") -> Result:
    result: Result = CliRunner().invoke(build(), ["check", *map(str, arguments)], input=stdin)
    return result


def report(*arguments: object, stdin: str | bytes = "") -> Any:
    return json.loads(run("--format", "json", *arguments, stdin=stdin).stdout)


def write(folder: Path, text: str | bytes, name: str = "chat.harmony") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --- verdicts ---


def test_a_complete_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    result = run(path)
    assert result.exit_code == 0
    assert result.stdout == f"{path}: complete (conversation, 1 message)\n1 file: 1 complete\n"
    assert not result.stderr


def test_a_malformed_file_shows_a_caret_and_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, BAD)
    result = run(path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}: malformed (conversation, 1 message)",
        f"{path}:1:68: error: there is no channel `finall` [unknown-channel]",
        "  …|><|start|>assistant<|channel|>finall<|message|>x<|end|>",
        "                                       ^",
        "  expected: ` `, `<|constrain|>`, `<|message|>`",
        "  hint: did you mean `final`?",
        "1 file: 1 malformed; found unknown-channel 1",
    ]


def test_a_truncated_file(tmp_path: Path) -> None:
    result = run(write(tmp_path, GOOD[:-3]))
    assert result.exit_code == 1
    assert "truncated (conversation, 0 messages)" in result.stdout
    assert "[truncated-body]" in result.stdout


def test_an_error_in_ids_names_the_token() -> None:
    result = run("-", stdin=json.dumps([*IDS, 5]))
    assert result.exit_code == 1
    assert "<stdin>: token 5 (5, '&'): error: text stands where" in result.stdout


def test_a_warning_is_shown_and_does_not_fail(tmp_path: Path) -> None:
    path = write(tmp_path, WARNED)
    result = run(path)
    assert result.exit_code == 0
    assert f"{path}:1:1: warning: the content type is spelled `JSON`" in result.stdout
    assert "1 complete; found unusual-type 1" in result.stdout


def test_warnings_as_errors(tmp_path: Path) -> None:
    assert run("--warnings-as-errors", write(tmp_path, WARNED)).exit_code == 1
    assert run("--warnings-as-errors", write(tmp_path, GOOD)).exit_code == 0


def test_quiet_shows_findings_only(tmp_path: Path) -> None:
    good, bad = write(tmp_path, GOOD, "good"), write(tmp_path, BAD, "bad")
    assert run("--quiet", good).stdout == ""
    result = run("-q", good, bad)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{bad}:1:68: error: ")
    assert result.stdout.endswith("hint: did you mean `final`?\n")


def test_a_summary_counts_files_and_findings(tmp_path: Path) -> None:
    files = [write(tmp_path, text, f"{n}") for n, text in enumerate((GOOD, BAD, BAD, GOOD[:-3]))]
    last = run(*files).stdout.splitlines()[-1]
    assert last == (
        "4 files: 1 complete, 1 truncated, 2 malformed; found truncated-body 1, unknown-channel 2"
    )


def test_control_characters_never_reach_the_terminal() -> None:
    result = run("-", stdin=f"{GOOD}\x1b[2J<|start|>")
    assert "\x1b" not in result.stdout
    assert "·[2J" in result.stdout


# --- start symbols ---


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "conversation"),
        (GOOD, "conversation"),
        (f"{GOOD}<|start|>assistant", "prompt"),
        (ANSWER, "completion"),
        (ANSWER.replace("final", "finall"), "completion"),
        (f"{GOOD}<|start|>bash<|message|>x<|end|>", "conversation"),
        ("hello", "conversation"),
    ],
)
def test_the_start_symbol_is_found_out(text: str, start: str) -> None:
    assert report("-", stdin=text)["files"][0]["start"] == start


def test_the_start_symbol_is_told() -> None:
    result = run("--start", "conversation", "-", stdin=ANSWER)
    assert result.exit_code == 1
    assert "malformed (conversation, 0 messages)" in result.stdout
    assert run("--start", "completion", "-", stdin=ANSWER).exit_code == 0


def test_an_unknown_start_symbol_is_misuse() -> None:
    result = run("--start", "middle", "-")
    assert result.exit_code == 2
    assert "'middle' is not one of" in result.stderr


# --- text and ids ---


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(IDS),
        json.dumps(IDS, indent=2) + "\n",
        " ".join(map(str, IDS)),
        "\n".join(map(str, IDS)) + "\n",
        ", ".join(map(str, IDS)),
    ],
)
@pytest.mark.parametrize("kind", ["auto", "ids"])
def test_ids_in_every_writing(text: str, kind: str) -> None:
    found = report("--input", kind, "-", stdin=text)["files"][0]
    assert (found["unit"], found["ok"], found["messages"]) == ("ids", True, 1)


@pytest.mark.parametrize("text", ["", "\n", "1 a", '["1"]', "[1.5]"])
def test_what_is_not_integers_alone_is_text(text: str) -> None:
    assert report("-", stdin=text)["files"][0]["unit"] == "text"


def test_text_of_digits_can_be_told() -> None:
    assert report("--input", "text", "-", stdin="12 34")["files"][0]["unit"] == "text"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2", "this is no JSON list of ids: Expecting"),
        ("[1, [2]]", "item 1 of the list is [2], and an id is an integer"),
        ("12-3", "word 0 is '12-3', and an id is an integer; give a JSON list"),
        ("[" * 100_000, "this is no JSON list of ids: it nests too deeply"),
        (f"[{'1' * 5000}]", "this is no JSON list of ids"),
    ],
)
def test_ids_that_cannot_be_read(text: str, said: str) -> None:
    result = run("-", stdin=text)
    assert result.exit_code == 2
    assert f"error: <stdin>: {said}" in result.stderr
    assert "if it is text, say `--input text`" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "word 0 is 'hello', and an id is an integer; give a JSON list"),
        ('["a"]', 'item 0 of the list is "a", and an id is an integer; give one flat list'),
        ("[true]", "item 0 of the list is true"),
    ],
)
def test_text_that_was_told_to_be_ids(text: str, said: str) -> None:
    result = run("--input", "ids", "-", stdin=text)
    assert result.exit_code == 2
    assert f"error: <stdin>: {said}" in result.stderr
    assert "--input" not in result.stderr


# --- the newline that editors add ---


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_newline_at_the_end_is_no_part_of_the_text(ending: str) -> None:
    assert run("-", stdin=(GOOD + ending).encode()).exit_code == 0


def test_only_one_newline_is_forgiven() -> None:
    result = run("-", stdin=f"{GOOD}\n\n")
    assert result.exit_code == 1
    assert "white space stands between messages" in result.stdout


def test_the_newline_can_be_kept() -> None:
    assert run("--keep-newline", "-", stdin=f"{GOOD}\n").exit_code == 1
    assert run("--keep-newline", "-", stdin=GOOD).exit_code == 0


# --- files and folders ---


def test_a_folder_is_all_transcripts_below_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    first = write(tmp_path, GOOD, "a.harmony")
    second = write(tmp_path / "below", GOOD, "b.harmony")
    write(tmp_path, BAD, "notes.txt")
    assert [row["name"] for row in report(tmp_path)["files"]] == [str(first), str(second)]


def test_a_folder_without_transcripts(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "there is no *.harmony file in this folder; name the files instead" in result.stderr


def test_nothing_named() -> None:
    result = run()
    assert result.exit_code == 2
    assert result.stderr == (
        "error: nothing to read: name files or folders, or - for what is piped in\n"
    )


def test_standard_input_twice() -> None:
    result = run("-", "-")
    assert result.exit_code == 2
    assert "- stands twice, and standard input can be read once only" in result.stderr


def test_an_unreadable_file_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = write(tmp_path, BAD)
    result = run(tmp_path / "absent", bad)
    assert result.exit_code == 2
    assert result.stderr == f"error: {tmp_path}/absent: there is no such file; check the spelling\n"
    assert result.stdout.splitlines()[-1] == (
        "2 files: 1 malformed, 1 unreadable; found unknown-channel 1"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "no"), "reading it is not permitted; check its permissions"),
        (IsADirectoryError(21, "dir"), "this is a folder; name a file in it"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("odd"), "cannot be read"),
    ],
)
def test_files_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def refuse(_: Path) -> bytes:
        raise error

    path = write(tmp_path, GOOD)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    result = run(path)
    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: {said}\n"


def test_what_is_not_utf8(tmp_path: Path) -> None:
    result = run(write(tmp_path, b"ab\xff"))
    assert result.exit_code == 2
    assert "byte 2 (0xff) is not UTF-8; save it as UTF-8, or give the ids" in result.stderr


def test_utf16(tmp_path: Path) -> None:
    result = run(write(tmp_path, GOOD.encode("utf-16")))
    assert result.exit_code == 2
    assert "this is UTF-16; save it as UTF-8" in result.stderr


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert run(write(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())).exit_code == 0


# --- JSON ---


def test_json(tmp_path: Path) -> None:
    good, bad = write(tmp_path, GOOD, "good"), write(tmp_path, BAD, "bad")
    data = report(good, bad, tmp_path / "absent")
    assert data["files"][0] == {
        "name": str(good),
        "status": "complete",
        "ok": True,
        "start": "conversation",
        "unit": "text",
        "messages": 1,
        "diagnostics": [],
    }
    assert data["files"][1]["diagnostics"][0]["code"] == "unknown-channel"
    assert data["files"][1]["diagnostics"][0]["span"] == [67, 68]
    assert data["files"][2]["status"] == "unreadable"
    assert "no such file" in data["files"][2]["error"]
    assert data["summary"] == {
        "files": 3,
        "complete": 1,
        "truncated": 0,
        "malformed": 1,
        "unreadable": 1,
        "warnings": 0,
        "codes": {"unknown-channel": 1},
    }
