"""`harmony-grammar recover`: mended transcripts and data sets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|channel|>final??<|message|>Hello<|return|>"
MENDED = "<|channel|>final<|message|>Hello<|return|>"
LITERAL = "<|start|>user<|message|>a<|channel|>b<|end|>"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, stdin: str = "") -> Result:
    result: Result = CliRunner().invoke(build(), ["recover", *arguments], input=stdin)
    return result


def test_a_transcript_to_standard_output() -> None:
    result = run("--start", "completion", "-", stdin=f"{BAD}\n")
    assert result.exit_code == 0
    assert hg.check(result.stdout.rstrip("\n"), "completion").ok
    assert "final??" not in result.stdout
    assert result.stdout.endswith("\n")
    assert result.stderr.startswith("<stdin>:1:")
    assert "read as: " in result.stderr
    assert run("--quiet", "-", stdin=BAD).stderr == ""


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("<|channel|>commentary<|message|>{}<|end|>", "in `<|return|>`, not in `<|end|>`"),
        (
            "<|channel|>commentary to=functions.f<|message|>{}<|end|>",
            "in `<|call|>`, not in `<|end|>`",
        ),
    ],
)
def test_another_end_is_told(text: str, ends: str) -> None:
    assert f"the mended text ends {ends}" in run("--start", "completion", "-", stdin=text).stderr
    cut = run("--start", "completion", "-", stdin=text.removesuffix("<|end|>"))
    assert "the mended text ends" not in cut.stderr


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("So. " + MENDED, "<|channel|>analysis<|message|>So. <|end|><|start|>assistant" + MENDED),
        ("Easy.<|end|>" + "<|start|>assistant" + MENDED,
         "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant" + MENDED),
        ("analysisEasy.assistantfinalHello",
         "<|channel|>analysis<|message|>Easy.<|end|><|start|>assistant" + MENDED),
        ("oops" + GOOD, GOOD),
    ],
)  # fmt: skip
def test_what_a_model_said_is_read_as_that(text: str, mended: str, tmp_path: Path) -> None:
    written = run("-", stdin=text).stdout
    assert written in (mended, mended.replace("<|return|>", "<|end|>"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"completion": text}) + "\n", encoding="utf-8")
    assert json.loads(run(str(rows)).stdout)["completion"] == written


def test_what_is_well_stays_as_it_is() -> None:
    result = run("-", stdin=f"{GOOD}\n")
    assert (result.stdout, result.stderr, result.exit_code) == (f"{GOOD}\n", "", 0)


@pytest.mark.parametrize("words", [True, False])
def test_ids_stay_ids(words: bool) -> None:  # noqa: FBT001  pytest passes it
    ids = [200006, 1428, 200008, 12194]
    text = " ".join(map(str, ids)) if words else json.dumps(ids)
    result = run("-", stdin=text)
    assert result.exit_code == 0
    mended = result.stdout.split() if words else json.loads(result.stdout)
    assert hg.check(list(map(int, mended))).ok


def test_what_cannot_be_written_stays_and_is_told() -> None:
    result = run("--start", "conversation", "-", stdin=LITERAL)
    assert result.exit_code == 1
    assert result.stdout == LITERAL
    assert "error: <stdin>: what was read cannot be written" in result.stderr


def test_files_in_place_and_to_a_folder() -> None:
    path = Path("a.harmony")
    path.write_text(BAD, encoding="utf-8")
    path.chmod(0o600)
    assert run("--out", "out", "a.harmony").exit_code == 0
    assert path.read_text(encoding="utf-8") == BAD
    assert run("--write", "a.harmony").exit_code == 0
    mended = path.read_text(encoding="utf-8")
    assert Path("out/a.harmony").read_text(encoding="utf-8") == mended
    assert hg.check(mended, "completion").ok
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in Path().iterdir()) == ["a.harmony", "out"]


def test_a_data_set_row_by_row() -> None:
    wire = {"messages": [{"role": "user", "content": "Hi"}]}
    rows = [{"text": GOOD, "n": 1}, {"n": 2, "text": BAD}, {"text": LITERAL}, {"n": 3}, wire, BAD]
    data = "".join(json.dumps(row) + "\n" for row in rows)
    Path("a.jsonl").write_text(data, encoding="utf-8")
    result = run("--start", "completion", "a.jsonl")
    out = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [out[index] for index in (2, 3, 4)] == rows[2:5]
    assert out[1]["n"] == 2
    assert hg.check(out[1]["text"], "completion").ok
    assert hg.check(out[5], "completion").ok
    assert "a.jsonl:2: error: text, line 1, column " in result.stderr
    assert "error: a.jsonl:4: no field holds a transcript" in result.stderr


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_was_packed_is_packed_again(suffix: str) -> None:
    data = (json.dumps({"text": BAD}) + "\n").encode()
    zstandard = pytest.importorskip("zstandard")
    pack = gzip.compress if suffix == ".gz" else zstandard.ZstdCompressor().compress
    path = Path(f"a.jsonl{suffix}")
    path.write_bytes(pack(data))
    assert run("--write", str(path)).exit_code == 0
    packed = path.read_bytes()
    assert (packed[:2] == b"\x1f\x8b") is (suffix == ".gz")
    checked = CliRunner().invoke(build(), ["check", str(path)])
    assert checked.exit_code == 0, checked.output


def test_json_and_damaged_files() -> None:
    Path("a.json").write_text(json.dumps([{"text": BAD}, 3])[:-1], encoding="utf-8")
    result = run("a.json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 2  # what could be read is a list
    assert "error: a.json: this is no JSON from here on" in result.stderr


def test_a_file_survives_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Path("a.harmony").write_text(BAD, encoding="utf-8")
    monkeypatch.setattr("pathlib.Path.replace", fail)
    assert run("--write", "a.harmony").exit_code == 2
    assert [entry.name for entry in Path().iterdir()] == ["a.harmony"]
    assert Path("a.harmony").read_text(encoding="utf-8") == BAD


def test_misuse() -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "x.harmony").write_text(GOOD, encoding="utf-8")
    Path("a.parquet").write_bytes(b"PAR1")
    for arguments, said in (
        (("--write", "-"), "it goes neither with --out nor with -"),
        (("--write", "--out", "c", "a"), "it goes neither with --out nor with -"),
        (("--out", "c", "a", "b"), "two of the files have the same name"),
        (("a.parquet",), "Parquet files cannot be written; give JSON Lines"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert said in result.stderr
