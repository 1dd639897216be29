"""Where the two implementations differ: the rows of the tables in `docs/differences.md`.

Each row is run through both, so the tables say what happens, not what somebody believes. To write
the document anew, with the reference's vocabulary in a folder of one's own:

    TIKTOKEN_ENCODINGS_BASE=FOLDER python tests/compat_differences.py
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import openai_harmony  # type: ignore[import-untyped]  # it ships no types
from peers import NAME, Side, oss_harmony, our_side
from pydantic import BaseModel

from harmony_grammar import HarmonySyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "differences.md"


class Row(NamedTuple):
    """One difference.

    Attributes:
        what: the input, in Markdown.
        why: why we do otherwise.
        run: what is done with it.
    """

    what: str
    why: str
    run: Callable[[Side], object]


# --- inputs ---


def marked(text: str) -> list[int]:
    """Ids of a text in which special tokens are spelled."""
    return our_side().encoding.encode(text, allowed_special="all")  # type: ignore[no-any-return]


def plain(text: str) -> list[int]:
    """Ordinary ids of a text, whatever it spells."""
    return our_side().encoding.encode(text, disallowed_special=())  # type: ignore[no-any-return]


def code(text: str) -> str:
    """Text as code in a table."""
    return f"`{text}`".replace("|", "\\|").replace("\n", "⏎")


def described(message: Any) -> str:
    """A message in a few words."""
    data = message.to_dict()
    author = ":".join(
        filter(None, (str(getattr(data["role"], "value", data["role"])), data["name"]))
    )
    fields = [
        f"{key} {data[key]}" for key in ("channel", "recipient", "content_type") if key in data
    ]
    return ", ".join((author, *fields)) + f": {''.join(p['text'] for p in data['content'])!r}"


def messages(parsed: list[Any]) -> str:
    """Messages in a few words."""
    return "; ".join(map(described, parsed)) or "no message"


def outcome(side: Side, row: Row) -> str:
    """What comes of a row, or the error, as code."""
    try:
        return code(str(row.run(side)))
    except HarmonySyntaxError as error:
        place = error.diagnostic.place.partition(" (")[0]
        return code(f"HarmonySyntaxError at {place}: {error.diagnostic.code}")
    except Exception as error:  # noqa: BLE001  whatever either raises is what the row shows
        said = str(error).partition("\n")[0]
        return code(f"{type(error).__name__}: {said}" if said else type(error).__name__)


def parsing(
    text: str,
    why: str,
    *,
    role: str | None = None,
    ids: list[int] | None = None,
    strict: bool = True,
) -> Row:
    """A row about parsing ids."""
    what = code(text) + (f" after the opening of `{role}`" if role else "")
    what += "" if strict else ", `strict=False`"

    def run(side: Side) -> str:
        given = None if role is None else side.module.Role(role)
        tokens = marked(text) if ids is None else ids
        parse = side.encoding.parse_messages_from_completion_tokens
        return messages(parse(tokens, given, strict=strict))

    return Row(what, why, run)


def rendering(
    why: str,
    *,
    role: str = "assistant",
    name: str | None = None,
    **fields: str,
) -> Row:
    """A row about rendering one message that says `Hi`."""
    said = [role, *([f"name {name!r}"] if name is not None else [])]
    said += [f"{key} {value!r}" for key, value in fields.items()]

    def run(side: Side) -> str:
        author = side.module.Author(role=side.module.Role(role), name=name)
        content = [side.module.TextContent(text="Hi")]
        message = side.module.Message(author=author, content=content, **fields)
        return side.encoding.decode(side.encoding.render(message))  # type: ignore[no-any-return]

    return Row(code(", ".join(said)), why, run)


def fed(side: Side, ids: list[int], role: str | None = None) -> Any:
    """A stream that has taken ids; one that is refused is passed over."""
    given = None if role is None else side.module.Role(role)
    stream = side.module.StreamableParser(side.encoding, given)
    for token in ids:
        with suppress(side.module.HarmonyError):
            stream.process(token)
    return stream


def conversation(side: Side, *rows: tuple[str, str, str | None]) -> Any:
    """A conversation of roles, texts and channels."""
    made = []
    for role, text, channel in rows:
        message = side.module.Message.from_role_and_content(side.module.Role(role), text)
        made.append(message if channel is None else message.with_channel(channel))
    return side.module.Conversation.from_messages(made)


def trained(side: Side) -> str:
    """What is trained on by default, of reasoning and its answer."""
    talk = conversation(
        side, ("user", "Q", None), ("assistant", "R", "analysis"), ("assistant", "A", "final")
    )
    ids = side.encoding.render_conversation_for_training(talk)
    return side.encoding.decode(ids)  # type: ignore[no-any-return]


def again(side: Side, text: str) -> str:
    """What a text becomes when it is parsed and rendered."""
    parsed = side.encoding.parse_messages_from_completion_tokens(marked(text))
    talk = side.module.Conversation.from_messages(parsed)
    return side.encoding.decode(side.encoding.render_conversation(talk))  # type: ignore[no-any-return]


def body_of(side: Side, ids: list[int]) -> str:
    """A message of the user with these ids as its body, parsed."""
    around = marked("<|start|>user<|message|>"), marked("<|end|>")
    parse = side.encoding.parse_messages_from_completion_tokens
    return messages(parse([*around[0], *ids, *around[1]]))


def misplaced(side: Side) -> object:
    """A system content in a message of the user."""
    content = side.module.SystemContent.new()
    message = side.module.Message.from_role_and_content(side.module.Role.USER, content)
    return side.encoding.render(message)


def greeting(side: Side) -> Any:
    """A message of the user."""
    return side.module.Message.from_role_and_content(side.module.Role.USER, "Hi")


def started(text: str) -> str:
    """A message of the assistant with this header and body."""
    return f"<|start|>assistant{text}"


PARSING: Final = (
    parsing(
        started("<|channel|>final json<|message|>{}<|end|>"),
        "A content type needs no recipient.",
    ),
    parsing(
        started("<|channel|>final <|constrain|>json<|message|>{}<|end|>"),
        "The same, constrained, as models write it for response formats.",
    ),
    parsing(
        started("<|channel|>commentary to=f <|constrain|> json<|message|>{}<|call|>"),
        "The format guide writes this space itself.",
    ),
    parsing(
        started("<|channel|>analysis<|channel|>final<|message|>Hi<|end|>"),
        "A header has one channel; oss-harmony takes the first, and so do we in its place.",
    ),
    parsing(started("<|channel|>finalx<|message|>Hi<|end|>"), "There is no such channel."),
    parsing(started("<|channel|>commentary??<|message|>Hi<|end|>"), "There is no such channel."),
    parsing(
        started(
            "<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final<|message|>Hi<|end|>"
        ),
        "A message that is not ended would swallow the answer.",
    ),
    parsing(
        started("<|channel|>analysis<|message|>Hm<|channel|>final<|message|>Hi<|end|>"),
        "The same, without a start.",
    ),
    parsing(
        "<|start|>user<|message|>Hi<|endoftext|><|end|>",
        "No special token is text.",
    ),
    parsing(
        "<|start|>assistant<|channel|>final<|message|>Hi<|end|>",
        "Ordinary ids that spell a special token are text, here in a header.",
        ids=[
            *marked("<|start|>assistant"),
            *plain("<|channel|>"),
            *marked("final<|message|>Hi<|end|>"),
        ],
    ),
    parsing("<|start|>user:bob<|message|>Hi<|end|>", "Both render names; we also read them."),
    parsing(
        "<|start|>functions.f<|channel|>commentary<|message|>Hi<|end|>",
        "Both render a tool's message without recipient; we also read it.",
    ),
    parsing(
        "<|start|>tool<|channel|>commentary<|message|>Hi<|end|>",
        "A bare word without a recipient is a mistyped role, not a tool.",
    ),
    parsing(
        started("<|channel|>final<|message|>Hi<|call|>"),
        "Nothing is called.",
    ),
    parsing(
        started(" to=f<|channel|>commentary<|message|>{}<|end|>"),
        "A call ends as a call, or the model was not stopped.",
    ),
    parsing("<|start|>user<|message|>Hi<|call|>", "Only the assistant calls."),
    parsing("<|start|>user<|message|>Hi<|return|>", "Only the assistant ends its turn."),
    parsing(
        started(" to=f<|channel|>final<|message|>{}<|call|>"),
        "The final channel is for the user, never for a call.",
    ),
    parsing(
        started(" to=assistant<|channel|>commentary<|message|>Hi<|call|>"),
        "The assistant does not call itself.",
    ),
    parsing(
        started(" to=functions.<|channel|>commentary<|message|>{}<|call|>"),
        "The name of the tool is missing.",
    ),
    parsing(
        " to=assistant<|channel|>commentary<|message|>Hi<|end|>",
        "A tool's message has a name; the opening of the role writes `tool`.",
        role="tool",
    ),
    parsing(
        "assistant<|channel|>final<|message|>Hi<|end|>",
        "The prompt has written the role already.",
        role="assistant",
    ),
    parsing(
        "<|start|>assistant<|channel|>final<|message|>Hi<|end|>",
        "The same; the reference takes it for a recipient.",
        role="assistant",
    ),
    parsing(
        "Hi<|end|>",
        "Errors say where, what was expected and what to do.",
    ),
    Row(
        "a body of an unknown id and `ab`",
        "An unknown id is one U+FFFD; no text after it is lost.",
        lambda side: body_of(side, [300_000, *plain("ab")]),
    ),
    parsing(
        "<|channel|>final<|message|>x<|end|>Hello<|end|>",
        "Not only the first header is mended.",
        role="assistant",
        strict=False,
    ),
    parsing(
        "Hello<|end|>",
        "Text without a header that ends the turn is the answer.",
        role="assistant",
        strict=False,
    ),
    Row(
        code("<|start|>assistant<|channel|>analysis to=python code<|message|>1<|call|>")
        + ", parsed and rendered",
        "What was parsed is rendered as it was, so that the model sees what it wrote.",
        lambda side: again(
            side, "<|start|>assistant<|channel|>analysis to=python code<|message|>1<|call|>"
        ),
    ),
)

STREAMING: Final = (
    Row(
        code("<|start|>us<|message|>") + ", then the state",
        "An id that is refused is not taken; the stream is as it was before.",
        lambda side: fed(side, marked("<|start|>us<|message|>")).state_data,
    ),
    Row(
        code("Hello<|end|>") + " after the opening of `assistant`, then the state",
        "A header that cannot become one is refused at once, not at the end of the stream.",
        lambda side: fed(side, marked("Hello<|end|>"), "assistant").state_data,
    ),
    Row(
        "a body that ends inside a character, then `last_content_delta`",
        "The deltas of a message, joined, are its text.",
        lambda side: repr(
            fed(side, [*marked("<|start|>user<|message|>"), 4103, 200007]).last_content_delta
        ),
    ),
    Row(
        "a body of half a character and `ab`, then `current_content`",
        "Half a character is U+FFFD as soon as that is certain, and no text waits for the next id.",
        lambda side: repr(
            fed(side, [*marked("<|start|>user<|message|>"), 4103, *plain("ab")]).current_content
        ),
    ),
    Row(
        "a body of an unknown id and `ab`, then `current_content`",
        "No text after it is lost.",
        lambda side: repr(
            fed(side, [*marked("<|start|>user<|message|>"), 300_000, *plain("ab")]).current_content
        ),
    ),
)

RENDERING: Final = (
    rendering("To address everyone is to address nobody.", channel="final", recipient="all"),
    rendering("The final channel is for the user.", channel="final", recipient="functions.f"),
    rendering("The assistant does not call itself.", channel="analysis", recipient="assistant"),
    rendering("There is no such channel, unless a system message declares it.", channel="finalx"),
    rendering("There is no such channel.", channel=""),
    rendering("Nobody would be addressed.", recipient=""),
    rendering("A content type is one word.", channel="final", content_type="two words"),
    rendering("A content type is one word.", channel="final", content_type=""),
    rendering(
        "The model itself writes no space there.",
        channel="commentary",
        recipient="f",
        content_type="<|constrain|> json",
    ),
    rendering(
        "A name has no spaces: it would be read as something else.", role="user", name="bob smith"
    ),
    rendering("A name has at least one character.", role="user", name=""),
    rendering("A bare word without recipient reads as a mistyped role.", role="tool", name="bash"),
    rendering("It would be read as the user's.", role="tool", name="user", recipient="assistant"),
    rendering("One family of errors: `HarmonyError`.", role="tool"),
    Row("a system content in a message of the user", "The same.", misplaced),
    Row(
        "reasoning and its answer, rendered for training without a configuration",
        "The reasoning of the answer is what there is to learn; with a configuration given, both "
        "drop the same.",
        trained,
    ),
)

ENCODING: Final = (
    Row(
        "the names in only one `special_tokens_set`",
        "There are 201,088 ids; id 200018 has two names, as in tiktoken.",
        lambda side: sorted(
            side.encoding.special_tokens_set & {"<|reserved_201088|>", "<|endofprompt|>"}
        ),
    ),
    Row("`decode([200018])`", "The same.", lambda side: side.encoding.decode([200018])),
    Row("`decode([201088])`", "The same.", lambda side: side.encoding.decode([201088])),
    Row(
        "`is_special_token(201088)`",
        "The same.",
        lambda side: side.encoding.is_special_token(201088),
    ),
    Row(
        "`encode('<|endofprompt|>', allowed_special='all')`".replace("|", "\\|"),
        "The same.",
        lambda side: side.encoding.encode("<|endofprompt|>", allowed_special="all"),
    ),
    Row("`decode([-1])`", "One family of errors.", lambda side: side.encoding.decode([-1])),
    Row("`is_special_token(-1)`", "It is none.", lambda side: side.encoding.is_special_token(-1)),
    Row(
        "`load_harmony_encoding('x')`",
        "One family of errors; this one is a `ValueError`, too.",
        lambda side: side.module.load_harmony_encoding("x"),
    ),
)

OBJECTS: Final = (
    Row(
        "`isinstance(message, pydantic.BaseModel)`",
        "pydantic is not needed; its methods are there, and a field of a model takes our objects.",
        lambda side: isinstance(greeting(side), BaseModel),
    ),
    Row(
        "`message.channel = 5`",
        "What is assigned is checked as what is given to a constructor.",
        lambda side: setattr(greeting(side), "channel", 5),
    ),
    Row(
        "`Message(author=None)`",
        "One family of errors; this one is a `ValueError`, too.",
        lambda side: side.module.Message(author=None),
    ),
    Row(
        "`Message.from_dict` with a key `chanel`",
        "What would be lost is told.",
        lambda side: side.module.Message.from_dict({"role": "user", "content": "", "chanel": "x"}),
    ),
    Row(
        "`SystemContent.from_dict` with a key `effort`",
        "The same.",
        lambda side: side.module.SystemContent.from_dict({"effort": "High"}).to_dict()["type"],
    ),
    Row(
        "`message.model_dump()['content']`",
        "Contents keep what they say.",
        lambda side: greeting(side).model_dump()["content"],
    ),
    Row(
        "`Message.model_validate` of wire JSON",
        "It is what there mostly is, and what pydantic's models dump our objects to.",
        lambda side: described(side.module.Message.model_validate(greeting(side).to_dict())),
    ),
    Row(
        "`Message(author=…, content=[{'type': 'text', 'text': 'Hi'}])`",
        "A dict becomes the content that it describes.",
        lambda side: side.module.Message(
            author={"role": "user"}, content=[{"type": "text", "text": "Hi"}]
        ).to_dict()["content"],
    ),
)

TABLES: Final = {
    "Parsing": PARSING,
    "Streaming": STREAMING,
    "Rendering": RENDERING,
    "Encoding": ENCODING,
    "Objects": OBJECTS,
}

INTRODUCTION: Final = """\
# Differences from openai_harmony

