"""`harmony-grammar docs`, `explain`, `grammar` and `show`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from test_cli_commands import run
from test_cli_terminal import on_a_terminal
from test_docs import PAGES
from test_swap import TEXT

import harmony_grammar as hg

EXAMPLES = Path(__file__).parent.parent / "examples"
USER = "<|start|>user<|message|>Hi\nthere<|end|>"


# --- docs ---


def test_pages_are_written_to_a_folder(tmp_path: Path) -> None:
    result = run("docs", "--out", str(tmp_path / "new"))
    assert result.stdout == f"{tmp_path / 'new'}: {len(PAGES)} files\n"
    assert (tmp_path / "new" / "rules.md").read_text(encoding="utf-8") == PAGES["rules.md"]


def test_one_file_goes_to_standard_output() -> None:
    assert run("docs", "--format", "ebnf").stdout == PAGES["grammar.ebnf"]
    assert json.loads(run("docs", "--format", "json").stdout)["title"] == "The harmony format"


def test_several_files_need_a_folder() -> None:
    result = run("docs", "--format", "svg")
    assert result.exit_code == 2
    assert "say where to, with --out DIR" in result.stderr


def test_another_grammar_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "mine.lark"
    path.write_text(TEXT.replace('FINAL: "final"', 'FINAL: "answer"'), encoding="utf-8")
    result = run("docs", "--format", "ebnf", "--grammar", str(path))
    assert 'FINAL ::= "answer"' in result.stdout


def test_a_grammar_that_is_not_there_is_told() -> None:
    result = run("docs", "--grammar", "nowhere.lark")
    assert result.exit_code == 2
    assert "nowhere.lark: there is no such file" in result.stderr


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "harmony_grammar.docs.files", raising=False)
    monkeypatch.delitem(sys.modules, "harmony_grammar.docs.drawings", raising=False)
    monkeypatch.setitem(sys.modules, "railroad", None)
    result = run("docs", "--format", "ebnf")
    assert result.exit_code == 2
    assert "documents need the package railroad: pip install" in result.stderr


# --- explain ---


def test_a_code_is_explained() -> None:
    lines = run("explain", "[overrun]").stdout.splitlines()
    assert lines[:4] == [
        "overrun (error)",
        "  the turn is over, and the input goes on",
        "",
        "bad, read as a completion:",
    ]
    assert lines[-1] == "  <|channel|>final<|message|>5<|return|>"


def test_all_codes_are_listed() -> None:
    listed = [line.split()[1] for line in run("explain").stdout.splitlines()]
    assert {"unknown-channel", "kept-reasoning", "missing-start"} <= set(listed)


@pytest.mark.parametrize(
    ("code", "said"),
    [("unknown-chanel", "did you mean `unknown-channel`?"), ("zzz", "`explain` alone lists all")],
)
def test_an_unknown_code_is_told(code: str, said: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 2
    assert said in result.stderr


# --- grammar ---


def test_a_rule_is_shown() -> None:
    out = run("grammar", "content_type").stdout
    assert out.startswith("The content type is one word,")
    assert "content_type ::= " in out
    assert "example (written by OpenAI's guide, in one of its examples):" in out
    assert "used by: plain, sent, call" in out


def test_rules_and_terminals_are_known() -> None:
    assert run("grammar").stdout.split()[:4] == ["conversation", "A", "conversation", "is"]
    assert run("grammar", "PATH").stdout.endswith("a dotted name\n")
    assert "a word that the system message declares" in run("grammar", "DECLARED_CHANNEL").stdout


def test_an_unknown_rule_is_told() -> None:
    assert "did you mean `message`?" in run("grammar", "massage").stderr
    assert "`grammar` alone lists all" in run("grammar", "zzz").stderr


# --- show ---


def test_a_conversation_is_shown() -> None:
    result = run("show", stdin=USER + "<|start|>assistant<|channel|>final")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "1. user",
        "    Hi",
        "    there",
        "",
        "2. assistant on final (open)",
        "",
    ]


def test_a_result_names_its_call() -> None:
    out = run("show", str(EXAMPLES / "tool-call-model.harmony")).stdout
    call = next(line for line in out.splitlines() if " to functions." in line)
    number = call.partition(".")[0]
    assert f"(answers {number})" in out


def test_reasoning_can_be_folded() -> None:
    out = run("show", "--fold", str(EXAMPLES / "reasoning-and-answer.harmony")).stdout
    assert "characters of reasoning)" in out


def test_findings_are_shown_where_they_are() -> None:
    result = run("show", stdin=f"{USER}<|start|>assistant<|channel|>finalx")
    assert result.exit_code == 1
    assert "there is no channel `finalx` [unknown-channel]" in result.stdout


def test_a_terminal_is_not_steered() -> None:
    result = run("show", stdin="<|start|>user<|message|>\x1b[2Jgone\x07<|end|>")
    assert "\x1b" not in result.stdout
    assert "·[2Jgone·" in result.stdout


def test_colours_and_margins_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "chat.harmony"
    path.write_text(hg.render(hg.parse(USER)), encoding="utf-8")
    shown = on_a_terminal(["show", str(path)])
    assert "\x1b[1;32muser" in shown
    assert "    there" in shown
