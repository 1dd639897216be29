"""`--grammar FILE`: every command reads the format as the file has it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from test_grammar_changes import CALL_ID, CALLED
from typer.main import get_command
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from pathlib import Path

RUN = CliRunner()
WHOLE = f"<|start|>user<|message|>Hi<|end|><|start|>assistant{CALLED}"
# What each command is given, with {file} for a transcript and {json} for it as wire JSON.
COMMANDS = {
    "check": ["{file}"],
    "parse": ["{file}"],
    "show": ["{file}"],
    "view": ["{file}", "--out", "{folder}/page.html"],
    "recover": ["{file}"],
    "tokens": ["{file}"],
    "format": ["{usual}"],
    "render": ["{json}"],
    "convert": ["{file}", "--to", "ids"],
    "explain": ["final-call"],
    "grammar": ["call_id"],
    "docs": ["--format", "ebnf"],
    "tools": ["{prompt}"],
    "next": ["--prompt", "{prompt}"],
    "mask": ["--prompt", "{prompt}"],
}


def names() -> list[str]:
    return sorted(get_command(build()).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", names())
def test_every_command_takes_a_grammar(name: str) -> None:
    help_text = RUN.invoke(build(), [name, "--help"], env={"COLUMNS": "200"}).output
    assert "--grammar" in re.sub(r"\x1b\[[0-9;]*m", "", help_text)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) & set(names())))
def test_a_changed_grammar_is_followed(name: str, tmp_path: Path) -> None:
    grammar, file = tmp_path / "mine.lark", tmp_path / "a.harmony"
    grammar.write_text(CALL_ID.text, encoding="utf-8")
    file.write_text(WHOLE, encoding="utf-8")
    tree = CALL_ID.parse(WHOLE)
    (tmp_path / "a.json").write_text(json.dumps(tree.to_dict()), encoding="utf-8")
    (tmp_path / "b.harmony").write_text(CALL_ID.render(tree.canonical()), encoding="utf-8")
    prompt = hg.Conversation(
        [hg.Message.from_role_and_content(hg.Role.USER, "Hi")],
        hg.OpenMessage(hg.Author(hg.Role.ASSISTANT)),
    )
    (tmp_path / "prompt.harmony").write_text(hg.render(prompt), encoding="utf-8")
    places = {
        "{file}": file,
        "{usual}": tmp_path / "b.harmony",
        "{json}": tmp_path / "a.json",
        "{prompt}": tmp_path / "prompt.harmony",
        "{folder}/page.html": tmp_path / "page.html",
    }
    given = [str(places.get(word, word)) for word in COMMANDS[name]]
    done = RUN.invoke(build(), [name, "--grammar", str(grammar), *given])
    assert done.exit_code == 0, done.output
    if name in (
        "check",
        "parse",
        "format",
        "render",
        "convert",
        "show",
    ):  # the format's own refuses it
        assert RUN.invoke(build(), [name, *given]).exit_code != 0
    if name in ("parse", "show"):
        assert re.search("call_id:? c17", done.output)
    if name == "view":
        assert '"extras":{"call_id":"c17"}' in (tmp_path / "page.html").read_text("utf-8")
