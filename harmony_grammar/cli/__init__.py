"""The command line, `harmony-grammar`: the only part of the package that reads and writes files.

A command is in a module with a `register(app)`; `app` lists them, and loads the one that is
asked for, so that a check of a small text starts fast. For a list of all commands all are loaded,
so that what is large, such as numpy, is imported when a command runs.
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
