"""The table of changes: each change of the grammar's text, followed by everything made of it.

Every row is a change of the text alone; every column one thing that is made of a grammar. The
talk of a row has what the change is about: its field, its section, its words.
"""

from __future__ import annotations

import html
import random
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_metamorphic import DEEP, NAMES, renamed, respelled

import harmony_grammar as hg
from harmony_grammar.compat import HarmonyEncoding, RenderConversationConfig, loss_mask
from harmony_grammar.docs import Format
from harmony_grammar.docs.files import files
from harmony_grammar.strategies import damaged, ids, sentences
from harmony_grammar.view.data import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = hg.Grammar.default()
TEXT = OWN.text
STARTS: tuple[Any, ...] = ("conversation", "prompt", "completion")
ABOUT = "\n\n// What it is.\n// Example: `{}`\n// Departure: none.\n"
CALL = (
    "call: recipient call_channel? content_type?  -> spelled_openai\n"
    "    | call_channel recipient content_type?   -> spelled_model\n"
)
CALL_WITH_ID = (
    "call: recipient call_channel? call_id? content_type? -> spelled_openai\n"
    "    | call_channel recipient call_id? content_type?  -> spelled_model\n"
)
DEVELOPER_BODY = (
    "developer_body: instructions? tools? response_formats?  -> developer_body\n"
    "              | tools instructions response_formats?    -> developer_body"
)


@dataclass(frozen=True)
class Change:
    """A row: what is exchanged in the text, and what a talk then has."""

    pairs: tuple[tuple[str, str], ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)  # of calls
    sections: Mapping[str, str] = field(default_factory=dict)  # of the system message
    advice: Mapping[str, str] = field(default_factory=dict)  # sections of the developer message
    channel: str | None = None  # of reasoning
    role: str | None = None  # who speaks, too
    tokens: Mapping[str, int] | None = None
    told: tuple[str, ...] = ()  # what the documents say


def call_id(sign: str) -> tuple[tuple[str, str], ...]:
    example = ABOUT.format(f"{sign}c17")
    return (
        (CALL, f"{CALL_WITH_ID}{example}call_id: _ID CALL_ID\n"),
        ('_COLON: ":"', f'_ID: "{sign}"  // an id\n_COLON: ":"'),
        ("PERSON: /", "CALL_ID: /[a-z0-9]+/  // an id\nPERSON: /"),
    )


CHANGES = {
    "nothing": Change(),
    "a new header field": Change(call_id(" id="), {"call_id": "c17"}, told=("call_id", " id=")),
    "a new special token in a header": Change(
        call_id("<|id|>"),
        {"call_id": "c17"},
        tokens={"<|id|>": 201_000},
        told=("call_id", "<|id|>", "201000"),
    ),
    "the rule of recipients renamed": Change(
        (
            ("recipient: _TO", "addressee: _TO"),
            *(
                (f"{a}recipient{b}", f"{a}addressee{b}")
                for a, b in [
                    ("sent: ", " "),
                    ("channel ", " "),
                    ("call: ", " "),
                    ("opening ", "? _CHANNEL"),
                ]
            ),
        ),
        told=("addressee",),
    ),
    "a new section of the system message": Change(
        (
            (
                "system_body: identity effort? tools? channels?  -> system_body",
                "system_body: identity persona? effort? tools? channels?  -> system_body"
                + ABOUT.format("Persona: grumpy")
                + "persona: _PERSONA LINE",
            ),
            ('_DATE: "Current', '_PERSONA: "Persona: "  // whom the model plays\n_DATE: "Current'),
        ),
        sections={"persona": "grumpy"},
        told=("persona", "Persona: "),
    ),
    "a new section of the developer message": Change(
        (
            (
                DEVELOPER_BODY,
                "developer_body: instructions? advice? tools? response_formats?  -> developer_body"
                + ABOUT.format("# Advice⏎⏎Be short.⏎Be kind.")
                + "advice: _ADVICE _LINE_END text",
            ),
            ('_FORMATS: "# Resp', '_ADVICE: "# Advice"  // a title\n_FORMATS: "# Resp'),
        ),
        advice={"advice": "Be short.\nBe kind."},
        told=("advice", "# Advice"),
    ),
    "the sections of the system message in another order": Change(
        (
            (
                "system_body: identity effort? tools? channels?",
                "system_body: identity channels? tools? effort?",
            ),
        )
    ),
    "other words for the roles": Change(
        (
            ('ASSISTANT: "assistant"', 'ASSISTANT: "model"'),
            ('SYSTEM: "system"', 'SYSTEM: "sys"'),
            ('DEVELOPER: "developer"', 'DEVELOPER: "dev"'),
            ('USER: "user"', 'USER: "human"'),
        ),
        told=("<|start|>model", "<|start|>human"),
    ),
    "every name renamed": Change(),
    "every word respelled": Change(),
    "other comments and another argument": Change(
        (
            (r"\/\/[^\n]*", r";;[^\n]*"),
            ("type f = (_: {⏎a: string,⏎})", "type f = (args: {⏎a: string,⏎})"),
        )
    ),
    "a new channel": Change(
        (
            ("| DECLARED_CHANNEL ", "| CRITIQUE\n               | DECLARED_CHANNEL "),
            ('FINAL: "final"', 'CRITIQUE: "critique"  // a channel name\nFINAL: "final"'),
        ),
        channel="critique",
        told=("critique",),
    ),
    "a new role": Change(
        (
            ("role: SYSTEM ", "role: CRITIC\n    | SYSTEM "),
            ('USER: "user"', 'CRITIC: "critic"  // a role\nUSER: "user"'),
        ),
        role="critic",
        told=("critic",),
    ),
    "special tokens of one's own": Change(
        (('"<|call|>"', '"<|done|>"'),), tokens={"<|done|>": 201_000}, told=("<|done|>", "201000")
    ),
}
every = pytest.mark.parametrize("name", CHANGES)


