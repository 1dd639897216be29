"""The site: its code runs, its pages and links are found, and it builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pages import blocks, played

import harmony_grammar as hg
from harmony_grammar import openai as hgo

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
WRITTEN = sorted(path for path in DOCS.rglob("*.md") if REFERENCE not in path.parents)
SHOWN = [*WRITTEN, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "benchmarks/README.md"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_what_a_page_shows_is_what_happens(path: Path, tmp_path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert played(page, tmp_path) == page


@pytest.mark.parametrize("path", SHOWN, ids=name_of)
def test_every_block_is_of_a_kind_that_is_run(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    kinds = re.findall(r"^```(\w*)[^\n]*\n.*?^```$", page, re.DOTALL | re.MULTILINE)
    plain = {"", "text"} if path.name in {"README.md", "design.md"} else {"text"}
    assert set(kinds) <= {"python", "console", "bash", "json", "toml"} | plain
    for block in blocks(page, "bash"):  # these set up what everything else runs in
        assert "python -m venv" in block.replace("python3", "python")


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    wrong = "```python\nprint(1)\n```\n\n```text\n2\n```\n"
    assert played(wrong, tmp_path) == wrong.replace("2\n", "1\n")
    shell = "```console\n$ echo 1; echo 2 >&2\n3\n```\n"
    assert played(shell, tmp_path) == shell.replace("3\n", "1\n2\n")
    with pytest.raises(AssertionError, match="is printed: 1"):
        played("```python\nprint(1)\n```\n", tmp_path)


@pytest.mark.parametrize("path", SHOWN, ids=name_of)
def test_links_to_elsewhere_are_whole(path: Path) -> None:
    for link in re.findall(r"\]\(((?:\w+:|//)[^)]*)\)", path.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link
        assert not re.search(r"[\s<>\"]|[.,;]$", link), link


def test_every_public_name_is_described_once() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: harmony_grammar\.(\w+)$", page, re.MULTILINE)
    listed.remove("strategies")  # a module of its own, since it needs hypothesis
    assert sorted(listed) == sorted(hg.__all__), "docs/api.md has every name of `__all__` once"
    listed = re.findall(r"^::: harmony_grammar\.openai\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(hgo.__all__), "and those of `harmony_grammar.openai`"


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    # Its settings let every link and anchor that leads nowhere be a warning, and so an error.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    pages = {path.parent.name: path.read_text("utf-8") for path in tmp_path.rglob("index.html")}
    for name in hg.__all__:
        assert pages["api"].count(f'id="harmony_grammar.{name}"') == 1, name
    for page in (
        "design",
        "benchmarks",
        "changelog",
        "validate",
        "sampler",
        "recover",
        "migrate",
        "prompts",
    ):
        assert page in pages
    assert pages["benchmarks"].count(".svg") == len([*(ROOT / "benchmarks").glob("*.svg")])
    assert pages["rules"].count("<svg") > len(hg.Grammar.default().rules.source.productions) / 10
    assert "\\|" not in pages["differences"]
    fetched = re.findall(r'(?:src|href)="(https?:[^"]*)"', "".join(pages.values()))
    assert all(urlsplit(link).netloc in {"github.com", "squidfunk.github.io"} for link in fetched)
