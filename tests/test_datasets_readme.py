"""The summary that the README shows is what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    import pytest

README = Path(__file__).parent.parent / "README.md"
ROWS = 5_000

DEVELOPER = hg.render(
    hg.Message.from_role_and_content(
        hg.Role.DEVELOPER,
        hg.DeveloperContent.new().with_function_tools([hg.ToolDescription("weather", "")]),
    )
)
CHAT = (
    f"{DEVELOPER}<|start|>user<|message|>How is the weather in Rome?<|end|>"
    "<|start|>assistant<|channel|>analysis<|message|>I look it up.<|end|>"
    "<|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>"
    '{"city": "Rome"}<|call|>'
    "<|start|>functions.weather to=assistant<|channel|>commentary<|message|>sunny<|end|>"
    "<|start|>assistant<|channel|>final<|message|>It is sunny.<|end|>"
)

# One row in so many has a fault: what stands in its place.
FAULTS = {
    97: (">final<", ">finall<"),
    131: ("<|message|>It is sunny.<|end|>", ""),
    211: ("to=functions.weather", "to=functions.wether"),
    307: ('"Rome"}', '"Rome'),
    401: ("How is", "&lt;|start|> How is"),
    53: ("<|start|>user", f"{CHAT.removeprefix(DEVELOPER)}<|start|>user"),
}


def row(number: int) -> str:
    text = CHAT
    for every, (before, after) in FAULTS.items():
        if number % every == every // 2:
            text = text.replace(before, after, 1)
            break
    line = json.dumps({"id": number, "text": text})
    return line if number % 4999 else line[:40]


def test_the_summary_in_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"{row(number)}\n" for number in range(1, ROWS + 1))
    Path("train.jsonl").write_text(lines, encoding="utf-8")
    result = CliRunner().invoke(build(), ["check", "--summary", "train.jsonl"])
    readme = README.read_text(encoding="utf-8")
    shown = re.search(r"\$ harmony-grammar check .*train.jsonl\n(.*?)```", readme, re.DOTALL)
    assert shown
    assert result.output == shown[1]
    assert result.exit_code == 1
