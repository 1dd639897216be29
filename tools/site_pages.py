"""For the site: pages that stand elsewhere in the repository, and diagrams in the page's colours.

What is written once is shown from where it is: the changelog, the benchmarks with their plots,
and the grammar. Links between them are made to lead to where they are on the site.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.structure.files import File

from harmony_grammar.docs.drawings import DARK, LIGHT
from harmony_grammar.docs.html import inline

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parent.parent
BENCHMARKS: Final = ROOT / "benchmarks"

# Where what stands elsewhere is on the site.
ELSEWHERE: Final = {
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "harmony_grammar/harmony.lark": "harmony.lark",
}
STYLE: Final = f"""
.drawing {{ {LIGHT}; display: block; overflow-x: auto }}
[data-md-color-scheme="slate"] .drawing {{ {DARK} }}
.drawing svg {{ max-width: 100%; height: auto }}
[data-md-color-scheme] {{
  --md-code-hl-generic-color: var(--md-code-fg-color);
  --md-code-hl-operator-color: var(--md-code-fg-color);
  --md-code-hl-comment-color: #59636e;
}}
[data-md-color-scheme="slate"][data-md-color-primary] {{
  --md-code-hl-comment-color: #9aa4b2;
  --md-code-hl-constant-color: #b8a5ff;
  --md-code-hl-name-color: var(--md-code-fg-color);
  --md-typeset-a-color: #8ab4f8;
}}
.md-typeset h1, .md-typeset h2 {{ color: inherit; font-weight: 400 }}
.md-typeset td code {{ white-space: break-spaces }}
.md-typeset table:not([class]) td {{ min-width: 8rem }}
"""
_TO_ROOT: Final = re.compile(r"\]\(\.\./([^)#]+)")
_BARRED: Final = re.compile(
    r"`([^`\n]*\\\|[^`\n]*)`"
)  # GitHub reads `a\|b` as a bar, others do not
_MARKUP: Final = re.compile(r"[\\*_\[\]]")
_PRINTED: Final = re.compile(r"(<!-- (\w+) -->\n)(.*?)(\n<!-- end of \2 -->)", re.DOTALL)
_DRAWING: Final = re.compile(r'<img alt="[^"]*" src="[^"]*(diagrams/[\w-]+\.svg)" ?/?>')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what stands elsewhere."""
    for path, name in ELSEWHERE.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        made = _benchmarks(text) if path.startswith("benchmarks") else text
        files.append(File.generated(config, name, content=made))
    for plot in _plots():
        files.append(File.generated(config, plot.name, abs_src_path=str(plot)))
    files.append(File.generated(config, "assets/site.css", content=STYLE))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links out of the folder to where their targets are on the site, and show bars."""
    lines = _BARRED.sub(_code, markdown)
    return _TO_ROOT.sub(lambda link: f"]({ELSEWHERE.get(link[1], '../' + link[1])}", lines)


def _code(match: re.Match[str]) -> str:
    text = escape(match[1].replace("\\|", "|"), quote=False).replace("|", "&#124;")
    return f"<code>{_MARKUP.sub(lambda sign: f'&#{ord(sign.group())};', text)}</code>"


def on_page_content(html: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Put the diagrams into their page, whose colours a reader may have changed."""
    folder = Path(config.docs_dir) / Path(page.file.src_uri).parent

    def drawing(match: re.Match[str]) -> str:
        svg = (folder / match[1]).read_text(encoding="utf-8")
        return f'<span class="drawing" tabindex="0">{inline(svg)}</span>'

    return _DRAWING.sub(drawing, html)


def _benchmarks(text: str) -> str:
    """What was printed in columns stays in columns, and the plots follow."""

    def section(match: re.Match[str]) -> str:
        begin, _, printed, end = match.groups()
        plain = not re.search(r"^\|", printed, re.MULTILINE)
        return f"{begin}```text\n{printed}\n```{end}" if plain else match[0]

    plots = (f"![{_title(plot)}]({plot.name})" for plot in _plots())
    return "\n\n".join([_PRINTED.sub(section, text), *plots]) + "\n"


def _plots() -> list[Path]:
    return sorted(BENCHMARKS.glob("*.svg"))


def _title(plot: Path) -> str:
    return plot.stem.replace("_", " ")