@cache
def changed(name: str) -> hg.Grammar:
    if name == "every name renamed":
        return renamed(NAMES)
    if name == "every word respelled":
        return respelled()
    text = TEXT
    for old, new in CHANGES[name].pairs:
        assert old in text, old
        text = text.replace(old, new)
    return hg.Grammar.from_text(text, special_tokens=CHANGES[name].tokens)


# --- the talk of a row ---

LOOK = hg.ToolDescription(
    "look",
    "Looks.\nWell.",
    {
        "type": "object",
        "properties": {"at": {"type": "string", "description": "where", "default": "x"}},
        "required": ["at"],
    },
)
SHOP = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def prompt(name: str) -> hg.Conversation:
    """System, developer and user, and an open message."""
    change = CHANGES[name]
    system = hg.SystemContent(conversation_start_date="2025-01-01", extras=dict(change.sections))
    developer = hg.DeveloperContent(instructions="Be brief.", extras=dict(change.advice))
    developer = developer.with_function_tools([LOOK]).with_response_format("shop", SHOP, "A list.")
    said = [
        hg.Message.from_role_and_content(hg.Role.SYSTEM, system.with_python_tool()),
        hg.Message.from_role_and_content(hg.Role.DEVELOPER, developer),
        hg.Message.from_role_and_content(hg.Role.USER, "Hi"),
    ]
    if change.role:
        author = hg.Author(hg.CustomRole(change.role))
        said.append(hg.Message.from_author_and_content(author, "Weak."))
    return hg.Conversation(said, hg.OpenMessage(hg.Author(hg.Role.ASSISTANT)))


def spoken(content: str, channel: str) -> hg.Message:
    return hg.Message.from_role_and_content(hg.Role.ASSISTANT, content).with_channel(channel)


def turn(name: str) -> hg.Conversation:
    """What the model samples: it reasons and calls."""
    meaning, change = changed(name).rules.meaning, CHANGES[name]
    call = spoken('{"at": "x"}', meaning.preamble).with_recipient("functions.look")
    call = replace(call.with_content_type("<|constrain|>json"), extras=dict(change.extras))
    return hg.Conversation([spoken("Hm.", change.channel or meaning.reasoning), call])


def talk(name: str) -> hg.Conversation:
    """All of it: prompt, call, result and answer, a further question and its answer."""
    meaning = changed(name).rules.meaning
    result = (
        hg.Message.from_author_and_content(hg.Author(hg.Role.TOOL, "functions.look"), "1")
        .with_channel(meaning.preamble)
        .with_recipient(meaning.role_words[hg.Role.ASSISTANT])
    )
    answer = spoken("Done.", meaning.answer)
    ask = hg.Message.from_role_and_content(hg.Role.USER, "And now?")
    before = [*prompt(name).messages, *turn(name).messages, result, answer]
    return hg.Conversation([*before, ask, spoken("No.", meaning.answer)])


