"""The command line as a process: pipes, interrupts, exit codes and what is loaded."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import typer
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar import cli
from harmony_grammar.cli import app as cli_app
from harmony_grammar.cli.inputs import read_text
from harmony_grammar.cli.output import Misuse

if TYPE_CHECKING:
    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>bash<|message|>x<|end|>"
PROGRAM = "from harmony_grammar.cli import main; main()"
COMMAND = [sys.executable, "-c", PROGRAM]


def process(*arguments: str, stdin: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own program
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
        **options,
    )


def run(*arguments: str) -> Result:
    result: Result = CliRunner().invoke(cli_app.build(), arguments)
    return result


# --- whole processes ---


@pytest.mark.parametrize(("text", "code"), [(GOOD, 0), (BAD, 1), ("[1,", 2)])
def test_exit_codes(text: str, code: int) -> None:
    done = process("check", "-", stdin=text)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_commands_can_be_piped_into_one_another() -> None:
    message = '{"role": "user", "content": "Grüße aus 東京"}'
    rendered = process("render", stdin=message)
    tree = process("parse", "--format", "json", stdin=rendered.stdout)
    ids = process("render", "--to", "ids", stdin=tree.stdout)
    checked = process("check", "-", stdin=ids.stdout)
    assert checked.stdout.splitlines()[0] == "<stdin>: complete (conversation, 1 message)"


def test_output_that_a_stream_cannot_encode() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = process("parse", stdin=GOOD.replace("Hi", "東京"), env=environment)
    assert done.returncode == 0
    assert "\\u6771\\u4eac" in done.stdout


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "long.harmony"
    path.write_text(GOOD * 20_000, encoding="utf-8")
    with subprocess.Popen(  # noqa: S603  our own program
        [*COMMAND, "parse", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait() == 141
    assert said == b""


def test_an_interrupt() -> None:
    program = PROGRAM.replace("main()", "print(flush=True); main()")
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", program, "check", "-"], stdin=pipe, stdout=pipe, stderr=pipe
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        time.sleep(0.5)  # until it reads, or wherever it is by then
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
        assert child.wait() == 130
    assert b"Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(  # noqa: S603  our own program
            [*COMMAND, "check", "-"],
            input=GOOD.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"error: No space left on device\n"


@pytest.mark.parametrize(
    ("redirection", "arguments", "said"),
    [
        (">&-", "--version", "error: standard output is closed: there is nowhere to write to\n"),
        ("<&-", "parse", "error: standard input is closed: name a file\n"),
        ("2>&- <&-", "parse", ""),
    ],
)
def test_closed_streams(redirection: str, arguments: str, said: str) -> None:
    line = f"{sys.executable} -c '{PROGRAM}' {arguments} {redirection}"
    done = subprocess.run(  # noqa: S603  our own program
        ["/bin/sh", "-c", line], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == said


def loaded(*arguments: str) -> set[str]:
    lines = f"import sys\ntry:\n    {PROGRAM}\nfinally:\n    print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", lines, *arguments], capture_output=True, text=True, check=False
    )
    return set(done.stdout.split())


HEAVY = {"numpy", "pydantic", "tiktoken", "llguidance", "rich", "lark", "regex"}


@pytest.mark.parametrize("text", [GOOD, BAD])
def test_a_check_of_text_loads_nothing_heavy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chat.harmony"
    path.write_text(text, encoding="utf-8")
    modules = loaded("check", str(path))
    assert "harmony_grammar.cli.check" in modules
    assert not modules & HEAVY


# --- the application ---


def test_the_version() -> None:
    assert run("--version").stdout == f"harmony-grammar {hg.__version__}\n"


@pytest.mark.parametrize("name", [None, "check", "parse", "render", "format", "tokens"])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_teaches_by_example(name: str | None, flag: str) -> None:
    result = run(*([name] if name else []), flag)
    assert result.exit_code == 0
    assert f"harmony-grammar {name or 'check'} " in result.stdout


def test_no_command_shows_the_help() -> None:
    assert "Commands:" in run().output


def test_an_unknown_command_is_misuse() -> None:
    result = run("chekc")
    assert result.exit_code == 2
    assert "No such command 'chekc'" in result.stderr


def test_completion_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    result = run("--show-completion", "bash")
    assert result.exit_code == 0
    assert "_HARMONY_GRAMMAR" in result.stdout.upper()


def test_only_the_module_of_the_command_that_is_asked_for_is_loaded() -> None:
    assert [command.name for command in cli_app.build(["check"]).registered_commands] == ["check"]
    assert "harmony_grammar.cli.view" not in loaded("check", "--help")
    assert "harmony_grammar.cli.view" in loaded("--help")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    """Run a command that fails."""

    def fail(_: str) -> NoReturn:
        raise error

    monkeypatch.setattr("harmony_grammar.cli.render.read_text", fail)
    return run("render")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
        (BrokenPipeError(), 141, ""),
        (OSError(5, "Input/output error", "a"), 2, "error: a: Input/output error\n"),
        (OSError(5, "Input/output error"), 2, "error: Input/output error\n"),
        (OSError("odd"), 2, "error: OSError\n"),
        (hg.VocabularyError("it is damaged: reinstall"), 2, "error: it is damaged: reinstall\n"),
        (MemoryError(), 2, "error: out of memory: give smaller inputs, or fewer at a time\n"),
        (typer.BadParameter("not so"), 2, "Error: Invalid value: not so\n"),
    ],
)
def test_errors_of_all_kinds(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    result = failing(monkeypatch, error)
    assert result.exit_code == code
    assert result.stderr.endswith(said)
    assert "Traceback" not in result.output


def test_a_fault_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    result = failing(monkeypatch, ZeroDivisionError("by zero"))
    assert result.exit_code == 2
    assert "error: internal error: ZeroDivisionError: by zero\n  hint: " in result.stderr
    assert "HARMONY_GRAMMAR_DEBUG=1" in result.stderr


def test_a_fault_of_our_own_shows_its_traceback_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARMONY_GRAMMAR_DEBUG", "1")
    result = failing(monkeypatch, ZeroDivisionError("by zero"))
    assert isinstance(result.exception, ZeroDivisionError)


def test_main_runs_the_application(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["harmony-grammar", "--version"])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 0
    assert capsys.readouterr().out == f"harmony-grammar {hg.__version__}\n"


def test_closed_output_inside_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as exited:
        cli_app.run()
    assert exited.value.code == 2
    monkeypatch.undo()
    assert "standard output is closed" in capsys.readouterr().err


def test_closed_input_inside_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Misuse, match="standard input is closed: name a file"):
        read_text("-")


def test_reading_from_a_terminal_says_how_to_end_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Keyboard:
        buffer = io.BytesIO(b"text")

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Keyboard())
    assert read_text("-") == "text"
    assert capsys.readouterr().err.startswith("reading from the terminal; end it with Ctrl-D")


def test_main_ends_an_early_interrupt_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_app, "run", interrupt)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 130
