"""How long masks take: this package beside llguidance and xgrammar, in one process.

All three are given the same language and the same ids. xgrammar's text is any ordinary id,
since its own text would let special tokens through; so in text its mask has some hundred ids
more. Run it with everything installed that it compares with::

    python benchmarks/masking.py --plots benchmarks

A line of the tables is one engine on one kind of generation, in microseconds per id; `fill` is
writing the mask into a row, `accept` taking the id.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from pathlib import Path
from typing import Any, Protocol

import llguidance
import llguidance.numpy
import numpy as np
import xgrammar
from masking_plots import plot

from harmony_grammar.masking import Constraint
from harmony_grammar.vocabulary import Vocabulary

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
TEXT = (
    "The user asks for the weather in Zürich over the next days. We should call the tool with "
    "the city and the number of days; the unit isn't given, so we take celsius.\n\n"
    "Then we answer: `3 °C` 🙂, with a short list. "
) * 4
BODY = '{"city": "Zürich", "days": 7, "unit": "celsius", "tags": ["a", "weekly outlook"]}'
NEXT = "<|end|><|start|>assistant"
CALL = "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
SCENARIOS = {
    "analysis + call": f"<|channel|>analysis<|message|>{TEXT}{NEXT}{CALL}{BODY}<|call|>",
    "analysis + final": f"<|channel|>analysis<|message|>{TEXT}{NEXT}"
    f"<|channel|>final<|message|>{TEXT}<|return|>",
    "final with schema": f"<|channel|>final <|constrain|>json<|message|>{BODY}<|return|>",
}

LARK = """
start: (thought | preamble)* (answer | call)
thought: <|channel|> "analysis" <|message|> text <|end|> <|start|> "assistant"
preamble: <|channel|> "commentary" <|message|> text <|end|> <|start|> "assistant"
answer: <|channel|> "final" ANSWER <|return|>
call: CALLS
"""
FREE = {"llguidance": "/(.|\\n)*/", "xgrammar": "<[0-199997]>*"}
TOOL = '<|channel|> "commentary to={}" " " <|constrain|> "json" <|message|> %json {} <|call|>'


def tools(count: int) -> list[dict[str, Any]]:
    """Tools with a schema of their own each, the first of them the one that is called."""
    names = ["get_weather", *(f"tool_{number}" for number in range(1, count))]
    return [
        {"name": name, "parameters": {**SCHEMA, "title": f"number {number}"}}
        for number, name in enumerate(names)
    ]


def lark(engine: str, count: int, *, schema: bool) -> str:
    """The same language in llguidance's dialect."""
    calls = " | ".join(
        TOOL.format(f"functions.{tool['name']}", json.dumps(tool["parameters"]))
        for tool in tools(count)
    )
    answer = f'" " <|constrain|> "json" <|message|> %json {json.dumps(SCHEMA)}'
    text = LARK.replace("ANSWER", answer if schema else "<|message|> text")
    text = text.replace("CALLS", calls) + f"text: {FREE[engine]}\n"
    if engine == "llguidance":
        return '%llguidance {"no_forcing": true}\n' + text
    for spelling, token in Vocabulary.default().special_ids.items():
        text = text.replace(spelling, f"<[{token}]>")
    return text


class Engine(Protocol):
    """What is compared."""

    def build(self, count: int, *, schema: bool) -> Any:
        """A constraint with some tools, ready for matchers."""

    def matcher(self, built: Any) -> Any:
        """A fresh matcher."""

    def fill(self, matcher: Any, bitmask: Any) -> None:
        """Write the mask into row 0."""

    def accept(self, matcher: Any, token: int) -> None:
        """Take an id."""


