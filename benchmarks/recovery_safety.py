"""Damage done to sound inputs: what recovery keeps, and whether it ever invents a call.

Inputs are seeded conversations and completions with reasoning, preambles, calls, results and
answers, in both spellings. Each is damaged once, token by token: a token deleted, doubled,
swapped with its neighbour or inserted, the end cut off, or two inputs spliced.

Of each input, the calls that are `ready` and that no undamaged input which went into the damage
holds (tool and arguments both) are sorted:

- *spelled*: the damage spells the call. The grammar itself, reading strictly, takes the very
  stretch where the call was found for that call: no repair had a part in it.
- *joined*: a splice ran two headers into one that names one recipient and repeats an equal field
  or a space; the grammar refuses that, and recovery counts equal fields once, as its rules say.
- *invented*: anything else. There must be none.

    python benchmarks/recovery_safety.py [INPUTS [SEED]]
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import harmony_grammar as hg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harmony_grammar.tree import Start

GRAMMAR = hg.Grammar.default()
VOCABULARY = GRAMMAR.vocabulary
TOOLS = ("functions.get_weather", "functions.f", "functions.search.web", "browser.open")
VALUES = (1, 25, "Paris", "a to=functions.f b", None, [1, 2], {"k": True}, "final answer")
SENTENCES = (
    "The user greets.",
    "We should call functions.f to=functions.f with {}.",
    'Maybe {"city": "Paris"} will do.',
    "Hello! How can I help?",
    "Let me look.\n\nOne moment.",
    "assistant final analysis",
    "Ünïcode 🙂 text",
    "{}",
)
INSERTED = (" to", "=", " ", "\n", "??", "x", "json", "assistant", "functions", " to=", '{"a":1}')
EDITS = ("delete", "double", "swap", "insert", "cut", "splice")

REPEATED = {hg.DiagnosticCode.DUPLICATE_CHANNEL, hg.DiagnosticCode.ODD_HEADER}

Call = tuple[str | None, str]


class Case(NamedTuple):
    """A damaged input.

    Attributes:
        edit: how it was damaged.
        ids: what came of it.
        origins: the undamaged inputs that went into it.
    """

    edit: str
    ids: list[int]
    origins: list[list[int]]


def sound(rng: random.Random, start: Start) -> list[int]:
    """A sound input."""
    spelling = rng.choice(("openai", "model"))
    messages = list(_turn(rng)) if start == "completion" else list(_history(rng))
    tree = hg.Conversation(list(messages), start=start)
    return hg.encode(tree, spelling=spelling)  # type: ignore[arg-type]


def _history(rng: random.Random) -> Iterator[hg.Message]:
    yield hg.Message.from_role_and_content(hg.Role.SYSTEM, "You are a model.")
    for _ in range(rng.randint(1, 2)):
        yield hg.Message.from_role_and_content(hg.Role.USER, rng.choice(SENTENCES))
        for message in _turn(rng):
            yield message
            if message.recipient:
                author = hg.Author.new(hg.Role.TOOL, message.recipient)
                result = hg.Message.from_author_and_content(author, _arguments(rng))
                yield result.with_channel("commentary").with_recipient("assistant")


def _turn(rng: random.Random) -> Iterator[hg.Message]:
    for _ in range(rng.randint(0, 2)):
        yield _said(rng, "analysis")
    if rng.random() < 0.3:  # noqa: PLR2004  a preamble now and then
        yield _said(rng, "commentary")
    if rng.random() < 0.4:  # noqa: PLR2004  as many answers as calls, or more
        yield _said(rng, "final")
        return
    call = hg.Message.from_role_and_content(hg.Role.ASSISTANT, _arguments(rng))
    call = call.with_channel(rng.choice(("commentary", "commentary", "analysis")))
    kind = rng.choice(("json", "<|constrain|>json", None))
    call = call if kind is None else call.with_content_type(kind)
    yield call.with_recipient(rng.choice(TOOLS))


def _said(rng: random.Random, channel: str) -> hg.Message:
    text = " ".join(rng.choice(SENTENCES) for _ in range(rng.randint(1, 3)))
    return hg.Message.from_role_and_content(hg.Role.ASSISTANT, text).with_channel(channel)


def _arguments(rng: random.Random) -> str:
    return json.dumps({f"key{i}": rng.choice(VALUES) for i in range(rng.randint(0, 3))})


def _inserted(rng: random.Random) -> list[int]:
    word = rng.choice((*GRAMMAR.rules.specials, *INSERTED))
    special = word in GRAMMAR.rules.specials
    return [VOCABULARY.encode_special(word)] if special else VOCABULARY.encode(word)


def damage(rng: random.Random, edit: str, ids: list[int], other: list[int]) -> list[int]:
    """One edit of a sequence of ids."""
    at = rng.randrange(len(ids))
    edits: dict[str, Callable[[], list[int]]] = {
        "delete": lambda: ids[:at] + ids[at + 1 :],
        "double": lambda: ids[: at + 1] + ids[at:],
        "swap": lambda: ids[:at] + ids[at : at + 2][::-1] + ids[at + 2 :],
        "insert": lambda: ids[:at] + _inserted(rng) + ids[at:],
        "cut": lambda: ids[:at],
        "splice": lambda: ids[:at] + other[rng.randrange(len(other)) :],
    }
    return edits[edit]()


def cases(rng: random.Random, start: Start, count: int) -> Iterator[Case]:
    """Damaged inputs."""
    for _ in range(count):
        edit = rng.choice(EDITS)
        ids, other = sound(rng, start), sound(rng, start)
        origins = [ids, other] if edit == "splice" else [ids]
        yield Case(edit, damage(rng, edit, ids, other), origins)


# --- calls ---


def ready(ids: list[int], start: Start) -> list[tuple[Call, hg.Message]]:
    """The calls that may be dispatched, and their messages."""
    calls = hg.recover(ids, start).tool_calls()
    return [((call.name, call.arguments), call.message) for call in calls if call.ready]


def spells(ids: list[int], message: hg.Message) -> bool:
    """Whether the grammar takes the stretch where a message was found for that message."""
    span = message.span
    if span is None:
        return False
    stretch = ids[span.start : span.end]
    starts: tuple[Start, ...] = ("completion", "conversation")
    reports = (hg.check(stretch, start) for start in starts)
    return any(report.ok and report.conversation.messages == [message] for report in reports)


def joins(ids: list[int], message: hg.Message, start: Start) -> bool:
    """Whether all that had to be mended in a message is a field or a space that is repeated."""
    begin, _, _, end = message.offsets or (0, 0, 0, 0)
    repairs = hg.recover(ids, start).repairs
    return {r.code for r in repairs if begin <= r.span.start < end} <= REPEATED


def fresh_calls(case: Case, start: Start) -> dict[str, list[Call]]:
    """The calls that no origin holds: those that the damage spells, joins, or neither."""
    known = {call for ids in case.origins for call, _ in ready(ids, start)}
    out: dict[str, list[Call]] = {"spelled": [], "joined": [], "invented": []}
    for call, message in ready(case.ids, start):
        if call in known:
            continue
        if spells(case.ids, message):
            out["spelled"].append(call)
        elif case.edit == "splice" and joins(case.ids, message, start):
            out["joined"].append(call)
        else:
            out["invented"].append(call)
    return out


# --- text ---


def kept(case: Case, start: Start) -> Counter[str]:
    """Bytes of body text that the damage left, and where they are afterwards.

    Text is counted token by token, wherever in the body it stands. The right message is one with
    the author, channel and recipient of the one that said it before.
    """
    found, left, out = hg.recover(case.ids, start), Counter(case.ids), Counter[str]()
    after = [(_fields(m), _body(m)) for m in found.messages]
    places = {"anywhere": Counter[int](), "trivia": Counter[int](), "overrun": Counter[int]()}
    for _, body in after:
        places["anywhere"].update(body)
    for span in found.trivia:
        places["trivia"].update(case.ids[span.start : span.end])
    if found.overrun is not None:
        places["overrun"].update(found.overrun.ids or ())
    for message in hg.recover(case.origins[0], start).messages:
        body = _body(message) & left
        homes = (home & body for fields, home in after if fields == _fields(message))
        out["whole"] += _length(body)
        out["right"] += max(map(_length, homes), default=0)
        for place, tokens in places.items():
            here = body & tokens
            out[place] += _length(here)
            body -= here
            tokens.subtract(here)
    return out


def _fields(message: hg.Message) -> tuple[object, ...]:
    return (message.author, message.channel, message.recipient)


def _body(message: hg.Message) -> Counter[int]:
    return Counter(VOCABULARY.encode(message.text))


def _length(body: Counter[int]) -> int:
    return sum(len(VOCABULARY.piece(token)) * count for token, count in body.items())


def _spelled(ids: list[int]) -> Iterator[str]:
    for token in ids:
        yield VOCABULARY.piece(token).decode("utf-8", "replace")


def main() -> None:
    """Count, and print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)  # noqa: PLR2004, S311
    counts = {edit: Counter[str]() for edit in EDITS}
    starts: tuple[Start, ...] = ("completion", "conversation")
    for start in starts:
        for number, case in enumerate(cases(rng, start, count // 2)):
            row = counts[case.edit]
            fresh = fresh_calls(case, start)
            row.update(inputs=1, **{kind: len(calls) for kind, calls in fresh.items()})
            if number % 20 == 0 and case.edit not in ("cut", "splice"):
                row.update(kept(case, start))
            if fresh["invented"]:
                print(case.edit, fresh, "".join(_spelled(case.ids)))
    columns = ("inputs", "spelled", "joined", "invented")
    places = {"right": "right message", "anywhere": "messages", "trivia": "trivia"}
    places["overrun"] = "overrun"
    print(f"{'edit':8}", *(f"{column:>13}" for column in (*columns, *places.values())))
    for edit, row in counts.items():
        parts = [row[kind] for kind in places]
        shares = [f"{part / row['whole']:.2%}" if row["whole"] else "-" for part in parts]
        cells = [*(f"{row[column]:,}" for column in columns), *shares]
        print(f"{edit:8}", *(f"{cell:>13}" for cell in cells))


if __name__ == "__main__":
    main()
