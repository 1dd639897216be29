"""What people get wrong, and what they are told: one table, read as text and as ids."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, NamedTuple

import pytest
from test_corpus import ids_of

import harmony_grammar as hg

if TYPE_CHECKING:
    from harmony_grammar.tree import Start


class Case(NamedTuple):
    """A mistake.

    Attributes:
        text: the input; `¦` marks where the error is.
        start: the start symbol.
        code: the code it must get.
        said: what the message must say.
        hint: what the hint must say; empty if there is none.
    """

    text: str
    start: Start
    code: str
    said: str
    hint: str


CASES = [
    Case(
        "<|channel|>analysis<|message|>t<|end|><|start|>¦final<|message|>x<|return|>",
        "completion",
        "foreign-role",
        "may speak as the assistant only",
        "a channel follows: `assistant<|channel|>final`",
    ),
    Case(
        "<|start|>assistant¦<|start|>assistant<|channel|>final<|message|>x<|return|>",
        "conversation",
        "missing-message",
        "the header ends without `<|message|>`",
        "the message is open already",
    ),
    Case(
        "<|start|>user<|message|>a<|end|><|start|>user¦<|start|>user<|message|>b<|end|>",
        "conversation",
        "missing-message",
        "the header ends without `<|message|>`",
        "the message is open already",
    ),
    Case(
        "¦<|start|>assistant<|channel|>final<|message|>x<|return|>",
        "completion",
        "repeated-opening",
        "does not repeat it",
        "drop the `<|start|>assistant`",
    ),
    Case(
        "<|start|>user<|message|>a<|end|>¦\n<|start|>user<|message|>b<|end|>",
        "conversation",
        "text-between-messages",
        "white space stands between messages",
        "remove it",
    ),
    Case(
        "<|start|>user<|message|>a<|end|>¦and<|start|>user<|message|>b<|end|>",
        "conversation",
        "text-between-messages",
        "text stands where a message should begin",
        "begins with `<|start|>`",
    ),
    Case(
        "<|start|>user¦<|end|>",
        "conversation",
        "missing-message",
        "the header ends without `<|message|>`",
        "between the header and the body",
    ),
    Case(
        '<|channel|>final ¦{"a": 1}<|return|>',
        "completion",
        "unexpected-text",
        "'{' cannot stand here",
        "the body begins after `<|message|>`",
    ),
    Case(
        "<|channel|>final to¦=json<|message|>{}<|return|>",
        "completion",
        "final-call",
        "cannot be on the final channel",
        "content type, write it alone",
    ),
    Case(
        " to=functions.f<|channel|>¦final<|message|>{}<|call|>",
        "completion",
        "final-call",
        "cannot be on the final channel",
        "a call goes to commentary",
    ),
    Case(
        "¦&lt;|start|&gt;user&lt;|message|&gt;Hi",
        "conversation",
        "disguised-token",
        "spelled with other characters",
        "undo the HTML escaping",
    ),
    Case(
        "¦\uff1c\uff5cstart\uff5c\uff1euser",
        "conversation",
        "disguised-token",
        "spelled with other characters",
        "full-width",
    ),
    Case(
        "<|start|>asistant<|channel|>final¦<|message|>Hi<|end|>",
        "conversation",
        "unknown-role",
        "`asistant` is no role",
        "did you mean `assistant`?",
    ),
    Case(
        "<|start|>bash¦<|message|>ls<|end|>",
        "conversation",
        "unknown-role",
        "`bash` is no role",
        "the roles are system, developer, user, assistant",
    ),
    Case(
        "<|start|>assistant<|channel|>final¦x<|message|>Hi<|end|>",
        "conversation",
        "unknown-channel",
        "no channel `finalx`",
        "did you mean `final`?",
    ),
    Case(
        "<|channel|>¦<|message|>Hi<|end|>",
        "completion",
        "unknown-channel",
        "the channel has no name",
        "the channels are analysis, commentary, final",
    ),
    Case(
        "<|channel|>¦zzz<|message|>Hi<|end|>",
        "completion",
        "unknown-channel",
        "no channel `zzz`",
        "the channels are analysis, commentary, final",
    ),
    Case(
        "<|channel|>commentary to=functions.¦<|message|>{}<|call|>",
        "completion",
        "empty-segment",
        "the recipient is no name",
        "names joined by dots",
    ),
    Case(
        "<|channel|>commentary to=f to¦=f<|message|>{}<|call|>",
        "completion",
        "duplicate-field",
        "a second recipient",
        "keep one of them",
    ),
    Case(
        "<|channel|>analysis¦<|channel|>final<|message|>Hi<|return|>",
        "completion",
        "duplicate-field",
        "a second channel",
        "keep one of them",
    ),
    Case(
        "<|channel|>commentary to=assistant¦<|message|>Hi<|call|>",
        "completion",
        "self-recipient",
        "the assistant addresses itself",
        "has no recipient",
    ),
    Case(
        "<|start|>assistant to=assistant¦<|channel|>",
        "prompt",
        "self-recipient",
        "the assistant addresses itself",
        "has no recipient",
    ),
    Case(
        "<|channel|>commentary<|message|>{}¦<|call|>",
        "completion",
        "call-without-recipient",
        "there is nothing to call",
        "` to=NAME`, or end with `<|end|>` or `<|return|>`",
    ),
    Case(
        "<|start|>assistant to=functions.f<|channel|>commentary<|message|>{}¦<|end|>",
        "conversation",
        "recipient-without-call",
        "does not end as a call",
        "end it with `<|call|>`",
    ),
    Case(
        "<|start|>user<|message|>Hi¦<|return|>",
        "conversation",
        "wrong-terminator",
        "a message of the user cannot end in `<|return|>`",
        "end it with `<|end|>`",
    ),
    Case(
        "<|start|>user<|message|>Hi¦<|start|>assistant<|message|>Ho<|end|>",
        "conversation",
        "missing-terminator",
        "a message begins inside the body",
        "end that message with `<|end|>` first",
    ),
    Case(
        "<|start|>user<|message|>Hi¦<|channel|>final",
        "conversation",
        "stray-token",
        "`<|channel|>` stands inside a body",
        "can be given as ids",
    ),
    Case(
        "<|channel|>final<|message|>Hi<|return|>¦<|start|>",
        "completion",
        "overrun",
        "the turn is over",
        "cut the completion there",
    ),
    Case(
        "¦Hello", "completion", "headerless", "this is text", "from `<|channel|>` to `<|message|>`"
    ),
    Case(
        "<|channel|>analysis<|message|>a<|end|><|start|>¦user<|message|>b<|end|>",
        "completion",
        "foreign-role",
        "as the assistant only",
        "comes from outside",
    ),
    Case(
        "<|channel|>analysis<|message|>a<|end|><|start|>¦<|start|>assistant",
        "completion",
        "doubled-token",
        "`<|start|>` stands twice",
        "remove one of them",
    ),
    Case(
        "<|start|>user<|message|>a<|end|>¦<|end|>",
        "conversation",
        "unexpected-token",
        "ends a message, and none has begun",
        "",
    ),
    Case(
        "<|channel|>comment¦<|message|>Hi<|end|>",
        "completion",
        "unknown-channel",
        "there is no channel `comment`",
        "did you mean `commentary`?",
    ),
    Case(
        "<|channel|>commentary¦to=functions.f<|message|>{}<|call|>",
        "completion",
        "missing-space",
        "no space before the recipient",
        "write ` to=`",
    ),
    Case(
        "<|start|>userto¦=functions.f<|message|>{}<|end|>",
        "conversation",
        "missing-space",
        "no space before the recipient",
        "write ` to=`",
    ),
    Case(
        "<|channel|>final <|constrain|>¦<|constrain|>json<|message|>{}<|return|>",
        "completion",
        "doubled-token",
        "`<|constrain|>` stands twice",
        "remove one of them",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.start}")
def test_every_mistake_is_called_by_its_name(case: Case) -> None:
    at = case.text.index("¦")
    text = case.text.replace("¦", "")
    report = hg.check(text, case.start)
    (error,) = [d for d in report.diagnostics if d.severity is hg.Severity.ERROR]
    assert report.status == "malformed"
    assert (error.code, error.span.start) == (case.code, at)
    assert case.said in error.message
    assert case.hint in (error.hint or "")
    assert list(error.expected) == sorted(set(error.expected))
    by_ids = hg.check(ids_of(text), case.start).diagnostics[-1]
    assert (by_ids.code, by_ids.message) == (error.code, error.message)


IDS: list[tuple[list[int], int, str, str]] = [
    ([200006, 1428, 200008, 12194, 199999], 4, "foreign-token", "`<|endoftext|>` never stands"),
    ([200006, 1428, 200008, 12194, 200013], 4, "foreign-token", "`<|reserved_200013|>`"),
    ([200006, 1428, 200008, 12194, 201088], 4, "unknown-id", "not in the vocabulary"),
    ([200006, 1428, -1], 2, "unknown-id", "not in the vocabulary"),
    ([200006, 1428, 2**70], 2, "unknown-id", "not in the vocabulary"),
    ([201999] * 5000, 0, "unknown-id", "not in the vocabulary"),
    ([2**70] * 5000, 0, "unknown-id", "not in the vocabulary"),
]


@pytest.mark.parametrize(("ids", "at", "code", "said"), IDS)
def test_ids_that_no_message_holds(ids: list[int], at: int, code: str, said: str) -> None:
    (error,) = hg.check(ids).diagnostics
    assert (error.code, error.span) == (code, (at, at + 1))
    assert said in error.message
    assert error.token == ids[at]
    assert (error.line, error.column) == (None, None)
    assert str(error).startswith(f"token {at} ({ids[at]}, ")


def test_an_error_shows_the_line_and_a_caret() -> None:
    text = "<|start|>user<|message|>one\ntwo\nthree<|end|>\n"
    with pytest.raises(hg.HarmonySyntaxError) as caught:
        hg.parse(text)
    assert str(caught.value).splitlines() == [
        "line 3, column 13: white space stands between messages [text-between-messages]",
        "  three<|end|>",
        "              ^",
        "  expected: `<|start|>`, the end of the input",
        "  hint: nothing stands between messages on the wire; remove it",
    ]


def test_a_caret_stands_below_wide_characters() -> None:
    text = "<|start|>user<|message|>\u6771\u4eac e\u0301<|return|>"
    line, carets = hg.check(text).diagnostics[0].picture().splitlines()
    columns = "  <|start|>user<|message|>" + "...." + " " + "e"
    assert line.endswith("<|return|>")
    assert carets == " " * len(columns) + "^" * len("<|return|>")


def test_a_long_line_is_cut_around_the_caret() -> None:
    text = "<|start|>user<|message|>" + "x" * 500 + "<|return|>" + "y" * 500
    picture = hg.check(text).diagnostics[0].picture().splitlines()
    assert picture[0].strip().startswith("…x")
    assert picture[0].endswith("…")
    begin, end = picture[1].index("^"), picture[1].rindex("^") + 1
    assert picture[0][begin:end] == "<|return|>"


def test_an_error_in_ids_says_which_id() -> None:
    with pytest.raises(hg.HarmonySyntaxError) as caught:
        hg.parse(ids_of("<|start|>asistant<|message|>Hi<|end|>"))
    assert str(caught.value).splitlines()[0] == (
        "token 3 (200008, '<|message|>'): `asistant` is no role, and no tool's message either, "
        "for it has no recipient [unknown-role]"
    )


@pytest.mark.parametrize(
    ("text", "start", "code", "expected"),
    [
        ("", "completion", "truncated-header", "`<|message|>`"),
        ("<|start|>assistant<|chan", "conversation", "truncated-header", "`<|channel|>`"),
        ("<|start|>assi", "conversation", "truncated-header", "`assistant`"),
        ("<|start|>user<|message|>Hi", "prompt", "truncated-body", "`<|end|>`"),
        ("<|start|>user<|message|>Hi<|end|>", "prompt", "truncated-turn", "`<|start|>`"),
        ("<|channel|>final<|message|>Hi<|end|>", "completion", "truncated-turn", "`<|start|>`"),
    ],
)
def test_what_is_cut_off_says_where(text: str, start: Start, code: str, expected: str) -> None:
    report = hg.check(text, start)
    (error,) = report.diagnostics
    assert (report.status, report.ok) == ("truncated", False)
    assert (error.code, error.span) == (code, (len(text), len(text)))
    assert expected in error.expected
    assert error.hint
    with pytest.raises(hg.HarmonySyntaxError, match=code):
        hg.parse(text, start)


def test_what_was_whole_before_the_error_is_kept() -> None:
    report = hg.check("<|start|>user<|message|>Hi<|end|>oops")
    assert [message.text for message in report.conversation] == ["Hi"]


def test_a_diagnostic_is_plain_data() -> None:
    (diagnostic,) = hg.check("<|start|>user<|message|>Hi").diagnostics
    data = diagnostic.to_dict()
    assert data["code"] == "truncated-body"
    assert data["span"] == [26, 26]
    assert data["severity"] == "error"
    assert "excerpt" not in data


def test_an_error_survives_pickling() -> None:
    with pytest.raises(hg.HarmonySyntaxError) as caught:
        hg.parse("oops")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own bytes
    assert again.diagnostic == caught.value.diagnostic
    assert isinstance(again, ValueError)
    assert isinstance(again, RuntimeError)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"<|start|>", "not bytes: decode it first"),
        ([200006, "user"], "item 1 is str"),
        ([200006, None], "item 1 is NoneType"),
    ],
)
def test_what_is_neither_text_nor_ids_is_a_type_error(source: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        hg.parse(source)  # type: ignore[arg-type]


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(ValueError, match="start must be one of conversation, prompt, completion"):
        hg.parse("", "sentence")  # type: ignore[arg-type]


# --- what is said of the cause ---


@pytest.mark.parametrize(
    "text", ["<|start|>assistant<|channel|>final", "assistant<|channel|>final"]
)
def test_an_opening_under_a_given_role_is_told(text: str) -> None:
    encoding = hg.load_harmony_encoding("HarmonyGptOss")
    with pytest.raises(hg.HarmonySyntaxError, match=r"open already, .* or by the role given"):
        encoding.parse_messages_from_completion_tokens(
            ids_of(f"{text}<|message|>x<|return|>"), hg.Role.ASSISTANT
        )


ENCODED_WITHOUT: list[tuple[list[str | int], Start]] = [
    (["<|start|>user<|message|>Hi<|end|>"], "conversation"),
    (["<|channel|>final<|message|>Hi"], "completion"),
    ([200006, "assistant<|channel|>final", 200008, "Hi", 200002], "conversation"),
    ([200005, "final<|message|>Hi", 200002], "completion"),
    ([200006, "user", 200008, "Hi", 200007, "<|start|>assistant"], "prompt"),
]


@pytest.mark.parametrize(("parts", "start"), ENCODED_WITHOUT)
def test_ordinary_ids_that_spell_tokens_are_told(parts: list[str | int], start: Start) -> None:
    encode = hg.Grammar.default().vocabulary.encode
    ids = [i for part in parts for i in (encode(part) if isinstance(part, str) else [part])]
    said = r"ordinary ids spell `<|"
    assert said in str(hg.check(ids, start).diagnostics[-1].hint)
    assert any(said in str(found.hint) for found in hg.recover(ids, start).diagnostics)


def test_what_a_body_spells_is_no_cause() -> None:
    encode = hg.Grammar.default().vocabulary.encode
    ids = [200006, *encode("user"), 200008, *encode("<|end|>"), 200005]
    assert "ordinary ids" not in str(hg.check(ids).diagnostics[-1].hint)


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("exec", ["functions.exec", "functions.exit"], "functions.exec"),
        ("browser.exec", ["functions.exec", "functions.f"], "functions.exec"),
        ("functions.serch", ["functions.search", "browser.search"], "functions.search"),
        ("search", ["functions.search", "browser.search"], None),
        ("x", ["functions.search"], None),
    ],
)
def test_a_tool_without_its_namespace_is_suggested(
    name: str, known: list[str], meant: str | None
) -> None:
    text = f"<|channel|>commentary to={name}<|message|>{{}}<|call|>"
    (call,) = hg.recover(text).tool_calls(known)
    assert call.status == "unknown_tool"
    assert call.suggestion == meant or (meant is None and call.suggestion in (None, *known))