A program written for `openai_harmony` runs with `harmony_grammar` in its place. It renders the same
ids and parses the same messages, except where the reference is wrong or loses something. These are
all such places that are known. Each row is run through all three by the tests, so the tables say
what happens.

There are two modules of that name: openai-harmony 0.0.8, and oss-harmony 0.0.11, which newer
versions of vLLM need. `load_harmony_encoding("HarmonyGptOss", spelling="oss")` does what the latter
does. Where that has another outcome than the default it stands behind `oss:`.

What is parsed is written as text in which special tokens are spelled; it is parsed as ids.
"""

_SAME: Final = "the same"


class Sides(NamedTuple):
    """All that a row is run through; oss-harmony is None where it is not installed."""

    openai: Side
    oss: Side | None
    ours: Side
    ours_as_oss: Side


def all_sides(openai: Side) -> Sides:
    """openai-harmony, and the others as far as they are there."""
    module = oss_harmony()
    oss = None if module is None else Side(module, module.load_harmony_encoding(NAME))
    return Sides(openai, oss, our_side(), our_side("oss"))


def differs(row: Row, sides: Sides) -> bool:
    """Whether a row says something else for us than for one of the peers."""
    if outcome(sides.openai, row) != outcome(sides.ours, row):
        return True
    return sides.oss is not None and outcome(sides.oss, row) != outcome(sides.ours_as_oss, row)


def cells(row: Row, sides: Sides, known: dict[str, str]) -> list[str]:
    """A row of the table; `known` says what oss-harmony does where it is not installed."""
    theirs, ours, as_oss = (
        outcome(side, row) for side in (sides.openai, sides.ours, sides.ours_as_oss)
    )
    oss = known.get(row.what, "") if sides.oss is None else outcome(sides.oss, row)
    both_fail = "Error" in ours and "Error" in as_oss
    ours = ours if both_fail or ours == as_oss else f"{ours} oss: {as_oss}"
    return [row.what, theirs, _SAME if oss == theirs else oss, ours, row.why]


def document(sides: Sides, known: dict[str, str]) -> str:
    """The whole document."""
    parts = [INTRODUCTION]
    for title, rows in TABLES.items():
        lines = [
            "| input | openai-harmony | oss-harmony | harmony_grammar | why |",
            "|---" * 5 + "|",
        ]
        lines += [f"| {' | '.join(cells(row, sides, known))} |" for row in rows]
        parts.append(f"\n## {title}\n\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def said_of_oss() -> dict[str, str]:
    """What the document says that oss-harmony does, by input."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in lines if line.startswith("| ")]
    return {row[0]: row[2] for row in rows if len(row) > 3}


if __name__ == "__main__":
    reference = Side(openai_harmony, openai_harmony.load_harmony_encoding(NAME))
    text = document(all_sides(reference), said_of_oss())
    DOCUMENT.write_text(text, encoding="utf-8")
