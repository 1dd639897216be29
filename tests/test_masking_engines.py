"""The engines of bodies: how they fail, and that nobody else is concerned when they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import harmony_grammar as hg
from harmony_grammar.masking import Constraint, schema_bodies

if TYPE_CHECKING:
    from harmony_grammar.masking import Matcher

HEAD = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
TEXT = "abbabaabbabbababababbabbbabababbbaxxyzzyyabsabsdfashdfashdfkajshdf"


def hard(number: int) -> Constraint:
    """A constraint whose pattern asks for many states; each number makes one of its own."""
    pattern = f"^.*[a-z].{{0,30}}x.{{0,30}}y{number}$"
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    return Constraint([{"name": "f", "parameters": {**schema, "required": ["a"]}}])


def follow(matcher: Matcher, constraint: Constraint) -> int:
    """How many ids a matcher takes until it fails."""
    for count, char in enumerate(TEXT):
        try:
            matcher.mask()
        except hg.ConstraintError:
            return count
        matcher.accept(*constraint.encode(char))
    return len(TEXT)


def test_usual_limits_do_for_a_hard_pattern() -> None:
    constraint = hard(1)
    for _ in range(3):
        assert follow(constraint.matcher(HEAD + '{"a":"'), constraint) == len(TEXT)


def test_an_engine_that_fails_fails_for_one_matcher(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {**schema_bodies._LIMITS, "step_lexer_fuel": 60_000}  # noqa: SLF001
    monkeypatch.setattr(schema_bodies, "_LIMITS", limits)
    constraint = hard(2)
    before = constraint.matcher(HEAD)
    first = before.mask().copy()
    others = [constraint.matcher(HEAD + "{") for _ in range(2)]
    masks = [other.mask().copy() for other in others]
    assert (masks[0] == masks[1]).all()
    failing = constraint.matcher(HEAD + '{"a":"')
    taken = follow(failing, constraint)
    assert 0 < taken < len(TEXT)
    with pytest.raises(
        hg.ConstraintError, match=r"^JSON arguments: llguidance gave up: lexer error: .*$"
    ):
        failing.mask()
    # Nobody else sees it: neither who was there before, nor who comes after.
    assert (before.mask() == first).all()
    for other, mask in zip(others, masks, strict=True):
        assert (other.mask() == mask).all()
        other.accept(*constraint.encode('"a'))
        other.rollback(1)
        assert (other.mask() == mask).all()
    assert (constraint.matcher(HEAD).mask() == first).all()
    assert (hard(2).matcher(HEAD + "{").mask() == masks[0]).all()
    failing.rollback(len(failing))
    assert failing.mask().any()
    assert follow(failing, constraint) > 0
