"""The examples: the good ones are what they claim, the bad ones are explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build
from harmony_grammar.cli.inputs import StartChoice, judge, read

if TYPE_CHECKING:
    import typer

EXAMPLES = Path(__file__).parent.parent / "examples"
GOOD = sorted([*EXAMPLES.glob("*.harmony"), *EXAMPLES.glob("*.json")])
BAD = sorted((EXAMPLES / "bad").glob("*.harmony"))
STARTS = {"completion-ids": "completion", "preamble": "completion"}

# What each bad example is about.
CODES = {
    "call-without-recipient": "call-without-recipient",
    "escaped-tokens": "disguised-token",
    "missing-end": "missing-terminator",
    "mistyped-channel": "unknown-channel",
    "type-as-recipient": "final-call",
}


def name_of(path: Path) -> str:
    return path.stem


def start_of(path: Path) -> str:
    return STARTS.get(path.stem, "prompt" if path.stem.endswith("prompt") else "conversation")


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build()


def test_there_are_examples() -> None:
    assert len(GOOD) >= 8
    assert len(BAD) >= 3
    assert {path.stem for path in BAD} == CODES.keys()


def test_each_has_a_line_in_the_readme() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in (*GOOD, *BAD):
        assert readme.count(f"| `{path.relative_to(EXAMPLES).as_posix()}` |") == 1


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_a_good_one_is_complete(path: Path) -> None:
    start, report = judge(hg.Grammar.default(), read(str(path)).source, StartChoice.AUTO)
    assert report.ok
    assert not report.diagnostics
    assert start == start_of(path)


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_a_good_one_is_given_back_as_it_was(path: Path) -> None:
    source = read(str(path)).source
    _, report = judge(hg.Grammar.default(), source, StartChoice.AUTO)
    write = hg.render if isinstance(source, str) else hg.encode
    assert write(report.conversation) == source


@pytest.mark.parametrize("path", GOOD, ids=name_of)
@pytest.mark.parametrize("spelling", ["openai", "model"])
def test_formatting_twice_changes_nothing(path: Path, spelling: str, app: typer.Typer) -> None:
    def formatted(text: str) -> str:
        arguments = ["format", "--spelling", spelling, "-"]
        result = CliRunner().invoke(app, arguments, input=text)
        assert result.exit_code == 0
        return result.stdout

    once = formatted(path.read_text(encoding="utf-8"))
    assert formatted(once) == once


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_a_bad_one_is_explained(path: Path, app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 1
    assert f"[{CODES[path.stem]}]" in result.stdout
    assert "\n  hint: " in result.stdout
    lines = result.stdout.splitlines()
    assert any(set(line.strip()) == {"^"} for line in lines)


def test_the_readme_of_the_examples_shows_a_command_that_works(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLES.parent)
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    command = next(line for line in readme.splitlines() if line.startswith("harmony-grammar "))
    files = [
        str(path) for word in command.split()[2:] for path in sorted(Path().glob(word))
    ]  # as a shell does
    result = CliRunner().invoke(app, [command.split()[1], *files])
    assert result.exit_code == 1
    summary = f"{len(GOOD) + 1} files: {len(GOOD)} complete, 1 malformed; found unknown-channel 1"
    assert result.stdout.splitlines()[-1] == summary
    assert "did you mean" in result.stdout.splitlines()[-2]
