"""Draw the picture of the README: a terminal with what the commands really print.

python tools/draw_picture.py
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE: Final = Path(__file__).parent.parent / "docs" / "assets" / "terminal.svg"
WIDTH: Final = 80
FILES: Final = {
    "bad.harmony": "<|start|>user<|message|>Is 91 prime?<|end|>"
    "<|start|>assistant<|channel|>anaylsis<|message|>91 = 7 * 13.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>No.<|return|>",
    "good.harmony": "<|start|>user<|message|>What is the weather in Paris?<|end|>"
    "<|start|>assistant<|channel|>analysis<|message|>I have a tool for that.<|end|>"
    "<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    '{"city": "Paris"}<|call|>'
    "<|start|>functions.get_weather to=assistant<|channel|>commentary<|message|>"
    '{"sky": "sunny", "celsius": 24}<|end|>'
    "<|start|>assistant<|channel|>final<|message|>Sunny, at 24 °C.<|return|>",
}
COMMANDS: Final = ("harmony-grammar check bad.harmony", "harmony-grammar show good.harmony")
_FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # they would be fetched


def drawn() -> str:
    """The picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in _lines():
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="harmony-grammar", unique_id="terminal")
    return _FONTS.sub("", svg).replace(" \n", "\n").strip() + "\n"


def _lines() -> Iterator[Text]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        for command in COMMANDS:
            yield Text.assemble(("$ ", "dim"), (command, "bold"))
            yield Text.from_ansi(_printed(command, folder).rstrip())
            yield Text()


def _printed(command: str, folder: str) -> str:
    """What a command prints to a terminal."""
    ours, theirs = pty.openpty()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"PATH": path, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603  our own commands
        command.split(), cwd=folder, env=environment, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        printed = b"".join(_read(ours))
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # nobody holds the other end any more
            return
        if not data:
            return
        yield data


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(), encoding="utf-8", newline="\n")
    print(f"{PICTURE}: drawn")
