"""`harmony-grammar check` of data sets: rows, fields, formats and summaries."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli import progress
from harmony_grammar.cli.app import build
from harmony_grammar.cli.datasets import files, judging
from harmony_grammar.cli.datasets import rows as reading

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>finall<|message|>x<|end|>"
WARNED = "<|start|>assistant<|channel|>final JSON<|message|>{}<|end|>"
CUT = "<|start|>assistant<|channel|>final<|message|>Hel"
IDS = [200006, 1428, 200008, 12194, 200007]
WIRE = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "channel": "final", "content": "Y"},
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, stdin: str | bytes = "") -> Result:
    result: Result = CliRunner().invoke(build(), ["check", *map(str, arguments)], input=stdin)
    return result


def found(*arguments: object, stdin: str | bytes = "") -> list[dict[str, Any]]:
    lines = run("--format", "jsonl", *arguments, stdin=stdin).stdout.splitlines()
    return [json.loads(line) for line in lines]


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- rows and fields ---


@pytest.mark.parametrize(
    "row",
    [
        {"text": GOOD},
        {"id": 3, "whatever": GOOD},
        {"ids": IDS},
        {"input_ids": IDS},
        GOOD,
        IDS,
        {"messages": WIRE},
        {"conversation": {"messages": WIRE}},
        WIRE,
        {"messages": [{**message, "name": None, "recipient": None} for message in WIRE]},
        {"prompt": f"{GOOD}<|start|>assistant"},
        {"completion": "<|channel|>final<|message|>Yes.<|return|>"},
    ],
)
def test_a_row_in_every_form(tmp_path: Path, row: Any) -> None:
    result = run(write(tmp_path / "a.jsonl", lines(row)))
    assert result.exit_code == 0, result.output
    assert "1 row: 1 complete" in result.stdout


def test_the_field_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"text": GOOD, "other": BAD}))
    assert run(path).exit_code == 0
    (finding, _) = found("--field", "other", path)
    assert (finding["field"], finding["code"]) == ("other", "unknown-channel")


def test_findings_tell_row_field_and_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"text": GOOD}, {"text": BAD}))
    result = run(path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}:2: error: text, line 1, column 68: there is no channel `finall` [unknown-channel]",
        "  …|><|start|>assistant<|channel|>finall<|message|>x<|end|>",
        "                                       ^",
        "  expected: ` `, `<|constrain|>`, `<|message|>`",
        "  hint: did you mean `final`?",
        f"{path}: 2 rows: 1 complete, 1 malformed",
        "1 data set, 2 rows, 2 messages: 1 complete, 1 malformed",
        "",
        "count  finding          severity  the first of them",
        f"    1  unknown-channel  error     {path}:2: there is no channel `finall`",
    ]


def test_a_finding_in_messages_tells_which(tmp_path: Path) -> None:
    result = {"role": "tool", "name": "functions.f", "channel": "commentary", "content": "1"}
    path = write(tmp_path / "a.jsonl", lines({"messages": [*WIRE, result]}))
    said = [(finding["code"], finding["message_index"]) for finding in found(path)[:-1]]
    assert said == [("tool-without-recipient", 2), ("result-without-call", 2)]
    assert ":1: warning: messages, message 2: " in run(path).stdout


def test_what_a_user_says_is_looked_at_by_id(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines([{"role": "user", "content": "a <|end|> b"}]))
    (finding, summary) = found("--start", "conversation", path)
    assert (finding["code"], finding["message_index"]) == ("spelled-token", 0)
    assert summary["rows"]["complete"] == 1


@pytest.mark.parametrize(
    ("row", "code", "said"),
    [
        (b'{"text": 3', "invalid-row", "the line is no JSON: "),
        (b"\xff\n", "invalid-row", "the line is no JSON: "),
        (b"[" * 100_000, "invalid-row", "the line is no JSON: "),
        (b"{}", "no-transcript", "no field holds a transcript; the row has no fields"),
        (b'{"a": 1}', "no-transcript", "no field holds a transcript; the row has `a`"),
        (b"3", "no-transcript", "this is a number"),
        (b"null", "no-transcript", "this is null"),
        (b'[1, "a"]', "no-transcript", "item 1 of the list is text"),
        (b'[{"role": "nobody", "content": ""}]', "invalid-messages", "no role 'nobody'"),
        (b'[{"role": "user", "channel": "a"}]', "invalid-messages", "a message lacks 'content'"),
        (b'[{"role": "tool", "channel": "x y", "content": ""}]', "unwritable-messages", ""),
    ],
)
def test_a_row_that_cannot_be_read_is_a_finding(
    tmp_path: Path, row: bytes, code: str, said: str
) -> None:
    good = lines({"text": GOOD})
    path = write(tmp_path / "a.jsonl", good + b"\n" + row + b"\n" + good)
    (finding, summary) = found(path)
    assert (finding["line"], finding["code"], finding["severity"]) == (3, code, "error")
    assert said in finding["message"]
    assert (summary["rows"]["complete"], summary["rows"]["unreadable"]) == (2, 1)
    assert run(path).exit_code == 1


def test_a_named_field_that_is_absent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"text": GOOD}, GOOD))
    said = [finding["message"] for finding in found("--field", "body", path)[:-1]]
    assert said == [
        "the row has no field `body`, but `text`",
        "the row has no field `body`: it is text",
    ]


def test_a_cut_answer_is_no_prompt_unless_it_is_called_one(tmp_path: Path) -> None:
    assert run(write(tmp_path / "a.jsonl", lines({"text": CUT}))).exit_code == 1
    assert run(write(tmp_path / "b.jsonl", lines({"prompt": CUT}))).exit_code == 0
    assert run("--start", "prompt", tmp_path / "a.jsonl").exit_code == 0


# --- files of all kinds ---


def test_json_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 7)
    monkeypatch.setattr(reading, "_MOST_ROWS", 2)
    rows = [{"text": GOOD}, {"text": "Grüße 東京"}, {"text": BAD}, [1, 2], {"text": GOOD}]
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    path = write(tmp_path / "a.json", b"\xef\xbb\xbf" + text.encode())
    said = found(path)
    assert [(f["row"], f["code"]) for f in said[:-1]] == [
        (2, "text-between-messages"),
        (3, "unknown-channel"),
        (4, said[2]["code"]),
    ]
    assert said[-1]["rows"]["rows"] == 5


def test_a_json_object_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"messages": WIRE}, indent=2).encode())
    assert "1 row: 1 complete" in run(path).stdout


@pytest.mark.parametrize("text", ['[{"text": "a"}', '[{"text": "a"}, {"te', '[{"text": "a"} x]'])
def test_json_that_breaks_off(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.json", text.encode())
    last = found(path)[-2]
    assert (last["row"], last["code"]) == (2, "invalid-row")
    assert "no JSON from here on" in last["message"]


def test_a_json_list_of_ids_is_a_transcript(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps(IDS).encode())
    assert run(path).stdout.endswith("1 file: 1 complete\n")
    assert run("--data", "none", path).exit_code == 0


def zstd(data: bytes) -> bytes:
    packed: bytes = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    return packed


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_packed_files_and_pipes(tmp_path: Path, suffix: str) -> None:
    data = lines({"text": GOOD}, {"text": BAD})
    packed = {"": data, ".gz": gzip.compress(data), ".zst": zstd(data)}[suffix]
    path = write(tmp_path / f"a.jsonl{suffix}", packed)
    assert "2 rows: 1 complete, 1 malformed" in run(path).stdout
    assert "<stdin>: 2 rows: 1 complete, 1 malformed" in run("-", stdin=packed).stdout


def test_a_damaged_pack_ends_in_a_finding(tmp_path: Path) -> None:
    packed = gzip.compress(lines(*({"text": f"{GOOD}{n}"} for n in range(9000))))
    path = write(tmp_path / "a.jsonl.gz", packed[:-200])
    last = found(path)[-2]
    assert last["code"] == "invalid-row"
    assert "the file is damaged from here on" in last["message"]


def parquet(path: Path, rows: list[dict[str, Any]], group: int = 2) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq  # noqa: PLC0415  it may be missing

    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)
    return path


def test_parquet(tmp_path: Path) -> None:
    rows = [{"n": n, "text": BAD if n == 3 else GOOD, "ids": IDS, "chat": WIRE} for n in range(5)]
    path = parquet(tmp_path / "a.parquet", rows)
    (finding, summary) = found(path)
    assert (finding["row"], finding["code"]) == (4, "unknown-channel")
    assert summary["rows"]["rows"] == 5
    for field in ("ids", "chat"):
        assert run("--field", field, path).exit_code == 0
    assert "5 rows: 4 complete" in run("-", stdin=path.read_bytes()).stdout


def test_what_is_no_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    result = run(write(tmp_path / "a.parquet", b"nothing"))
    assert result.exit_code == 2
    assert "a.parquet: this is no Parquet file" in result.stderr


@pytest.mark.parametrize(
    ("name", "data", "package"),
    [("a.parquet", b"PAR1", "pyarrow"), ("a.jsonl.zst", b"\x28\xb5\x2f\xfd", "zstandard")],
)
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, package: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    result = run(write(tmp_path / name, data))
    assert result.exit_code == 2
    assert f"needs the package {package}, which is not installed" in result.stderr
    assert "pip install 'harmony-grammar[data]'" in result.stderr


def test_without_the_fast_json_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "orjson", None)
    judging._loads.cache_clear()  # noqa: SLF001
    path = write(tmp_path / "a.jsonl", lines({"text": GOOD}) + b'{"text": "a", "n": NaN}\n')
    assert found(path)[-1]["rows"]["unreadable"] == 0
    judging._loads.cache_clear()  # noqa: SLF001
    monkeypatch.undo()
    assert found(path)[-1]["rows"]["unreadable"] == 0


def test_globs_and_folders(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write(tmp_path / "logs" / "a.jsonl", lines({"text": GOOD}))
    write(tmp_path / "logs" / "b.jsonl", lines({"text": GOOD}))
    write(tmp_path / "logs" / "c.harmony", GOOD.encode())
    write(tmp_path / "logs" / "package.json", b"{}")
    assert "2 data sets, 2 rows" in run(tmp_path / "l*" / "*.jsonl").stdout
    assert "1 file: 1 complete\n2 data sets, 2 rows" in run(tmp_path / "logs").stdout
    result = run("nothing*.jsonl")
    assert result.exit_code == 2
    assert "nothing*.jsonl: no file fits this pattern" in result.stderr


def test_a_data_set_that_is_absent() -> None:
    result = run("absent.jsonl")
    assert result.exit_code == 2
    assert result.stderr == "error: absent.jsonl: there is no such file; check the spelling\n"


def test_kinds_by_name() -> None:
    kinds = {name: files.kind_of(name).value for name in ("a.JSONL", "a.ndjson.gz", "a.gz", "a")}
    assert kinds == {"a.JSONL": "jsonl", "a.ndjson.gz": "jsonl", "a.gz": "none", "a": "none"}


# --- chats ---

CHAT: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Weather?"}, {"type": "image_url"}]},
    {
        "role": "assistant",
        "content": "A moment.",
        "reasoning_content": "I look it up.",
        "tool_calls": [{"id": "1", "function": {"name": "get", "arguments": {"city": "Rome"}}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    {"role": "assistant", "content": "Sunny."},
]
TOOLS = [{"type": "function", "function": {"name": "get", "description": "Weather."}}]


def test_a_chat_is_read_as_a_request_of_the_api_is(tmp_path: Path) -> None:
    from harmony_grammar.cli.datasets.judging import source_of  # noqa: PLC0415

    row = {"messages": CHAT, "tools": TOOLS}
    given = source_of(hg.Grammar.default(), row, None)
    assert given.messages == [0, 0, 1, 2, 2, 2, 3, 4]
    assert [note.path for note in given.notes] == ["/messages/1/content/1"]
    text = given.source
    assert isinstance(text, str)
    assert "# Instructions\n\nBe brief." in text
    assert "type get = " in text
    assert text.endswith(
        "<|start|>assistant<|channel|>analysis<|message|>I look it up.<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>A moment.<|end|>"
        "<|start|>assistant to=functions.get<|channel|>commentary <|constrain|>json<|message|>"
        '{"city":"Rome"}<|call|>'
        "<|start|>functions.get to=assistant<|channel|>commentary<|message|>sunny<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Sunny.<|return|>"
    )
    path = write(tmp_path / "a.jsonl", lines(row))
    assert [finding["code"] for finding in found(path)[:-1]] == ["not-in-format"]


def test_faults_of_a_chat(tmp_path: Path) -> None:
    stray = {"role": "tool", "tool_call_id": "9", "content": ""}
    other = {"function": {"name": "put", "arguments": "{"}}
    calls = {"role": "assistant", "content": None, "tool_calls": [other]}
    path = write(tmp_path / "a.jsonl", lines({"messages": [*CHAT, stray, calls], "tools": TOOLS}))
    codes = [finding["code"] for finding in found(path)[:-1]]
    expected = ["result-without-call", "invalid-json", "undeclared-tool"]
    assert [code for code in codes if code != "not-in-format"] == expected
    assert codes.count("not-in-format") == 2  # the picture, and the id of no call


def test_tools_without_instructions_and_old_reasoning(tmp_path: Path) -> None:
    user = {"role": "user", "content": "Hi"}
    thought = {"role": "assistant", "content": "Yes", "thinking": "Hm"}
    row = {"messages": [user, thought, user, thought], "tools": TOOLS}
    path = write(tmp_path / "a.jsonl", lines(row))
    (summary,) = found(path)
    # System, developer, 2 questions, 2 answers, and both thoughts: training may be on the first.
    assert summary["rows"]["messages"] == 8


# --- how much is said ---


def test_quiet_summary_and_max_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(*[{"text": BAD}] * 600))
    brief = run("--summary", path).stdout.splitlines()
    assert brief[0] == "1 data set, 600 rows, 600 messages: 600 malformed"
    assert brief[3].startswith("  600  unknown-channel  error     ")
    quiet = run("--quiet", path).stdout
    assert quiet.count("[unknown-channel]") == 600
    assert "data set" not in quiet
    stopped = run("--max-errors", "3", path)
    assert stopped.exit_code == 1
    assert stopped.stdout.count("[unknown-channel]") == 3
    assert "stopped after 3 errors: this is what was read until then\n" in stopped.stdout


def test_json_has_the_data_sets(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"text": GOOD}, {"text": WARNED}))
    data = json.loads(run("--format", "json", path).stdout)
    (entry,) = data["files"]
    assert (entry["kind"], entry["rows"], entry["complete"], entry["ok"]) == ("jsonl", 2, 2, True)
    assert entry["diagnostics"][0]["code"] == "unusual-type"
    assert data["summary"]["rows"]["messages"] == 2
    assert data["summary"]["warnings"] == 1


def test_warnings_as_errors(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines({"text": WARNED}))
    assert run(path).exit_code == 0
    assert run("--warnings-as-errors", path).exit_code == 1


def test_progress_within_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        said = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            self.said += text
            return len(text)

        def flush(self) -> None:
            pass

    from harmony_grammar.cli.output import Output  # noqa: PLC0415

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    terminal: Any = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "_MANY_BYTES", 1)
    path = str(write(tmp_path / "a.jsonl", b"x" * 100))
    with progress.Meter([path], Output()) as meter:
        meter.at(50, 7)
        meter.done(path)
    assert "reading" in terminal.said
    assert "rows/s" in terminal.said


# --- padding ---

TURN = [200006, 1428, 200008, 12194, 200007, 200006, 173781, 200005, 17196, 200008, 13225, 200002]
PAD = 199999


@pytest.mark.parametrize(
    ("ids", "mask"),
    [
        ([PAD, PAD, *TURN], [0, 0, *[1] * len(TURN)]),
        ([PAD, PAD, *TURN], [0, 0, *[1] * (len(TURN) - 1)]),  # the mask of labels, one shorter
        ([*TURN, PAD, PAD], [*[1] * len(TURN), 0, 0]),
        ([*TURN[:4], 5, *TURN[4:]], [1] * 4 + [0] + [1] * 8),
        (TURN, [1] * len(TURN)),
        (TURN, None),
    ],
)
def test_what_an_attention_mask_excludes_is_no_part(
    tmp_path: Path, ids: list[int], mask: list[int] | None
) -> None:
    rows: list[dict[str, Any]] = [{"input_ids": ids, "attention_mask": mask}]
    lines = write(tmp_path / "a.jsonl", json.dumps(rows[0]).encode())
    for path in (lines, parquet(tmp_path / "a.parquet", rows)):
        for field in ([], ["--field", "input_ids"]):
            result = run(path, *field)
            assert (result.exit_code, "1 complete" in result.stdout) == (0, True)


def test_findings_are_placed_in_the_padded_row(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "input_ids": [PAD, PAD, *TURN[:-1], 200012],
        "attention_mask": [0, 0, *[1] * 12],
    }
    path = write(tmp_path / "a.jsonl", json.dumps(row).encode())
    assert "token 13 (200012, '<|call|>')" in run(path).stdout
    cut = {**row, "input_ids": row["input_ids"][:-1]}
    path = write(tmp_path / "b.jsonl", json.dumps(cut).encode())
    assert "token 13 (the end)" in run(path).stdout
    result: Result = CliRunner().invoke(build(), ["recover", str(path)])
    assert "it would no longer fit" in result.stderr
    assert json.loads(result.stdout) == cut


def test_padding_without_a_mask_is_told_to_be_padding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"input_ids": [PAD, *TURN]}).encode())
    assert "it pads rows and stops generations" in run(path).stdout
