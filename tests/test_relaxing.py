"""What an engine cannot hold is said in other words or widened, and everything else still binds."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies_schemas import Maker, schemas

import harmony_grammar as hg
from harmony_grammar.masking.formats import refusal
from harmony_grammar.schemas.relaxing import held

CALL = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
LOOK = "^(?!\\.)[^@]+@x\\.com$"


def constraint(schema: Any, **options: Any) -> hg.Constraint:
    return hg.Constraint([{"name": "f", "parameters": schema}], **options)


def allows(held: hg.Constraint, value: Any) -> bool:
    matcher = held.matcher()
    try:
        matcher.accept_all(held.encode(f"{CALL}{json.dumps(value)}<|call|>"))
    except hg.ConstraintViolation:
        return False
    return True


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


# Schemas that are held although the engine does not know the keyword: some of the values that
# they admit, and some that they do not.
HELD: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    (fields(p={"type": "string"}, x={"not": {}}), [{"p": "a"}, {}], [{"x": 1}]),
    (fields(x={"not": True}), [{}], [{"x": 1}]),
    (fields(x={"not": {"not": {}}}), [{"x": 1}], []),
    (fields(x={"not": {"type": "null"}}), [{"x": 1}, {"x": "a"}], [{"x": None}]),
    (
        fields(x={"type": ["string", "null"], "not": {"type": ["null"]}}),
        [{"x": "a"}],
        [{"x": None}],
    ),
    (fields(x={"enum": [1, 2, True], "not": {"const": 1}}), [{"x": 2}, {"x": True}], [{"x": 1}]),
    (fields(x={"enum": ["a", "b"], "not": {"enum": ["b"]}}), [{"x": "a"}], [{"x": "b"}]),
    (
        {
            "type": "object",
            "propertyNames": {"enum": ["a", "b"]},
            "additionalProperties": {"type": "number"},
        },
        [{"a": 1}, {}],
        [{"c": 1}, {"a": "x"}],
    ),
    (
        {
            "type": "object",
            "propertyNames": {"enum": ["a", "b"]},
            "properties": {"a": {"type": "null"}},
            "unevaluatedProperties": False,
        },
        [{"a": None}, {}],
        [{"b": 1}, {"c": None}],
    ),
    (fields(x={"type": "array", "uniqueItems": False}), [{"x": [1, 1]}], [{"x": 1}]),
    (fields(x={"type": "string", "if": {"minLength": 2}}), [{"x": "a"}], [{"x": 1}]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), HELD)
@pytest.mark.parametrize("unsupported", ["error", "relax"])
def test_what_other_words_say_is_held(
    schema: dict[str, Any], good: list[Any], bad: list[Any], unsupported: str
) -> None:
    held = constraint(schema, unsupported=unsupported)
    assert held.relaxed == ()
    assert all(allows(held, value) for value in good)
    assert not any(allows(held, value) for value in bad)


# Schemas that cannot be held: what is relaxed, what is then allowed, and what still is not.
RELAXED: list[tuple[dict[str, Any], list[str], list[Any], list[Any]]] = [
    (
        {
            **fields(to={"type": "string", "pattern": LOOK}, subject={"type": "string"}),
            "required": ["to", "subject"],
        },
        ["/properties/to/pattern"],
        [{"to": "a", "subject": "b"}],
        [{"to": "a"}, {"to": 1, "subject": "b"}],
    ),
    (
        fields(a={"type": "array", "items": {"type": "string", "format": "colour"}}),
        ["/properties/a/items/format"],
        [{"a": ["red"]}],
        [{"a": [1]}],
    ),
    (
        fields(a={"type": "array", "uniqueItems": True, "maxItems": 2}),
        ["/properties/a/uniqueItems"],
        [{"a": [1, 1]}],
        [{"a": [1, 2, 3]}],
    ),
    (
        fields(a={"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 3}]}),
        ["/properties/a/oneOf"],
        [{"a": 1}, {"a": 4.5}],
        [{"a": "x"}],
    ),
    (
        fields(a={"type": "integer", "if": {"minimum": 3}, "then": {"maximum": 9}, "else": True}),
        ["/properties/a/if"],
        [{"a": 12}],
        [{"a": 1.5}],
    ),
    (
        {**fields(a={"type": "number"}, b={"type": "number"}), "dependentRequired": {"a": ["b"]}},
        ["/dependentRequired"],
        [{"a": 1}],
        [{"a": "x"}],
    ),
    (
        fields(**{"a/b": {"not": {"required": ["x"]}, "type": "object"}}),
        ["/properties/a~1b/not"],
        [{"a/b": {"x": 1}}],
        [{"a/b": 3}],
    ),
    (
        {
            "$defs": {
                "Node": fields(
                    name={"type": "string", "format": "colour"}, next={"$ref": "#/$defs/Node"}
                ),
            },
            **fields(root={"$ref": "#/$defs/Node"}, again={"$ref": "#/$defs/Node"}),
        },
        ["/$defs/Node/properties/name/format"],
        [{"root": {"name": "x", "next": {"name": "y"}}}],
        [{"root": {"name": 1}}, {"root": {"next": {"name": 1}}}],
    ),
    (
        fields(a={"type": "string", "format": "colour"}, b={"$ref": "#/properties/a"}),
        ["/properties/a/format"],
        [{"a": "x", "b": "y"}],
        [{"a": "x", "b": 1}],
    ),
    (
        fields(a={"contains": {"type": "null"}, "type": "array"}, b={"type": "strin"}),
        ["/properties/a/contains", "/properties/b/type"],
        [{"a": [1], "b": 1}],
        [{"a": 1}],
    ),
]


@pytest.mark.parametrize(("schema", "pointers", "good", "bad"), RELAXED)
def test_the_smallest_part_is_widened(
    schema: dict[str, Any], pointers: list[str], good: list[Any], bad: list[Any]
) -> None:
    held = constraint(schema, unsupported="relax")
    assert [one.pointer for one in held.relaxed] == pointers
    assert all(one.where == "tools[0].parameters" and one.reason for one in held.relaxed)
    assert all(allows(held, value) for value in good)
    assert not any(allows(held, value) for value in bad)
    with pytest.raises(hg.ConstraintError, match=re.escape(f"at {pointers[0]} (the tool")):
        constraint(schema)


def test_a_response_format_is_relaxed_too() -> None:
    schema = fields(a={"type": "string", "pattern": LOOK})
    for told in (schema, {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}):
        with pytest.raises(hg.ConstraintError, match=r"^response_format: .* at /properties/a/pat"):
            hg.Constraint(response_format=told)
        (one,) = hg.Constraint(response_format=told, unsupported="relax").relaxed
        assert (one.where, one.pointer) == ("response_format", "/properties/a/pattern")
        assert str(one).startswith("response_format: look-around")


def test_prompts_are_relaxed_and_constraints_remember_it() -> None:
    held = constraint(fields(a={"type": "string", "format": "colour"}), unsupported="relax")
    assert pickle.loads(pickle.dumps(held)).relaxed == held.relaxed  # noqa: S301  our own
    prompt = (
        "<|start|>developer<|message|># Tools\n\n## functions\n\nnamespace functions {\n\n"
        "type f = (_: {\na: string, // format: colour\nx?: never,\n}) => any;\n\n"
        "} // namespace functions<|end|><|start|>assistant"
    )
    for style in ("faithful", "compatible"):
        held = hg.Constraint.from_prompt(prompt, schema_style=style, unsupported="relax")
        assert not allows(held, {"a": "b", "x": 1})
        assert allows(held, {"a": "b"})


def test_a_word_that_is_none_is_told() -> None:
    with pytest.raises(hg.ConstraintError, match="unsupported: it is one of error, relax"):
        hg.Constraint(unsupported="ignore")  # type: ignore[arg-type]  # which is the point


# --- laws ---


def refused(schema: Any) -> str:
    return refusal(json.dumps({"grammars": [{"name": "body", "json_schema": schema}]}))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(), st.integers(0, 1000))
def test_nothing_is_narrowed_and_nothing_widened_unsaid(schema: dict[str, Any], seed: int) -> None:
    assume(refused(schema))
    kept = held(schema, refused)
    assert not refused(kept.schema)
    assert all(pointer.startswith("/") and reason for pointer, reason in kept.lost)
    before, now = map(jsonschema.Draft202012Validator, (schema, kept.schema))
    for value in Maker(schema, seed).values(6):
        if before.is_valid(value):
            assert now.is_valid(value)
        elif not kept.lost:
            assert not now.is_valid(value)
