"""The application: its commands, and what becomes of every error.

Exit codes: 0 all is well; 1 there are findings; 2 the command was misused or an input could not
be read. An interrupt is 130, being told to end 143 and a reader that went away 141, as shells
have it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from harmony_grammar import HarmonyError, __version__
from harmony_grammar.cli.output import (
    INTERRUPTED,
    MISUSE,
    READER_GONE,
    TERMINATED,
    Misuse,
    Terminated,
    complain,
    one_line,
)

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["COMMANDS", "build", "run"]

PROGRAM: Final = "harmony-grammar"

# The commands in the order of the help, and the modules that have a `register(app)` for them.
COMMANDS: Final = {
    **{name: name for name in ("check", "parse", "render", "convert", "format", "recover")},
    "tokens": "tokens",
    **dict.fromkeys(("next", "sample", "validate-completion"), "constrained"),
    **{name: name for name in ("tools", "show", "view")},
    **dict.fromkeys(("explain", "grammar", "docs"), "reference"),
}

# With this variable set, an error of the program itself shows its traceback.
_DEBUG: Final = "HARMONY_GRAMMAR_DEBUG"


class _Group(TyperGroup):
    """The commands, with every error turned into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return self._flushed(ctx)
        except Terminated:
            complain("terminated")
            raise typer.Exit(TERMINATED) from None
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _silence()
            raise typer.Exit(READER_GONE) from None
        except (Misuse, HarmonyError) as error:
            complain(str(error))
            raise typer.Exit(MISUSE) from None
        except OSError as error:
            _silence()
            complain(_said(error))
            raise typer.Exit(MISUSE) from None
        except MemoryError:
            complain("out of memory: give smaller inputs, or fewer at a time")
            raise typer.Exit(MISUSE) from None
        except Exception as error:  # noqa: BLE001  no error may end in a traceback
            _unexpected(error)

    def _flushed(self, ctx: Any) -> Any:
        """Run a command and write out all that it said, so that a failure to is seen here."""
        try:
            return super().invoke(ctx)
        finally:
            sys.stdout.flush()


def _said(error: OSError) -> str:
    """What the system says, and about which file."""
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f"{one_line(str(error.filename))}: {reason}"


def _unexpected(error: Exception) -> NoReturn:
    """Let typer's own exceptions through; say of any other that it is our fault."""
    own = type(error).__module__.partition(".")[0] in {"typer", "click"}
    if own or os.environ.get(_DEBUG):
        raise error
    complain(
        f"internal error: {type(error).__name__}: {error}\n"
        f"  hint: this is a fault of {PROGRAM}; please report it with what {_DEBUG}=1 prints"
    )
    raise typer.Exit(MISUSE) from None


def _silence() -> None:
    """The output cannot be written, so that flushing it at exit must not fail once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(value: bool) -> None:  # noqa: FBT001  typer calls it with the option's value
    if value:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _root(
    *,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Check, read and write transcripts in OpenAI's harmony format.

    The format is what the gpt-oss models read and write. Every command takes
    files, or - for what is piped in: decoded text, or token ids as a JSON list
    or separated by white space.

    \b
    Check some transcripts:       harmony-grammar check examples/*.harmony
    Check what a model sampled:   harmony-grammar check --start completion out.txt
    See the messages of one:      harmony-grammar parse chat.harmony
    Write messages as token ids:  harmony-grammar render --to ids messages.json

    Exit codes: 0 all is well, 1 there are findings, 2 misuse or unreadable input.
    """  # noqa: D301  the escape tells typer to keep the lines


def build(commands: Collection[str] = COMMANDS.keys()) -> typer.Typer:
    """The application.

    Args:
        commands: the commands that it has; a module that none of them needs is not loaded.
    """
    app = typer.Typer(
        cls=_Group,
        name=PROGRAM,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Boxes and colours are for people; a pipe gets plain lines.
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in dict.fromkeys(COMMANDS[name] for name in commands):
        import_module(f"{__package__}.{module}").register(app)
    return app


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def run() -> None:
    """Run the application on the arguments of the process."""
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for good
    if sys.stdout is None:
        complain("standard output is closed: there is nowhere to write to")
        sys.exit(MISUSE)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    named = [name for name in sys.argv[1:2] if name in COMMANDS]
    build(named or COMMANDS.keys())(prog_name=PROGRAM)
