"""Many threads on fresh constraints: what the mask's stress test runs.

As a program it runs as many rounds as it is told to::

    python tests/masking_threads.py 10000
"""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from itertools import count
from threading import Barrier, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from masking_walks import step

from harmony_grammar.masking import Constraint
from harmony_grammar.masking.token_table import table_of
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 6
LENGTH = 24
_fresh = count()

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False},
    {"type": "object"},
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"spelling": "any"},
    {"tool_choice": "required"},
    {"tool_choice": "required", "spelling": "any", "max_tokens": 60},
    {"max_reasoning_tokens": 5, "max_tokens": 200},
    {"response_format": {"type": "choice", "choices": ["yes", "no", "don't know"]}},
]
BEGINNINGS = [
    "",
    "<|channel|>",
    "<|channel|>analysis<|message|>Hm",
    "<|channel|>commentary to=functions.",
    "<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>",
    '<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{"',
]


def constraint_of(number: int) -> tuple[Constraint, str]:
    """A constraint that nobody has met, and the name of one of its tools."""
    dice = random.Random(number)  # noqa: S311  repeatable
    names = [f"t{number}_{n}" for n in range(dice.choice([1, 2, 50]))]
    tools = [
        {"name": n, "parameters": {**dice.choice(SCHEMAS), "title": f"{number} {n[-1]}"}}
        for n in names
    ]
    return Constraint(tools, **dice.choice(OPTIONS)), names[-1]


Walk = list[tuple[bytes, int]]


def walked(constraint: Constraint, name: str, seed: int) -> tuple[list[int], Walk]:
    """The prefix of a walk, and each mask of it with the id that was taken."""
    dice = random.Random(seed)  # noqa: S311  repeatable
    begin = dice.choice(BEGINNINGS).replace("NAME", name)
    prefix = constraint.encode(begin)
    matcher = constraint.matcher(prefix)
    found: Walk = []
    while not matcher.is_finished and len(found) < LENGTH:
        mask = matcher.mask()
        if not mask.any():
            break
        token = step(constraint, matcher, dice)
        found.append((mask.tobytes(), token))
        matcher.accept(token)
        if dice.random() < 0.1:
            back = dice.randrange(min(3, len(matcher)) + 1)
            matcher.rollback(back)
            del found[len(found) - back :]
        elif dice.random() < 0.1:
            matcher = matcher.copy()
    return prefix, found


def forget() -> None:
    """Forget what was made for constraints, so that all is made anew."""
    shared = table_of(Vocabulary.default()).shared
    for kind in ("automata", "engines"):
        if kind in shared:
            shared[kind].clear()


def differences(constraint: Constraint, prefix: list[int], found: Walk) -> int:
    """How many masks of a walk are others when nobody else is there."""
    matcher = constraint.matcher(prefix)
    wrong = 0
    for mask, token in found:
        wrong += matcher.mask().tobytes() != mask
        matcher.accept(token)
    return wrong


@contextmanager
def small_interval() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def stress(seed: int) -> tuple[list[BaseException], int]:
    """One round: what was raised, and how many masks were wrong."""
    number = next(_fresh) * 1000 + seed
    errors: list[BaseException] = []
    walks: list[tuple[list[int], Walk]] = []
    made: list[tuple[Constraint, str]] = []
    barrier = Barrier(THREADS)

    def work(which: int) -> None:
        try:
            barrier.wait()
            if seed % 2 and not which:
                made.append(constraint_of(number))
            own = made[0] if made else constraint_of(number)
            walks.append(walked(*own, seed * THREADS + which // 2))
        except BaseException as error:  # noqa: BLE001  whatever it is, it is an error
            errors.append(error)

    if not seed % 2:
        made.append(constraint_of(number))
    threads = [Thread(target=work, args=(which,)) for which in range(THREADS)]
    with small_interval():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    made.clear()
    forget()
    alone, _ = constraint_of(number)
    return errors, sum(differences(alone, prefix, found) for prefix, found in walks)


def main(rounds: int) -> int:
    """Run rounds and print what went wrong."""
    begin, failures = perf_counter(), 0
    for seed in range(rounds):
        errors, wrong = stress(seed)
        if errors or wrong:
            failures += 1
            print(f"round {seed}: {wrong} wrong masks, {errors!r}")  # noqa: T201
    print(f"{rounds} rounds, {failures} failed, {perf_counter() - begin:.0f} s")  # noqa: T201
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
