"""Reading and writing beside the reference and tiktoken, in one process; and how time grows.

python benchmarks/reading.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

import harmony_grammar as hg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = "openai-harmony 0.0.8"
RUNS = 9


def reading() -> Iterator[common.Row]:
    """Ids and text to messages."""
    oh, theirs = common.reference(), common.reference_encoding()
    keep = oh.RenderConversationConfig(auto_drop_analysis=False)
    ids = theirs.render_conversation(common.conversation(200), keep)
    text = hg.render(hg.parse(ids))

    def by_reference() -> object:
        return theirs.parse_messages_from_completion_tokens(ids, None)

    ours, other = common.race(RUNS, lambda: hg.parse(ids), by_reference)
    yield common.Row(f"ids to messages, 200 messages, {len(ids):,} ids", ours, other, REFERENCE, 15)
    ours, other = common.race(RUNS, lambda: hg.parse(text), by_reference)
    yield common.Row("the same from text (the peer reads the ids)", ours, other, REFERENCE)
    yield _one_body(theirs)


def _one_body(theirs: Any) -> common.Row:
    vocabulary = hg.Vocabulary.default()
    body = vocabulary.encode(common.real_text())[:100_000]
    empty = hg.encode(hg.parse("<|start|>user<|message|><|end|>"))
    ids = [*empty[:-1], *body, empty[-1]]
    ours, other = common.race(
        RUNS,
        lambda: hg.parse(ids),
        lambda: theirs.parse_messages_from_completion_tokens(ids, None),
    )
    return common.Row(f"ids to messages, one body of {len(body):,} ids", ours, other, REFERENCE, 15)


def writing() -> Iterator[common.Row]:
    """Messages to ids."""
    oh, theirs = common.reference(), common.reference_encoding()
    keep = oh.RenderConversationConfig(auto_drop_analysis=False)
    conversation = common.conversation(300)
    tree = hg.Conversation.from_json(conversation.to_json())
    bodies = [message.text for message in tree]
    encode = hg.Vocabulary.default().encoding.encode_ordinary

    def bare() -> object:
        return [encode(body) for body in bodies]

    ours, other, tokenizer = common.race(
        RUNS,
        lambda: hg.encode(tree),
        lambda: theirs.render_conversation(conversation, keep),
        bare,
    )
    size = sum(len(body) for body in bodies)
    what = f"messages to ids, 300 messages, {size:,} characters"
    yield common.Row(what, ours, other, REFERENCE, 7)
    name = "tiktoken, the bodies alone"
    yield common.Row("the same beside the bare tokenizer", ours, tokenizer, name, 1 / 1.3)


def processes() -> Iterator[common.Row]:
    """Whole processes: importing, and checking a small file."""

    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, capture_output=True)  # noqa: S603

    python = sys.executable
    nothing, ours, theirs = common.race(
        RUNS,
        run(python, "-c", "pass"),
        run(python, "-c", "import harmony_grammar"),
        run(python, "-c", "import openai_harmony"),
    )
    yield common.Row(
        "import (names are loaded when they are first used)",
        ours - nothing,
        theirs - nothing,
        REFERENCE,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.harmony"
        path.write_text("<|start|>user<|message|>Hi<|end|>", encoding="utf-8")
        check = run(python, "-m", "harmony_grammar", "check", str(path))
        (ours,) = common.race(RUNS, check)
        yield common.Row("`harmony-grammar check` of a small file", ours, None, "-")


def growing() -> Iterator[tuple[str, list[int], list[float]]]:
    """How time grows with the size of hostile and huge inputs."""
    one = "<|start|>user<|message|>Hi<|end|>"
    inputs: dict[str, tuple[list[int], Callable[[int], str]]] = {
        "one body, characters": (
            [1_000_000, 10_000_000, 100_000_000],
            lambda n: one.replace("Hi", "x " * (n // 2)),
        ),
        "messages": ([10_000, 100_000, 1_000_000], lambda n: one * n),
        "messages with a warning": (
            [10_000, 100_000, 1_000_000],
            lambda n: one.replace("user", "user<|constrain|>json") * n,
        ),
        "one header, characters": (
            [10_000, 100_000, 1_000_000],
            lambda n: one.replace("user", "user:" + "x" * n),
        ),
        "junk in a header, characters": (
            [10_000, 100_000, 1_000_000],
            lambda n: one.replace("user", "user" + " to=x" * (n // 5)),
        ),
        "stray specials": ([10_000, 100_000, 1_000_000], lambda n: "<|start|>" * (n // 9)),
    }
    for name, (sizes, make) in inputs.items():
        texts = [make(size) for size in sizes]
        times = [common.race(1, lambda text=text: hg.check(text))[0] for text in texts]  # type: ignore[misc]
        yield name, sizes, times


def main() -> None:
    """Print both tables."""
    print(f"{common.machine()}\n")
    print(common.table([*reading(), *writing(), *processes()]))
    print("\n| `check` of | sizes | ms | exponent (1 is linear) |\n|---|---|---|--:|")
    for name, sizes, times in growing():
        listed = ", ".join(f"{size:,}" for size in sizes)
        spent = ", ".join(f"{spent:.3g}" for spent in times)
        print(f"| {name} | {listed} | {spent} | {common.growth(sizes, times):.2f} |")


if __name__ == "__main__":
    main()
