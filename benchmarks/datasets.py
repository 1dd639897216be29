"""`check` of a JSONL of mixed conversations, beside the rate at which the reference parses them.

python benchmarks/datasets.py [ROWS]
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

import harmony_grammar as hg

ROWS = 20_000
SAMPLE = 1_000  # rows that the reference parses; at its rate all of them would take minutes
DAMAGED = 100  # one row in so many
RUNS = 3

SYSTEM = hg.render(hg.Message.from_role_and_content(hg.Role.SYSTEM, hg.SystemContent.new()))
TOOL = hg.ToolDescription("f", "Looks something up.", {"type": "object", "properties": {}})
DEVELOPER = hg.render(
    hg.Message.from_role_and_content(
        hg.Role.DEVELOPER, hg.DeveloperContent.new().with_function_tools([TOOL])
    )
)
CALL = (
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
)
RESULT = "<|start|>functions.f to=assistant<|channel|>commentary<|message|>"


def conversations(count: int, seed: int = 1) -> list[str]:
    """Chats of one to four turns of real text; half of the turns look something up."""
    rng, texts = random.Random(seed), common.excerpts(5_000)  # noqa: S311  no secret
    return [conversation(rng, texts) for _ in range(count)]


def conversation(rng: random.Random, texts: list[str]) -> str:
    """One of them; reasoning is kept in the last turn only, as in training data."""
    parts = [SYSTEM, DEVELOPER]
    turns = rng.randint(1, 4)
    for turn in range(turns):
        parts.append(f"<|start|>user<|message|>{rng.choice(texts)}<|end|>")
        if turn == turns - 1:
            reasoning = rng.choice(texts)
            parts.append(f"<|start|>assistant<|channel|>analysis<|message|>{reasoning}<|end|>")
        if rng.random() < 0.5:  # noqa: PLR2004  half of them
            arguments = json.dumps({"query": rng.choice(texts)[:80]})
            parts.append(CALL.replace("{}", arguments))
            parts.append(f"{RESULT}{json.dumps({'found': rng.choice(texts)})}<|end|>")
        parts.append(f"<|start|>assistant<|channel|>final<|message|>{rng.choice(texts)}<|end|>")
    return "".join(parts)


def damaged(rows: list[str], seed: int = 2) -> list[str]:
    """The rows, some of them cut off or with a mistyped channel."""
    rng, out = random.Random(seed), list(rows)  # noqa: S311  no secret
    for index in range(0, len(out), DAMAGED):
        row = out[index]
        cut = row[: rng.randrange(len(SYSTEM), len(row) - 10)]
        head, _, tail = row.rpartition("<|channel|>final")
        out[index] = rng.choice([cut, f"{head}<|channel|>finall{tail}"])
    return out


def reference_rate(rows: list[str]) -> float:
    """Conversations that the reference parses in a second, from ids that are there already."""
    encoding = common.reference_encoding()
    ids = [hg.encode(hg.parse(row)) for row in rows]
    begin = time.process_time()
    for row in ids:
        encoding.parse_messages_from_completion_tokens(row, None)
    return len(rows) / (time.process_time() - begin)


def check_time(path: Path, *options: str) -> tuple[float, float]:
    """Seconds that a whole `harmony-grammar check` takes: on the clock, and of processors."""
    command = [sys.executable, "-m", "harmony_grammar", "check", "--summary", *options, str(path)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # noqa: S603  our own program
    clock = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clock, spent


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rows = conversations(count)
    print(f"{common.machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mixed.jsonl"
        lines = (json.dumps({"id": n, "text": row}) for n, row in enumerate(damaged(rows)))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        size = path.stat().st_size / 1e6
        mean = sum(map(len, rows)) // count
        print(f"{count:,} conversations, {size:.0f} MB, {mean:,} characters each\n")
        print("| what | conversations/s | of processor time | times the reference |")
        print("|---|--:|--:|--:|")
        theirs = reference_rate(rows[:SAMPLE])
        print(f"| openai-harmony 0.0.8 parses ids | - | {theirs:,.0f} | 1 |")
        for jobs in (1, 2):
            times = [check_time(path, "--jobs", str(jobs)) for _ in range(RUNS)]
            clock, spent = (count / min(column) for column in zip(*times, strict=True))
            name = f"`check --jobs {jobs}`, the whole process"
            print(f"| {name} | {clock:,.0f} | {spent:,.0f} | {spent / theirs:.1f} |")


if __name__ == "__main__":
    main()
