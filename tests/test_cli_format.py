"""`harmony-grammar format`: in place, to a pipe, and only looking."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NoReturn

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

MODEL = (
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
)
OPENAI = (
    "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
)
BAD = "<|start|>bash<|message|>x<|end|>"


def run(*arguments: object, stdin: str = "") -> Result:
    result: Result = CliRunner().invoke(build(), ["format", *map(str, arguments)], input=stdin)
    return result


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chat.harmony"
    path.write_text(MODEL, encoding="utf-8")
    return path


def test_in_place(path: Path) -> None:
    result = run(path)
    assert result.exit_code == 0
    assert path.read_text(encoding="utf-8") == OPENAI
    assert not result.stdout
    assert result.stderr == f"formatted {path}\n1 formatted, 0 in normal form already\n"


def test_what_is_in_normal_form_is_not_written(path: Path) -> None:
    before = path.stat()
    result = run("--spelling", "model", path)
    assert result.exit_code == 0
    assert result.stderr == "0 formatted, 1 in normal form already\n"
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_check_writes_nothing(path: Path) -> None:
    result = run("--check", path)
    assert result.exit_code == 1
    assert result.stderr == f"would format {path}\n1 would be formatted, 0 in normal form already\n"
    assert path.read_text(encoding="utf-8") == MODEL
    assert run("--check", "--spelling", "model", path).exit_code == 0


def test_diff_shows_what_would_change(path: Path) -> None:
    result = run("--diff", path)
    assert result.exit_code == 1
    assert path.read_text(encoding="utf-8") == MODEL
    assert result.stdout.splitlines() == [
        f"--- {path}",
        f"+++ {path} (normal form)",
        "@@ -1 +1 @@",
        f"-{MODEL}",
        f"+{OPENAI}",
    ]


def test_standard_input_goes_to_standard_output() -> None:
    result = run("-", stdin=f"{MODEL}\n")
    assert result.exit_code == 0
    assert result.stdout == f"{OPENAI}\n"
    assert not result.stderr


def test_standard_input_can_be_looked_at_only() -> None:
    assert run("--check", "-", stdin=MODEL).exit_code == 1
    assert run("--check", "-", stdin=OPENAI).exit_code == 0


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_end_of_the_file_stays(path: Path, ending: str) -> None:
    path.write_bytes((MODEL + ending).encode())
    assert run(path).exit_code == 0
    assert path.read_bytes() == (OPENAI + ending).encode()


@pytest.mark.parametrize("join", [json.dumps, lambda ids: " ".join(map(str, ids))])
def test_ids_stay_ids_as_they_were_written(join: object) -> None:
    assert callable(join)
    before, after = (join(hg.encode(hg.parse(text))) for text in (MODEL, OPENAI))
    assert run("-", stdin=f"{before}\n").stdout == f"{after}\n"


@pytest.mark.parametrize(
    "text",
    [
        "<|start|>assistant",
        "<|start|>assistant<|channel|>",
        "<|start|>assistant to=functions.f<|channel|>",
        "<|start|>assistant<|channel|>final<|message|>Once",
        "<|channel|>final<|message|>Done.<|return|>",
        "",
    ],
)
def test_a_normal_form_that_is_its_own(text: str) -> None:
    assert run("-", stdin=text).stdout == text


def test_what_is_not_complete_is_left_alone(path: Path) -> None:
    bad = path.with_name("bad.harmony")
    bad.write_text(BAD, encoding="utf-8")
    result = run(bad, path)
    assert result.exit_code == 1
    assert f"{bad}:1:14: error: `bash` is no role" in result.stderr
    assert bad.read_text(encoding="utf-8") == BAD
    assert path.read_text(encoding="utf-8") == OPENAI


def test_what_cannot_be_read_does_not_stop_the_others(path: Path) -> None:
    result = run(path.with_name("absent"), path)
    assert result.exit_code == 2
    assert "absent: there is no such file" in result.stderr
    assert path.read_text(encoding="utf-8") == OPENAI


def test_nothing_named() -> None:
    result = run()
    assert result.exit_code == 2
    assert "nothing to read: name files or folders" in result.stderr


def test_a_link_stays_a_link_and_permissions_stay(path: Path) -> None:
    path.chmod(0o640)
    link = path.with_name("link.harmony")
    link.symlink_to(path)
    assert run(link).exit_code == 0
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == OPENAI
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_stays_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("pathlib.Path.replace", fail)
    result = run(path)
    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: No space left on device\n"
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208  names alone are compared
    assert path.read_text(encoding="utf-8") == MODEL


def test_a_normal_form_that_says_something_else_is_never_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hg.Grammar, "render", lambda *_, **__: "<|start|>user<|message|>Hi<|end|>")
    result = run(path)
    assert result.exit_code == 2
    assert "would not say the same, so the file is left as it is" in result.stderr
    assert path.read_text(encoding="utf-8") == MODEL
