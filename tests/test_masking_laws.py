"""Law 6: every sentence of a constraint is allowed id by id, and every walk is a sentence of it."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_walks import walk

import harmony_grammar as hg
from harmony_grammar.masking import Constraint
from harmony_grammar.strategies import texts as bodies
from harmony_grammar.strategies import tokenisations

GRAMMAR = hg.Grammar.default()

SCHEMAS: dict[str, Any] = {
    "empty": None,
    "number": {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 20}},
        "required": ["n"],
        "additionalProperties": False,
    },
    "mixed": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b é", 3]},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2},
            "at": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
        },
        "required": ["kind"],
        "additionalProperties": False,
    },
}
INSTANCES: dict[str, st.SearchStrategy[Any]] = {
    "empty": st.just({}),
    "number": st.fixed_dictionaries({"n": st.integers(0, 20)}),
    "mixed": st.fixed_dictionaries(
        {"kind": st.sampled_from(["a", "b é", 3])},
        optional={
            "tags": st.lists(st.text(max_size=4).filter(lambda t: t.isprintable()), max_size=2),
            "at": st.none() | st.booleans(),
        },
    ),
}
NOTHING = {"type": "object", "additionalProperties": False}
TOOLS = [{"name": name, "parameters": schema} for name, schema in SCHEMAS.items()]
CODE = "python"

choices = st.sampled_from(["auto", "required", "none", "number", ["empty", "mixed"]])


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a constraint without contradictions."""
    return {
        "tools": TOOLS,
        "tool_choice": draw(choices),
        "response_format": draw(st.sampled_from([None, SCHEMAS["number"], SCHEMAS["mixed"]])),
        "reasoning": draw(st.sampled_from(["allow", "require", "forbid"])),
        "preambles": draw(st.booleans()),
        "builtin_tools": draw(st.sampled_from([(), (CODE,), (CODE, "browser")])),
        "spelling": draw(st.sampled_from(["model", "any"])),
    }


def validate(text: str, schema: Any) -> None:
    jsonschema.validate(json.loads(text), NOTHING if schema is None else schema)


def satisfies(messages: hg.Conversation, given: dict[str, Any]) -> None:
    """Check a completion against the arguments, by what they say and not how they are done."""
    *interim, last = messages
    channels = [message.channel for message in interim]
    assert set(channels) <= {"analysis", "commentary"}
    assert not any(message.recipient for message in interim)
    if given["reasoning"] == "forbid":
        assert "analysis" not in channels
    if given["reasoning"] == "require":
        assert channels[0] == "analysis"
    if not given["preambles"]:
        assert "commentary" not in channels
    choice = given["tool_choice"]
    if last.recipient is None:
        assert last.channel == "final"
        assert choice in ("auto", "none")
        if given["response_format"]:
            validate(last.text, given["response_format"])
        return
    assert choice != "none"
    namespace, _, name = last.recipient.rpartition(".")
    if choice not in ("auto", "required"):
        assert namespace == "functions"
        assert name in ([choice] if isinstance(choice, str) else choice)
    if namespace == "functions":
        validate(last.text, SCHEMAS[name])
    elif namespace == "browser":
        json.loads(last.text)
    else:
        assert name == CODE


@settings(max_examples=60)
@given(options(), st.integers(0, 1 << 32))
def test_every_walk_is_a_sentence_of_the_constraint(given: dict[str, Any], seed: int) -> None:
    ids, done = walk(Constraint(**given), random.Random(seed))  # noqa: S311  a repeatable walk
    report = hg.check(ids, "completion")
    if not done:
        assert report.status == "truncated"
        return
    assert report.ok, report.diagnostics
    satisfies(report.conversation, given)


