"""What the first of anything costs, in time and in memory, beside llguidance.

    python benchmarks/masking_start.py --runs 5

The first table is about the first constraint of a process; every line is the median of fresh
processes. The vocabulary is loaded and the modules are imported before anything is measured;
everything else that a first mask needs is in the time. `first mask` is from the tools to the mask
of the first id; `first body` is what then comes at the first body with a schema. llguidance reads
its tokenizer at once, we when the first such body begins (or in `Constraint.prepare`). `MB` is
what the process grows by in each of the two.

The second table is about the first body of a schema that nobody has seen before, in microseconds
for writing a mask and taking an id; both have made their matchers before.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

RUNS: Final = 5
COUNTS: Final = (1, 20, 100, 500)
CALL: Final = "<|channel|>commentary to=functions.tool_0 <|constrain|>json<|message|>"


def tools(count: int) -> list[dict[str, Any]]:
    """Tools with a schema of their own each."""
    return [
        {
            "name": f"tool_{number}",
            "parameters": {
                "type": "object",
                "title": f"number {number}",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        }
        for number in range(count)
    ]


class Watch:
    """Milliseconds and megabytes since it was last asked."""

    def __init__(self) -> None:
        self.weight = self._weight()
        self.begin = time.perf_counter()

    @staticmethod
    def _weight() -> float:
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    def lap(self) -> list[float]:
        """Both numbers."""
        passed = (time.perf_counter() - self.begin) * 1e3
        weight = self._weight()
        grown, self.weight = weight - self.weight, weight
        self.begin = time.perf_counter()
        return [passed, grown]


def ours(count: int) -> list[float]:
    """What we take."""
    from harmony_grammar.masking import Constraint  # noqa: PLC0415  a process has one engine only
    from harmony_grammar.vocabulary import Vocabulary  # noqa: PLC0415

    call = Vocabulary.default().encode_marked(CALL, Vocabulary.default().special_ids)
    declared, watch = tools(count), Watch()
    matcher = Constraint(declared).matcher()
    matcher.mask()
    first = watch.lap()
    matcher.accept_all(call)
    matcher.mask()
    return first + watch.lap()


def theirs(count: int) -> list[float]:
    """What llguidance takes."""
    import llguidance  # noqa: PLC0415  a process has one engine only
    from masking import TOOL, LLGuidance, bitmask_of  # noqa: PLC0415

    from harmony_grammar.vocabulary import Vocabulary  # noqa: PLC0415

    call = Vocabulary.default().encode_marked(CALL, Vocabulary.default().special_ids)
    calls = " | ".join(
        TOOL.format(f"functions.{tool['name']}", json.dumps(tool["parameters"]))
        for tool in tools(count)
    )
    text = f'%llguidance {{"no_forcing": true}}\nstart: <|channel|> "final" | {calls}'
    Vocabulary.default().pieces  # noqa: B018  their adapter takes it
    watch = Watch()
    engine = LLGuidance()
    matcher = llguidance.LLMatcher(engine.tokenizer, llguidance.LLMatcher.grammar_from_lark(text))
    row = bitmask_of(engine)
    engine.fill(matcher, row)
    first = watch.lap()
    for token in call:
        engine.accept(matcher, token)
    engine.fill(matcher, row)
    return first + watch.lap()


def fresh_schemas(runs: int) -> None:
    """Print what the first body of a schema costs."""
    import llguidance  # noqa: PLC0415  only this table needs them
    from masking import (  # noqa: PLC0415
        BODY,
        SCHEMA,
        LLGuidance,
        beside_llguidance,
        print_times,
    )

    from harmony_grammar.masking import Constraint  # noqa: PLC0415

    alone = LLGuidance()
    times: dict[str, list[int]] = {"llguidance alone": [], "ours": []}
    for number in range(runs):
        fields = {**SCHEMA["properties"], f"field_{number}": {"type": "string"}}  # type: ignore[dict-item]
        schema = {**SCHEMA, "properties": fields}
        text = f'%llguidance {{"no_forcing": true}}\nstart: %json {json.dumps(schema)}'
        constraint = Constraint(response_format=schema)
        constraint.prepare()
        grammar = llguidance.LLMatcher.grammar_from_lark(text)
        one = llguidance.LLMatcher(alone.tokenizer, grammar).deep_copy()
        two = constraint.matcher("<|channel|>final <|constrain|>json<|message|>")
        beside_llguidance(one, two, constraint.encode(BODY), times)
    print(f"\n### the first body of a schema ({runs} schemas)\n")
    print_times(times)


def measured(engine: str, count: int, runs: int) -> list[float]:
    """The medians over fresh processes."""
    command = [sys.executable, __file__, "--one", engine, str(count)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        for _ in range(runs)
    ]
    return [median(values) for values in zip(*found, strict=True)]


def main() -> None:
    """Print the table, or the numbers of one process."""
    parser = argparse.ArgumentParser(description="Measure the first constraint of a process.")
    parser.add_argument("--runs", type=int, default=RUNS, help="processes for each line")
    parser.add_argument("--one", nargs=2, metavar=("ENGINE", "TOOLS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    engines = {"ours": ours, "llguidance": theirs}
    if given.one:
        print(json.dumps(engines[given.one[0]](int(given.one[1]))))
        return
    print("### the first constraint of a process\n")
    print("| | tools | first mask, ms | MB | first body, ms | MB |\n|---|--:|--:|--:|--:|--:|")
    for count in COUNTS:
        for engine in engines:
            numbers = measured(engine, count, given.runs)
            print(f"| {engine} | {count} | " + " | ".join(f"{n:.1f}" for n in numbers) + " |")
    fresh_schemas(given.runs * 20)


if __name__ == "__main__":
    main()
