"""Hostile and broken input: nothing is opened, nothing takes long, nothing is left behind.

Each case has a neighbour beside it that is harmless and must still be judged.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.bodies import read_body
from harmony_grammar.grammar import whole_text
from harmony_grammar.masking.prompt import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASSISTANT = "<|start|>assistant"
USER = "<|start|>user<|message|>Hi<|end|>"


def developer(body: str) -> str:
    return f"<|start|>developer<|message|>{body}<|end|>"


def tools(*declarations: str) -> str:
    """A developer message with a block of functions."""
    block = "\n\n".join(declarations)
    return developer(
        f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{block}\n\n}} // namespace functions"
    )


def body_of(message: str) -> str:
    return message.partition("<|message|>")[2].removesuffix("<|end|>")


def formats(schema: Any) -> str:
    return developer(f"# Response Formats\n\n## n\n\n{json.dumps(schema)}")


def call(arguments: Any, name: str = "functions.f") -> str:
    said = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return f"{ASSISTANT}<|channel|>commentary to={name} <|constrain|>json<|message|>{said}<|call|>"


def answer(value: Any) -> str:
    return f"{ASSISTANT}<|channel|>final<|message|>{json.dumps(value)}<|return|>"


def codes(text: str) -> list[str]:
    return [found.code for found in hg.check(text).diagnostics]


# --- counting work ---


def work(run: Callable[[], object]) -> int:
    """How many calls a run makes, of functions of Python and of others."""
    calls = 0

    def called(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def assert_linear(run: Callable[[int], object], size: int) -> None:
    """Twice the input takes no more than a little over twice the work."""
    run(size)  # what is made once
    once, twice = work(lambda: run(size)), work(lambda: run(2 * size))
    assert twice < 2.5 * once, (once, twice)


# --- nothing is opened ---

WATCHED = """
import json, sys
import harmony_grammar as hg

ASSISTANT = "<|start|>assistant"

def developer(reference):
    schema = json.dumps({"$ref": reference})
    return (
        "<|start|>developer<|message|># Tools\\n\\n## functions\\n\\n"
        "namespace functions {\\n\\n"
        "type f = (_: {\\na: string, // pattern: \\"^a\\"\\n}) => any;\\n\\n"
        "} // namespace functions"
        "\\n\\n# Response Formats\\n\\n## n\\n\\n" + schema + "<|end|>"
    )

def everything(reference):
    prompt = developer(reference)
    text = prompt + ASSISTANT + '<|channel|>final<|message|>"x"<|return|>'
    called = prompt + ASSISTANT + ' to=functions.f<|channel|>commentary json<|message|>{"a": "b"}'
    called += "<|call|>"
    for source in (text, called):
        found.append([d.code for d in hg.check(source).diagnostics])
        recovery = hg.recover(source)
        for schema in ({"type": "object"}, {"$ref": reference}):
            try:
                recovery.tool_calls({"f": schema})
            except ValueError:
                pass
        grammar = hg.Grammar.default()
        shown(grammar, source, grammar.check(source), "a page")
    try:
        hg.Constraint.from_prompt(prompt + ASSISTANT)
    except hg.HarmonyError:
        pass

from harmony_grammar.view.data import shown
found = []
for reference in ("#", "#/b"):  # what is loaded and made once
    everything(reference)
opened = []

def watch(event, arguments):
    if event in ("open", "urllib.Request") or event.startswith(("socket.", "os.", "subprocess.")):
        opened.append((event, str(arguments)))

sys.addaudithook(watch)
for reference in ("http://127.0.0.1:9/x", "file:///etc/hostname", "a.json", "#/a", "urn:x"):
    everything(reference)
