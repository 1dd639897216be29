"""Pages whose code is run: what they show is what happens.

The blocks of a page run one after another, in one folder and, those of Python, in one program:

- a block with a title is a file of that name;
- `python` runs, and what it prints is in a block of `text` right after it;
- `console` has commands after `$ `, each followed by what it prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = re.compile(
    r"^```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def played(page: str, folder: Path) -> str:
    """A page with what its code really prints.

    Args:
        page: the page.
        folder: an empty folder.
    """
    return _Player(folder).page(page)


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of one kind in a page."""
    return [match["body"] for match in _BLOCK.finditer(page) if match["kind"] == kind]


class _Player:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, object] = {"__name__": "a page"}
        self._printed = ""

    def page(self, page: str) -> str:
        made, at = [], 0
        with _inside(self._folder):
            for match in _BLOCK.finditer(page):
                body = self._body(match)
                made += [page[at : match.start("body")], body]
                at = match.end("body")
        assert not self._printed, f"nothing shows that this is printed: {self._printed}"
        return "".join([*made, page[at:]])

    def _body(self, match: re.Match[str]) -> str:
        kind, body = match["kind"], match["body"]
        if self._printed:
            assert kind == "text", f"nothing shows that this is printed: {self._printed}"
            body, self._printed = self._printed, ""
        elif match["title"]:
            if kind == "python":
                compile(body, match["title"], "exec")
            (self._folder / match["title"]).write_text(body, encoding="utf-8")
        elif kind == "python":
            self._printed = self._python(body)
        elif kind == "console":
            body = "".join(self._console(body))
        return body

    def _python(self, program: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(program, self._names)  # noqa: S102  our own text
        return printed.getvalue()

    def _console(self, body: str) -> Iterator[str]:
        for command in re.findall(r"^\$ (.*)\n", body, re.MULTILINE):
            yield f"$ {command}\n"
            yield _run(command, self._folder)


def _run(command: str, folder: Path) -> str:
    """What a command prints, to whichever of the two streams."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603  our own text
        ["bash", "-c", command],  # noqa: S607
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
