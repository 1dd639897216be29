"""The site: its programs run, its pages are found, and it builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import harmony_grammar as hg

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WRITTEN = [path for path in DOCS.glob("*.md") if "```python" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_the_programs_run_one_after_another(path: Path) -> None:
    names: dict[str, object] = {}
    for program in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        exec(program, names)  # noqa: S102  our own text


def test_every_page_of_the_reference_is_on_the_site() -> None:
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for path in (DOCS / "reference").glob("*.md"):
        assert f"reference/{path.name}" in listed


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "api" / "index.html").read_text(encoding="utf-8")
    for name in hg.__all__:
        assert f'id="harmony_grammar.{name}"' in api, name
