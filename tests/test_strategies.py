"""The public strategies: what they promise, and that they run out of nothing."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_grammar_changes import CALL_ID, CALLED

import harmony_grammar as hg
from harmony_grammar import strategies
from harmony_grammar.bodies import read_body, read_type

STARTS = ("conversation", "prompt", "completion")


@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=30)
@given(data=st.data())
def test_sentences_are_sentences(start: Any, data: st.DataObject) -> None:
    assert hg.check(data.draw(strategies.sentences(start=start)), start).status == "complete"
    ids = data.draw(strategies.ids(start=start))
    assert hg.check(ids, start).status == "complete"


@settings(max_examples=30)
@given(st.data())
def test_sentences_of_bodies_are_read(data: st.DataObject) -> None:
    for role, start in ((hg.Role.SYSTEM, "system_body"), (hg.Role.DEVELOPER, "developer_body")):
        assert read_body(data.draw(strategies.sentences(start=start)), role).diagnostics == ()
    read_type(data.draw(strategies.sentences(start="tool_type")))
    assert data.draw(strategies.sentences(start="valid_channels")).startswith("# Valid channels: ")


@settings(max_examples=30)
@given(strategies.sentences(CALL_ID, "completion"))
def test_sentences_follow_the_grammar(text: str) -> None:
    assert CALL_ID.check(text, "completion").status == "complete"
    assert CALL_ID.check(CALLED, "completion").ok


@settings(max_examples=30)
@given(strategies.conversations())
def test_conversations_are_written_and_read(tree: hg.Conversation) -> None:
    assert tree == tree.canonical()
    assert hg.parse(hg.render(tree)) == tree


@settings(max_examples=20)
@given(st.data())
def test_walks_follow_their_constraint(data: st.DataObject) -> None:
    constraint = data.draw(strategies.constraints())
    ids = data.draw(strategies.walks(constraint, most=24))
    assert hg.check(ids, "completion").status in ("complete", "truncated")
    constraint.matcher().accept_all(ids)


@settings(max_examples=30)
@given(strategies.tool_sets())
def test_tool_sets_make_constraints(tools: list[dict[str, Any]]) -> None:
    names = {f"functions.{tool['function']['name']}" for tool in tools}
    assert set(hg.Constraint(tools).tool_names) == names


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(ValueError, match="start must be one of conversation"):
        strategies.sentences(start="nothing")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "hypothesis":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "harmony_grammar.strategies")
    with pytest.raises(ModuleNotFoundError, match=r"harmony-grammar\[testing\]"):
        import harmony_grammar.strategies  # noqa: F401, PLC0415