class Ours:
    """This package."""

    def build(self, count: int, *, schema: bool) -> Any:
        """A constraint with some tools."""
        return Constraint(tools(count), response_format=SCHEMA if schema else None)

    def matcher(self, built: Any) -> Any:
        """A fresh matcher."""
        return built.matcher()

    def fill(self, matcher: Any, bitmask: Any) -> None:
        """Write the mask into row 0."""
        matcher.fill(bitmask, 0)

    def accept(self, matcher: Any, token: int) -> None:
        """Take an id."""
        matcher.accept(token)


class LLGuidance:
    """llguidance with its numpy helper."""

    def __init__(self) -> None:
        vocabulary = Vocabulary.default()
        names: dict[int, str] = {}
        for spelling, token in vocabulary.special_ids.items():
            names.setdefault(token, spelling)
        maker: Any = llguidance.LLTokenizer
        self.tokenizer = maker.from_tiktoken(
            encoder=dict(zip(vocabulary.pieces.values(), vocabulary.pieces, strict=True)),
            special_tokens={spelling: token for token, spelling in names.items()},
            pattern=vocabulary.encoding._pat_str,  # noqa: SLF001  there is no other way to it
            n_vocab=vocabulary.size,
            eos_token=199_999,
            slices=None,
        )

    def build(self, count: int, *, schema: bool) -> Any:
        """A grammar, checked."""
        text = lark("llguidance", count, schema=schema)
        matcher = llguidance.LLMatcher(self.tokenizer, llguidance.LLMatcher.grammar_from_lark(text))
        if matcher.is_error():
            raise SystemExit(matcher.get_error())
        return matcher

    def matcher(self, built: Any) -> Any:
        """A fresh matcher."""
        return built.deep_copy()

    def fill(self, matcher: Any, bitmask: Any) -> None:
        """Write the mask into row 0."""
        llguidance.numpy.fill_next_token_bitmask(matcher, bitmask, 0)

    def accept(self, matcher: Any, token: int) -> None:
        """Take an id."""
        if not matcher.consume_token(token):
            raise SystemExit(f"llguidance refuses {token}: {matcher.get_error()}")


class XGrammar:
    """xgrammar."""

    def __init__(self) -> None:
        vocabulary = Vocabulary.default()
        pieces = [vocabulary.piece(token) for token in range(vocabulary.size)]
        info = xgrammar.TokenizerInfo(pieces, vocab_size=vocabulary.size, stop_token_ids=[199_999])
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=2, cache_enabled=False)

    def build(self, count: int, *, schema: bool) -> Any:
        """A grammar, compiled."""
        text = lark("xgrammar", count, schema=schema)
        return self.compiler.compile_grammar(xgrammar.Grammar.from_lark(text))

    def matcher(self, built: Any) -> Any:
        """A fresh matcher."""
        return xgrammar.GrammarMatcher(built)

    def fill(self, matcher: Any, bitmask: Any) -> None:
        """Write the mask into row 0."""
        matcher.fill_next_token_bitmask(bitmask, 0)

    def accept(self, matcher: Any, token: int) -> None:
        """Take an id."""
        if not matcher.accept_token(token):
            raise SystemExit(f"xgrammar refuses {token}")


def bitmask_of(engine: Engine, rows: int = 1) -> Any:
    """A bitmask in the form that an engine takes."""
    if isinstance(engine, XGrammar):
        return xgrammar.allocate_token_bitmask(rows, Vocabulary.default().size)
    return np.zeros((rows, 6284), np.int32)


def timed(engine: Engine, built: Any, ids: list[int], rounds: int) -> tuple[Any, Any]:
    """Nanoseconds of each fill and accept, shape `(rounds, ids)` each."""
    bitmask = bitmask_of(engine)
    fills = np.zeros((rounds, len(ids)), np.int64)
    accepts = np.zeros((rounds, len(ids)), np.int64)
    clock = time.perf_counter_ns
    for number in range(rounds):
        matcher = engine.matcher(built)
        for index, token in enumerate(ids):
            begin = clock()
            engine.fill(matcher, bitmask)
            middle = clock()
            engine.accept(matcher, token)
            fills[number, index] = middle - begin
            accepts[number, index] = clock() - middle
    return fills, accepts


