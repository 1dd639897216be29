"""The README tells the truth: its programs run and its output is what is printed."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_programs_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for program in PROGRAMS:
        exec(program, names)  # noqa: S102  our own text
        said = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
        assert said
        assert capsys.readouterr().out.splitlines() == said
    assert len(PROGRAMS) == 6


def test_the_picture_shows_what_is_printed() -> None:
    path = ROOT / "tools" / "draw_picture.py"
    drawn: str = runpy.run_path(str(path))["drawn"]()
    shown = (ROOT / "docs" / "assets" / "terminal.svg").read_text(encoding="utf-8")
    assert texts(shown) == texts(drawn), "run `python tools/draw_picture.py`"
    assert set(re.findall(r"https?://[^/\s]+", shown)) <= {
        "http://www.w3.org",
        "https://www.textualize.io",  # in a comment
    }


def texts(picture: str) -> list[str]:
    return re.findall(r"<text [^>]*>(.*?)</text>", picture)


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_command_is_listed() -> None:
    commands = {info.name for info in build().registered_commands if not info.hidden}
    listed = set(re.findall(r"^\| `([a-z-]+)", README, re.MULTILINE))
    assert listed == commands
