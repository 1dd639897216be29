"""The README tells the truth: its programs run and its output is what is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_programs_run_one_after_another(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for program in PROGRAMS:
        exec(program, names)  # noqa: S102  our own text
        said = re.findall(r"print\(.*?\)  # (.*)", program)
        printed = capsys.readouterr().out
        for words in said:
            for part in (part.strip() for part in words.split("…")):
                assert part in printed
    assert len(PROGRAMS) >= 4


def test_the_shown_output_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    turns = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>finalx<|message|>Hello."
    Path("transcript.harmony").write_text(turns + "<|end|>", encoding="utf-8")
    result = CliRunner().invoke(build(), ["check", "transcript.harmony"])
    shown = re.search(r"\$ harmony-grammar check transcript.harmony\n(.*?)```", README, re.DOTALL)
    assert shown
    assert result.output == shown[1]
    assert result.exit_code == 1


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_command_is_listed() -> None:
    commands = {info.name for info in build().registered_commands if not info.hidden}
    listed = set(re.findall(r"^\| `([a-z-]+)", README, re.MULTILINE))
    assert listed == commands