def taking_turns(
    engines: dict[str, Engine], built: dict[str, Any], ids: list[int], rounds: int
) -> dict[str, tuple[Any, Any]]:
    """What `timed` gives for each engine; they take turns, since clocks of machines vary."""
    parts: dict[str, list[tuple[Any, Any]]] = {name: [] for name in engines}
    for _ in range(rounds + 2):
        for name, engine in engines.items():
            parts[name].append(timed(engine, built[name], ids, 1))
    return {
        name: (np.concatenate([f for f, _ in found[2:]]), np.concatenate([a for _, a in found[2:]]))
        for name, found in parts.items()
    }


def line(name: str, values: Any) -> str:
    """A line of a table, from nanoseconds."""
    flat = np.sort(np.asarray(values).ravel()) / 1000
    median, mean, p99 = np.median(flat), flat.mean(), np.percentile(flat, 99)
    return f"| {name} | {median:.2f} | {mean:.2f} | {p99:.1f} |"


def memory() -> float:
    """Megabytes of memory that this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def parts(ids: list[int], constraint: Constraint) -> dict[str, list[int]]:
    """Which indices of a generation are in text, in a header and in a body with a schema."""
    matcher = constraint.matcher()
    found: dict[str, list[int]] = {"text": [], "header": [], "schema": []}
    for index, token in enumerate(ids):
        words = " ".join(matcher.expected())
        kind = "text" if "text" in words else "schema" if "JSON" in words else "header"
        found["schema" if "format" in words else kind].append(index)
        matcher.accept(token)
    return found


def compare_steps(engines: dict[str, Engine], rounds: int) -> dict[str, dict[str, Any]]:
    """Print the times of all scenarios; the answer has the sums of fill and accept."""
    found: dict[str, dict[str, Any]] = {}
    for scenario, text in SCENARIOS.items():
        schema = scenario.endswith("schema")
        constraint = Constraint(tools(20), response_format=SCHEMA if schema else None)
        ids = constraint.encode(text)
        where = parts(ids, constraint)
        sizes = ", ".join(f"{len(indices)} {kind}" for kind, indices in where.items())
        print(f"\n### {scenario}: {len(ids)} ids ({sizes})")
        print("\n| | median | mean | p99 |\n|---|---|---|---|")
        built = {name: engine.build(20, schema=schema) for name, engine in engines.items()}
        once = {name: sum(timed(e, built[name], ids, 1)) for name, e in engines.items()}
        taken = taking_turns(engines, built, ids, rounds)
        found[scenario] = {name: fills + accepts for name, (fills, accepts) in taken.items()}
        for name, (fills, accepts) in taken.items():
            both = fills + accepts
            print(line(f"{name}: fill", fills))
            print(line(f"{name}: accept", accepts))
            print(line(f"{name}: fill + accept", both))
            for kind, indices in where.items():
                if indices:
                    print(line(f"{name}: fill + accept in {kind}", both[:, indices]))
            print(line(f"{name}: fill + accept, the first time", once[name]))
    return found


def compare_builds(engines: dict[str, Engine]) -> None:
    """Print how long constraints with more and more tools take, and what they weigh."""
    print("\n### constraint to first mask\n")
    print("| | tools | constraint, ms | first mask, ms | MB |\n|---|---|---|---|---|")
    for count in (1, 20, 500):
        for name, engine in engines.items():
            before = memory()
            begin = time.perf_counter()
            built = engine.build(count, schema=False)
            middle = time.perf_counter()
            matcher = engine.matcher(built)
            engine.fill(matcher, bitmask_of(engine))
            end = time.perf_counter()
            ids = Constraint(tools(1)).encode(SCENARIOS["analysis + call"])
            timed(engine, built, ids, 1)
            weight = memory() - before
            print(
                f"| {name} | {count} | {(middle - begin) * 1e3:.1f} "
                f"| {(end - middle) * 1e3:.2f} | {weight:.1f} |"
            )


def compare_batches(engines: dict[str, Engine], rows: int = 32) -> None:
    """Print how long a batch in text takes, for each step of all rows."""
    print(f"\n### a batch of {rows} in text, microseconds for a step of all rows\n")
    print("| | median |\n|---|---|")
    ids = Constraint(tools(20)).encode(f"<|channel|>analysis<|message|>{TEXT}")
    constraint = Constraint(tools(20))
    batch = constraint.batch([""] * rows)
    bitmask = np.zeros((rows, constraint.words), np.int32)
    times = []
    for token in ids:
        begin = time.perf_counter_ns()
        batch.fill(bitmask)
        batch.accept([token] * rows)
        times.append(time.perf_counter_ns() - begin)
    print(f"| ours, BatchMatcher | {statistics.median(times) / 1000:.1f} |")
    for name, engine in engines.items():
        built = engine.build(20, schema=False)
        matchers = [engine.matcher(built) for _ in range(rows)]
        own = bitmask_of(engine)
        times = []
        for token in ids:
            begin = time.perf_counter_ns()
            for matcher in matchers:
                engine.fill(matcher, own)
                engine.accept(matcher, token)
            times.append(time.perf_counter_ns() - begin)
        print(f"| {name}, row by row | {statistics.median(times) / 1000:.1f} |")


def compare_schemas(rounds: int) -> None:
    """Print a body with a schema here and in llguidance alone, on ids that are ever new."""
    alone = LLGuidance()
    constraint = Constraint(response_format=SCHEMA)
    grammar = f'%llguidance {{"no_forcing": true}}\nstart: %json {json.dumps(SCHEMA)}'
    matcher = llguidance.LLMatcher(alone.tokenizer, llguidance.LLMatcher.grammar_from_lark(grammar))
    times: dict[str, list[int]] = {"llguidance alone": [], "ours": []}
    for number in range(rounds):
        body = {"city": f"No. {number} of {number * 7919 % 1000}", "days": number % 14 + 1}
        ids = constraint.encode(json.dumps(body))
        two, one = constraint.matcher("<|channel|>final<|message|>"), matcher.deep_copy()
        beside_llguidance(one, two, ids, times)
    print(f"\n### bodies with a schema that are ever new ({rounds} of them), fill + accept\n")
    print_times(times)


def beside_llguidance(
    alone: Any, matcher: Any, ids: list[int], times: dict[str, list[int]]
) -> None:
    """Add nanoseconds of fill and accept, of llguidance alone and of ours, id by id in turns."""
    bitmask, clock = np.zeros((1, 6284), np.int32), time.perf_counter_ns
    for token in ids:
        begin = clock()
        llguidance.numpy.fill_next_token_bitmask(alone, bitmask, 0)
        alone.consume_token(token)
        middle = clock()
        matcher.fill(bitmask, 0)
        matcher.accept(token)
        times["ours"].append(clock() - middle)
        times["llguidance alone"].append(middle - begin)


def print_times(times: dict[str, list[int]]) -> None:
    """Print a table of what was measured."""
    print("| | median | mean | p99 |\n|---|---|---|---|")
    for name, values in times.items():
        print(line(name, values))


def main() -> None:
    """Run all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="how often each is repeated")
    parser.add_argument("--plots", type=Path, help="the folder to draw pictures into")
    given = parser.parse_args()
    Vocabulary.default().pieces  # noqa: B018  loaded before anything is timed
    Constraint(response_format=SCHEMA).prepare()
    engines: dict[str, Engine] = {
        "ours": Ours(), "llguidance": LLGuidance(), "xgrammar": XGrammar()
    }  # fmt: skip
    compare_builds(engines)
    found = compare_steps(engines, given.rounds)
    compare_schemas(given.rounds * 4)
    compare_batches(engines)
    if given.plots:
        plot(found, given.plots)


if __name__ == "__main__":
    main()
