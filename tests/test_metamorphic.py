"""Metamorphic tests: what a change of the grammar's text does to everything that is made of it.

Renaming a rule or a terminal changes nothing. Respelling a word changes outputs by that word
alone. Reordering optional parts keeps reading and writing inverse to each other.
"""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_walks import set_bits

import harmony_grammar as hg
from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.compat import HarmonyEncoding, RenderConversationConfig, loss_mask
from harmony_grammar.docs import Format
from harmony_grammar.docs.files import files
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.strategies import sentences
from harmony_grammar.view.data import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OWN = hg.Grammar.default()
TEXT = OWN.text
ROOT = Path(__file__).parent.parent
DEEP = bool(os.environ.get("HARMONY_DEEP"))
STARTS: tuple[Any, ...] = ("conversation", "prompt", "completion")

TOOL = hg.ToolDescription(
    "look",
    "Looks.\nWell.",
    {
        "type": "object",
        "properties": {"at": {"type": "string", "description": "where", "default": "x"}},
        "required": ["at"],
    },
)
PROMPT = hg.Conversation(
    [
        hg.Message.from_role_and_content(
            hg.Role.SYSTEM,
            hg.SystemContent(conversation_start_date="2025-01-01").with_python_tool(),
        ),
        hg.Message.from_role_and_content(
            hg.Role.DEVELOPER,
            hg.DeveloperContent(instructions="Be brief.")
            .with_function_tools([TOOL])
            .with_response_format("shop", {"type": "array"}, "A list."),
        ),
        hg.Message.from_role_and_content(hg.Role.USER, "Hi"),
    ],
    hg.OpenMessage(hg.Author(hg.Role.ASSISTANT)),
)
CALL = hg.Conversation(
    [
        *PROMPT.messages,
        hg.Message.from_role_and_content(hg.Role.ASSISTANT, "Hm.").with_channel("analysis"),
        hg.Message.from_role_and_content(hg.Role.ASSISTANT, '{"at": "x"}')
        .with_channel("commentary")
        .with_recipient("functions.look")
        .with_content_type("<|constrain|>json"),
        hg.Message.from_author_and_content(hg.Author(hg.Role.TOOL, "functions.look"), "1")
        .with_channel("commentary")
        .with_recipient("assistant"),
        hg.Message.from_role_and_content(hg.Role.ASSISTANT, "Done.").with_channel("final"),
    ]
)
INPUTS = [
    *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").rglob("*.harmony"))),
    *(
        example.bad
        for code in DiagnosticCode
        if code.kind in {"error", "warning", "repair"}
        for example in [code.example]
        if isinstance(example.bad, str)
    ),
]


# --- what is made of an input, by everything there is ---


def outputs(grammar: hg.Grammar, text: str) -> Iterator[tuple[str, Any]]:
    """What parsing, checking and recovering an input give, in words that name no rule."""
    for start in STARTS:
        report = grammar.check(text, start)
        yield f"check {start}", (report.status, [replace(d) for d in report.diagnostics])
        recovery = grammar.recover(text, start)
        yield f"recover {start}", (recovery.messages, recovery.repairs, recovery.tool_calls())
        stream = grammar.stream(start, recover=True)
        events = [*stream.feed(text[:9]), *stream.feed(text[9:])]
        yield f"stream {start}", (events, stream.close())
        if report.status == "complete":
            tree = grammar.parse(text, start, bodies=True)
            yield (
                f"tree {start}",
                (tree, tree.to_json(), grammar.render(tree), grammar.encode(tree)),
            )
            yield f"canonical {start}", grammar.render(tree.canonical())


