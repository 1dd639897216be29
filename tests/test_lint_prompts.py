"""The linter's rules about what a prompt declares: calls, answers, tools and the effort."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from schema_models import MODELS, Strict
from strategies_schemas import Maker, schemas

import harmony_grammar as hg
from harmony_grammar.checking.values import NOT_JSON, Fitting, json_of
from harmony_grammar.schemas.dialects import lenient

if TYPE_CHECKING:
    from pydantic import BaseModel

CITY = {
    "type": "object",
    "properties": {
        "city/name": {"type": "string"},
        "days": {"type": "array", "items": {"type": "number"}},
        "unit": {"type": "string", "enum": ["c", "f"], "nullable": True},
        "size": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    },
    "required": ["days"],
}


def prompt(schema: dict[str, Any] | None, style: Literal["compatible", "faithful"]) -> str:
    tool = hg.ToolDescription.new("look", "Look.", schema)
    content = hg.DeveloperContent.new().with_function_tools([tool])
    message = hg.Message.from_role_and_content(hg.Role.DEVELOPER, content)
    return hg.render(message, schema_style=style)


def call(arguments: str, kind: str = "<|constrain|>json", name: str = "functions.look") -> str:
    header = f"<|start|>assistant<|channel|>commentary to={name}"
    return f"{header} {kind}<|message|>{arguments}<|call|>"


def findings(source: str) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in hg.check(source).diagnostics]


def told(arguments: Any, schema: dict[str, Any] | None = CITY) -> list[tuple[str, str]]:
    body = prompt(schema, "faithful")
    return findings(body + call(json.dumps(arguments)))


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"days": [1, "two"]}, " at `/days/1`: 'two' is not of type 'number'"),
        ({"days": [], "city~1name": 3, "unit": "k"}, " at `/unit`: 'k' is not one of ['c', 'f', "),
        ({}, ": 'days' is a required property"),
        ([], ": [] is not of type 'object'"),
    ],
)
@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_arguments_that_do_not_fit_are_placed(
    arguments: Any, place: str, style: Literal["compatible", "faithful"]
) -> None:
    schema = CITY if style == "faithful" else {**CITY, "properties": _unslashed()}
    found = findings(prompt(schema, style) + call(json.dumps(arguments)))
    ((code, message),) = found
    assert code == "invalid-arguments"
    assert message.startswith(f"the arguments of `functions.look` do not fit its type{place}")


def _unslashed() -> dict[str, Any]:
    return {k.replace("/", "_"): v for k, v in CITY["properties"].items()}  # type: ignore[attr-defined]  # a dictionary


def test_a_pointer_is_escaped() -> None:
    ((_, message),) = told({"days": [], "city/name": 3})
    assert "at `/city~1name`: 3 is not of type 'string'" in message


@pytest.mark.parametrize(
    "arguments",
    [{"days": []}, {"days": [1.5], "unit": None}, {"days": [], "size": 3}, {"days": [], "x": 1}],
)
@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_arguments_that_fit_are_passed(
    arguments: Any, style: Literal["compatible", "faithful"]
) -> None:
    schema = {**CITY, "properties": _unslashed()}
    size = schema["properties"].pop("size")  # type: ignore[attr-defined]  # a dictionary
    if style == "compatible":  # which does not tell whole numbers from others
        schema["properties"]["size"] = size  # type: ignore[index]  # the same
    assert findings(prompt(schema, style) + call(json.dumps(arguments))) == []


@pytest.mark.parametrize(
    ("arguments", "kind", "codes"),
    [
        ("{", "<|constrain|>json", ["invalid-json"]),
        ("{", "json", []),
        ("look()", "code", []),
        ("[" * 100_000, "json", []),
        ('{"days": ' + "[" * 300 + "]" * 300 + "}", "json", ["invalid-arguments"]),
    ],
)
def test_what_is_no_json_is_told_once(arguments: str, kind: str, codes: list[str]) -> None:
    found = findings(prompt(CITY, "compatible") + call(arguments, kind))
    assert [code for code, _ in found] == codes


def test_only_tools_with_types_are_checked() -> None:
    assert told([1, 2], None) == []
    off = "<|start|>developer<|message|># Tools\n\n## functions\n\ntype look = (_: {{{<|end|>"
    assert [code for code, _ in findings(off + call("[]"))] == ["off-template"]
    assert [code for code, _ in findings(off + call("[]", name="functions.lok"))] == [
        "off-template",
        "undeclared-tool",
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_what_fits_a_model_is_passed(
    model: type[BaseModel], style: Literal["compatible", "faithful"]
) -> None:
    schema = model.model_json_schema()
    before, said = Draft202012Validator(schema), prompt(schema, style)
    values = [value for seed in range(10) for value in Maker(schema, seed).values(6)]
    fit = [value for value in values if before.is_valid(value)]
    assert fit
    odd = model is Strict and style == "compatible"  # a name with a space, which it does not quote
    for value in fit:
        told = [code for code, _ in findings(said + call(json.dumps(value)))]
        assert told == (["off-template"] if odd else [])


@pytest.mark.parametrize("text", ['say "hi"', "back\\slash", "a\nb"])
def test_escapes_are_undone(text: str) -> None:
    value = {"enum": [text, "b"]}
    schema = {"type": "object", "properties": {"a": value, text: {}}, "required": [text]}
    assert told({text: 1, "a": text}, schema) == []
    assert [code for code, _ in told({text: 1, "a": "c"}, schema)] == ["invalid-arguments"]
    assert [code for code, _ in told({"a": text}, schema)] == ["invalid-arguments"]


# --- What could take long, or is wrong ---


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "("}, "a"),
        ({"pattern": "^(?=b)"}, "a"),
        ({"pattern": r"^(b)\1"}, "a"),
        ({"pattern": "^((b{1000}){1000}){1000}$"}, "a"),
        ({"pattern": "(" * 900 + "b" + ")" * 900}, "a"),
        ({"pattern": "^b{,3}$"}, "aaaaa"),
        ({"pattern": "b" * 1001}, "a"),
        ({"patternProperties": {"(?=a)": False}}, {"a": 1}),
        ({"patternProperties": {"(?=a)": True}, "additionalProperties": False}, {"a": 1}),
        ({"$dynamicRef": "#node", "$defs": {"A": {"$dynamicAnchor": "node"}}}, 1),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$id": "x", "type": "null"}}}, 1),
        ({"$ref": "http://127.0.0.1/x"}, 1),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]}, {"b": 1}),
        ({"multipleOf": 3, "type": "integer", "maximum": 7, "enum": [1]}, json_of("1e400")),
        ({"type": "integer", "items": False}, json_of("9" * 5000)),
        ({"properties": 3}, {}),
        ({"enum": 3}, {}),
        ({"required": [[]]}, {}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, 1),
        ({"$ref": "#/$defs/Nowhere"}, 1),
        ({"type": "strange"}, 1),
        (
            {
                "$ref": "#/$defs/A",
                "$defs": {
                    "A": {
                        "anyOf": [
                            {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}},
                            {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/A"}}},
                        ]
                    }
                },
            },
            json.loads('{"a":' * 60 + "{}" + "}" * 60),
        ),
    ],
)
def test_what_cannot_be_told_is_passed(schema: dict[str, Any], value: Any) -> None:
    assert Fitting([schema]).fault(value) is None


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"pattern": "^[a-z]+$"}, "A", "'A' does not match '^[a-z]+$'"),
        ({"pattern": "(a+)+$"}, "a" * 40 + "b", f"'{'a' * 40}b' does not match '(a+)+$'"),
        ({"pattern": "a*a*a*a*b"}, "a" * 255, "' does not match 'a*a*a*a*b'"),
        ({"pattern": "^a"}, "b" * 257, "' does not match '^a'"),
        ({"uniqueItems": True}, [[], 1] * 501, " has non-unique elements"),
        ({"uniqueItems": True}, [1, {"a": [1.0]}, {"a": [1]}], " has non-unique elements"),
        ({"patternProperties": {"^(a+)+$": False}}, {"aaa": 1}, "False schema does not allow 1"),
        (
            {"patternProperties": {"^a": True}, "additionalProperties": {"type": "null"}},
            {"a": 1, "b": 2},
            "2 is not of type 'null'",
        ),
        (
            {"patternProperties": {"^a": True}, "additionalProperties": False},
            {"a": 1, "b": 2},
            "Additional properties are not allowed ('b' was unexpected)",
        ),
        (
            {"properties": {"a": {}}, "unevaluatedProperties": False},
            {"a": 1, "b": 2},
            "Additional properties are not allowed ('b' was unexpected)",
        ),
        ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2], "Expected at most 1 item"),
        ({"propertyNames": {"pattern": "^(a|a)*$"}}, {"b": 1}, "'b' does not match '^(a|a)*$'"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "null"}}}, 1, "1 is not of type 'null'"),
    ],
)
def test_what_can_be_told_is_told(schema: dict[str, Any], value: Any, message: str) -> None:
    fault = Fitting([schema]).fault(value)
    assert fault is not None
    assert message[-70:] in fault.message


def test_items_that_truth_tells_apart_are_unique() -> None:
    assert Fitting([{"uniqueItems": True}]).fault([1, True, [1], [True], {}, [], "1"]) is None


@given(schemas(), st.integers(0, 1000))
def test_what_fits_is_what_jsonschema_says(schema: dict[str, Any], seed: int) -> None:
    usual = Draft202012Validator(lenient(schema))
    for value in Maker(schema, seed).values(3):
        fits = Fitting([schema]).fault(value) is None
        assert fits == usual.is_valid(value) or (fits and "unevaluated" in json.dumps(schema))


@pytest.mark.parametrize("text", ["1e400", "9" * 5000, "[-1e999]", '"\\ud800"', "9" * 30])
def test_numbers_of_any_size_and_halves_of_characters_are_json(text: str) -> None:
    assert json_of(text) is not NOT_JSON


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "01", "{", "", "[" * 100_000])
def test_what_only_python_reads_is_no_json(text: str) -> None:
    assert json_of(text) is NOT_JSON


def test_a_long_value_is_not_repeated_whole() -> None:
    fault = Fitting([{"type": "number"}]).fault("x" * 10_000)
    assert fault is not None
    assert len(fault.message) < 200
    assert fault.message.endswith("is not of type 'number'")


# --- Answers ---

FORMATS = (
    "<|start|>developer<|message|># Instructions\n\nList.\n\n# Tools\n\n## python\n\nRuns.\n\n"
    '# Response Formats\n\n## list\n\n// Some.\n{"type":"array"}\n\n## sum\n\n{"type":"number"}'
    "<|end|>"
)


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        ("[]", []),
        ("5", []),
        ('"five"', ["broken-format"]),
        ("Five.", ["broken-format"]),
    ],
)
def test_an_answer_fits_one_of_the_formats(answer: str, codes: list[str]) -> None:
    final = f"<|start|>assistant<|channel|>final<|message|>{answer}<|return|>"
    assert [code for code, _ in findings(FORMATS + final)] == codes
    typed = f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{answer}<|return|>"
    broken = ["invalid-json"] if answer == "Five." else codes
    assert [code for code, _ in findings(FORMATS + typed)] == broken
    assert findings(final + FORMATS) == [("return-in-history", findings(final + FORMATS)[0][1])]


def test_a_format_is_no_tool() -> None:
    ((code, _),) = findings(FORMATS + call("{}", name="functions.list"))
    assert code == "undeclared-tool"


# --- Prompts ---


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("Reasoning: High", "did you mean `high`?"),
        ("Reasoning: hgih", "did you mean `high`?"),
        ("Reasoning: 7", "the efforts are low, medium, high"),
        ("Reasoning: low", None),
        ("Reasoning: as you like it", None),
        ("I say Reasoning: hgih", None),
    ],
)
def test_the_effort_is_one_that_models_know(line: str, hint: str | None) -> None:
    report = hg.check(f"<|start|>system<|message|>You are kind.\n\n{line}<|end|>")
    assert [(d.code, d.hint) for d in report.diagnostics] == (
        [] if hint is None else [("misspelt-effort", hint)]
    )


def test_a_tool_of_an_earlier_message_is_declared_twice() -> None:
    ((code, message),) = findings(prompt(CITY, "compatible") + prompt(None, "compatible"))
    assert (code, message) == ("duplicate-tool", "`functions.look` is declared twice")


def test_a_type_is_no_tool() -> None:
    tree = {
        "$ref": "#/$defs/Tree",
        "$defs": {"Tree": {"properties": {"a": {"$ref": "#/$defs/Tree"}}}},
    }
    said = prompt(tree, "faithful")
    assert "type Tree = {" in said
    assert findings(said + call('{"a": {}}')) == []
    assert [code for code, _ in findings(said + call("{}", name="functions.Tree"))] == [
        "undeclared-tool"
    ]


# --- Any prompt at all ---


def test_the_words_of_a_prompt_are_the_grammars() -> None:
    text = hg.Grammar.default().text.replace('"# Tools"', '"# Abilities"')
    grammar = hg.Grammar.from_text(text.replace('"Reasoning: "', '"Effort: "'))
    said = prompt(CITY, "compatible").replace("# Tools", "# Abilities")
    system = "<|start|>system<|message|>Be kind.\n\nEffort: hgih<|end|>"
    found = [d.code for d in grammar.check(system + said + call("{}")).diagnostics]
    assert found == ["misspelt-effort", "invalid-arguments"]
    assert findings(system + said + call("{}")) == []


_PIECES = st.sampled_from(
    (
        *("# Tools\n\n", "## functions\n\n", "namespace functions {\n\n", "type look = (_: "),
        *(") => any;\n\n", "} // namespace functions", "{\n", "a: ", "a?: ", "}", ",\n", " | "),
        *("string", "number", "look", "[]", "[", "]", "// minimum: 3\n", "// default: {\n", '"a"'),
        *("# Response Formats\n\n", "## look\n\n", '{"type":"object"}', '{"$ref":"#"}', "\\"),
    )
)


@given(
    st.lists(_PIECES, max_size=30).map("".join), st.sampled_from(("{}", "[[1]]", "x", '{"a":1}'))
)
def test_no_prompt_breaks_the_linter(body: str, said: str) -> None:
    prompts = [f"<|start|>{role}<|message|>{body}<|end|>" for role in ("system", "developer")]
    final = f"<|start|>assistant<|channel|>final<|message|>{said}<|return|>"
    for source in prompts:
        assert hg.check(source + call(said, "json")).status == "complete"
        assert hg.check(source + final).status == "complete"


def test_an_effort_that_the_grammar_adds_is_known() -> None:
    high = "_REASONING HIGH _LINE_END   -> high"
    more = f"{high}\n      | _REASONING MINIMAL _LINE_END"
    text = hg.Grammar.default().text.replace(high, more)
    grammar = hg.Grammar.from_text(text + '\nMINIMAL: "minimal"  // hardly any reasoning\n')
    prompt = "<|start|>system<|message|>You are.\n\nReasoning: minimal<|end|>"
    assert [found.code for found in grammar.check(prompt).diagnostics] == []
    assert [found.code for found in hg.check(prompt).diagnostics] == ["misspelt-effort"]
