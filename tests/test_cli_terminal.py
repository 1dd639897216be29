"""The command line on a terminal: colours, boxes and progress."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from harmony_grammar.cli import progress
from harmony_grammar.cli.output import Output, is_rich

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>bash<|message|>x<|end|>"
COMMAND = [sys.executable, "-c", "from harmony_grammar.cli import main; main()"]


def on_a_terminal(arguments: list[str], **environment: str) -> str:
    pty = pytest.importorskip("pty")
    main, terminal = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(  # noqa: S603  our own program
        [*COMMAND, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    ) as child:
        os.close(terminal)
        said = b""
        while chunk := _read(main):
            said += chunk
        child.wait()
    os.close(main)
    return said.decode()


def _read(stream: int) -> bytes:
    try:
        return os.read(stream, 4096)
    except OSError:  # the other end is closed
        return b""


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.harmony"
    path.write_text(BAD, encoding="utf-8")
    return str(path)


def test_a_terminal_gets_colours(bad: str) -> None:
    said = on_a_terminal(["check", bad])
    assert "\x1b[1;31merror: " in said
    assert "\x1b[31mmalformed\x1b[0m" in said


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_without_colours(bad: str, environment: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal(["check", bad], **environment)


def test_a_terminal_shows_progress_over_many_files(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number}.harmony").write_text(GOOD, encoding="utf-8")
    said = on_a_terminal(["check", str(tmp_path)])
    assert "reading" in said
    assert "60 files: \x1b[32m60 complete" in said.replace("\x1b[0m", "").replace("\x1b[1m", "")


def test_a_terminal_gets_help_in_boxes() -> None:
    said = re.sub(r"\x1b\[[\d;]*m", "", on_a_terminal(["check", "--help"]))
    assert "╭" in said
    assert "harmony-grammar check --start completion sampled.txt" in said


# --- the same, inside this process ---


class _Terminal:
    """Enough of a terminal to write to."""

    def __init__(self) -> None:
        self.said = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.usefixtures("colours")
def test_lines_in_colours() -> None:
    terminal: Any = _Terminal()
    assert is_rich(terminal)
    Output(terminal).line(("a[b]", "red"), "\x1bc")
    assert terminal.said == "\x1b[31ma[b]\x1b[0m·c\n"


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize("limit", ["_MANY_FILES", "_MANY_BYTES"])
def test_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str) -> None:
    terminal: Any = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    path = tmp_path / "chat.harmony"
    path.write_text(GOOD, encoding="utf-8")
    files = [str(path), str(tmp_path / "absent")]

    def walk(names: list[str]) -> None:
        with progress.Meter(names, Output()) as meter:
            for name in [*names, "-"]:
                meter.done(name)

    walk(files)
    assert not terminal.said
    monkeypatch.setattr(progress, limit, 1)
    walk(files)
    assert "reading" in terminal.said