def products(grammar: hg.Grammar) -> Iterator[tuple[str, Any]]:
    """What a grammar writes, masks and draws."""
    for style in ("compatible", "faithful"):
        yield f"prompt {style}", grammar.render(PROMPT, schema_style=style)
    text = grammar.render(PROMPT)
    constraint = hg.Constraint.from_prompt(text, grammar=grammar)
    yield "tools", constraint.tool_names
    for seed in range(3):
        yield f"walk {seed}", masks(constraint, random.Random(seed))  # noqa: S311  repeatable
    encoding = HarmonyEncoding(grammar)
    yield "loss mask", loss_mask(CALL, grammar=grammar)
    for policy in ("openai", "last-final", "none"):
        config = RenderConversationConfig(drop_policy=policy)
        yield policy, encoding.render_conversation(CALL, config)
    called = grammar.render(CALL)
    yield "view", shown(grammar, called, grammar.check(called), "a call")


def masks(constraint: hg.Constraint, dice: random.Random) -> list[tuple[bytes, int]]:
    """The masks of a walk, and the ids that it took."""
    matcher, found = constraint.matcher(), list[tuple[bytes, int]]()
    while not matcher.is_finished and len(found) < 24:
        mask = matcher.mask()
        taken = dice.choice(set_bits(mask))
        matcher.accept(taken)
        found.append((mask.tobytes(), taken))
    return found


def everything(grammar: hg.Grammar, texts: Sequence[str]) -> dict[str, Any]:
    made = dict(products(grammar))
    for text in texts:
        made |= {f"{text!r}: {name}": value for name, value in outputs(grammar, text)}
    return made


@cache
def own(few: bool) -> dict[str, Any]:  # noqa: FBT001
    return everything(OWN, INPUTS[::9] if few else INPUTS)


# --- renamed ---


def renamed(names: Sequence[str]) -> hg.Grammar:
    """The grammar with other names for some rules and terminals."""
    lines = []
    for line in TEXT.split("\n"):
        code, remark = (line, "") if not line.lstrip().startswith("//") else ("", line)
        if code:
            code = _other(code, names)
        lines.append(code + remark)
    return hg.Grammar.from_text("\n".join(lines))


def _other(line: str, names: Sequence[str]) -> str:
    """A line with names exchanged, but not in texts, patterns, labels and remarks."""
    parts = re.split(r'("(?:[^"\\]|\\.)*"|(?<=: )/.*?/[a-z]*(?=\s+//|\s*$)|->\s*\w+|//.*)', line)
    swap = {name: _name(name) for name in names}
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"\w+", lambda m: swap.get(m[0], m[0]), parts[index])
    return "".join(parts)


def _name(name: str) -> str:
    """Another name of the same kind: a terminal stays one, and what is punctuation stays that."""
    bar = "_" if name.startswith("_") else ""
    core = name.removeprefix("_")
    return f"{bar}{'ZZ_' if core.isupper() else 'zz_'}{core[::-1].strip('_')}"


RULES = sorted({p.rule for p in OWN.rules.source.productions if not p.rule.startswith("__")})
NAMES = [*RULES, *sorted(OWN.rules.terminals)]


def test_all_names_renamed_change_nothing() -> None:
    grammar = renamed(NAMES)
    assert not set(grammar.rules.productions) & set(RULES)
    assert not set(grammar.rules.terminals) & set(OWN.rules.terminals)
    made, expected = everything(grammar, INPUTS), own(few=False)
    for name, value in expected.items():
        assert made[name] == value, name


@pytest.mark.parametrize("names", [[n] for n in NAMES] if DEEP else [NAMES[i::6] for i in range(6)])
def test_some_names_renamed_change_nothing(names: list[str]) -> None:
    made, expected = everything(renamed(names), INPUTS[::9]), own(few=True)
    for name, value in expected.items():
        assert made[name] == value, name


def test_renamed_names_change_the_pages_by_these_names_only() -> None:
    before, after = (_pages(grammar) for grammar in (OWN, renamed(NAMES)))
    assert before.keys() == after.keys()
    for name in before:
        assert before[name] == after[name], name


