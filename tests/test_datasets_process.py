"""Data sets in whole processes: several jobs, interrupts, memory, and what is loaded."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>finall<|message|>x<|end|>"
PROGRAM = "from harmony_grammar.cli import main; main()"
COMMAND = [sys.executable, "-c", PROGRAM, "check"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(count: int) -> Iterator[str]:
    for number in range(count):
        yield json.dumps({"text": BAD if number % 100 == 7 else GOOD}) + "\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "large.jsonl"
    path.write_text("".join(rows(3000)), encoding="utf-8")
    return path


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own program
        [*COMMAND, *arguments], capture_output=True, text=True, check=False
    )


def test_jobs_change_nothing(large: Path) -> None:
    one, two = process(str(large)), process("--jobs", "2", str(large))
    assert one.returncode == two.returncode == 1
    assert one.stdout == two.stdout
    assert one.stdout.count("[unknown-channel]") == 30
    assert not two.stderr


def test_jobs_stop_early(large: Path) -> None:
    done = process("--jobs", "2", "--max-errors", "2", "--summary", str(large))
    assert done.returncode == 1
    assert done.stdout.startswith("stopped after 2 errors: this is what was read until then\n")
    assert not done.stderr


@pytest.mark.parametrize(
    ("jobs", "form"),
    [("1", "text"), ("1", "json"), ("1", "jsonl"), ("1", "sarif"), ("2", "text")],
)
def test_an_interrupt_shows_the_summary_so_far(jobs: str, form: str) -> None:
    command = [*COMMAND, "--jobs", jobs, "--format", form, "--summary", "--data", "jsonl", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:  # noqa: S603  ours
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write("".join(rows(6000)).encode())  # more than a pipe holds: it is reading
        child.stdin.flush()
        child.send_signal(signal.SIGINT)
        said, problem = child.stdout.read().decode(), child.stderr.read().decode()
        assert child.wait() == 130
    assert "Traceback" not in problem
    if form == "text":
        assert said.startswith("interrupted: this is what was read until then\n1 data set, ")
    elif form == "jsonl":
        assert json.loads(said.splitlines()[-1])["interrupted"] is True
    else:
        assert '"interrupted": true' in json.dumps(json.loads(said))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def most(count: int) -> int:
        path = tmp_path / f"{count}.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(
                json.dumps({"text": GOOD, "x": "y" * 2000}) + "\n" for _ in range(count)
            )
        command = [*COMMAND, "--summary", str(path)]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  our own program
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return usage.ru_maxrss

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    small, big = most(1_000), most(10_000)
    assert big < small + 6_000  # kilobytes; the files differ by 18 megabytes


def test_a_data_set_of_text_loads_nothing_heavy(large: Path) -> None:
    lines = f"import sys\ntry:\n    {PROGRAM}\nfinally:\n    print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", lines, "check", str(large)],
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"numpy", "tiktoken", "llguidance", "rich", "lark", "pyarrow", "zstandard", "regex"}
    assert not loaded & heavy


def test_jobs_inside_this_process(large: Path) -> None:
    result = CliRunner().invoke(build(), ["check", "--jobs", "0", "--summary", str(large)])
    assert result.exit_code == 1
    assert "3,000 rows, 3,000 messages: 2,970 complete, 30 malformed" in result.stdout
