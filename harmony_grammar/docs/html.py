"""The reference as one page of HTML that needs nothing beside it."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

from markdown_it import MarkdownIt

from harmony_grammar.docs.drawings import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from markdown_it.token import Token

__all__ = ["inline", "page"]

_STYLE: Final = f"""
:root {{ {LIGHT}; color-scheme: light dark }}
@media (prefers-color-scheme: dark) {{ :root {{ {DARK} }} }}
* {{ box-sizing: border-box }}
body {{
  margin: 0 auto; max-width: 60rem; padding: 1rem; overflow-wrap: anywhere;
  font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
}}
a {{ color: var(--link) }}
h1 {{ margin-top: 3rem }}
h2 {{ margin-top: 2.2rem; border-bottom: 1px solid var(--line); font-size: 1.3rem }}
code, pre {{ font: 0.9em/1.45 ui-monospace, monospace; background: var(--code) }}
code {{ padding: 0.1em 0.25em; border-radius: 4px; white-space: break-spaces }}
pre {{ padding: 0.7rem; overflow-x: auto; border-radius: 6px; white-space: pre }}
pre code {{ padding: 0; white-space: pre }}
figure {{ margin: 1rem 0; overflow-x: auto }}
.scroll {{ overflow-x: auto }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left;
  overflow-wrap: normal }}
nav ul {{ columns: 16rem; padding-left: 1.2rem }}
figure svg {{ max-width: 100%; height: auto }}
@media (max-width: 30rem) {{
  h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.1rem }}
  table, tbody, tr, td {{ display: block }} thead {{ display: none }}
  td {{ border-block: 0 }} td:empty {{ display: none }} tr {{ border-block: 1px solid var(--line) }}
  td + td::before {{ content: attr(data-column) ": "; color: var(--faint) }}
}}
@media print {{ pre {{ white-space: pre-wrap }} }}
"""
_COLOURS: Final = re.compile(r"\nsvg \{.*\}\n@media[^\n]*\n")
_WIDTH: Final = re.compile(r' width="([\d.]+)"')
_LEAST: Final = 0.57  # how far a drawing may shrink before its words are too small to read


def page(title: str, pages: Mapping[str, str], drawings: Mapping[str, str]) -> str:
    """One page of HTML with everything in it.

    Args:
        title: the title.
        pages: the Markdown pages by their file names.
        drawings: the drawings that they show, by their file names.
    """
    writer = _PageWriter(drawings)
    sections = [
        f'<section id="{_anchor(name)}">\n{writer.render(text)}</section>'
        for name, text in pages.items()
        if name != "index.md"
    ]
    return "\n".join([*_head(title), *writer.contents(), *sections, "</main></body></html>"]) + "\n"


def inline(drawing: str) -> str:
    """A drawing to stand in a page, which has the colours and may be too narrow for it."""

    def least(match: re.Match[str]) -> str:
        return f'{match[0]} style="min-width: {_LEAST * float(match[1]):.0f}px"'

    return _WIDTH.sub(least, _COLOURS.sub("\n", drawing), count=1)


def _head(title: str) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>\n<style>{_STYLE}</style></head>"
    yield f"<body><main><h1>{escape(title)}</h1>"


def _anchor(name: str) -> str:
    return "page-" + name.removesuffix(".md")


class _PageWriter:
    """Markdown to HTML, with drawings in place and links within the page."""

    def __init__(self, drawings: Mapping[str, str]) -> None:
        self._drawings = drawings
        self._headings: list[tuple[str, str, str]] = []
        self._seen: set[str] = set()
        self._markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        rules: dict[str, Any] = self._markdown.renderer.rules  # type: ignore[attr-defined]
        rules["image"] = self._image
        rules["fence"] = _block
        rules["table_open"] = lambda *_: '<div class="scroll" tabindex="0" role="group"><table>\n'
        rules["table_close"] = lambda *_: "</table></div>\n"

    def render(self, text: str) -> str:
        """A page as HTML."""
        tokens = self._markdown.parse(text)
        for index, token in enumerate(tokens):
            if token.type == "heading_open":
                token.attrSet("id", self._named(token.tag, tokens[index + 1].content))
            for child in token.children or ():
                if child.type == "link_open":
                    child.attrSet("href", _within(str(child.attrGet("href"))))
        _name_columns(tokens)
        options, env = self._markdown.options, dict[str, Any]()
        html: str = self._markdown.renderer.render(tokens, options, env)
        return html.replace("<p><figure", "<figure").replace("</figure></p>", "</figure>")

    def _named(self, tag: str, title: str) -> str:
        """The name of a heading, unlike all before it."""
        plain = title.replace("`", "")
        name = re.sub(r"[^\w-]+", "-", plain.lower()).strip("-") or "section"
        while name in self._seen:
            name += "-"
        self._seen.add(name)
        self._headings.append((tag, name, plain))
        return name

    def contents(self) -> Iterator[str]:
        """The table of contents."""
        yield '<nav aria-label="Contents">'
        for tag, name, title in self._headings:
            if tag == "h1":
                yield f'<p><a href="#{name}">{escape(title)}</a></p>'
        yield "</nav>"

    def _image(self, tokens: Sequence[Token], index: int, *_: object) -> str:
        token = tokens[index]
        drawing = self._drawings[str(token.attrGet("src"))]
        return f'<figure tabindex="0">{inline(drawing)}</figure>'


def _name_columns(tokens: Sequence[Token]) -> None:
    """Give each cell of a table the title of its column, for windows too narrow for columns."""
    titles, column = list[str](), 0
    for index, token in enumerate(tokens):
        if token.type == "thead_open":
            titles = []
        elif token.type == "th_open":
            titles.append(tokens[index + 1].content)
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-column", titles[column])
            column += 1


def _block(tokens: Sequence[Token], index: int, *_: object) -> str:
    """A block of code, which the keyboard can scroll."""
    return f'<pre tabindex="0"><code>{escape(tokens[index].content)}</code></pre>\n'


def _within(link: str) -> str:
    """A link between pages as one within the page."""
    name, _, heading = link.partition("#")
    return f"#{heading}" if heading or not name.endswith(".md") else f"#{_anchor(name)}"