print(json.dumps([opened, found]))
"""


def test_nothing_that_reads_opens_a_file_or_a_socket() -> None:
    done = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", WATCHED], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    opened, found = json.loads(done.stdout)
    assert opened == []
    assert ["invalid-arguments"] in found
    assert ["broken-format"] not in found


def test_a_reference_within_the_schema_is_followed() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"const": "y"}}}
    assert codes(formats(schema) + answer("x")) == ["broken-format"]
    assert codes(formats(schema) + answer("y")) == []


# --- nothing takes longer than the input is long ---


@pytest.mark.parametrize("size", [20, 30, 60])
def test_a_pattern_of_a_tool_is_searched_for_in_linear_time(size: int) -> None:
    pattern = f"^{'a?' * size}{'a' * size}$"
    said = tools(f'type f = (_: {{\na: string, // pattern: "{pattern}"\n}}) => any;')
    assert codes(said + call({"a": "a" * (size - 1) + "b"})) == ["invalid-arguments"]
    assert codes(said + call({"a": "a" * (size + 1)})) == []


@pytest.mark.parametrize("size", [20, 40, 5000])
@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {"^(a+)+$": False}, "additionalProperties": False},
        {"propertyNames": {"pattern": "^(a+)+$"}},
        {"patternProperties": {"^(a+)+$": True}, "unevaluatedProperties": False},
    ],
)
def test_patterns_of_names_are_searched_for_in_linear_time(schema: Any, size: int) -> None:
    assert codes(formats(schema) + answer({"a" * size + "!": 1})) == ["broken-format"]
    assert codes(formats({**schema, "patternProperties": {}}) + answer({})) == []


def doubling(depth: int) -> dict[str, Any]:
    """A schema that refers to itself twice as often with each definition."""
    names = [f"d{level}" for level in range(depth)]
    twice = {
        name: {"anyOf": [{"$ref": f"#/$defs/{below}"}, {"$ref": f"#/$defs/{below}"}]}
        for name, below in zip(names, [*names[1:], "end"], strict=True)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**twice, "end": {"type": "null"}}}


def test_references_that_double_have_one_budget() -> None:
    assert codes(formats(doubling(60)) + answer(1)) == []  # cannot be told
    assert codes(formats(doubling(3)) + answer(1)) == ["broken-format"]
    many = "".join(call({"a": 1}) for _ in range(50))
    said = tools("type f = (_: any) => any;") + formats(doubling(60))
    assert work(lambda: hg.check(said + many + answer(1))) < 6_000_000


def test_calls_of_tools_that_are_not_declared_take_linear_time() -> None:
    def run(size: int) -> hg.Report:
        said = tools(*(f"type f{i} = () => any;" for i in range(size)))
        return hg.check(said + "".join(call("{}", f"functions.g{i}") for i in range(size)))

    assert_linear(run, 150)
    report = run(300)
    assert [found.code for found in report.diagnostics] == ["undeclared-tool"] * 300
    assert sum(len(found.hint or "") for found in report.diagnostics) < 300 * 400
    (found,) = hg.check(tools("type f = () => any;") + call("{}", "functions.g")).diagnostics
    assert found.hint == "did you mean `functions.f`?"


def test_calls_of_tools_of_many_messages_take_linear_time() -> None:
    fresh = count()

    def run(size: int) -> hg.Report:
        names = [f"f{next(fresh)}" for _ in range(size)]
        said = [tools(f"type {name} = (_: {{\na: number,\n}}) => any;") for name in names]
        return hg.check("".join(said + [call({"a": "x"}, f"functions.{name}") for name in names]))

    assert [found.code for found in run(70).diagnostics] == ["invalid-arguments"] * 70
    assert_linear(run, 140)


# --- values of any size ---


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "1e400", "-1e999"])
def test_numbers_of_any_size_are_json(number: str) -> None:
    said = tools("type f = (_: {\na: number,\n}) => any;")
    assert codes(said + call(f'{{"a": {number}}}')) == []
    assert codes(said + call(f'{{"a": "{number}"}}')) == ["invalid-arguments"]
    assert codes(said + call('{"a": NaN}')) == ["invalid-json"]


def test_halves_of_characters_in_values_are_judged() -> None:
    said = tools('type f = (_: {\na: "b",\n}) => any;')
    assert codes(said + call('{"a": "\\ud800"}')) == ["invalid-arguments"]
    assert codes(said + call('{"a": "b", "\\udfff": 1}')) == []


# --- nothing remembered is wrong ---

GOOD = tools("// d\ntype f = (_: {\na: string,\n}) => any;") + USER + ASSISTANT
BAD = "<|start|>developer<|message|>x" + USER + ASSISTANT


def in_ids(text: str) -> list[int]:
    vocabulary = hg.Grammar.default().vocabulary
    return vocabulary.encode_marked(text, hg.Grammar.default().rules.specials)


@pytest.mark.parametrize("given", [str, in_ids], ids=["text", "ids"])
@pytest.mark.parametrize("order", [(BAD, GOOD, BAD), (GOOD, BAD, GOOD)], ids=["bad", "good"])
def test_a_bad_prompt_changes_nothing_for_another(
    given: Callable[[str], Any], order: tuple[str, ...]
) -> None:
    reader_of.cache_clear()
    for prompt in order:
        names = hg.Constraint.from_prompt(given(prompt)).tool_names
        assert names == (("functions.f",) if prompt is GOOD else ())
    hg.Constraint.from_prompt(given(GOOD), tool_choice="required")


@pytest.mark.parametrize("given", [str, in_ids], ids=["text", "ids"])
@pytest.mark.parametrize("body", [tools("type f = () => any;"), formats({"type": "array"})])
def test_a_malformed_message_that_declares_something_is_refused(
    given: Callable[[str], Any], body: str
) -> None:
    cut = body.removesuffix("<|end|>")
    for _ in range(2):
        with pytest.raises(hg.ConstraintError, match="declares tools or formats is malformed"):
            hg.Constraint.from_prompt(given(cut + USER + ASSISTANT))
        hg.Constraint.from_prompt(given(body + USER + ASSISTANT))


def test_a_header_that_no_body_follows_is_no_declaration() -> None:
    odd = "<|start|>developer" + "<|start|>" + GOOD
    for prompt in (odd, GOOD, odd):
        assert hg.Constraint.from_prompt(prompt).tool_names == ("functions.f",)


def memory() -> float:
    """What the process holds, in millions of bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize() / 1e6


