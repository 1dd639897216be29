"""The documents: complete, as the grammar is, and the same as the committed pages."""

from __future__ import annotations

import ast
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from test_cli_commands import run

import harmony_grammar as hg
from harmony_grammar.checking.lint import LINT_RULES
from harmony_grammar.cli.results import ROW_CODES
from harmony_grammar.docs import Format
from harmony_grammar.docs.chart import automaton
from harmony_grammar.docs.derivations import Branch, Derivations
from harmony_grammar.docs.expressions import definition, definitions
from harmony_grammar.docs.files import files
from harmony_grammar.docs.reference import reference

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

ROOT = Path(__file__).parent.parent
GRAMMAR = hg.Grammar.default()
REFERENCE = reference(GRAMMAR)
PAGES = files(GRAMMAR, Format.MARKDOWN)
CODES = list(hg.DiagnosticCode)
FAULTS = {code.value: code.example for code in CODES if code.kind == "error"}
REPAIRS = {code.value: code.example for code in CODES if code.kind == "repair"}
INPUTS = {code.value: code.example for code in CODES if code.kind == "input"}


# --- nothing is left out ---


def headings(page: str) -> list[str]:
    return re.findall(r"^##+ `([^`]+)`$", PAGES[page], re.MULTILINE)


def test_every_rule_is_in_the_reference() -> None:
    rules = {production.rule for production in GRAMMAR.rules.source.productions}
    written = {name for name in rules if not name.startswith("__")}
    assert sorted(headings("rules.md")) == sorted(written)
    for name in written:
        assert f"{name} ::= " in PAGES["rules.md"]
        assert f"diagrams/rule-{name.strip('_')}.svg" in PAGES


def test_every_terminal_is_in_the_reference() -> None:
    assert {entry.name for entry in REFERENCE.terminals} == set(GRAMMAR.rules.terminals)
    for name in GRAMMAR.rules.terminals:
        assert f"<code>{name}</code>" in unescape(PAGES["rules.md"])


def test_every_code_is_in_the_reference() -> None:
    assert sorted(headings("errors.md")) == sorted(code.value for code in CODES)
    assert set(LINT_RULES) == {code for code in CODES if code.kind == "warning"}


@pytest.mark.parametrize("part", ["checking", "reading", "streaming", "bodies", "cli/datasets"])
def test_every_code_that_a_program_spells_is_in_the_reference(part: str) -> None:
    package = Path(hg.__file__).parent
    for path in package.glob(f"{part}/*.py"):
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        words = {node.value for node in tree if isinstance(node, ast.Constant)}
        codes = {word for word in words if re.fullmatch(r"[a-z]+(-[a-z]+)+", str(word))}
        assert codes <= set(headings("errors.md")), path
    assert set(ROW_CODES) <= set(headings("errors.md"))


def test_every_token_is_in_the_reference() -> None:
    ids = {token.id for token in REFERENCE.tokens}
    assert {GRAMMAR.special_tokens[spelling] for spelling in GRAMMAR.rules.specials} <= ids
    assert len(ids) + REFERENCE.reserved == len(GRAMMAR.special_tokens)
    for token in ids:
        assert f"| {token} |" in PAGES["tokens.md"]


def test_every_spelling_with_a_writer_is_listed() -> None:
    for comment in GRAMMAR.rules.comments.values():
        for writer in comment.writers:
            assert writer in PAGES["headers.md"].replace("&#x27;", "'")


def test_every_example_comes_from_its_rule() -> None:
    assert all(example.tree for rule in REFERENCE.rules for example in rule.examples)


# --- the catalogue ---