@settings(max_examples=40)
@given(options(), st.integers(0, 1 << 32), st.integers(60, 120), st.integers(0, 20))
def test_budgets_narrow_and_never_strand(
    given: dict[str, Any], seed: int, most: int, thought: int
) -> None:
    if given["reasoning"] == "require":
        thought += 1
    constraint = Constraint(**given, max_tokens=most, max_reasoning_tokens=thought)
    rng = random.Random(seed)  # noqa: S311  a repeatable walk
    ids, done = walk(constraint, rng, most=most + 100)
    report = hg.check(ids, "completion")
    if done:
        assert report.ok, report.diagnostics
        satisfies(report.conversation, given)
    else:  # a body with a schema went on beyond the limit
        assert report.status == "truncated"
    if len(ids) > most or not done:
        head = constraint.matcher()
        head.accept_all(ids[:most])
        assert any("JSON" in word or "format" in word for word in head.expected())


@st.composite
def sentences_of(draw: st.DrawFn, given: dict[str, Any]) -> str:
    """A sentence of a constraint in the model's spelling, put together by hand."""
    text = bodies(GRAMMAR) | st.just("")
    interim = []
    if given["reasoning"] == "require":
        interim.append("analysis")
    allowed = ["analysis"] * (given["reasoning"] != "forbid") + ["commentary"] * given["preambles"]
    if allowed:
        interim += draw(st.lists(st.sampled_from(allowed), max_size=2))
    head = "".join(
        f"<|channel|>{channel}<|message|>{draw(text)}<|end|><|start|>assistant"
        for channel in interim
    )
    choice = given["tool_choice"]
    names = {"auto": list(SCHEMAS), "required": list(SCHEMAS), "none": []}.get(
        str(choice), [choice] if isinstance(choice, str) else choice
    )
    ends = [f"functions.{name}" for name in names]
    if choice in ("auto", "required"):
        ends += [CODE] * (CODE in given["builtin_tools"])
    if choice in ("auto", "none"):
        ends.append("")
    end = draw(st.sampled_from(ends))
    if end == CODE:
        return f"{head}<|channel|>analysis to={end}<|message|>{draw(text)}<|call|>"
    if end:
        body = draw(INSTANCES[end.rpartition(".")[2]].map(written))
        start = f"{head}<|channel|>commentary to={end} <|constrain|>json<|message|>"
        return f"{start}{body}<|call|>"
    if given["response_format"] is None:
        return f"{head}<|channel|>final<|message|>{draw(text)}<|return|>"
    name = next(n for n, schema in SCHEMAS.items() if schema == given["response_format"])
    body = draw(INSTANCES[name].map(written))
    return f"{head}<|channel|>final <|constrain|>json<|message|>{body}<|return|>"


def written(instance: Any) -> str:
    """The instance with its keys in the order of the schema, which the engine insists on."""
    order = [key for schema in SCHEMAS.values() if schema for key in schema["properties"]]
    ordered = {key: instance[key] for key in order if key in instance}
    return json.dumps(ordered, ensure_ascii=False)


@settings(max_examples=60)
@given(options(), st.data())
def test_every_sentence_is_allowed_id_by_id(given: dict[str, Any], data: st.DataObject) -> None:
    text = data.draw(sentences_of(given))
    ids = data.draw(tokenisations(text, GRAMMAR))
    constraint = Constraint(**given)
    cut = data.draw(st.integers(0, len(ids)))
    matcher = constraint.matcher()
    for token in ids:
        row = matcher.mask()
        assert (int(row[token >> 5]) >> (token & 31)) & 1
        matcher.accept(token)
    assert matcher.is_finished
    satisfies(hg.parse(ids, "completion"), given)
    # And so it is in two parts, the first one standing in the prompt.
    behind = constraint.matcher(ids[:cut])
    behind.accept_all(ids[cut:])
    assert behind.is_finished


@pytest.mark.parametrize("seed", range(5))
def test_walks_in_a_grammar_of_ones_own_parse_in_it(seed: int) -> None:
    text = GRAMMAR.text.replace('_TO: " to="', '_TO: " for "').replace(
        'ANALYSIS: "analysis"', 'ANALYSIS: "thoughts"'
    )
    grammar = hg.Grammar.from_text(text)
    constraint = Constraint(TOOLS, builtin_tools=[CODE], grammar=grammar, spelling="any")
    ids, done = walk(constraint, random.Random(seed))  # noqa: S311  a repeatable walk
    assert grammar.check(ids, "completion").status == ("complete" if done else "truncated")