def hostile(number: int, length: int) -> Iterator[Callable[[], object]]:
    """Things to do with words that nobody has used before."""
    word = f"n{number}_{'a' * length}"
    lists = f"<|start|>system<|message|># Valid channels: {word}, final.<|end|>"
    on_channel = f"{lists}{ASSISTANT}<|channel|>{word}<|message|>x<|end|>"
    damaged = f"{ASSISTANT}<|chanel|>{word} to={word}<|message|>x<|call|>"
    message = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "{}")
    called = message.with_channel("commentary").with_recipient(f"functions.{word}")
    said = tools(f'type {word} = (_: {{\na: string, // pattern: "{word}"\n}}) => any;')
    for text in (on_channel, damaged, f"<|start|>{word}<|message|>x<|end|>"):
        yield lambda text=text: hg.check(text)  # type: ignore[misc]  # the text of now
        yield lambda text=text: hg.recover(text).tool_calls()  # type: ignore[misc]
        yield lambda text=text: hg.Grammar.default().stream(recover=True).feed(text)  # type: ignore[misc]
    yield lambda: hg.check(said + call({"a": word}, f"functions.{word}"))
    yield lambda: hg.check(formats({"patternProperties": {word: False}}) + answer({word: 1}))
    yield lambda: hg.encode(called)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@pytest.mark.parametrize(("length", "warm", "times", "most"), [(10, 100, 200, 4), (5000, 2, 8, 4)])
def test_no_word_is_remembered_for_ever(length: int, warm: int, times: int, most: float) -> None:
    def soak(numbers: range) -> None:
        for number in numbers:
            for run in hostile(number, length):
                run()
        gc.collect()

    soak(range(warm))
    before = memory()
    soak(range(warm, warm + times))
    assert memory() - before < most


def test_no_prompt_is_remembered_for_ever() -> None:
    def soak(numbers: range) -> None:
        for number in numbers:
            said = tools(f"type f{number} = (_: {{\na: number,\n}}) => any;")
            constraint = hg.Constraint.from_prompt(said + ASSISTANT)
            assert constraint.tool_names == (f"functions.f{number}",)
        gc.collect()

    soak(range(100))
    before = len(gc.get_objects())
    soak(range(100, 200))
    assert len(gc.get_objects()) - before < 100 * 20


def test_a_line_of_channels_that_is_too_long_is_not_read() -> None:
    for length, status in ((900, "complete"), (2000, "malformed")):
        name = "c" * length
        system = f"<|start|>system<|message|># Valid channels: {name}, final.<|end|>"
        text = f"{system}{ASSISTANT}<|channel|>{name}<|message|>x<|end|>"
        assert hg.check(text).status == status
        assert hg.check(system).status == "complete"
        assert hg.recover(text).conversation.messages[-1].text == "x"


# --- further lines of a comment ---

_LINES = ("y z\n", "y: z w\n", "// x\ny z\n", "a: string,\n// b\nc d\n", "y: {\nz w\n", "a\tb: 1\n")
_MORE = ("b: 1,\n", "}", "{\n", "// c\n", "| ", "\n")