def told_in(path: Path) -> set[str]:
    """The codes that a module explains."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "") in {"Explanation", "Violation"}]
    return {call.args[0].value for call in named if isinstance(call.args[0], ast.Constant)}  # type: ignore[misc]


def test_every_fault_has_an_example() -> None:
    package = Path(hg.__file__).parent
    told = told_in(package / "reading" / "faults.py") | told_in(
        package / "reading" / "violations.py"
    )
    assert set(FAULTS) == told | {"truncated-header", "truncated-body", "truncated-turn"}


@pytest.mark.parametrize("code", FAULTS)
def test_a_bad_example_gets_its_code_and_a_good_one_none(code: str) -> None:
    start: Start = FAULTS[code].start
    assert [found.code for found in hg.check(FAULTS[code].bad, start).diagnostics] == [code]
    mended = FAULTS[code].good
    assert mended is not None
    good = hg.check(mended, start)
    assert (good.status, good.diagnostics) == ("complete", ())


@pytest.mark.parametrize("code", REPAIRS)
def test_a_bad_example_gets_its_repair(code: str) -> None:
    recovered = hg.recover(REPAIRS[code].bad, REPAIRS[code].start)
    assert code in [str(repair.code) for repair in recovered.repairs]


@pytest.mark.parametrize("code", INPUTS)
def test_a_bad_row_or_prompt_gets_its_code_and_a_good_one_none(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = code in ROW_CODES
    path = Path("rows.jsonl" if row else "prompt.harmony")
    command = ["check", "--quiet"] if row else ["tools"]
    example = INPUTS[code]
    for source, said in ((example.bad, f"{example.said}\n"), (example.good, "")):
        path.write_text(f"{source}\n", encoding="utf-8")
        result = run(*command, str(path))
        assert (result.stdout if row else result.stderr) == said


def test_every_code_has_examples() -> None:
    for entry in REFERENCE.codes:
        assert entry.meaning
        assert entry.bad is not None, entry.code
        assert entry.said


# --- the cheat sheet ---


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which tokens end a generation?", "`<|return|>` ends a generation"),
        ("Which tokens end a generation?", "`<|call|>` ends a generation"),
        ("Which tokens end a generation?", "`<|end|>` ends a message and not the generation"),
        ("Where may a recipient stand?", "directly after `<|start|>assistant`, a channel,"),
        ("What follows the channel token?", "`analysis`, `commentary`, `final` or a word that"),
        ("What does a tool result look like?", "<|start|>functions.f to=assistant<|channel|>"),
    ],
)
def test_the_cheat_sheet_answers(question: str, said: str) -> None:
    assert said in PAGES["cheat-sheet.md"].split(f"## {question}")[1].split("\n## ")[0]


# --- pieces ---


def test_alternatives_of_a_long_rule_stand_below_each_other() -> None:
    lines = next(rule.ebnf for rule in REFERENCE.rules if rule.name == "message").splitlines()
    assert lines[0].startswith("message ::= opening")
    assert all(line.startswith("          | ") for line in lines[1:])


def test_what_lark_allows_is_written() -> None:
    text = 'a: b~2 c~1..3 [d] (e | f g)+ -> x\n!?b: "x"i | "y" | /z/i |\nc: "a".."f"\n'
    written = [definition(name, e) for name, e in definitions(text).items()]
    assert written == [
        "a ::= b{2,2} c{1,3} d? (e | f g)+",
        'b ::= "x" | "y" | /z/i | ()',
        'c ::= "a".."f"',
    ]


def texts(branch: Branch) -> str:
    return (branch.text or "") + "".join(texts(below) for below in branch.below)


def test_a_derivation_holds_the_whole_example() -> None:
    derivations = Derivations(GRAMMAR.rules)
    for name, comment in GRAMMAR.rules.comments.items():
        for example in comment.examples:
            branch = derivations.of(name, example)
            assert branch is not None
            if name in GRAMMAR.rules.body_rules:  # which skips blanks and ends the last line
                assert "".join(texts(branch).split()) == "".join(example.split())
            else:
                assert texts(branch) == example
    assert derivations.of("recipient", GRAMMAR.rules.comments["channel"].examples[0]) is None


def test_an_automaton_is_as_small_as_it_can_be() -> None:
    moves, ends = automaton(definitions('a: ("b" "c" | "d" "c")* "e"?')["a"], lambda _: None)
    assert moves == ({"b": 1, "d": 1, "e": 2}, {"c": 0}, {})
    assert ends == {0, 2}


def test_a_completion_ends_after_a_call_or_a_return_only() -> None:
    boxes = REFERENCE.completion.boxes
    ends = {box.label for box in boxes if any(boxes[a].kind == "end" for a in box.after)}
    assert ends == {"<|call|>", "<|return|>"}
    after_end = next(box for box in boxes if box.label == "<|end|>").after
    assert [boxes[index].label for index in after_end] == ["<|start|>assistant"]


# --- formats ---


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith(".svg")])
def test_a_drawing_is_safe_and_fits_light_and_dark(name: str) -> None:
    root = ET.fromstring(PAGES[name])  # noqa: S314  our own text
    assert root.tag.endswith("svg")
    assert root.get("aria-label")
    assert "prefers-color-scheme: dark" in PAGES[name]
    assert not [element for element in root.iter() if element.tag.endswith("script")]


class Outline(HTMLParser):
    """The names and the links of a page, and what it fetches."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id" and tag != "marker":
                self.names.append(value or "")
            if key == "href":
                self.links.append(value or "")
            if key == "src":
                self.fetched.append(f"{tag} {value}")


def test_the_page_needs_nothing_beside_it() -> None:
    (page,) = files(GRAMMAR, Format.HTML).values()
    outline = Outline()
    outline.feed(page)
    assert outline.fetched == []
    assert len(outline.names) == len(set(outline.names))
    internal = {f"#{name}" for name in outline.names}
    assert [link for link in outline.links if link not in internal] == []


def test_the_data_is_json() -> None:
    (text,) = files(GRAMMAR, Format.JSON).values()
    data = json.loads(text)
    assert {rule["name"] for rule in data["rules"]} >= {"conversation", "call", "body"}
    assert data["completion"][0]["kind"] == "begin"


def test_links_between_pages_lead_somewhere() -> None:
    for text in PAGES.values():
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert link in PAGES, link


def test_the_committed_pages_are_those_that_are_made() -> None:
    folder = ROOT / "docs" / "reference"
    there = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    assert set(there) == set(PAGES), "run `harmony-grammar docs --out docs/reference`"
    for name, path in there.items():
        made = "run `harmony-grammar docs --out docs/reference`"
        assert path.read_text(encoding="utf-8") == PAGES[name], f"{name}: {made}"
