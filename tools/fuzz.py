"""Fuzz strict reading with coverage guidance: any input must end in a verdict, and a lawful one.

Run it as `python tools/fuzz.py -max_total_time=600`; it needs `pip install atheris`. What it
finds becomes a case in the tests.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

with atheris.instrument_imports(include=["harmony_grammar"]):
    import harmony_grammar as hg
    import harmony_grammar.reading.faults
    import harmony_grammar.reading.strict
    import harmony_grammar.writing.renderer

GRAMMAR = hg.Grammar.default()
STARTS: tuple[Start, ...] = ("conversation", "prompt", "completion")

# What is worth putting together: special tokens, words and marks of the format, and near misses.
WORDS = [
    *GRAMMAR.rules.specials,
    *GRAMMAR.channels,
    *GRAMMAR.roles,
    *(" to=", " ", ":", ".", "functions.f", "json", "\n", "<|", "|>", "<", "é", "\ud800", "&lt;|"),
    "# Valid channels: analysis, x.",
]


def text_of(data: atheris.FuzzedDataProvider) -> str:
    """Words and free characters, as the fuzzer chooses."""
    parts = []
    while data.remaining_bytes():
        index = data.ConsumeIntInRange(0, len(WORDS))
        parts.append(WORDS[index] if index < len(WORDS) else data.ConsumeUnicode(4))
    return "".join(parts)


def ids_of(data: atheris.FuzzedDataProvider) -> list[int]:
    """Ids of words, and any others."""
    ids: list[int] = []
    while data.remaining_bytes():
        index = data.ConsumeIntInRange(0, len(WORDS) + 1)
        if index < len(GRAMMAR.rules.specials):
            ids.append(GRAMMAR.vocabulary.encode_special(WORDS[index]))
        elif index < len(WORDS):
            ids.extend(GRAMMAR.vocabulary.encode(WORDS[index]))
        else:
            ids.append(data.ConsumeIntInRange(-1, 201_100))
    return ids


def judge(source: str | list[int], start: Start) -> None:
    """Hold the laws of strict reading for one input."""
    report = hg.check(source, start)
    if report.ok:
        tree = hg.parse(source, start)
        written = hg.render(tree) if isinstance(source, str) else hg.encode(tree)
        if written != source:
            raise AssertionError((source, start, written))
        return
    error = report.diagnostics[-1]
    if not str(error) or report.status == "truncated":
        return
    before, through = source[: error.span.start], source[: error.span.end]
    if hg.check(before, start).status == "malformed":
        raise AssertionError((source, start, "the error is earlier"))
    if hg.check(through, start).status != "malformed":
        raise AssertionError((source, start, "the error is later"))


def one_input(data: bytes) -> None:
    """What the fuzzer calls."""
    provider = atheris.FuzzedDataProvider(data)
    start = STARTS[provider.ConsumeIntInRange(0, 2)]
    judge(ids_of(provider) if provider.ConsumeBool() else text_of(provider), start)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
