"""JSON Schema to types and back keeps which values are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # it ships no types
from jsonschema import Draft202012Validator as Validator
from schema_models import MODELS
from strategies_schemas import Maker, schemas

from harmony_grammar.schemas.from_types import schema_of
from harmony_grammar.schemas.standard import standard
from harmony_grammar.schemas.to_types import types_of
from harmony_grammar.schemas.walk import rebuilt

if TYPE_CHECKING:
    from pydantic import BaseModel

    from harmony_grammar.schemas.keywords import Loss

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
    again: dict[str, Any],
    seed: int,
    validator: Any = Validator,
) -> int:
    """Hold that both admit the same values, or the second more if something was lost.

    Returns:
        How many of the values fit.
    """
    Validator.check_schema(again)
    before = validator(explicit(schema) if any(loss.narrows for loss in losses) else schema)
    after = Validator(again)
    fit = 0
    for value in Maker(schema, seed).values(6) + Maker(again, seed).values(6):
        was, now = before.is_valid(value), after.is_valid(value)
        wider = any(not loss.narrows for loss in losses)
        assert was == now or (wider and now), f"{value!r} was {was} and is {now}"
        fit += was
    return fit


def through_types(schema: dict[str, Any], style: Any) -> tuple[tuple[Loss, ...], dict[str, Any]]:
    found = types_of(schema)
    return found.losses, standard(schema_of(found.type, found.definitions, style=style))


@pytest.mark.parametrize("style", ["compatible", "faithful"])
@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(schemas(), st.integers(0, 2**32))
def test_the_types_of_a_schema_mean_what_it_means(
    style: str, schema: dict[str, Any], seed: int
) -> None:
    compare(standard(schema), *through_types(schema, style), seed)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_types_of_a_model_mean_what_it_means(
    model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> None:
    schema = model.model_json_schema(mode=mode)
    losses, again = through_types(schema, "faithful")
    assert {str(loss) for loss in losses} <= {
        "/properties/by_color/propertyNames cannot be said in a type and is left out"
    }
    assert sum(compare(schema, losses, again, seed) for seed in range(20)) > 3


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
    losses, again = through_types(schema, "faithful")
    assert losses == ()
    for seed in range(40):
        compare(schema, losses, again, seed, Draft7Validator)
