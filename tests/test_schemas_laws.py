"""JSON Schema to types and back keeps which values are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema import Draft202012Validator as Validator
from schema_models import MODELS
from strategies_schemas import Maker, schemas

from harmony_grammar.bodies import read_type
from harmony_grammar.schemas.dialects import rebuilt, standard
from harmony_grammar.schemas.to_schema import schema_of
from harmony_grammar.schemas.to_types import types_of
from harmony_grammar.schemas.type_text import type_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from harmony_grammar.schemas.to_types import Loss
    from harmony_grammar.schemas.types import Type

    Way = Callable[[dict[str, Any]], tuple[tuple[Loss, ...], dict[str, Any]]]

MANY = 1000  # for each of two tests
IMPLIED = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems"),
}


def explicit(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the types that its keywords imply."""
    made = dict(schema)
    if not {"type", "enum", "const"} & set(schema):
        kinds = [
            kind
            for kind, keywords in IMPLIED.items()
            if any(schema.get(keyword, True) is not True for keyword in keywords)
        ]
        made |= {"type": kinds} if kinds else {}
    return rebuilt(made, explicit)


def compare(
    schema: dict[str, Any],
    losses: tuple[Loss, ...],
    made: dict[str, Any],
    seed: int,
    validator: Any = Validator,
) -> int:
    """Hold that both admit the same values, or the second more if something was lost.

    Returns:
        How many of the values fit.
    """
    Validator.check_schema(made)
    before = validator(explicit(schema) if any(loss.narrows for loss in losses) else schema)
    after = Validator(made)
    fit = 0
    for value in Maker(schema, seed).values(6) + Maker(made, seed).values(6):
        was, now = before.is_valid(value), after.is_valid(value)
        wider = any(not loss.narrows for loss in losses)
        assert was == now or (wider and now), f"{value!r} was {was} and is {now}"
        fit += was
    return fit


def through_types(schema: dict[str, Any]) -> tuple[tuple[Loss, ...], dict[str, Any]]:
    found = types_of(schema)
    return found.losses, standard(schema_of(found.type, found.definitions))


def through_text(schema: dict[str, Any]) -> tuple[tuple[Loss, ...], dict[str, Any]]:
    found = types_of(schema)
    kind, definitions = again(found.type), {n: again(d) for n, d in found.definitions.items()}
    return found.losses, standard(schema_of(kind, definitions, style="faithful"))


def again(kind: Type) -> Type:
    """A type that was written and read."""
    read = read_type(type_text(kind), style="faithful")
    assert read == kind
    return read


@pytest.mark.parametrize("way", [through_types, through_text])
@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(schemas(), st.integers(0, 2**32))
@example(  # objects that no value can both be, as one of them is none at all
    {
        "anyOf": [
            {"type": "object", "properties": {}, "required": ["a"]},
            {
                "type": "object",
                "properties": {},
                "required": ["a"],
                "maxProperties": 0,
                "additionalProperties": False,
            },
        ]
    },
    0,
)
def test_the_types_of_a_schema_mean_what_it_means(
    way: Way, schema: dict[str, Any], seed: int
) -> None:
    compare(standard(schema), *way(schema), seed)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_types_of_a_model_mean_what_it_means(
    model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> None:
    schema = model.model_json_schema(mode=mode)
    losses, made = through_text(schema)
    assert losses == ()
    assert sum(compare(schema, losses, made, seed) for seed in range(20)) > 3


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": [{"type": "string"}, {"type": "number"}]},
        {"items": [{"type": "string"}], "additionalItems": False, "type": "array"},
        {"items": [{"type": "string"}], "additionalItems": {"type": "null"}, "type": "array"},
        {
            "definitions": {"Small": {"type": "integer", "maximum": 3}},
            "type": "array",
            "items": {"$ref": "#/definitions/Small"},
        },
    ],
)
def test_older_drafts_mean_what_they_meant(schema: dict[str, Any]) -> None:
    losses, made = through_text(schema)
    assert losses == ()
    for seed in range(40):
        compare(schema, losses, made, seed, Draft7Validator)
