"""What recovery and streaming cost: beside strict parsing, and id by id beside `process`.

python benchmarks/recovery.py
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import common

import harmony_grammar as hg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 9
MESSAGES = 200


def clean() -> Iterator[tuple[str, float, float, str]]:
    """Recovery of what is sound, beside strict parsing; and of what is not."""
    text = hg.render(hg.Conversation.from_json(common.conversation(MESSAGES).to_json()))
    ids = hg.encode(hg.parse(text))
    for kind, source in (("text", text), ("ids", ids)):
        strict, mended = common.race(
            RUNS,
            lambda source=source: hg.parse(source),  # type: ignore[misc]
            lambda source=source: hg.recover(source, "conversation"),  # type: ignore[misc]
        )
        yield f"recover sound {kind}, {MESSAGES} messages, against parse", mended, strict, "ms"
    yield from _damaged(ids)


def _damaged(ids: list[int]) -> Iterator[tuple[str, float, float, str]]:
    rng = random.Random(1)  # noqa: S311  no secret
    broken = list(ids)
    for _ in range(MESSAGES // 10):
        del broken[rng.randrange(len(broken))]
    strict, mended = common.race(
        RUNS, lambda: hg.parse(ids), lambda: hg.recover(broken, "conversation")
    )
    yield "recover ids with a token in ten messages lost, against parse", mended, strict, "ms"


def streaming() -> Iterator[tuple[str, float, float, str]]:
    """Events, id by id, beside the plain state of the reference's interface."""
    body = hg.Vocabulary.default().encode(common.real_text())[:50_000]
    opening = hg.encode(hg.parse("<|start|>assistant<|channel|>final<|message|><|end|>"))[:-1]
    encoding = hg.load_harmony_encoding("HarmonyGptOss")

    def plain() -> None:
        parser = hg.StreamableParser(encoding, None)
        for token in opening:
            parser.process(token)
        process = parser.process
        for token in body:
            process(token)

    def events(*, recover: bool) -> Callable[[], None]:
        def run() -> None:
            parser = hg.StreamParser("conversation", recover=recover)
            parser.feed(opening)
            feed = parser.feed
            for token in body:
                feed([token])

        return run

    ours, theirs, mending = common.race(RUNS, events(recover=False), plain, events(recover=True))
    each = 1000 / len(body)
    yield "events, one id at a time, against process", ours * each, theirs * each, "us an id"
    yield "the same, recovering", mending * each, theirs * each, "us an id"


def main() -> None:
    """Print the table."""
    print(common.machine())
    for what, ours, other, unit in (*clean(), *streaming()):
        ratio, more = ours / other, ours - other
        print(f"{what:64} {ours:8.3f} {other:8.3f} {unit}  x{ratio:.2f}  {more:+.3f}")


if __name__ == "__main__":
    main()
