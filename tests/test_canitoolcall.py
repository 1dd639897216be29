"""The gpt-oss fixtures of canitoolcall: what engines should make of outputs of models.

All come out as expected, but for a table of differences in policy.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import pytest

import harmony_grammar as hg
from harmony_grammar.streaming.recovery import Recovery

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("canitoolcall")

DATA = files("canitoolcall") / "_data" / "fixtures" / "gpt-oss"

# Where we differ: what we give instead, and why.
OVER: Final = "the turn is over at the call: what follows is overrun and never dispatched"
DIFFERENCES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "gpt-oss/vllm-sequential-calls": (
        {"tool_calls": [{"name": "get_weather", "arguments": {"location": "Paris"}}]},
        OVER,
    ),
    "gpt-oss/vllm-call-then-final": ({"content": None}, OVER),
}
# In text, markers that a body spells are markers: only ids tell them apart.
ONLY_IDS: Final = frozenset(
    {"gpt-oss/harmony-marker-in-arguments", "gpt-oss/harmony-marker-in-reasoning"}
)


def fixtures() -> Iterator[dict[str, Any]]:
    for name in ("imported.jsonl", "rendered.jsonl"):
        for line in (DATA / name).read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


FIXTURES: Final = list(fixtures())


def outcome(recovery: Recovery, tools: list[Any]) -> dict[str, Any]:
    """What a client gets: the calls that may be dispatched, and the texts around them."""
    reasoning = hg.Grammar.default().rules.meaning.reasoning
    texts = [(m.channel == reasoning, m.text) for m in recovery.messages if m.recipient is None]
    calls = [call for call in recovery.tool_calls(tools) if call.ready]
    return {
        "content": "".join(text for thought, text in texts if not thought) or None,
        "reasoning_content": "".join(text for thought, text in texts if thought) or None,
        "tool_calls": [
            {"name": str(call.name).removeprefix("functions."), "arguments": call.parsed}
            for call in calls
        ],
    }


def streamed(ids: list[int]) -> Recovery:
    stream = hg.StreamParser(recover=True)
    for token in ids:
        stream.feed(token)
    read = stream.close()
    assert isinstance(read, Recovery)
    return read


def test_they_are_all_there() -> None:
    assert len(FIXTURES) == 51
    assert {*DIFFERENCES, *ONLY_IDS} <= {fixture["id"] for fixture in FIXTURES}


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: str(fixture["id"]))
def test_every_output_is_read_as_expected(fixture: dict[str, Any]) -> None:
    name, ids = fixture["id"], fixture["output_token_ids"]
    readings = [hg.recover(ids), streamed(ids)]
    if name not in ONLY_IDS:
        readings.append(hg.recover(fixture["raw_output"]))
    for recovery in readings:
        found = outcome(recovery, fixture["tools"])
        if "expected_error" in fixture:
            assert found["tool_calls"] == []
            assert "no_tool_calls" in fixture["expected_error"]["accept"]
            continue
        wanted = {key: value or None for key, value in fixture["expected"].items()}
        wanted["tool_calls"] = wanted["tool_calls"] or []
        ours, _ = DIFFERENCES.get(name, ({}, ""))
        assert found == {**wanted, **ours}
        assert bool(ours) == (found != wanted)  # a difference that is gone leaves the table