def _pages(grammar: hg.Grammar) -> dict[str, list[str]]:
    """The words of the pages, but for names, which also say in which order some things stand."""
    known = {name.strip("_") for name in (*NAMES, *map(_name, NAMES))}
    hidden = re.compile(
        rf"(?<![a-zA-Z])(?:{'|'.join(sorted(known, key=len, reverse=True))})(?![a-zA-Z])"
    )
    made = files(grammar, Format.MARKDOWN)
    texts = {hidden.sub("NAME", name): text for name, text in made.items() if name[-3:] == ".md"}
    return {
        name: sorted(re.findall(r"[^\W\d_]{3,}", hidden.sub("", text.replace("&#95;", "_"))))
        for name, text in texts.items()
    }


# --- respelled ---


def _words() -> dict[str, str]:
    """Another spelling of each fixed word of headers and titles of bodies."""
    signs = {
        sign for part in BodyPart if part.value in TYPES for sign in OWN.rules.meaning.signs(part)
    }
    fixed = {
        str(t.pattern): name
        for name, t in OWN.rules.terminals.items()
        if t.fixed and t.pattern and t.pattern not in signs and t.pattern not in OWN.rules.specials
    }
    return {word: _respelled(word) for word in fixed}


def _respelled(word: str) -> str:
    """The word with its letters moved on by one place."""
    return "".join(chr((ord(c) - 96) % 26 + 97) if "a" <= c <= "z" else c for c in word)


TYPES = {
    *("union", "noted", "intersection", "array", "word", "string", "number", "true", "false"),
    *("group", "tuple", "object", "field", "key", "quoted_key", "further_keys", "function"),
    *("definition", "block"),
}
WORDS = _words()


def _put(new: str, found: re.Match[str]) -> str:
    return found[1] + new


@cache
def respelled() -> hg.Grammar:
    """The grammar with all its words respelled."""
    text = TEXT
    for name, terminal in OWN.rules.terminals.items():
        if terminal.fixed and terminal.pattern in WORDS:
            new = json.dumps(WORDS[terminal.pattern])
            text, count = re.subn(rf"(?m)^({name}: )\"[^\"]*\"", partial(_put, new), text)
            assert count == 1, name
    return hg.Grammar.from_text(text)


def translated(message: Any) -> Any:
    """A message with its words respelled; free text stays as it is."""
    channel = message.channel and WORDS.get(message.channel, message.channel)
    recipient = message.recipient and WORDS.get(message.recipient, message.recipient)
    return replace(message.canonical(), channel=channel, recipient=recipient)


@settings(max_examples=500 if DEEP else 50)
@given(sentences(OWN, "conversation"))
def test_respelled_words_change_a_text_by_these_words_only(text: str) -> None:
    tree = OWN.parse(text)
    new = hg.Conversation(list(map(translated, tree.messages)))
    written = respelled().render(new)
    back = respelled().parse(written)
    assert back == new
    assert respelled().render(back) == written
    for old, other in zip(OWN.parse(OWN.render(tree.canonical())), back, strict=True):
        assert (old.header and old.header.symbols) == (other.header and other.header.symbols)
        assert old.terminator == other.terminator


def test_respelled_words_change_bodies_by_these_words_only() -> None:
    plain = hg.SystemContent(
        conversation_start_date="2025-01-01"
    )  # the prose of a tool has words, too
    said = replace(CALL, messages=[replace(CALL.messages[0], content=[plain]), *CALL.messages[1:]])
    written, other = OWN.render(said), respelled().render(translated_call(said))
    assert _count(written, WORDS) == _count(other, WORDS.values())
    read = respelled().parse(other, bodies=True)
    contents = [m.content[0] for m in read.messages[:2]]
    assert [type(content).__name__ for content in contents] == ["SystemContent", "DeveloperContent"]
    assert respelled().render(read.canonical()) == other
    constraint = hg.Constraint.from_prompt(respelled().render(PROMPT), grammar=respelled())
    assert constraint.tool_names == hg.Constraint.from_prompt(OWN.render(PROMPT)).tool_names