@pytest.mark.parametrize("line", _LINES)
@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_further_lines_of_a_comment_are_read_in_linear_time(line: str, style: Any) -> None:
    def run(size: int) -> object:
        body = f"type f = (_: {{\n// x\n{line * size}b: string,\n}}) => any;"
        return read_body(body_of(tools(body)), hg.Role.DEVELOPER, style=style)

    assert_linear(run, 200)


@given(st.lists(st.sampled_from([*_LINES, *_MORE]), max_size=12))
def test_looking_ahead_changes_nothing_that_is_read(lines: list[str]) -> None:
    body = body_of(tools(f"type f = (_: {{\n{''.join(lines)}}}) => any;"))

    def run(careful: int) -> tuple[object, ...]:
        with mock.patch.object(whole_text, "_CAREFUL", careful):
            reading = read_body(body, hg.Role.DEVELOPER)
        return repr(reading.content), [found.span for found in reading.diagnostics]

    assert run(-1) == run(1_000_000)


# --- types and schemas ---


def object_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


def definitions(size: int, needed: Callable[[int], list[int]]) -> dict[str, Any]:
    """A schema that refers to each of its definitions, which refer to some others."""
    known = {
        f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{other}"} for other in needed(i)]}
        for i in range(size)
    }
    return object_of({name: {"$ref": f"#/$defs/{name}"} for name in known}) | {"$defs": known}


SCHEMAS: dict[str, Callable[[int], Any]] = {
    "values": lambda n: {"enum": [f"v{i}" if i % 2 else i for i in range(n)]},
    "objects": lambda n: {"enum": [{"k": i} for i in range(n)]},
    "constants": lambda n: {"oneOf": [{"const": i} for i in range(n)]},
    "tagged": lambda n: {"oneOf": [object_of({"k": {"const": i}}) for i in range(n)]},
    "untagged": lambda n: {"oneOf": [object_of({f"k{i}": {}}) for i in range(n)]},
    "unions": lambda n: {"oneOf": [{"enum": [2 * i, 2 * i + 1]} for i in range(n)]},
    "circle": lambda n: definitions(n, lambda i: [(i + 1) % n]),
    "doubling": lambda n: definitions(n, lambda i: [min(i + 1, n - 1)] * 2),
    "spellings": lambda n: (
        object_of({f"k{i}": {"$ref": ("#/$defs/d", "#/%24defs/%64")[i % 2]} for i in range(n)})
        | {"$defs": {"d": object_of({f"k{i}": {} for i in range(n)})}}
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_faithful_style_is_written_in_linear_time(name: str) -> None:
    assert_linear(lambda size: hg.tool_type(SCHEMAS[name](size), "faithful"), 60)


@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_tools_that_share_types_are_read_in_linear_time(style: Any) -> None:
    def body(size: int) -> str:
        types = (f"type d{i} = {{ x: d{(i + 1) % size}, }};" for i in range(size))
        return body_of(tools(*types, *(f"type f{i} = (_: d0) => any;" for i in range(size))))

    few = read_body(body(10), hg.Role.DEVELOPER, style=style)
    assert isinstance(few.content, hg.DeveloperContent)
    shared = [tool.parameters for tool in (few.content.tools or {})["functions"].tools]
    assert [len((schema or {})["$defs"]) for schema in shared] == [10] * 10
    many = read_body(body(600), hg.Role.DEVELOPER, style=style)
    assert "too many tools refer to too many types" in many.diagnostics[0].message
    assert_linear(lambda size: read_body(body(size), hg.Role.DEVELOPER, style=style), 600)


def test_a_schema_without_end_is_neither_an_error_nor_a_panic() -> None:
    endless = {"not": {"$ref": "#"}, "type": "object", "additionalProperties": {"$ref": "#"}}
    prompt = formats(endless)
    for depth in (1, 50, 500):
        deep: Any = {}
        for _ in range(depth):
            deep = {"a": deep}
        assert codes(prompt + answer(deep)) == []
        recovery = hg.recover(prompt + call(deep))
        (found,) = recovery.tool_calls({"f": {"additionalProperties": {"$ref": "#"}}})
        assert found.ready == (depth <= 50)
        assert recovery.tool_calls({"f": {"additionalProperties": True}})[0].ready
