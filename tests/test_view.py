"""The page of a transcript: what it holds, and that nothing in it becomes markup."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from test_cli_commands import run

import harmony_grammar as hg
from harmony_grammar.view.data import fields_of_ids, results, shown, tools, whole
from harmony_grammar.view.page import compact, encoded, page, ranges, safe_json

EXAMPLES = Path(__file__).parent.parent / "examples"
GRAMMAR = hg.Grammar.default()
LINT_EXAMPLES = {code.value: code.example for code in hg.DiagnosticCode if code.kind == "warning"}

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]><svg onload=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt;",
    "\u2028\u2029\0\x1b[2J",
    "{{data}}{{script}}{{hash}}",
    "javascript:alert(1)",
    '"}\\u003c/script>\\',
    "\U0001f600\ud800",
]


def of(source: str | list[int], start: Any = "conversation") -> dict[str, Any]:
    return shown(GRAMMAR, source, hg.check(source, start), "a page")


class Parts(HTMLParser):
    """The elements of a page and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name == "src"]
        if tag == "script":
            self.inside = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


def parts(text: str) -> Parts:
    found = Parts()
    found.feed(text)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_a_transcript_becomes_markup(text: str) -> None:
    plain = parts(page(of("<|start|>user<|message|>Hi<|end|>")))
    data = of(f"<|start|>user<|message|>{text}<|end|>")
    data["title"] = text.encode("utf-8", "replace").decode()
    found = parts(page(data))
    assert found.tags == plain.tags
    assert len(found.scripts) == 2
    assert found.scripts[1] == plain.scripts[1]
    assert json.loads(found.scripts[0])["messages"][0]["text"] == text
    page(data).encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_json_holds_no_markup(text: str) -> None:
    assert not set(safe_json([text])) & set("<>&")
    assert json.loads(safe_json([text])) == [text]