def translated_call(call: hg.Conversation = CALL) -> hg.Conversation:
    system = hg.SystemContent(
        conversation_start_date="2025-01-01",
        channel_config=hg.ChannelConfig(list(respelled().channels), channel_required=True),
    )
    first = replace(call.messages[0], content=[system])
    return hg.Conversation([first, *map(translated, call.messages[1:])])


def _count(text: str, words: Any) -> int:
    """How many of some words stand in a text, counted once for each place."""
    longest = sorted(words, key=len, reverse=True)
    return len(re.findall("|".join(re.escape(word) for word in longest if len(word) > 2), text))


def spelled(encoding: HarmonyEncoding, ids: Sequence[int]) -> str:
    return b"".join(map(encoding.vocabulary.piece, ids)).decode()


def test_respelled_words_keep_what_is_learnt_dropped_and_found() -> None:
    old, new = HarmonyEncoding(OWN), HarmonyEncoding(respelled())
    learnt = [
        spelled(encoding, [i for i, learn in zip(ids, mask, strict=True) if learn])
        for encoding, call in ((old, CALL), (new, translated_call()))
        for ids in [encoding.render_conversation_for_training(call)]
        for mask in [loss_mask(call, grammar=encoding.grammar)]
    ]
    assert all("Done." in text and '{"at": "x"}' in text for text in learnt)
    for policy in ("openai", "last-final", "none"):
        config = RenderConversationConfig(drop_policy=policy)
        kept = [
            spelled(encoding, encoding.render_conversation(call, config))
            for encoding, call in ((old, CALL), (new, translated_call()))
        ]
        assert ("Hm." in kept[0]) == ("Hm." in kept[1])
    twice = [
        [found.code for found in grammar.check(grammar.render(call)).diagnostics]
        for grammar, call in ((OWN, CALL), (respelled(), translated_call()))
    ]
    assert twice[0] == twice[1]


# --- reordered ---

ORDERS = {
    "the sections of a system message": (
        "system_body: identity effort? tools? channels?",
        "system_body: identity channels? effort? tools?",
    ),
    "the sections of a developer message": (
        "developer_body: instructions? tools? response_formats?",
        "developer_body: tools? response_formats? instructions?",
    ),
    "the lines of the identity": (
        "identity: text? cutoff? date?",
        "identity: text? date? cutoff?",
    ),
    "the content type before the channel": (
        "plain: channel content_type?\n     | content_type\n",
        "plain: content_type? channel\n     | content_type\n",
    ),
    "the channel of a result before its recipient": (
        (
            "sent: recipient channel? content_type?\n"
            "    | channel recipient content_type?   -> spelled_oss\n"
        ),
        "sent: channel? recipient content_type?\n",
    ),
}


@cache
def reordered(change: str) -> hg.Grammar:
    old, new = ORDERS[change]
    assert old in TEXT
    return hg.Grammar.from_text(TEXT.replace(old, new))


@pytest.mark.parametrize("change", ORDERS)
@settings(max_examples=100 if DEEP else 10)
@given(data=st.data())
def test_reordered_parts_are_read_and_written_alike(change: str, data: st.DataObject) -> None:
    grammar = reordered(change)
    text = data.draw(sentences(grammar, "conversation"))
    tree = grammar.parse(text)
    assert grammar.render(tree) == text
    assert grammar.parse(grammar.render(tree.canonical())) == tree
    prompt = grammar.render(PROMPT)
    read = grammar.parse(prompt, "prompt", bodies=True)
    assert [type(m.content[0]).__name__ for m in read] == [
        *("SystemContent", "DeveloperContent", "TextContent")
    ]
    assert grammar.render(read.canonical()) == prompt == grammar.render(read)
    declared = hg.Constraint.from_prompt(prompt, grammar=grammar).tool_names
    assert set(declared) == {"functions.look", "python"}
