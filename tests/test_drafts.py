"""Schemas of older drafts mean the same when the current draft tells them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from pydantic import BaseModel

import harmony_grammar as hg
from harmony_grammar.schemas.drafts import current, is_old
from harmony_grammar.tree.functions import function_of

VALUES: list[Any] = [
    *(None, True, 0, 2, 3, 3.5, 4, "", "a", [], [1], ["a"], [1, "a"], [1, "a", None], {}),
    *({"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 1}, {"a": 1, "c": 1}, [1, 2], {"a": [1, "a"]}),
]
PAIR: dict[str, Any] = {"items": [{"type": "number"}, {"type": "string"}]}
OLD: list[tuple[Any, dict[str, Any]]] = [
    (jsonschema.Draft7Validator, PAIR),
    (jsonschema.Draft7Validator, {**PAIR, "additionalItems": False}),
    (jsonschema.Draft7Validator, {**PAIR, "additionalItems": {"type": "null"}, "minItems": 2}),
    (jsonschema.Draft7Validator, {"items": {"type": "number"}, "additionalItems": False}),
    (jsonschema.Draft201909Validator, {"properties": {"a": {**PAIR, "type": "array"}}}),
    (jsonschema.Draft7Validator, {"dependencies": {"a": ["b"], "c": {"required": ["a"]}}}),
    (jsonschema.Draft4Validator, {"minimum": 3, "exclusiveMinimum": True}),
    (jsonschema.Draft4Validator, {"maximum": 3, "exclusiveMaximum": False}),
    (jsonschema.Draft4Validator, {"anyOf": [{"maximum": 3, "exclusiveMaximum": True}]}),
    (jsonschema.Draft3Validator, {"properties": {"a": {"type": "number", "required": True}}}),
    (jsonschema.Draft3Validator, {"properties": {"a": {"required": False}, "b": {}}}),
    (jsonschema.Draft3Validator, {"type": ["string", {"type": "array", **PAIR}]}),
    (jsonschema.Draft3Validator, {"divisibleBy": 2}),
    (jsonschema.Draft3Validator, {"extends": [{"type": "number"}, {"minimum": 3}]}),
    (jsonschema.Draft3Validator, {"extends": {"type": "number"}, "disallow": "integer"}),
    (jsonschema.Draft3Validator, {"disallow": ["string", {"type": "array"}]}),
    (jsonschema.Draft3Validator, {"dependencies": {"a": "b"}}),
]


@pytest.mark.parametrize(("draft", "schema"), OLD)
def test_old_schemas_mean_the_same(draft: Any, schema: dict[str, Any]) -> None:
    draft.check_schema(schema)
    assert is_old(json.dumps(schema))
    told = current(schema)
    jsonschema.Draft202012Validator.check_schema(told)
    before, now = draft(schema), jsonschema.Draft202012Validator(told)
    for value in VALUES:
        assert before.is_valid(value) == now.is_valid(value), value
    assert current(told) == told


def test_nulls_and_lists_that_say_nothing_are_nothing() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "required": None,
        "properties": {"a": {"properties": []}},
    }
    assert is_old(json.dumps(schema))
    assert current(schema) == {
        "type": "object",
        "required": [],
        "properties": {"a": {"properties": {}}},
    }


def call(arguments: str) -> str:
    return f"<|channel|>commentary to=functions.f <|constrain|>json<|message|>{arguments}<|call|>"


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [('{"box": [1, "a"]}', True), ('{"box": ["a", 1]}', False), ("{}", False)],
)
@pytest.mark.parametrize("old", [True, False])
def test_calls_are_held_and_judged_by_what_the_schema_means(
    arguments: str,
    fits: bool,  # noqa: FBT001  as given
    old: bool,  # noqa: FBT001  as given
) -> None:
    box: dict[str, Any] = {"type": "array", **PAIR, "minItems": 2, "maxItems": 2}
    schema: dict[str, Any] = {"type": "object", "properties": {"box": box}, "required": ["box"]}
    if old:
        schema = {"type": "object", "properties": {"box": {**box, "required": True}}}
    tool = {"name": "f", "parameters": schema}
    (found,) = hg.recover(call(arguments)).tool_calls([tool])
    assert found.status == ("ready" if fits else "invalid_arguments")
    constraint = hg.Constraint([tool], reasoning="forbid")
    ids = constraint.encode(call(arguments))
    if fits:
        constraint.matcher().accept_all(ids)
    else:
        with pytest.raises(hg.ConstraintViolation):
            constraint.matcher().accept_all(ids)


class Search(BaseModel):
    """Finds things."""

    query: str


def test_pydantic_models_are_tools_everywhere() -> None:
    assert function_of(Search) == hg.ToolDescription(
        "Search", "Finds things.", Search.model_json_schema()
    )
    text = call('{"q": 1}').replace("functions.f", "functions.Search")
    (found,) = hg.recover(text).tool_calls([Search])  # type: ignore[list-item]  # a class
    assert (found.name, found.status) == ("functions.Search", "invalid_arguments")
    assert hg.Constraint([Search]).tool_names == ("functions.Search",)


def test_a_schema_that_is_none_names_its_tool() -> None:
    tool = {"name": "f", "parameters": {"type": "objec"}}
    with pytest.raises(ValueError, match=r"^functions\.f: the schema of a tool is none"):
        hg.recover(call("{}")).tool_calls([tool])
    with pytest.raises(hg.ConstraintError, match=r"parameters: .* at /type .*'functions\.f'"):
        hg.Constraint([tool])
