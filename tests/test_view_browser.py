"""The page in a browser: keyboard, mouse, findings, and no script but its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import CHROMIUM, Browser
from test_cli_commands import run
from test_docs import PAGES
from test_view import HOSTILE

import harmony_grammar as hg
from harmony_grammar.docs.html import page

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent.parent / "examples"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def page_of(folder: Path, text: str) -> Path:
    source, out = folder / "chat.harmony", folder / "chat.html"
    source.write_text(text, encoding="utf-8")
    run("view", str(source), "-o", str(out))
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("view")
    text = (EXAMPLES / "tool-call-model.harmony").read_text(encoding="utf-8")
    with Browser(folder / "profile", page_of(folder, f"{text.rstrip()}oops")) as page:
        yield page


def test_tabs_by_keyboard_and_mouse(browser: Browser) -> None:
    browser.point("#tab-1", click=True)
    assert browser.run("!document.querySelector('#panel-1').hidden")
    browser.press("ArrowRight")
    assert browser.run("document.activeElement.id") == "tab-2"
    assert browser.run("document.querySelectorAll('.tree').length") == 8
    browser.press("ArrowRight")
    assert browser.run("document.activeElement.id") == "tab-0"
    browser.press("End")
    assert browser.run("document.querySelector('#tab-2').getAttribute('aria-selected')") == "true"
    browser.press("Home")


def test_reasoning_is_folded(browser: Browser) -> None:
    browser.point("#tab-0", click=True)
    assert browser.run("document.querySelectorAll('.fold:not([open])').length") == 2
    browser.run("document.querySelector('#fold').focus()")
    browser.press("Enter")
    assert browser.run("document.querySelectorAll('.fold[open]').length") == 2
    browser.point("#fold", click=True)
    assert browser.run("document.querySelectorAll('.fold[open]').length") == 0


def test_a_finding_is_jumped_to(browser: Browser) -> None:
    browser.point("#tab-2", click=True)
    browser.click_until("#findings button", "document.activeElement.tagName === 'MARK'")
    assert browser.run("document.activeElement.textContent") == "o"
    assert browser.run("!document.querySelector('#panel-0').hidden")


def test_a_call_leads_to_its_result(browser: Browser) -> None:
    browser.point("#tab-0", click=True)
    browser.click_until("#message-4 a", "document.activeElement.id === 'message-5'")


def test_tokens_say_what_they_are(browser: Browser) -> None:
    browser.point("#tab-1", click=True)
    browser.wait("document.querySelector('.reel .token') !== null")
    browser.point(".reel .token", click=False)
    said = "document.querySelector('#about').textContent"
    assert browser.run(said).startswith("id 200006, bytes 3c 7c 73")
    browser.run("document.querySelector('.reel').focus()")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    assert browser.run(said).endswith("part: author")


def test_no_errors_and_nothing_fetched(browser: Browser) -> None:
    browser.run("1")
    assert browser.said == []
    assert all(url.startswith(("file:", "about:")) for url in browser.fetched)


def test_hostile_text_runs_nothing(tmp_path: Path) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in HOSTILE]
    turns = "".join(f"<|start|>user<|message|>{text}<|end|>" for text in texts)
    with Browser(tmp_path / "profile", page_of(tmp_path, turns)) as opened:
        shown = opened.run("[...document.querySelectorAll('.text')].map(e => e.textContent)")
        assert shown == [text.replace("\r\n", "\n") for text in texts]
        opened.point("#tab-1", click=True)
        opened.point("#tab-2", click=True)
        assert (
            opened.run("document.querySelectorAll('main img, main svg, main script').length") == 0
        )
        assert opened.run("document.scripts.length") == 2
        assert opened.said == []


def long_page(folder: Path) -> Path:
    turn = "<|start|>user<|message|>Hi {}<|end|><|start|>assistant<|channel|>final<|message|>"
    turns = [turn.format(n) + "Some words. " * 300 + "<|end|>" for n in range(1000)]
    return page_of(folder, "".join([*turns, "<|start|>user<|message|>&lt;|end|&gt;<|end|>oops"]))


def test_a_long_transcript_is_made_as_it_is_read(tmp_path: Path) -> None:
    made = "document.querySelectorAll('article').length"
    with Browser(tmp_path / "profile", long_page(tmp_path)) as opened:
        assert opened.run("TOGETHER") <= opened.run(made)
        opened.click_until("#findings button", "document.activeElement.tagName === 'MARK'")
        opened.wait(f"{made} === 2002")  # by and by, so that it can be searched
        opened.run("document.querySelector('#tab-1').click()")
        opened.run("window.dispatchEvent(new Event('beforeprint'))")
        assert opened.run("document.querySelectorAll('.tokens').length") == 2002
        assert opened.said == []


def test_printing_makes_all_of_it(tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", long_page(tmp_path)) as opened:
        opened.run("chunks[0].rest = () => 0")  # nothing is made by and by
        opened.run("window.dispatchEvent(new Event('beforeprint'))")
        assert opened.run("document.querySelectorAll('article').length") == 2002
        assert opened.run("document.querySelectorAll('.fold:not([open])').length") == 0


def test_a_long_text_is_shown_whole(tmp_path: Path) -> None:
    text = "A line of words.\n" * 3000 + "word " * 9000 + "x" * 45000
    page = page_of(tmp_path, f"<|start|>user<|message|>{text}<|end|>")
    with Browser(tmp_path / "profile", page) as opened:
        assert opened.run("document.querySelectorAll('.piece').length") > 5
        assert opened.run("document.querySelector('.text').textContent") == text


def test_findings_in_ids_are_marked(tmp_path: Path) -> None:
    ids = hg.encode(hg.parse("<|start|>user<|message|>Hi \U0001f9d1\u200d\U0001f680<|end|>"))
    page = page_of(tmp_path, json.dumps([*ids, 12194]))
    with Browser(tmp_path / "profile", page) as opened:
        opened.click_until("#findings button", "document.activeElement.tagName === 'MARK'")
        assert opened.run("document.activeElement.textContent") == "Hi"
        opened.click_until("#tab-1", "document.querySelector('.token.found') !== null")
        assert opened.run("document.querySelector('.token.found').textContent") == "Hi"


def test_many_findings_are_shown_when_asked_for(tmp_path: Path) -> None:
    page = page_of(tmp_path, "<|start|>user<|message|>&lt;|end|&gt;<|end|>" * 30)
    with Browser(tmp_path / "profile", page) as opened:
        assert opened.run("document.querySelectorAll('#findings li').length") == 5
        assert opened.run("document.querySelectorAll('#findings p').length") == 1
        opened.click_until("#all", "document.querySelectorAll('#findings li').length === 30")
        assert opened.run("document.activeElement.closest('li').previousSibling !== null")


def test_everybody_can_use_it(browser: Browser) -> None:
    for tab in range(3):
        browser.point(f"#tab-{tab}", click=True)
        assert browser.violations() == []
        assert browser.violations("dark", "color-contrast") == []


def test_everybody_can_use_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "reference.html"
    # Every kind of thing that the pages have; all of the rules and codes take long to look at.
    some = ("cheat-sheet.md", "completion.md", "headers.md", "tokens.md")
    path.write_text(page("A format", {name: PAGES[name] for name in some}, PAGES), "utf-8")
    with Browser(tmp_path / "profile", path) as shown:
        assert shown.violations() == []
        assert shown.violations("dark", "color-contrast") == []
        assert shown.said == []


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    text = (EXAMPLES / "tool-call-model.harmony").read_text(encoding="utf-8")
    long = f"<|start|>user<|message|>{'x' * 500}<|end|>"
    with Browser(tmp_path / "profile", page_of(tmp_path, text.rstrip() + long), width) as page:
        for tab in range(3):
            page.point(f"#tab-{tab}", click=True)
            assert page.run("document.documentElement.scrollWidth") <= width
