"""What recovery makes of each kind of mistake, rule by rule, and of what models really wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from recovery_inputs import encoded
from test_corpus import VERDICTS, cases

import harmony_grammar as hg
from harmony_grammar import DiagnosticCode as Code
from harmony_grammar import StreamParser

if TYPE_CHECKING:
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.tree import Start

ANSWER = "<|start|>assistant<|channel|>final<|message|>b<|return|>"
TOOL_RESULT = ' to=assistant<|channel|>commentary<|message|>"51F"<|end|>'


def fields(message: hg.Message) -> tuple[Any, ...]:
    author = message.author
    who = author.role.value if author.name is None else f"{author.role.value}:{author.name}"
    return (who, message.channel, message.recipient, message.content_type, message.text)


def plain(who: str, channel: str | None, text: str) -> tuple[Any, ...]:
    return (who, channel, None, None, text)


def call(channel: str | None, recipient: str, text: str = "{}") -> tuple[Any, ...]:
    return ("assistant", channel, recipient, None, text)


B = plain("assistant", "final", "b")

# What is given, from which start, what is read, and which repairs that takes.
EXAMPLES: list[tuple[str, Start, list[tuple[Any, ...]], list[Code]]] = [
    # 1: an open header is no message
    ("<|channel|>comm", "completion", [], [Code.TRUNCATED_HEADER]),
    (
        "<|start|>assistant<|channel|>comm",
        "completion",
        [],
        [Code.REPEATED_OPENING, Code.TRUNCATED_HEADER],
    ),
    (
        "<|channel|>final<|message|>a",
        "completion",
        [plain("assistant", "final", "a")],
        [Code.TRUNCATED_BODY],
    ),
    (" ", "completion", [], [Code.TRUNCATED_HEADER]),
    (
        "<|channel|>final<|channel|>final",
        "completion",
        [],
        [Code.DUPLICATE_CHANNEL, Code.TRUNCATED_HEADER],
    ),
    # 2: a header that never opens its body
    (
        "<|channel|>final Hello there<|return|>",
        "completion",
        [plain("assistant", "final", "Hello there")],
        [Code.MISSING_MESSAGE],
    ),
    (
        "<|channel|>final {1}",
        "completion",
        [plain("assistant", "final", "{1}")],
        [Code.MISSING_MESSAGE],
    ),
    (
        "<|start|>userHi there<|end|>",
        "conversation",
        [plain("user", None, "Hi there")],
        [Code.MISSING_MESSAGE],
    ),
    (
        "<|start|>user:bob Hi<|end|>",
        "conversation",
        [plain("user:bob", None, "Hi")],
        [Code.MISSING_MESSAGE],
    ),
    (
        "<|channel|>commentary to=functions.f {}<|call|>",
        "completion",
        [plain("assistant", "commentary", "{}")],
        [Code.MISSING_MESSAGE],
    ),
    (
        "<|start|>user<|start|>user<|message|>a<|end|>",
        "conversation",
        [plain("user", None, "a")],
        [Code.EMPTY_HEADER],
    ),
    (
        "<|channel|>??<|return|>",
        "completion",
        [plain("assistant", None, "??")],
        [Code.UNKNOWN_CHANNEL, Code.MISSING_MESSAGE],
    ),
    (
        "<|channel|>final<|constrain|>json{}<|return|>",
        "completion",
        [("assistant", "final", None, "<|constrain|>json", "{}")],
        [Code.MISSING_MESSAGE],
    ),
    # 3: repeated fields
    (
        "<|channel|>final<|channel|>final<|message|>b<|return|>",
        "completion",
        [B],
        [Code.DUPLICATE_CHANNEL],
    ),
    (
        "<|channel|>analysis<|channel|>final<|message|>b<|return|>",
        "completion",
        [B],
        [Code.CONFLICTING_CHANNELS],
    ),
    ("<|channel|>finalfinal<|message|>b<|return|>", "completion", [B], [Code.DUPLICATE_CHANNEL]),
    (
        " to=a.b to=a.b<|message|>{}<|call|>",
        "completion",
        [call(None, "a.b")],
        [Code.DUPLICATE_RECIPIENT],
    ),
    (
        " to=a.b to=a.c<|message|>{}<|call|>",
        "completion",
        [plain("assistant", None, "{}")],
        [Code.CONFLICTING_RECIPIENTS, Code.CALL_WITHOUT_RECIPIENT],
    ),
    (
        "<|channel|>final json code<|message|>b<|return|>",
        "completion",
        [("assistant", "final", None, "json", "b")],
        [Code.CONFLICTING_TYPES],
    ),
    # 4: the assistant does not address itself
    (
        " to=assistant<|channel|>final<|message|>b<|return|>",
        "completion",
        [B],
        [Code.SELF_RECIPIENT],
    ),
    # 5: words and spaces
    (
        "<|channel|>final json ??<|message|>b<|return|>",
        "completion",
        [("assistant", "final", None, "json", "b")],
        [Code.UNEXPECTED_TEXT],
    ),
    (
        "<|channel|>commentaryto=f<|message|>{}<|call|>",
        "completion",
        [call("commentary", "f")],
        [Code.MISSING_SPACE],
    ),
    (
        "<|channel|>commentary\u00a0to=f<|message|>{}<|call|>",
        "completion",
        [call("commentary", "f")],
        [Code.MISSING_SPACE],
    ),
    (
        "<|start|>assistantto=f<|message|>{}<|call|>",
        "conversation",
        [call(None, "f")],
        [Code.MISSING_SPACE],
    ),
    (
        "<|channel|>commentary to=functions.a$b<|message|>{}<|call|>",
        "completion",
        [call("commentary", "functions.a$b")],
        [],
    ),
    (
        "<|channel|>commentary to=functions.<|message|>{}<|end|>",
        "completion",
        [plain("assistant", "commentary", "{}")],
        [Code.EMPTY_SEGMENT],
    ),
    (
        "<|channel|>commentary  to=f<|message|>{}<|call|>",
        "completion",
        [call("commentary", "f")],
        [],
    ),
    (
        "<|channel|>commentary\u3000to=f<|message|>{}<|call|>",
        "completion",
        [call("commentary", "f")],
        [Code.MISSING_SPACE],
    ),
    (
        "<|channel|>final  json<|message|>b<|return|>",
        "completion",
        [("assistant", "final", None, "json", "b")],
        [],
    ),
    (
        "<|channel|>final\u3000json<|message|>b<|return|>",
        "completion",
        [("assistant", "final", None, "json", "b")],
        [Code.ODD_HEADER],
    ),
    ("<|channel|>final<|constrain|><|message|>b<|return|>", "completion", [B], [Code.MISSING_TYPE]),
    ("<|channel|> final<|message|>b<|return|>", "completion", [B], [Code.UNEXPECTED_TEXT]),
    (
        "<|start|>assistant json<|channel|>final<|message|>b<|return|>",
        "conversation",
        [B],
        [Code.UNEXPECTED_TEXT],
    ),
    (
        "<|start|>user ?? !! to=f. ??<|message|>b<|end|>",
        "conversation",
        [plain("user", None, "b")],
        [Code.UNEXPECTED_TEXT, Code.EMPTY_SEGMENT, Code.UNEXPECTED_TEXT],
    ),
    (
        "<|start|>user:<|message|>b<|end|>",
        "conversation",
        [plain("user", None, "b")],
        [Code.UNEXPECTED_TEXT],
    ),
    (
        "<|start|>??<|message|>b<|end|>",
        "conversation",
        [plain("assistant", None, "b")],
        [Code.MISSING_ROLE, Code.UNEXPECTED_TEXT],
    ),
    (
        "<|start|>assistants<|message|>b<|end|>",
        "conversation",
        [("tool:assistants", None, "assistant", None, "b")],
        [Code.UNKNOWN_ROLE],
    ),
    # 6: channels
    ("<|channel|>final?<|message|>b<|return|>", "completion", [B], [Code.CHANNEL_JUNK]),
    (
        "<|channel|>finale<|message|>b<|return|>",
        "completion",
        [plain("assistant", None, "b")],
        [Code.UNKNOWN_CHANNEL],
    ),
    ("final<|message|>b<|return|>", "completion", [B], [Code.MISSING_CHANNEL_TOKEN]),
    # 7: bodies
    (
        "<|channel|>final<|message|>a <|message|>b<|return|>",
        "completion",
        [plain("assistant", "final", "a <|message|>b")],
        [Code.STRAY_TOKEN],
    ),
    (
        "<|channel|>final<|message|>a<|channel|>bcd<|return|>",
        "completion",
        [plain("assistant", "final", "a<|channel|>bcd")],
        [Code.STRAY_TOKEN],
    ),
    (
        "<|channel|>final<|message|>a<|channel|>b<|message|>c<|return|>",
        "completion",
        [plain("assistant", "final", "a<|channel|>b<|message|>c")],
        [Code.STRAY_TOKEN] * 2,
    ),
    (
        "<|channel|>analysis<|message|>a<|channel|>final<|message|>b<|return|>",
        "completion",
        [plain("assistant", "analysis", "a"), B],
        [Code.MISSING_TERMINATOR],
    ),
    (
        "<|start|>user<|message|>a<|channel|>final<|message|>b<|end|>",
        "conversation",
        [plain("user", None, "a"), plain("user", "final", "b")],
        [Code.MISSING_TERMINATOR],
    ),
    (
        "<|start|>user<|message|>a" + ANSWER,
        "conversation",
        [plain("user", None, "a"), B],
        [Code.MISSING_TERMINATOR],
    ),
    # 8: between messages
    ("\n" + ANSWER, "conversation", [B], [Code.TEXT_BETWEEN_MESSAGES]),
    (ANSWER + "\n", "conversation", [B], [Code.TEXT_BETWEEN_MESSAGES]),
    (
        "<|start|><|start|>user<|message|>a<|end|>",
        "conversation",
        [plain("user", None, "a")],
        [Code.DOUBLED_START],
    ),
    (
        "<|start|>user<|message|>a<|end|><|end|>",
        "conversation",
        [plain("user", None, "a")],
        [Code.DOUBLED_TERMINATOR],
    ),
    (
        "<|start|>assistantassistant<|channel|>final<|message|>b<|end|>",
        "conversation",
        [B],
        [Code.DOUBLED_ROLE],
    ),
    (
        "<|start|>assistantfinal<|message|>b<|end|>",
        "conversation",
        [B],
        [Code.MISSING_CHANNEL_TOKEN],
    ),
    ("assistant<|channel|>final<|message|>b<|end|>", "conversation", [B], [Code.MISSING_START]),
    (
        "functions.f" + TOOL_RESULT,
        "conversation",
        [("tool:functions.f", "commentary", "assistant", None, '"51F"')],
        [Code.MISSING_START, Code.UNEXPECTED_TEXT],
    ),
    ("<|start|><|channel|>final<|message|>b<|end|>", "conversation", [B], [Code.MISSING_ROLE]),
    (ANSWER, "completion", [B], [Code.REPEATED_OPENING]),
    (
        "<|channel|>analysis<|message|>a<|end|>Well. <|channel|>final<|message|>b<|return|>",
        "completion",
        [plain("assistant", "analysis", "a"), B],
        [Code.TEXT_BETWEEN_MESSAGES, Code.MISSING_START],
    ),
    (
        "Well.<|channel|>final<|message|>b<|return|>",
        "completion",
        [plain("assistant", "analysis", "Well."), B],
        [Code.HEADERLESS],
    ),
    (
        "I will check it. <|channel|>final<|message|>b<|return|>",
        "completion",
        [plain("assistant", "analysis", "I will check it. "), B],
        [Code.HEADERLESS],
    ),
    (
        "<|start|>assistantOkay<|channel|>final<|message|>b<|return|>",
        "conversation",
        [B],
        [Code.UNEXPECTED_TEXT],
    ),
    (
        "<|start|>assistantcommentary to=functions.f json<|message|>{}<|call|>",
        "conversation",
        [("assistant", "commentary", "functions.f", "json", "{}")],
        [Code.MISSING_CHANNEL_TOKEN],
    ),
    (
        "<|start|>final<|message|>b<|return|>",
        "conversation",
        [B],
        [Code.MISSING_ROLE, Code.MISSING_CHANNEL_TOKEN],
    ),
    (
        "<|channel|> to=functions.f<|message|>{}<|call|>",
        "completion",
        [call("commentary", "functions.f")],
        [Code.UNKNOWN_CHANNEL, Code.MISSING_SPACE],
    ),
    (
        "<|channel|>commentary to=functions.f<|channel|>final<|message|>{}<|call|>",
        "completion",
        [call("commentary", "functions.f")],
        [Code.CONFLICTING_CHANNELS],
    ),
    # 9: text without a header
    (" \n", "completion", [], [Code.TRUNCATED_HEADER]),
    ("Hi<|return|>", "completion", [plain("assistant", "final", "Hi")], [Code.HEADERLESS]),
    ("Hi<|end|>", "completion", [plain("assistant", "final", "Hi")], [Code.HEADERLESS]),
    (
        "Hi<|end|>b<|end|>",
        "completion",
        [plain("assistant", "analysis", "Hi"), B],
        [Code.HEADERLESS] * 2,
    ),
    (
        "Hi<|end|>" + ANSWER,
        "completion",
        [plain("assistant", "analysis", "Hi"), B],
        [Code.HEADERLESS],
    ),
    ("Hi<|end|>", "conversation", [], [Code.DOUBLED_TERMINATOR]),
    # 10: overrun
    ("<|channel|>final<|message|>b<|return|>" + ANSWER, "completion", [B], [Code.OVERRUN]),
    # 11: unknown roles, and who may speak
    (
        "<|start|>bash<|message|>a<|end|>",
        "conversation",
        [("tool:bash", None, "assistant", None, "a")],
        [Code.UNKNOWN_ROLE],
    ),
    (
        "<|start|>user<|message|>a<|end|>",
        "completion",
        [plain("user", None, "a")],
        [Code.FOREIGN_ROLE],
    ),
    # terminators
    ("<|channel|>final<|message|>b<|call|>", "completion", [B], [Code.CALL_WITHOUT_RECIPIENT]),
    (" to=f<|message|>{}<|end|>", "completion", [call(None, "f")], [Code.RECIPIENT_WITHOUT_CALL]),
    (
        "<|start|>user<|message|>a<|return|>",
        "conversation",
        [plain("user", None, "a")],
        [Code.WRONG_TERMINATOR],
    ),
    (
        "<|channel|>final to=f<|message|>{}<|call|>",
        "completion",
        [plain("assistant", "final", "{}")],
        [Code.FINAL_CALL, Code.CALL_WITHOUT_RECIPIENT],
    ),
    # 15: special tokens that were stripped
    (
        "analysisa.assistantfinalb",
        "completion",
        [plain("assistant", "analysis", "a."), B],
        [Code.STRIPPED_TOKENS, Code.STRIPPED_TOKENS],
    ),
    (
        "assistantanalysisa.assistantcommentary to=functions.f json{}assistantfinalb",
        "conversation",
        [
            plain("assistant", "analysis", "a."),
            ("assistant", "commentary", "functions.f", "json", "{}"),
            B,
        ],
        [Code.STRIPPED_TOKENS] * 3,
    ),
    (
        "analysisa.assistant to=functions.fcommentary json{}",
        "completion",
        [
            plain("assistant", "analysis", "a."),
            ("assistant", "commentary", "functions.f", "json", "{}"),
        ],
        [Code.STRIPPED_TOKENS] * 2,
    ),
    (
        "commentary to=functions.f{}assistantanalysis to=python codeprint(1)",
        "completion",
        [
            call("commentary", "functions.f"),
            ("assistant", "analysis", "python", "code", "print(1)"),
        ],
        [Code.STRIPPED_TOKENS] * 2,
    ),
    (
        "finalb",
        "completion",
        [plain("assistant", "final", "finalb")],
        [Code.HEADERLESS],
    ),
]


@pytest.mark.parametrize(("text", "start", "messages", "codes"), EXAMPLES)
def test_rules(text: str, start: Start, messages: list[tuple[Any, ...]], codes: list[Code]) -> None:
    for source in (text, encoded(text)):
        recovery = hg.recover(source, start)
        assert [fields(message) for message in recovery.messages] == messages
        assert sorted(repair.code for repair in recovery.repairs) == sorted(codes)


def test_every_repair_has_an_example() -> None:
    shown = {code for _, _, _, codes in EXAMPLES for code in codes}
    shown |= {Code.UNEXPECTED_TOKEN, Code.PADDING}  # of which only ids can have one
    assert shown == {code for code in Code if code.mended}


PADDING = 199_999


@pytest.mark.parametrize(
    ("text", "start", "before", "behind"),
    [
        ("<|channel|>final<|message|>b<|return|>", "completion", 0, 1),
        ("<|channel|>final<|message|>b<|return|>", "completion", 0, 3),
        ("<|start|>user<|message|>b<|end|>", "conversation", 2, 2),
    ],
)
def test_padding_around_a_transcript_is_trivia(
    text: str, start: Start, before: int, behind: int
) -> None:
    ids = [*[PADDING] * before, *encoded(text), *[PADDING] * behind]
    recovery = hg.recover(ids, start)
    assert list(recovery.messages) == hg.parse(text, start).messages
    assert [repair.code for repair in recovery.repairs] == [Code.PADDING] * (before + behind)
    assert sum(span.end - span.start for span in recovery.trivia) == before + behind
    assert recovery.overrun is None


def test_the_padding_id_ends_a_turn() -> None:
    answer = encoded("<|channel|>final<|message|>b")
    recovery = hg.recover([*answer, PADDING, PADDING])
    assert [(m.text, m.terminator) for m in recovery.messages] == [("b", "<|return|>")]
    assert [repair.code for repair in recovery.repairs] == [Code.PADDING] * 2
    called = encoded("<|channel|>commentary to=functions.f<|message|>{}")
    (found,) = hg.recover([*called, PADDING]).tool_calls()
    assert (found.name, found.status) == ("functions.f", "ready")
    strict = hg.check([*answer, PADDING], "completion").diagnostics[-1]
    assert (strict.code, strict.hint) == (
        "foreign-token",
        "it pads rows and stops generations: leave it out of the ids, or recover them",
    )


def test_a_foreign_token_in_a_header_is_dropped() -> None:
    ids = encoded("<|channel|>final<|message|>b<|return|>")
    recovery = hg.recover([*ids[:2], 199_999, *ids[2:]])
    assert [fields(message) for message in recovery.messages] == [B]
    assert [repair.code for repair in recovery.repairs] == [Code.UNEXPECTED_TOKEN]


@pytest.mark.parametrize("code", list(Code), ids=str)
def test_the_catalogue_explains_itself(code: Code) -> None:
    assert code == code.value == str(code)
    assert code.meaning[0].islower() == (code.kind in ("error", "repair"))
    assert Code(code.value) is code


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="no code 'headerles': did you mean `headerless`"):
        Code("headerles")
    with pytest.raises(ValueError, match="no code 'x': `explain` lists all"):
        Code("x")


# --- real cases ---


def wire(recovery: Recovery) -> list[dict[str, Any]]:
    told = (message for message in recovery.messages if message.text or message.recipient)
    dicts = ({**message.to_dict(), "content": message.text} for message in told)
    return [{key: value for key, value in data.items() if value is not None} for data in dicts]


def by_id(source: list[int], start: Start) -> Recovery:
    parser = StreamParser(start, recover=True)
    for token in source:
        parser.feed(token)
    recovery = parser.close()
    assert isinstance(recovery, hg.Recovery)
    return recovery


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["id"]))
def test_observed(case: dict[str, Any]) -> None:
    text, start = case["text"], case["entry"]
    ids = encoded(text)
    for recovery in (hg.recover(text, start), hg.recover(ids, start), by_id(ids, start)):
        assert recovery.status == VERDICTS[case["strict"]]
        if case["messages"] is not None:
            assert wire(recovery) == case["messages"]


# --- what a result holds ---


def test_a_token_cut_in_its_spelling_is_pending() -> None:
    recovery = hg.recover("<|channel|>final <|constr")
    assert recovery.status == "truncated"
    assert recovery.messages == ()
    assert recovery.pending is not None
    assert recovery.pending.channel == "final"


def test_pending_fields() -> None:
    recovery = hg.recover("<|channel|>commentary to=functions.f <|constrain|>json")
    pending = recovery.pending
    assert pending is not None
    assert (pending.channel, pending.recipient) == ("commentary", "functions.f")
    assert pending.content_type == "<|constrain|>json"
    assert pending.content is None
    assert not recovery.messages
    assert not recovery.tool_calls()


def test_a_prompt_ends_in_an_open_message() -> None:
    prompt = "<|start|>user<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Once"
    recovery = hg.recover("\n" + prompt, "prompt")
    assert recovery.pending is not None
    assert recovery.pending.text == "Once"
    assert recovery.conversation.start == "prompt"
    assert hg.render(recovery.conversation) == prompt


def test_a_user_does_not_end_a_prompt() -> None:
    recovery = hg.recover("<|start|>user:bob", "prompt")
    assert recovery.pending is not None
    assert recovery.pending.author.name == "bob"
    assert recovery.conversation.start == "conversation"
    assert not recovery.ok


def test_an_id_of_no_vocabulary_is_text() -> None:
    ids = encoded("<|channel|>final<|message|>")
    recovery = hg.recover([*ids, 201_088, 199_998])
    assert recovery.messages[0].text == "\ufffd<|startoftext|>"
    assert [repair.code for repair in recovery.repairs[:2]] == [Code.STRAY_TOKEN] * 2


def test_a_prompt_may_end_in_a_whole_header() -> None:
    prompt = "<|start|>user<|message|>a<|end|><|start|>assistant<|channel|>final"
    recovery = hg.recover("\n" + prompt, "prompt")
    assert recovery.pending is not None
    assert recovery.pending.channel == "final"
    assert recovery.pending.offsets == (33, 67, 67)
    assert hg.render(recovery.conversation) == prompt


def test_overrun_is_kept_apart() -> None:
    text = "<|channel|>final<|message|>b<|return|>more<|end|>"
    from_text, from_ids = hg.recover(text), hg.recover(encoded(text))
    assert from_text.overrun is not None
    assert from_ids.overrun is not None
    assert from_text.overrun == ((38, 49), "more<|end|>", None)
    assert from_ids.overrun.text == "more<|end|>"
    assert from_ids.overrun.ids == tuple(encoded("more<|end|>"))


def test_diagnostics_say_what_was_found_and_assumed() -> None:
    (diagnostic,) = hg.recover("<|channel|>final??<|message|>b<|return|>").diagnostics
    assert diagnostic.code == "channel-junk"
    assert diagnostic.found == "??"
    assert diagnostic.assumed == "final"
    assert (diagnostic.line, diagnostic.column) == (1, 17)
    assert "read as: final" in str(diagnostic)
    assert diagnostic.to_dict()["assumed"] == "final"


def test_what_is_broken_inside_a_character_is_no_message_less() -> None:
    half = hg.Vocabulary.default().encoding.encode_single_token(b"\xf0")
    ids = [*encoded("<|channel|>final?<|message|>"), half, *encoded("<|return|>")]
    recovery = hg.recover(ids)
    assert recovery.messages[0].text == "\ufffd"
    assert half in hg.encode(recovery.conversation)


def test_declared_channels_are_channels() -> None:
    system = "<|start|>system<|message|># Valid channels: analysis, critique.<|end|>"
    text = system + "<|start|>assistant<|channel|>critique??<|message|>a<|end|>"
    assert hg.recover(text, "conversation").messages[1].channel == "critique"
    undeclared = text.replace("critique.", "final.")
    assert hg.recover(undeclared, "conversation").messages[1].channel is None
    late = hg.recover("\n" + text, "conversation")
    assert late.messages[1].channel == "critique"
    assert hg.recover("\n" + undeclared, "conversation").messages[1].channel is None
    silent = "\n<|start|>system<|message|>Hi<|end|>"
    assert hg.recover(silent, "conversation").messages[0].text == "Hi"


def test_a_grammar_without_some_field_drops_it() -> None:
    plainer = "plain: channel content_type?\n     | content_type"
    grammar = hg.Grammar.from_text(hg.Grammar.default().text.replace(plainer, "plain: channel"))
    recovery = grammar.recover("<|channel|>final json<|message|>b<|return|>")
    assert [fields(message) for message in recovery.messages] == [B]
    assert grammar.recover(grammar.render(recovery.conversation)).messages == recovery.messages


def test_a_completion_may_be_one_message() -> None:
    several = "completion: (interim opening)* last"
    grammar = hg.Grammar.from_text(hg.Grammar.default().text.replace(several, "completion: last"))
    text = "<|channel|>final?<|message|>b<|end|>" + ANSWER
    assert [fields(message) for message in grammar.recover(text).messages] == [B, B]


def test_memory_is_bounded() -> None:
    for number in range(100):
        system = f"<|start|>system<|message|># Valid channels: c{number}.<|end|>"
        text = f"{system}<|start|>user?{number}<|message|>b<|end|>"
        assert len(hg.recover(text, "conversation").messages) == 2
    long = hg.recover("<|start|>user" + "?" * 2000 + "<|message|>b<|end|>", "conversation")
    assert long.messages[0].text == "b"
    assert len(long.repairs[0].found) == 121


def test_another_grammar_is_recovered_by_its_own_words() -> None:
    grammar = hg.Grammar.default()
    swapped = grammar.text.replace('COMMENTARY: "commentary"', 'COMMENTARY: "remarks"')
    other = hg.Grammar.from_text(swapped.replace('_TO: " to="', '_TO: " for="'))
    recovery = other.recover("<|channel|>remarks??\u2003for=f<|message|>{}<|call|>")
    assert fields(recovery.messages[0]) == call("remarks", "f")
    stream = other.stream(recover=True)
    stream.feed("<|channel|>remarks??\u2003for=f<|message|>{}<|call|>")
    assert replace(recovery) == stream.close()
