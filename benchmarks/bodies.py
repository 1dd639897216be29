"""How long the body of a developer message takes to read: what its tools take, as JSON Schema.

Each run reads a prompt that it has not seen, since nothing remembers one. No peer reads prompts
back; the goal is our own, and time must grow with the number of tools.

    python benchmarks/bodies.py
"""

from __future__ import annotations

import argparse
import random
import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import common

import harmony_grammar as hg
from harmony_grammar.bodies import read_body
from harmony_grammar.bodies.sections import developer_text

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS: Final = 25
TOOLS: Final = 100
GOAL: Final = 20.0  # milliseconds
SIZES: Final = (25, 50, 100, 200)
WORDS: Final = ("city", "date", "unit", "query", "limit", "page", "user", "name", "value", "path")


def field(rng: random.Random) -> dict[str, Any]:
    """The schema of a property, with a description."""
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean", "default": False},
        {"type": "array", "items": {"type": "string"}},
        {"type": "string", "enum": rng.sample(WORDS, 3)},
        {"type": "object", "properties": {"a": {"type": "string"}}},
    )
    return {**rng.choice(kinds), "description": " ".join(rng.sample(WORDS, 8))}


def tool(rng: random.Random) -> hg.ToolDescription:
    """A tool with five properties."""
    properties = {f"{rng.choice(WORDS)}_{index}": field(rng) for index in range(5)}
    schema = {"type": "object", "properties": properties, "required": [*properties][:2]}
    name = f"{rng.choice(WORDS)}_{rng.randrange(10**6)}"
    return hg.ToolDescription(name, " ".join(rng.sample(WORDS, 10)), schema)


def prompts(tools: int, runs: int) -> Iterator[str]:
    """Bodies with that many tools, each different."""
    for seed in range(runs):
        rng = random.Random(seed)  # noqa: S311  no secret
        found = [tool(rng) for _ in range(tools)]
        content = hg.DeveloperContent.new().with_instructions("Be kind.").with_function_tools(found)
        yield developer_text(content)


def times(tools: int, runs: int) -> list[float]:
    """How long each of some prompts takes to read, in milliseconds; the first warms up."""
    out = []
    for body in prompts(tools, runs + 1):
        begin = time.perf_counter()
        reading = read_body(body, hg.Role.DEVELOPER)
        out.append((time.perf_counter() - begin) * 1000)
        if reading.diagnostics:
            raise SystemExit(str(reading.diagnostics[0]))
    return out[1:]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the reading of bodies.")
    parser.add_argument("--runs", type=int, default=RUNS)
    runs = parser.parse_args().runs
    found = {size: times(size, runs) for size in SIZES}
    length = len(next(prompts(TOOLS, 1)))
    own = found[TOOLS]
    grows = common.growth(SIZES, [min(found[size]) for size in SIZES])
    print(f"{TOOLS} tools with five properties each, {length:,} characters.\n")
    print("| what | median, ms | fastest, ms | goal, ms |\n|---|--:|--:|--:|")
    print(f"| read {TOOLS} tools | {median(own):.3g} | {min(own):.3g} | ≤ {GOAL:g} |")
    print(f"\nFrom {SIZES[0]} to {SIZES[-1]} tools time grows as the number to the {grows:.2f}.")


if __name__ == "__main__":
    main()
