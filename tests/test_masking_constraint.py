"""What a constraint promises, option by option, and what it refuses before anything is sampled."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from masking_walks import walk
from pydantic import BaseModel

import harmony_grammar as hg
from harmony_grammar.errors import ConstraintError, ConstraintViolation
from harmony_grammar.masking import Constraint

ARGUMENTS = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
F = {"name": "f", "parameters": ARGUMENTS}
G = {"name": "g"}
THOUGHT = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
PREAMBLE = "<|channel|>commentary<|message|>Wait.<|end|><|start|>assistant"
ANSWER = "<|channel|>final<|message|>Hi<|return|>"
CALL_F = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>'
CALL_G = "<|channel|>commentary to=functions.g <|constrain|>json<|message|>{}<|call|>"
PYTHON = "<|channel|>analysis to=python<|message|>print('é')<|call|>"
BROWSER = (
    "<|channel|>analysis to=browser.search <|constrain|>json<|message|>"
    '{"query": "x", "topn": 3}<|call|>'
)
JSON_ANSWER = '<|channel|>final <|constrain|>json<|message|>{"n": 1}<|return|>'


def allows(constraint: Constraint, text: str, prefix: str = "") -> bool:
    """Whether a completion is one of the constraint; all but its last id must not finish it."""
    try:
        matcher = constraint.matcher(prefix)
        matcher.accept_all(constraint.encode(text))
    except ConstraintViolation:
        return False
    assert matcher.is_complete == matcher.is_finished
    return matcher.is_finished


def verdicts(constraint: Constraint) -> set[str]:
    texts = {
        "answer": ANSWER,
        "f": CALL_F,
        "g": CALL_G,
        "python": PYTHON,
        "browser": BROWSER,
        "json": JSON_ANSWER,
        "thought": THOUGHT + ANSWER,
        "preamble": PREAMBLE + ANSWER,
        "both": THOUGHT + PREAMBLE + THOUGHT + CALL_F,
        "critique": THOUGHT.replace("analysis", "critique") + ANSWER,
    }
    return {name for name, text in texts.items() if allows(constraint, text)}


PLAIN = {"answer", "thought", "preamble"}


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({}, PLAIN),
        ({"tools": [F, G]}, PLAIN | {"f", "g", "both"}),
        ({"tools": [F, G], "tool_choice": "auto"}, PLAIN | {"f", "g", "both"}),
        ({"tools": [F, G], "tool_choice": "none"}, PLAIN),
        ({"tools": [F, G], "tool_choice": "required"}, {"f", "g", "both"}),
        ({"tools": [F, G], "tool_choice": "g"}, {"g"}),
        ({"tools": [F, G], "tool_choice": "functions.f"}, {"f", "both"}),
        ({"tools": [F, G], "tool_choice": ["f", "g"]}, {"f", "g", "both"}),
        ({"tools": [F], "tool_choice": {"type": "function", "function": {"name": "f"}}},
         {"f", "both"}),
        ({"tools": [F], "tool_choice": {"type": "function", "name": "f"}}, {"f", "both"}),
        ({"tools": [F], "reasoning": "forbid"}, {"answer", "preamble", "f"}),
        ({"tools": [F], "reasoning": "require"}, {"thought", "both"}),
        ({"tools": [F], "preambles": False}, {"answer", "thought", "f"}),
        ({"builtin_tools": ["python"]}, PLAIN | {"python"}),
        ({"builtin_tools": ["python", "browser"], "tool_choice": "required"},
         {"python", "browser"}),
        ({"builtin_tools": ["browser"], "tools": [G], "tool_choice": "browser"}, {"browser"}),
        ({"builtin_tools": ["browser"], "tool_choice": "browser.search"}, {"browser"}),
        ({"builtin_tools": ["browser"], "tool_choice": "none"}, PLAIN),
        ({"response_format": ARGUMENTS}, {"json"}),
        ({"response_format": ARGUMENTS, "tools": [F]}, {"json", "f", "both"}),
        ({"response_format": ARGUMENTS, "tools": [F], "tool_choice": "required"}, {"f", "both"}),
        ({"response_format": {"type": "json_object"}}, {"json"}),
        ({"response_format": {"type": "text"}}, PLAIN),
        ({"tools": [F], "channels": ["analysis", "commentary", "final"]}, PLAIN | {"f", "both"}),
        ({"channels": ["analysis", "final"]}, {"answer", "thought"}),
        ({"channels": ["final"]}, {"answer"}),
        ({"channels": ["final", "critique"]}, {"answer", "critique"}),
        ({"channels": ["final", "critique"], "reasoning": "forbid"}, {"answer"}),
        ({"tools": [F], "channels": ["commentary"], "tool_choice": "required"}, {"f"}),
        ({"builtin_tools": ["python"], "channels": ["analysis"], "tool_choice": "required"},
         {"python"}),
        ({"max_reasoning_tokens": 2}, PLAIN),
        ({"max_reasoning_tokens": 1}, {"answer", "preamble"}),
        ({"max_reasoning_tokens": 0}, {"answer", "preamble"}),
    ],
)  # fmt: skip
def test_options(options: dict[str, Any], allowed: set[str]) -> None:
    assert verdicts(Constraint(**options)) == allowed


# --- spellings ---

SPELLINGS = [
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>',
    ' to=functions.f<|channel|>commentary <|constrain|>json<|message|>{"n": 1}<|call|>',
    ' to=functions.f<|channel|>commentary json<|message|>{"n": 1}<|call|>',
    '<|channel|>commentary to=functions.f<|constrain|>json<|message|>{"n": 1}<|call|>',
    '<|channel|>commentary to=functions.f code<|message|>{"n": 1}<|call|>',
    '<|channel|>commentary to=functions.f<|message|>{"n": 1}<|call|>',
    '<|channel|>commentary to=functions.f <|constrain|> json<|message|>{"n": 1}<|call|>',
    '<|channel|>analysis to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>',
    ' to=functions.f<|message|>{"n": 1}<|call|>',
    "<|channel|>final json<|message|>Hi<|return|>",
    "<|channel|>final <|constrain|>json<|message|>Hi<|return|>",
    "<|channel|>analysis text/plain<|message|>Hi<|end|><|start|>assistant" + ANSWER,
]
NEVER = [
    "<|message|>Hi<|return|>",
    "<|channel|>analysis<|message|>Hi<|return|>",
    "<|channel|>final<|message|>Hi<|end|><|start|>assistant" + ANSWER,
    "<|channel|>final<|message|>Hi<|call|>",
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1}<|end|>',
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": "1"}<|call|>',
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1<|call|>',
    '<|channel|>commentary to=functions.ff <|constrain|>json<|message|>{"n": 1}<|call|>',
    '<|channel|>final to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>',
    "<|channel|>finalx<|message|>Hi<|return|>",
    "<|channel|>final <|message|>Hi<|return|>",
    "<|start|>assistant" + ANSWER,
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_any_spelling_is_every_header_of_the_grammar(text: str) -> None:
    assert hg.check(text, "completion").ok
    assert allows(Constraint([F], spelling="any"), text)
    assert allows(Constraint([F]), text) == (text == SPELLINGS[0])


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("spelling", ["model", "any"])
def test_what_no_spelling_allows(text: str, spelling: Any) -> None:
    assert not allows(Constraint([F], spelling=spelling), text)


# --- what is taken for a tool and for a format ---


class Weather(BaseModel):
    """The weather somewhere."""

    city: str


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (F, "functions.f"),
        ({"type": "function", "function": F}, "functions.f"),
        ({"type": "function", **F}, "functions.f"),
        (hg.ToolDescription("f", "does it", ARGUMENTS), "functions.f"),
        (Weather, "functions.Weather"),
        (hg.ToolNamespaceConfig("files", tools=[hg.ToolDescription("f", "x")]), "files.f"),
        ({"name": "files", "tools": [F]}, "files.f"),
    ],
)
def test_tools_in_every_form(tool: Any, name: str) -> None:
    constraint = Constraint([tool], tool_choice="required")
    assert constraint.tool_names == (name,)
    body = {"functions.Weather": '{"city": "Ulm"}', "functions.f": '{"n": 1}'}.get(name, "{}")
    body = '{"n": 1}' if tool == {"name": "files", "tools": [F]} else body
    header = f"<|channel|>commentary to={name} <|constrain|>json<|message|>"
    assert allows(constraint, f"{header}{body}<|call|>")
    assert not allows(constraint, f"{header}[]<|call|>")


@pytest.mark.parametrize(
    ("given", "right", "wrong", "typed"),
    [
        (ARGUMENTS, '{"n": 1}', '{"m": 1}', True),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": ARGUMENTS}},
         '{"n": 1}', "{}", True),
        ({"type": "json_schema", "schema": ARGUMENTS}, '{"n": 1}', "{}", True),
        ({"type": "json_object"}, '{"a": [1, null]}', "[]", True),
        ({}, "[1, 2]", "x", True),
        (True, "null", "x", True),
        (Weather, '{"city": "Ulm"}', '{"city": 1}', True),
        ({"type": "regex", "pattern": r"[a-c]{2}\d"}, "ab1", "abc", False),
        (re.compile("[é-ü]+"), "éü", "e", False),
        ({"type": "choice", "choices": ["yes", 'n"ö']}, 'n"ö', "no", False),
        (["yes", "no"], "no", "non", False),
        (["<|end|>", "no"], "no", "", False),
        (["a\x7fb", '\x00\n\\\t"/é🙂'], "a\x7fb", "a", False),
        (["a\x7fb", '\x00\n\\\t"/é🙂'], '\x00\n\\\t"/é🙂', "a\x7f", False),
        ({"type": "lark", "grammar": 'start: "a" b\nb: /[0-9]+/ | "-"'}, "a12", "a", False),
    ],
)  # fmt: skip
def test_formats_in_every_form(given: Any, right: str, wrong: str, typed: bool) -> None:  # noqa: FBT001
    constraint = Constraint([F], response_format=given)
    header = "<|channel|>final" + (" <|constrain|>json" if typed else "") + "<|message|>"
    assert allows(constraint, f"{header}{right}<|return|>")
    assert not allows(constraint, f"{header}{wrong}<|return|>")
    assert not allows(constraint, f"{header}{right}")
    assert allows(constraint, f"{THOUGHT}{CALL_F}")


def test_a_format_cannot_let_a_special_token_into_a_body() -> None:
    constraint = Constraint(response_format={"type": "lark", "grammar": "start: <|end|> | /a/"})
    matcher = constraint.matcher("<|channel|>final<|message|>")
    assert not matcher.allows(200_007)
    with pytest.raises(ConstraintViolation):
        matcher.accept(200_007)
    assert matcher.allows(constraint.encode("a")[0])


@pytest.mark.parametrize("token", ["<|end|>", "<[*]>", "<[200007]>", "<[0-199997]>", "<[^1-9]>"])
def test_a_format_that_needs_a_token_is_refused(token: str) -> None:
    said = "names ids" if token.startswith("<[") else "asks for a special token"
    for rule in (f"start: {token}", f"start: {token}+ /a/", f"start: x\nx: {token} y\ny: /b/"):
        with pytest.raises(ConstraintError, match=f"response_format: .* {said}"):
            Constraint(response_format={"type": "lark", "grammar": rule})


def test_a_format_may_have_what_looks_like_a_token_as_text() -> None:
    grammar = 'start: "<[*]>" x // <[*]>\nx: /<[0-9]>/'
    constraint = Constraint(response_format={"type": "lark", "grammar": grammar})
    assert allows(constraint, "<|channel|>final<|message|><[*]><7><|return|>")


def test_a_format_with_a_dead_end_is_told_by_name() -> None:
    grammar = 'start: "a" <|end|> | "b"'
    constraint = Constraint(response_format={"type": "lark", "grammar": grammar})
    matcher = constraint.matcher("<|channel|>final<|message|>")
    matcher.accept(*constraint.encode("a"))
    with pytest.raises(ConstraintError, match="the response format: nothing can follow here"):
        matcher.mask()
    matcher.rollback(1)
    matcher.accept(*constraint.encode("b"))
    assert matcher.forced() == [200_002]


def test_a_tool_that_takes_nothing_and_one_that_takes_anything() -> None:
    header = "<|channel|>commentary to=functions.g <|constrain|>json<|message|>"
    nothing = Constraint([G])
    assert allows(nothing, header + "{}<|call|>")
    assert not allows(nothing, header + '{"a": 1}<|call|>')
    anything = Constraint([{"name": "g", "parameters": {}}])
    assert allows(anything, header + '{"a": 1}<|call|>')


# --- contradictions ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tool_choice": "required"}, "tool_choice: a call is required, but there are no tools"),
        ({"tool_choice": "h", "tools": [F]}, r"tool_choice: .*'h' \(the tools: functions.f\)"),
        ({"tool_choice": []}, "tool_choice: the list of names is empty"),
        ({"tool_choice": 3}, "tool_choice: auto, required, none, a name or a list"),
        ({"tool_choice": {"function": {}}}, "tool_choice: a name must be text"),
        ({"tools": "f"}, "tools: a list of tools is needed, not str"),
        ({"tools": F}, "tools: a list of tools is needed, not dict"),
        ({"tools": [{}]}, r"tools\[0\].name: a tool needs a name"),
        ({"tools": [{"function": {}}]}, r"tools\[0\].function.name: a tool needs a name"),
        ({"tools": [{"name": "x", "tools": [{}]}]}, r"tools\[0\].tools\[0\].name"),
        ({"tools": [F, G, F]}, r"tools\[2\].name: 'functions.f' is tools\[0\] already"),
        ({"tools": [{"name": "get weather"}]}, r"tools\[0\].name: no header can spell"),
        ({"tools": [{"name": ""}]}, r"tools\[0\].name: no header can spell"),
        ({"tools": [{"name": "f", "parameters": {"type": "objec"}}]},
         r"tools\[0\].parameters: Invalid type: objec"),
        ({"tools": [{"name": "f", "parameters": {"not": {}}}]},
         r"tools\[0\].parameters: Unimplemented keys"),
        ({"tools": [{"name": "f", "parameters": {"enum": [float("nan")]}}]},
         r"tools\[0\].parameters: a JSON Schema must be JSON"),
        ({"builtin_tools": ["sql"]}, r"builtin_tools: there is no 'sql' \(there are browser, py"),
        ({"response_format": {"type": "objec"}}, "response_format: Invalid type: objec"),
        ({"response_format": {"type": "json_schema"}}, "response_format: .*needs a `schema`"),
        ({"response_format": {"type": "regex"}}, "response_format: .*needs a `pattern`"),
        ({"response_format": {"type": "regex", "pattern": "("}}, "response_format: .*regex"),
        ({"response_format": {"type": "regex", "pattern": 3}}, "response_format: .*must be text"),
        ({"response_format": re.compile("a", re.IGNORECASE)}, "response_format: .*no flags"),
        ({"response_format": {"type": "lark", "grammar": "start: x"}}, "response_format: .*unkn"),
        ({"response_format": {"type": "lark", "grammar": 1}}, "response_format: .*must be text"),
        ({"response_format": []}, "response_format: a choice must be between texts"),
        ({"response_format": [1]}, "response_format: a choice must be between texts"),
        ({"response_format": "json"}, "response_format: a JSON Schema, a regular expression"),
        ({"response_format": {"type": "objec"}, "tools": [F], "tool_choice": "f"},
         "response_format: Invalid type: objec"),
        ({"channels": "final"}, "channels: a list of names is needed"),
        ({"channels": ["final", 3]}, "channels: a list of names is needed"),
        ({"channels": ["final", "a b"]}, "channels: no system message can declare 'a b'"),
        ({"channels": []}, r"channels: the answer needs the channel 'final', .* \(none\)"),
        ({"channels": ["analysis", "final"], "tools": [F]},
         r"channels: a call of functions.f needs the channel 'commentary'.*\(analysis, final\)"),
        ({"channels": ["final"], "reasoning": "require"}, "channels: reasoning needs the channel"),
        ({"reasoning": "maybe"}, "reasoning: it is one of allow, require, forbid, not 'maybe'"),
        ({"spelling": "mine"}, "spelling: it is one of model, any"),
        ({"reasoning": "require", "max_reasoning_tokens": 0}, "max_reasoning_tokens: it is 0"),
        ({"max_reasoning_tokens": -1}, "max_reasoning_tokens: a number of at least 0"),
        ({"max_tokens": 0}, "max_tokens: a number of at least 1"),
        ({"max_tokens": True}, "max_tokens: a number of at least 1"),
        ({"max_tokens": 3}, "max_tokens: 3 ids do not suffice, 4 do"),
        ({"max_tokens": 9, "reasoning": "require"}, "max_tokens: 9 ids do not suffice, 10 do"),
    ],
)  # fmt: skip
def test_a_contradiction_is_found_before_anything_is_sampled(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConstraintError, match=message):
        Constraint(**options)


def test_a_schema_beyond_the_engine_may_become_any_object() -> None:
    odd = {"name": "f", "parameters": {"type": "object", "not": {"required": ["x"]}}}
    constraint = Constraint([odd], strict_tools=False)
    assert allows(constraint, CALL_F.replace('{"n": 1}', '{"any": ["thing"]}'))
    assert not allows(constraint, CALL_F.replace('{"n": 1}', "3"))


# --- prefixes ---


@pytest.mark.parametrize(
    ("prefix", "rest"),
    [
        ("<|channel|>final<|message|>", "Hi<|return|>"),
        ("<|channel|>final<|message|>Once", " upon<|return|>"),
        (" to=functions.f", '<|channel|>commentary <|constrain|>json<|message|>{"n": 1}<|call|>'),
        ("<|channel|>commentary to=functions.f", ' <|constrain|>json<|message|>{"n": 1}<|call|>'),
        ("<|channel|>", "final<|message|>Hi<|return|>"),
        ("<|channel|>commentary to=func", 'tions.f <|constrain|>json<|message|>{"n": 1}<|call|>'),
        ("<|channel|>analysis<|message|>Hm", f".<|end|><|start|>assistant{ANSWER}"),
        (THOUGHT, CALL_F),
        ("<|channel|>commentary to=functions.f json<|message|>{", '"n": 1}<|call|>'),
        (CALL_F, ""),
    ],
)
def test_a_prefilled_header_is_gone_on_from(prefix: str, rest: str) -> None:
    constraint = Constraint([F, G])
    assert allows(constraint, rest, prefix)
    ids = constraint.matcher(constraint.encode(prefix))
    ids.accept_all(constraint.encode(rest))
    assert ids.is_finished
    assert len(ids) == len(constraint.encode(rest))


def test_behind_a_prefix_the_header_goes_on_in_one_way() -> None:
    matcher = Constraint([F, G]).matcher(" to=functions.f")
    assert matcher.expected() == ("`<|channel|>`",)
    matcher.accept_all(matcher.forced())
    assert matcher.expected() == ("JSON arguments",)


@pytest.mark.parametrize(
    ("options", "prefix"),
    [
        ({"reasoning": "require"}, "<|channel|>final<|message|>"),
        ({"tools": [F], "tool_choice": "required"}, "<|channel|>final"),
        ({"tools": [F, G], "tool_choice": "g"}, " to=functions.f"),
        ({}, " to=functions.f"),
        ({}, "<|end|>"),
        ({"response_format": ARGUMENTS}, "<|channel|>final<|message|>Hi"),
    ],
)
def test_a_prefix_against_the_constraint_is_refused(options: dict[str, Any], prefix: str) -> None:
    with pytest.raises(ConstraintViolation, match="prefix: at index"):
        Constraint(**options).matcher(prefix)


def test_a_prefilled_answer_is_bound_by_its_format() -> None:
    constraint = Constraint(response_format=ARGUMENTS)
    assert allows(constraint, '{"n": 1}<|return|>', "<|channel|>final<|message|>")
    assert not allows(constraint, "Hi<|return|>", "<|channel|>final<|message|>")


# --- budgets ---


@pytest.mark.parametrize("most", [0, 1, 2, 5])
@pytest.mark.parametrize("tool_choice", ["auto", "required", "none"])
def test_spent_reasoning_always_leaves_an_answer(most: int, tool_choice: str) -> None:
    constraint = Constraint(
        [F], tool_choice=tool_choice, max_reasoning_tokens=most, preambles=False, max_tokens=120
    )
    vocabulary = constraint.vocabulary
    for seed in range(10):
        rng = random.Random(seed)  # noqa: S311  a repeatable walk
        ids, done = walk(constraint, rng)
        thought = [m for m in hg.check(ids, "completion").conversation if m.channel == "analysis"]
        spent = sum(len(vocabulary.encode(m.text)) for m in thought)
        assert done or "{" in vocabulary.decode_bytes([t for t in ids if t < 199_998]).decode()
        # A walk may cut a text into more ids than the encoding does, never into fewer.
        assert spent <= most


def test_reasoning_is_closed_at_the_border_and_in_no_character() -> None:
    constraint = Constraint(max_reasoning_tokens=3)
    single = constraint.vocabulary.encoding.encode_single_token
    matcher = constraint.matcher("<|channel|>analysis<|message|>")
    matcher.accept_all([single(b"a"), single(b"b")])
    assert not matcher.allows(single(b"\xc3"))
    assert not matcher.allows(single(b"\xf0\x9f"))
    matcher.accept(single(b"c"))
    assert matcher.forced() == constraint.encode("<|end|><|start|>assistant<|channel|>")
    matcher.accept_all(matcher.forced())
    assert matcher.expected() == ("`commentary`", "`final`")


def test_reasoning_may_be_shared_by_several_messages() -> None:
    constraint = Constraint(max_reasoning_tokens=3)
    once = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
    assert allows(constraint, once.format("one two") + once.format("three") + ANSWER)
    assert not allows(constraint, once.format("one two") + once.format("three four") + ANSWER)
    assert not allows(constraint, once.format("one two three") + once.format("") + ANSWER)


@pytest.mark.parametrize("most", [4, 5, 7, 9, 11, 12, 16, 30])
@pytest.mark.parametrize(
    "options", [{}, {"builtin_tools": ["python"]}, {"spelling": "any"}, {"preambles": False}]
)
def test_a_completion_of_text_ends_in_time(most: int, options: dict[str, Any]) -> None:
    constraint = Constraint(max_tokens=most, **options)
    for seed in range(8):
        rng = random.Random(seed)  # noqa: S311  a repeatable walk
        ids, done = walk(constraint, rng)
        assert done
        assert len(ids) <= most
        assert hg.check(ids, "completion").ok


def test_all_of_the_budget_can_be_used() -> None:
    constraint = Constraint(max_tokens=10)
    text = "<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>"
    assert allows(constraint, text + "<|return|>")
    assert not allows(constraint, text + "Hi<|return|>")
    assert allows(constraint, "<|channel|>final<|message|>one two three four five six<|return|>")
    assert not allows(constraint, "<|channel|>final<|message|>one two three four five six seven")


def test_a_body_with_a_schema_is_left_room_and_brought_to_its_end() -> None:
    constraint = Constraint([F], tool_choice="required", max_tokens=40)
    matcher = constraint.matcher("<|channel|>analysis<|message|>")
    while matcher.allows(13225):
        matcher.accept(13225)
    assert len(matcher) >= 10
    matcher.accept_all(constraint.encode("<|end|><|start|>assistant" + CALL_F.partition("{")[0]))
    matcher.accept_all(matcher.forced())
    assert matcher.is_finished
    assert len(matcher) <= 40


NESTED = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3},
        "kind": {"enum": ["one", "another"]},
        "points": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "properties": {"x": {"type": "number"}, "on": {"type": "boolean"}},
                "required": ["x", "on"],
            },
        },
    },
    "required": ["name", "kind", "points"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "options",
    [
        {"response_format": NESTED},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "regex", "pattern": "[a-z]{3}-[0-9]+"}},
        {"tools": [F, {"name": "h", "parameters": NESTED}], "tool_choice": "required"},
    ],
)
def test_a_sampler_that_goes_anywhere_is_brought_home(options: dict[str, Any], seed: int) -> None:
    constraint = Constraint(max_tokens=70, **options)
    rng = random.Random(seed)  # noqa: S311  a repeatable walk
    matcher = constraint.matcher()
    while not matcher.is_finished and len(matcher) < 70:
        row = matcher.mask()
        word = rng.choice(row.nonzero()[0].tolist())
        bits = int(row[word])
        matcher.accept((word << 5) + rng.choice([b for b in range(32) if (bits >> b) & 1]))
    assert matcher.is_finished


def test_a_complete_body_is_ended_when_the_budget_is() -> None:
    constraint = Constraint(response_format={"type": "regex", "pattern": "a*"}, max_tokens=12)
    matcher = constraint.matcher("<|channel|>final<|message|>")
    single = constraint.vocabulary.encoding.encode_single_token(b"a")
    while matcher.allows(single):
        matcher.accept(single)
    assert matcher.forced() == [200_002]
    assert 3 <= len(matcher) < 12


def test_many_bodies_are_not_asked_how_they_end() -> None:
    many = [{"name": f"t{n}", "parameters": {**ARGUMENTS, "title": str(n)}} for n in range(40)]
    constraint = Constraint(many, tool_choice="required", max_tokens=60)
    matcher = constraint.matcher("<|channel|>commentary to=functions.t7")
    matcher.accept_all(constraint.encode(' <|constrain|>json<|message|>{"n": 1}<|call|>'))
    assert matcher.is_finished


# --- the rest ---


def test_earlier_calls_and_answers_are_no_matter() -> None:
    # The history is in the prompt; a completion begins behind its last opening.
    constraint = Constraint([F], tool_choice="f", response_format=ARGUMENTS)
    assert allows(constraint, CALL_F)
    assert not allows(constraint, JSON_ANSWER)


def test_equal_constraints_share_their_automaton() -> None:
    one, other = Constraint([F, G]), Constraint([dict(F), dict(G)])
    assert one.matcher().mask() is other.matcher().mask()
    head = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>"
    assert one.matcher(head).mask() is other.matcher(head).mask()


def test_equal_schemas_share_their_masks() -> None:
    constraint = Constraint([F, {**F, "name": "h"}])
    head = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>"
    one, other = (constraint.matcher(head.format(name)) for name in "fh")
    assert one.mask() is other.mask()


def test_stop_ids_and_the_opening() -> None:
    constraint = Constraint([F])
    assert constraint.stop_ids == (200_002, 200_012)
    assert Constraint().stop_ids == (200_002,)
    assert constraint.opening == (200_006, 173_781)


def test_everything_can_be_prepared_ahead() -> None:
    constraint = Constraint([F], response_format=ARGUMENTS)
    constraint.prepare()
    assert allows(constraint, CALL_F)
