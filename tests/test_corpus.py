"""Real model outputs and the verdicts they must get, as text and as ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import harmony_grammar as hg

GRAMMAR = hg.Grammar.default()
VERDICTS = {"accept": "complete", "reject": "malformed", "truncated": "truncated"}


def cases() -> list[dict[str, Any]]:
    path = Path(__file__).parent / "data" / "observed.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids_of(text: str) -> list[int]:
    """The canonical ids of decoded text."""
    return GRAMMAR.vocabulary.encode_marked(text, GRAMMAR.rules.specials)


def test_the_corpus_is_there() -> None:
    assert {case["strict"] for case in cases()} == set(VERDICTS)


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["id"]))
def test_every_case_gets_its_verdict(case: dict[str, Any]) -> None:
    for source in (case["text"], ids_of(case["text"])):
        report = hg.check(source, case["entry"])
        assert report.status == VERDICTS[case["strict"]]
        if case["strict"] != "accept":
            assert [d for d in report.diagnostics if d.severity is hg.Severity.ERROR]
            continue
        assert [_wire(m) for m in report.conversation] == case["messages"]


def _wire(message: hg.Message) -> dict[str, Any]:
    data = message.to_dict()
    data["content"] = message.text
    return {key: value for key, value in data.items() if value is not None}
