"""The command line, `harmony-grammar`: the only part of the package that reads and writes files.

Each command is a module of its own with a `register(app)`; `app` lists them. What a command
needs beyond the standard library and typer it imports when it runs, so that a check of a small
text starts fast.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; the console script."""
    try:
        from harmony_grammar.cli.app import run  # noqa: PLC0415  an interrupt may come while loading

        run()
    except KeyboardInterrupt:
        sys.exit(130)