def test_the_policy_allows_one_script_and_no_network() -> None:
    text = page(of("<|start|>user<|message|>Hi<|end|>"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert re.search(r"script-src 'sha256-[\w+/]{43}='$", policy[1])
    assert not re.search(r"https?://", text)


def test_the_script_reads_nothing_as_markup() -> None:
    script = parts(page(of(""))).scripts[1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


# --- what it holds ---


def test_calls_are_joined_to_their_results() -> None:
    call = "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    result = "<|start|>functions.f to=assistant<|channel|>commentary<|message|>1<|end|>"
    text = call + result + result + call + result
    assert results(hg.parse(text).messages) == {1: 0, 4: 3}
    messages = of(text)["messages"]
    assert [(m["call"], m["result"]) for m in messages] == [
        (None, 1), (0, None), (None, None), (None, 4), (3, None),
    ]  # fmt: skip


def test_findings_are_marked_in_code_units() -> None:
    data = of("<|start|>user<|message|>\U0001f600<|channel|>")
    (finding,) = data["findings"]
    begin, end = finding["mark"]
    units = data["rest"].encode("utf-16-le")
    assert units[2 * begin : 2 * end].decode("utf-16-le") == "<|channel|>"
    (warning,) = of("<|start|>user<|message|>\U0001f600 &lt;|end|&gt;<|end|>")["findings"]
    assert (warning["where"], warning["mark"]) == (0, (0, 16))


def marked(data: dict[str, Any]) -> list[tuple[int, str, str]]:
    """The message of each finding, the part of it, and the text that is marked."""
    found = []
    for finding in data["findings"]:
        where, part = finding["where"], finding["part"]
        text = data["rest"] if where == len(data["messages"]) else data["messages"][where][part]
        units = text.encode("utf-16-le")
        begin, end = finding["mark"]
        found.append((where, part, units[2 * begin : 2 * end].decode("utf-16-le")))
    return found


@pytest.mark.parametrize("in_ids", [False, True])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<|start|>user<|message|>\U0001f9d1\u200d\U0001f680<|end|>oops", (1, "text", "oops")),
        ("<|start|>user<|message|>\U0001f680<|channel|>", (0, "text", "<|channel|>")),
        ("<|start|>user<|message|>\U0001f680 &lt;|end|&gt;<|end|>", (0, "text", "\U0001f680 ")),
        ("<|start|>user<|message|>Hi", (0, "text", "")),
        ("<|start|>assistant<|channel|>final<|message|>Hi<|call|>", (0, "text", "<|call|>")),
    ],
)  # fmt: skip
def test_findings_are_marked_where_they_are(
    text: str, expected: tuple[int, str, str], *, in_ids: bool
) -> None:
    data = of(encoded(GRAMMAR, text) if in_ids else text)
    (found,) = marked(data)
    assert found[:2] == expected[:2]
    assert found[2][:2] == expected[2][:2] or found[2] == expected[2][:1]


@pytest.mark.parametrize("code", LINT_EXAMPLES)
def test_warnings_are_marked_in_a_part_of_their_message(code: str) -> None:
    bad, start = LINT_EXAMPLES[code].bad, LINT_EXAMPLES[code].start
    for source in (bad, encoded(GRAMMAR, bad)):
        data = of(source, start)
        assert code in [finding["code"] for finding in data["findings"]]
        assert all(text for _, _, text in marked(data))


def test_bytes_that_are_no_characters_are_counted_as_they_are_shown() -> None:
    vocabulary = GRAMMAR.vocabulary
    (half, *_) = vocabulary.encode("\U0001f9d1")
    head = encoded(GRAMMAR, "<|start|>user<|message|>")
    data = of([*head, half, -1, 199999])
    text = data["messages"][0]["text"] if data["messages"] else data["rest"]
    (finding,) = data["findings"]
    assert finding["mark"][1] <= len(text)


def test_what_cannot_be_read_is_shown() -> None:
    data = of("<|start|>user<|message|>Hi<|end|>oops<|end|>")
    assert data["rest"] == "oops<|end|>"
    (finding,) = data["findings"]
    assert (finding["where"], finding["mark"]) == (1, (0, 1))
    ids = [*hg.encode(hg.parse("<|start|>user<|message|>Hi<|end|>")), 200008]
    assert of(ids)["rest"] == "<|message|>"


def test_an_open_message_is_shown() -> None:
    (message,) = of("<|start|>assistant<|channel|>final<|message|>Once", "prompt")["messages"]
    assert (message["open"], message["text"], message["tone"]) == (True, "Once", "answer")


def test_tools_of_a_message() -> None:
    text = (EXAMPLES / "tool-call-model.harmony").read_text(encoding="utf-8")
    developer = next(
        m for m in hg.parse(text.strip()).messages if m.author.role is hg.Role.DEVELOPER
    )
    (tool,) = tools(GRAMMAR, developer.text)
    assert tool.name == "functions.get_current_weather"
    assert tool.about == "Gets the current weather in the provided location."
    assert tool.takes.startswith("{\n// The city")
    assert tools(GRAMMAR, "# Tools\n\n## python\n\nUse it.") == [("python", "Use it.", "")]
    broken = developer.text.replace("}) => any", "}) =>")
    assert tools(GRAMMAR, broken) == [("functions.get_current_weather", "", "")]
    assert tools(GRAMMAR, "none") == []


def numbers(code: str) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in b64decode(code):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value = shift = 0
    return found


def test_tokens_cover_the_transcript() -> None:
    text = "<|start|>user<|message|>\U0001f9d1\u200d\U0001f680<|end|>oops"
    ids = encoded(GRAMMAR, text)
    assert encoded(GRAMMAR, ids) is ids
    many = [*range(70000), *ids, -1]
    places = [(0, "start")] * 70000 + [(1, "body")] * len(ids) + [(None, "unread")]
    made = compact(GRAMMAR, many, places)
    ranks = [numbers(code) for code in made["codes"]]
    assert [made["ids"][rank] for group in ranks for rank in group] == many
    assert [len(group) for group in ranks] == [70000, len(ids), 1]
    assert [made["parts"][run[0]] for run in made["runs"]] == ["start", "body", "unread"]
    assert made["raw"][ranks[1][3]]
    assert made["texts"][ranks[2][0]] == "(not in the vocabulary)"
    assert {made["ids"][rank] for rank in made["special"]} <= set(GRAMMAR.rules.special_ids)


@pytest.mark.parametrize("in_ids", [False, True])
def test_findings_have_tokens(*, in_ids: bool) -> None:
    text = "<|start|>user<|message|>\U0001f9d1 é<|end|>oops"
    ids = encoded(GRAMMAR, text)
    source = ids if in_ids else text
    spans = [found.span for found in hg.check(source).diagnostics]
    ((begin, end),) = ranges(GRAMMAR, source, ids, spans)
    assert (end, begin) == (begin + 1, ids.index(200007) + 1)
    at_end = hg.Span(len(source), len(source))
    assert ranges(GRAMMAR, source, ids, [at_end]) == [(len(ids) - 1, len(ids))]
    assert ranges(GRAMMAR, "", [], [hg.Span(0, 0)]) == [(0, 0)]


# --- the command ---


def test_a_page_is_written(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = run("view", str(EXAMPLES / "tool-call-model.harmony"), "-o", str(out))
    assert result.exit_code == 0
    assert result.stdout == f"{out}: 8 messages, 0 findings\n"
    data = json.loads(parts(out.read_text(encoding="utf-8")).scripts[0])
    assert len(data["tokens"]["codes"]) == 8


def test_a_page_of_what_is_not_complete() -> None:
    result = run("view", "--no-tokens", stdin="<|start|>user<|message|>Hi")
    assert result.exit_code == 1
    data = json.loads(parts(result.stdout).scripts[0])
    assert "tokens" not in data
    assert data["findings"][0]["code"] == "truncated-body"


def test_a_large_transcript_makes_a_page_not_much_larger(tmp_path: Path) -> None:
    turn = "<|start|>user<|message|>" + "Some words to read. " * 50 + "<|end|>"
    path, out = tmp_path / "large.harmony", tmp_path / "large.html"
    path.write_text(turn * 1000, encoding="utf-8")
    assert run("view", str(path), "-o", str(out)).exit_code == 0
    assert out.stat().st_size < 2 * path.stat().st_size


# --- behind an error ---

BROKEN = (
    "<|start|>user<|message|>hi<|end|>"
    "<|start|>assistant<|channel|>\u2013commentary to=functions.f <|constrain|>json<|message|>{}"
    "<|call|>"
    "oops<|start|>functions.f to=assistant<|channel|>commentary<|message|>r<|end|>"
    "<|start|>assistant<|channel|>final<|message|>The answer<|return|>"
)


def test_what_stands_behind_an_error_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "broken.harmony"
    file.write_text(BROKEN, encoding="utf-8")
    result = run("show", str(file))
    assert result.exit_code == 1
    assert "4. assistant on final\n    The answer\n" in result.stdout
    assert "3. tool functions.f on commentary to assistant (answers 2)" in result.stdout
    for code in ("unknown-channel", "text-between-messages"):
        assert result.stdout.count(f"[{code}]") == 1
    cut = run("show", "-", stdin="<|start|>user<|message|>Hi<|end|><|start|>user<|message|>So")
    assert "2. user\n    So\n" in cut.stdout


@pytest.mark.parametrize("in_ids", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        BROKEN,
        BROKEN.removesuffix("<|return|>"),
        BROKEN + "<|start|>assistant<|channel|>fin",
        "oops",
    ],
)
def test_a_page_has_what_stands_behind_an_error(
    text: str,
    in_ids: bool,  # noqa: FBT001  as given
) -> None:
    source = encoded(GRAMMAR, text) if in_ids else text
    report = whole(GRAMMAR, source, "conversation", hg.check(source))
    data = shown(GRAMMAR, source, report, "a page")
    read = [message["text"] for message in data["messages"] if not message["open"]]
    assert read == ([] if text == "oops" else ["hi", "{}", "r", "The answer"])
    assert data["status"] == "malformed"
    if len(read) > 1:
        assert data["messages"][1]["header"].startswith("<|start|>assistant<|channel|>\u2013")
        assert {"unknown-channel"} <= {finding["code"] for finding in data["findings"]}
        assert (1, "header") in [(f["where"], f["part"]) for f in data["findings"]]
    ids = encoded(GRAMMAR, source)
    places = list(fields_of_ids(GRAMMAR, ids, whole_of_ids(ids).conversation))
    assert len(places) == len(ids)
    page(data)


def whole_of_ids(ids: list[int]) -> hg.Report:
    return whole(GRAMMAR, ids, "conversation", hg.check(ids))


def test_a_page_is_written_of_what_is_broken(tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert run("view", "-", "-o", str(out), stdin=BROKEN).exit_code == 1
    assert "The answer" in out.read_text(encoding="utf-8")


def test_a_complete_transcript_is_read_once() -> None:
    report = hg.check("<|start|>user<|message|>Hi<|end|>")
    assert whole(GRAMMAR, "<|start|>user<|message|>Hi<|end|>", "conversation", report) is report