def sampled(name: str) -> str:
    """The text of what the model samples."""
    grammar = changed(name)
    opening = grammar.render(hg.Conversation([], hg.OpenMessage(hg.Author(hg.Role.ASSISTANT))))
    return grammar.render(turn(name), spelling="model").removeprefix(opening)


def own_channels(said: hg.Conversation, grammar: hg.Grammar) -> hg.Conversation:
    """The talk with the channels of the grammar: what a system message says unless told."""
    (content,) = said.messages[0].content
    assert isinstance(content, hg.SystemContent)
    channels = hg.ChannelConfig.require_channels(grammar.channels)
    first = replace(said.messages[0], content=[replace(content, channel_config=channels)])
    return replace(said, messages=[first, *said.messages[1:]])


# --- the columns ---


@every
def test_parser_and_renderer_follow(name: str) -> None:
    grammar, said = changed(name), talk(name)
    for spelling in ("openai", "model"):
        for style in ("compatible", "faithful"):
            text = grammar.render(said, spelling=spelling, schema_style=style)
            read = grammar.parse(text, bodies=True)
            assert grammar.render(read) == text
            kinds = [type(m.content[0]).__name__ for m in read.messages[:3]]
            assert kinds == ["SystemContent", "DeveloperContent", "TextContent"]
            written = grammar.render(read.canonical(), spelling=spelling, schema_style=style)
            assert written == text
            if style == "faithful":
                assert read == own_channels(said, grammar)
    for word in (*CHANGES[name].extras.values(), *CHANGES[name].sections.values()):
        assert word in text


@every
def test_ids_follow(name: str) -> None:
    grammar, said = changed(name), talk(name)
    made = grammar.encode(said)
    assert b"".join(map(grammar.vocabulary.piece, made)).decode() == grammar.render(said)
    assert grammar.parse(made) == grammar.parse(grammar.render(said))
    assert grammar.encode(grammar.parse(made)) == made


@every
@settings(max_examples=8)
@given(data=st.data())
def test_strategies_follow(name: str, data: st.DataObject) -> None:
    grammar = changed(name)
    for start in STARTS:
        text = data.draw(sentences(grammar, start))
        tree = grammar.parse(text, start)
        assert grammar.render(tree) == text
        assert grammar.parse(grammar.render(tree.canonical()), start) == tree
        given_ids = data.draw(ids(grammar, start))
        assert grammar.encode(grammar.parse(given_ids, start)) == given_ids
        assert grammar.recover(data.draw(damaged(grammar, start)), start) is not None


@every
def test_wire_json_follows(name: str) -> None:
    said = talk(name)
    assert hg.Conversation.from_json(said.to_json()) == said
    read = changed(name).parse(changed(name).render(said), bodies=True)
    assert hg.Conversation.from_json(read.to_json()) == read.canonical()


@every
def test_prompts_and_masks_follow(name: str) -> None:
    grammar = changed(name)
    for source in (grammar.render(prompt(name)), grammar.encode(prompt(name))):
        constraint = hg.Constraint.from_prompt(source, grammar=grammar)
        assert set(constraint.tool_names) == {"functions.look", "python"}
        matcher = constraint.matcher()
        matcher.accept_all(constraint.encode(sampled(name)))
        assert matcher.is_finished
        for seed in range(3):
            ids = _walk(constraint, random.Random(seed))  # noqa: S311  a repeatable walk
            assert grammar.check(ids, "completion").status in ("complete", "truncated")


def _walk(constraint: hg.Constraint, dice: random.Random) -> list[int]:
    matcher, taken = constraint.matcher(), list[int]()
    while not matcher.is_finished and len(taken) < 40:
        mask = matcher.mask()
        words = mask.nonzero()[0].tolist()
        index = words[-1] if dice.random() < 0.3 else dice.choice(words)
        bits = int(mask[index])
        taken.append(dice.choice([(index << 5) + bit for bit in range(32) if (bits >> bit) & 1]))
        matcher.accept(taken[-1])
    return taken


