"""Which lint rules apply: options and `pyproject.toml`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from typer.testing import Result

# Two warnings: a spelling of a type, and code that is JSON.
TEXT = (
    "<|start|>assistant<|channel|>final JSON<|message|>{}<|end|>"
    "<|start|>assistant to=python<|channel|>commentary code<|message|>{}<|call|>"
)


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.harmony").write_text(TEXT, encoding="utf-8")
    Path("a.jsonl").write_text(json.dumps({"text": TEXT}) + "\n", encoding="utf-8")


def run(*arguments: str) -> Result:
    result: Result = CliRunner().invoke(build(), ["check", *arguments])
    return result


def codes(*arguments: str) -> list[tuple[str, str]]:
    output = run("--format", "jsonl", *arguments).stdout.splitlines()
    return [(line["code"], line["severity"]) for line in map(json.loads, output[:-1])]


def configure(text: str, folder: str = ".") -> None:
    Path(folder, "pyproject.toml").write_text(text, encoding="utf-8")


BOTH = [("unusual-type", "warning"), ("code-is-json", "warning")]


@pytest.mark.parametrize("name", ["a.harmony", "a.jsonl"])
def test_options(name: str) -> None:
    assert codes(name) == BOTH
    assert codes("--select", "code-is-json,invalid-json", name) == BOTH[1:]
    assert codes("--ignore", "code-is-json", "--ignore", "late-system", name) == BOTH[:1]
    assert codes("--select", "", name) == []


@pytest.mark.parametrize("name", ["a.harmony", "a.jsonl"])
def test_the_project_says_what_applies(name: str) -> None:
    configure('[tool.harmony-grammar]\nignore = ["unusual-type"]\nseverity.code-is-json = "error"')
    assert codes(name) == [("code-is-json", "error")]
    assert run(name).exit_code == 1
    assert codes("--ignore", "code-is-json", name) == BOTH[:1]


def test_select_stands_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure('[tool.harmony-grammar]\nselect = ["unusual-type"]')
    below = tmp_path / "below" / "this"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert codes("../../a.harmony") == BOTH[:1]
    assert codes("--select", "code-is-json", "../../a.harmony") == BOTH[1:]
    configure("[project]\nname = 'nearer'")
    assert codes("../../a.harmony") == BOTH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.harmony-grammar]\nselect = ["x"]', "there is no lint rule 'x': the rules are call"),
        ("[tool.harmony-grammar]\nselect = 3", "`select` must be a list of codes"),
        ("[tool.harmony-grammar]\nextra = 3", "there is no `extra`, but select, ignore, severity"),
        ("[tool.harmony-grammar]\nseverity = 3", "`severity` must be a table of codes"),
        (
            '[tool.harmony-grammar]\nseverity.late-system = "bad"',
            "the severity of `late-system` is 'bad', not error or warning",
        ),
        ('[tool.harmony-grammar]\nseverity.x = "error"', "there is no lint rule 'x'"),
        ("[tool]\nharmony-grammar = 3", "tool.harmony-grammar must be a table"),
        ("tool = 3 # harmony-grammar", "this is no TOML"),
        ("[harmony-grammar", "this is no TOML"),
    ],
)
def test_a_project_that_says_nonsense(text: str, said: str) -> None:
    configure(text)
    result = run("a.harmony")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "pyproject.toml: " in result.stderr


def test_a_project_file_that_cannot_be_read() -> None:
    Path("pyproject.toml").write_bytes(b"\xff")
    assert run("a.harmony").exit_code == 2


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_rule_is_misuse(option: str) -> None:
    result = run(option, "kept-raesoning", "a.harmony")
    assert result.exit_code == 2
    assert "there is no lint rule 'kept-raesoning': the rules are " in result.stderr
    assert "kept-reasoning" in result.stderr
