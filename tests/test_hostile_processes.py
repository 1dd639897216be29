"""Processes that are ended, and outputs that could command what reads them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from harmony_grammar.cli import output
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
PROGRAM = "from harmony_grammar.cli import main; main()"
ROWS = (json.dumps({"text": GOOD}) + "\n").encode() * 6000  # more than a pipe holds


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, stdin: str | bytes = "") -> Result:
    result: Result = CliRunner().invoke(build(), [*map(str, arguments)], input=stdin)
    return result


# --- processes ---


@pytest.fixture
def checking() -> Iterator[subprocess.Popen[bytes]]:
    """A check in three processes, in the midst of its rows."""
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "check",
        "-j",
        "2",
        "--summary",
        "--data",
        "jsonl",
        "-",
    ]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603  ours
    with child:
        assert child.stdin is not None
        for _ in range(4):
            child.stdin.write(ROWS)
        child.stdin.flush()
        yield child
        child.kill()


def said(child: subprocess.Popen[bytes]) -> tuple[str, str]:
    """What a process says until nobody holds its pipes."""
    assert child.stdout is not None
    assert child.stderr is not None
    return child.stdout.read().decode(), child.stderr.read().decode()


def workers(child: subprocess.Popen[bytes]) -> list[int]:
    """The processes that work for another one."""
    path = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    numbers = [int(word) for word in path.read_text("utf-8").split()]
    return [n for n in numbers if b"spawn_main" in Path(f"/proc/{n}/cmdline").read_bytes()]


def test_being_told_to_end_is_an_interrupt(checking: subprocess.Popen[bytes]) -> None:
    checking.send_signal(signal.SIGTERM)
    out, problem = said(checking)
    assert checking.wait() == 143
    assert out.startswith("terminated: this is what was read until then\n1 data set, ")
    assert problem == ""


def test_a_command_that_is_told_to_end_says_so() -> None:
    program = PROGRAM.replace("main()", "print(flush=True); main()")
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program, "parse", "-"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:  # noqa: S603  ours
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(1)
        child.send_signal(signal.SIGTERM)
        problem = said(child)[1]
        assert child.wait() in (143, -15)  # the latter if it was not ready yet
    assert "Traceback" not in problem


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_workers_end_with_their_parent(checking: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while len(found := workers(checking)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    checking.kill()
    said(checking)  # which returns when no process holds the pipes
    assert len(found) == 2
    assert not any(alive(number) for number in found)


def alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_a_worker_that_was_ended_is_told(checking: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while not (found := workers(checking)) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(found[-1], signal.SIGKILL)
    assert checking.stdin is not None
    try:
        checking.stdin.write(ROWS)
        checking.stdin.close()
    except BrokenPipeError:  # it reads no more
        pass
    out, problem = said(checking)
    assert checking.wait() == 2
    assert out.startswith("a process was ended, perhaps for want of memory (try fewer --jobs): ")
    assert "1 data set, " in out
    assert problem == ""


# --- outputs ---

EVIL = "x\n::stop-commands::t\r\x1b[31m\u2028.harmony"
KEY = "a\n::add-mask::x\x9b"


def evil() -> list[str]:
    """Files whose names and keys are commands."""
    Path(EVIL).write_text(f"{GOOD[:-7]}<|start|>", encoding="utf-8")
    Path(f"r{EVIL}l.jsonl").write_text(
        json.dumps({KEY: 1}) + "\n" + json.dumps({KEY: f"{GOOD[:-7]}<|start|>"}) + "\n", "utf-8"
    )
    Path(f"u{EVIL}").write_bytes(b"\xff")
    return [EVIL, f"r{EVIL}l.jsonl", f"u{EVIL}"]


COMMANDS: dict[str, list[str]] = {
    "text": ["check"],
    "summary": ["check", "--summary"],
    "github": ["check", "--format", "github"],
    "absent": ["check", "none\n::error::x"],
    "no fit": ["check", "none*\n::error::x"],
    "recover": ["recover"],
    "format": ["format", "--check"],
    "folder": ["recover", "--out", "o\n::error::x"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_names_and_keys_begin_no_line(name: str) -> None:
    result = run(*COMMANDS[name], *evil())
    assert result.exit_code in (1, 2), result.output
    for line in re.split(r"[\r\n\x85\u2028]", result.output):
        begin = line.lstrip()
        assert not begin.startswith("::") or begin.startswith(("::error file=", "::warning file="))
    assert not re.search("[\x1b\x9b\u2028\r]", result.output)
    assert "internal error" not in result.output


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif"])
def test_programs_get_names_as_they_are(form: str) -> None:
    result = run("check", "--format", form, *evil())
    assert not re.search("[\x1b\x9b\u2028\r]", result.stdout)
    data = [json.loads(line) for line in result.stdout.splitlines()] if form == "jsonl" else None
    whole = json.dumps(data if data is not None else json.loads(result.stdout))
    if form == "sarif":
        assert "%0A%3A%3Astop-commands" in whole
    else:
        assert json.dumps(EVIL)[1:-1] in whole


DECLARED = (
    "<|start|>developer<|message|># Tools\n\n## functions\n\nnamespace functions {\n\n"
    "// é \x9b31m \u202e 🙂 \U000e0041 \u3000\ntype f = () => any;\n\n"
    "} // namespace functions<|end|>"
)


def test_json_says_all_and_steers_no_terminal() -> None:
    said = run("tools", "--to", "openai", "-", stdin=DECLARED).stdout
    assert not re.search("[\x7f-\x9f\u202e\U000e0041]", said)
    assert "é" in said
    assert "🙂" in said
    assert json.loads(said)[0]["function"]["description"] == "é \x9b31m \u202e 🙂 \U000e0041 \u3000"


@pytest.mark.parametrize("data", [{"a": "\ud800"}, ["\x00\x7f\u202e\r\n", 1e300], "plain"])
def test_escaped_json_is_the_same_data(data: Any) -> None:
    said = output.json_bytes(data)
    assert json.loads(said) == data
    assert said.decode().isprintable()


def test_a_terminal_shows_no_more_than_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return self.is_one

        is_one = True

    raw = "a\x1b[2Jb\u202e\x9bc\r\nd\te\rf\n".encode()
    for is_one, shown in ((True, "a·[2Jb··c\r\nd\te·f\n".encode()), (False, raw)):
        stream = Terminal(io.BytesIO())
        stream.is_one = is_one
        monkeypatch.setattr(sys, "stdout", stream)
        output.write_bytes(raw)
        assert stream.buffer.getvalue() == shown  # type: ignore[attr-defined]
        monkeypatch.undo()