@every
def test_recovery_and_streams_follow(name: str) -> None:
    grammar, said = changed(name), turn(name)
    text = sampled(name)
    opening = grammar.encode(hg.Conversation([], hg.OpenMessage(hg.Author(hg.Role.ASSISTANT))))
    for source in (text, grammar.encode(said, spelling="model")[len(opening) :]):
        recovery = grammar.recover(source)
        assert (recovery.messages, recovery.repairs) == (tuple(said.messages), ())
        (call,) = recovery.tool_calls()
        assert call.name == "functions.look"
        stream = grammar.stream(recover=True)
        events = [
            event
            for piece in source
            for event in stream.feed(piece if isinstance(piece, str) else [piece])
        ]
        headers = [e for e in events if isinstance(e, hg.HeaderCompleted)]
        assert [e.channel for e in headers] == [m.channel for m in said.messages]
        assert [dict(e.extras) for e in headers] == [dict(m.extras) for m in said.messages]
        reader = hg.StreamableParser(HarmonyEncoding(grammar), hg.Role.ASSISTANT)
        if not isinstance(source, str):
            assert reader.process_many(source).messages == list(said.messages)


@every
def test_damaged_headers_keep_what_the_grammar_adds(name: str) -> None:
    grammar, said = changed(name), turn(name)
    text = sampled(name)
    broken = text.replace(said.messages[1].channel or "", f"{said.messages[1].channel}??", 1)
    assert broken != text
    recovery = grammar.recover(broken)
    assert recovery.repairs
    assert list(recovery.messages) == list(said.messages)


@every
def test_the_linter_follows(name: str) -> None:
    grammar = changed(name)
    found = grammar.check(grammar.render(talk(name))).diagnostics
    own = OWN.check(OWN.render(talk("nothing"))).diagnostics
    assert [f.code for f in found] == [f.code for f in own]
    assert "kept-reasoning" in [f.code for f in found]


@every
@pytest.mark.parametrize("policy", ["openai", "last-final", "none"])
def test_dropping_follows(name: str, policy: Any) -> None:
    grammar = changed(name)
    config = RenderConversationConfig(drop_policy=policy)
    kept = grammar.parse(HarmonyEncoding(grammar).render_conversation(talk(name), config))
    own = OWN.parse(HarmonyEncoding(OWN).render_conversation(talk("nothing"), config))
    texts = [m.text for m in kept if m.text in ("Hm.", '{"at": "x"}', "Done.", "No.")]
    assert texts == [m.text for m in own if m.text in ("Hm.", '{"at": "x"}', "Done.", "No.")]
    assert ("Hm." in texts) == (policy == "none")


@every
def test_what_is_learnt_follows(name: str) -> None:
    grammar = changed(name)
    made = HarmonyEncoding(grammar).render_conversation_for_training(talk(name))
    mask = loss_mask(talk(name), grammar=grammar)
    learnt = b"".join(
        grammar.vocabulary.piece(i) for i, learn in zip(made, mask, strict=True) if learn
    ).decode()
    for said in ("Done.", "No.", '{"at": "x"}', *CHANGES[name].extras.values()):
        assert said in learnt
    assert "And now?" not in learnt
    assert "Be brief." not in learnt


@pytest.mark.parametrize("name", [name for name in CHANGES if DEEP or CHANGES[name].told])
def test_the_documents_follow(name: str) -> None:
    made = files(changed(name), Format.MARKDOWN)
    plain = html.unescape("".join(made.values()).replace("\\", ""))
    for word in CHANGES[name].told:
        assert word in plain, word


@every
def test_the_page_follows(name: str) -> None:
    grammar = changed(name)
    text = grammar.render(talk(name))
    page = shown(grammar, text, grammar.check(text), "a talk")
    plain = OWN.render(talk("nothing"))
    own = shown(OWN, plain, OWN.check(plain), "a talk")
    said = [m for m in page["messages"] if m["role"] != (CHANGES[name].role or "")]
    for mine, other in zip(said, own["messages"], strict=True):
        assert mine["tone"] == other["tone"]
        assert mine["tools"] == other["tools"]
        assert mine["call"] is None or page["messages"][mine["call"]]["to"] == "functions.look"
    (call,) = [m for m in said if m["to"] == "functions.look"]
    assert call["extras"] == dict(CHANGES[name].extras)
    assert page["status"] == "complete"
