"""The encoding: the reference's own program, plain text, special tokens, options and policies."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai_harmony  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar import (
    Conversation,
    HarmonyEncoding,
    HarmonyError,
    Message,
    RenderConversationConfig,
    RenderError,
    Role,
    SystemContent,
    load_harmony_encoding,
)
from harmony_grammar.compat.rendering import POLICIES

if TYPE_CHECKING:
    from types import ModuleType

PROGRAM = Path(__file__).parent / "typing" / "readme_program.py"
REASONING, ANSWER = "analysis", "final"
COMPLETION = (
    "<|channel|>analysis<|message|>Pirate.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Arrr<|return|>"
)


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


def load(name: str, source: str) -> ModuleType:
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(source, name, "exec"), vars(module))  # noqa: S102  our own program
    return module


# --- the reference's own program ---


def test_the_readme_program_runs_by_changing_its_import(
    encoding: HarmonyEncoding, monkeypatch: pytest.MonkeyPatch, reference_encoding: Any
) -> None:
    source = PROGRAM.read_text(encoding="utf-8")
    monkeypatch.setattr(openai_harmony, "load_harmony_encoding", lambda _: reference_encoding)
    ours = load("ours", source)
    theirs = load(
        "theirs",
        source.replace("harmony_grammar", "openai_harmony").replace(
            "import (", "import (\n    RenderConversationConfig,", 1
        ),
    )
    assert ours.prompt() == theirs.prompt()
    completion = encoding.encode(COMPLETION, allowed_special="all")
    assert ours.answer(completion) == "Arrr"
    assert ours.streamed(completion) == theirs.streamed(completion)
    assert [len(ours.streamed(completion[:n])) for n in range(1, len(completion))] == [
        len(theirs.streamed(completion[:n])) for n in range(1, len(completion))
    ]


def test_both_refuse_a_prompt_as_a_completion(reference_encoding: Any) -> None:
    program = load("ours", PROGRAM.read_text(encoding="utf-8"))
    with pytest.raises(HarmonyError, match="token 0"):
        program.answer(program.prompt())
    with pytest.raises(openai_harmony.HarmonyError):
        reference_encoding.parse_messages_from_completion_tokens(
            program.prompt(), openai_harmony.Role.ASSISTANT
        )


@pytest.mark.parametrize("kind", ["HarmonyEncoding", "StreamableParser", "RenderOptions"])
def test_every_public_member_of_the_reference_is_here(kind: str) -> None:
    theirs, ours = getattr(openai_harmony, kind), getattr(hg, kind)
    own = {name for name in vars(theirs) if not name.startswith("_") and "model" not in name}
    assert own <= set(dir(ours)) | {"name"}


@pytest.mark.parametrize(
    "name", [n for n, f in vars(openai_harmony.HarmonyEncoding).items() if inspect.isfunction(f)]
)
def test_signatures_begin_as_those_of_the_reference(name: str) -> None:
    if name.startswith("_"):
        return
    theirs = inspect.signature(getattr(openai_harmony.HarmonyEncoding, name)).parameters
    ours = inspect.signature(getattr(HarmonyEncoding, name)).parameters
    for (key, parameter), (our_key, our) in zip(theirs.items(), ours.items(), strict=False):
        assert (key, parameter.kind) == (our_key, our.kind)
        same = parameter.default == our.default
        assert same or not (parameter.default or our.default)  # an empty set is frozen here


def test_every_public_name_of_the_reference_is_here() -> None:
    tree = ast.parse(inspect.getsource(openai_harmony))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert set(openai_harmony.__all__) | classes <= set(hg.__all__)


# --- loading ---


def test_loading_again_gives_the_same_object(encoding: HarmonyEncoding) -> None:
    name = hg.HarmonyEncodingName.HARMONY_GPT_OSS
    assert load_harmony_encoding(name) is load_harmony_encoding(str(name)) is encoding
    assert encoding.name == "HarmonyGptOss"
    assert repr(encoding) == "<HarmonyEncoding 'HarmonyGptOss'>"


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(HarmonyError, match="HarmonyGptOss"):
        load_harmony_encoding("o200k")


def test_a_grammar_of_ones_own_has_an_encoding() -> None:
    text = hg.Grammar.default().text.replace('FINAL: "final"', 'FINAL: "answer"')
    encoding = HarmonyEncoding(hg.Grammar.from_text(text), name="mine")
    hello = Message.from_role_and_content(Role.ASSISTANT, "Hi").with_channel("answer")
    training = encoding.render_conversation_for_training(Conversation([hello]))
    assert encoding.decode(training) == "<|start|>assistant<|channel|>answer<|message|>Hi<|return|>"
    assert encoding.parse_messages_from_completion_tokens(training) == [hello]


# --- plain text ---

_special = st.sampled_from(("<|start|>", "<|end|>", "<|reserved_200013|>", "<|nothing|>", "<|"))
_texts = st.lists(_special | st.text(max_size=5), max_size=5).map("".join)
_chosen = st.just("all") | st.sets(_special, max_size=2)


@settings(max_examples=200, deadline=None)
@given(text=_texts, allowed=_chosen, disallowed=_chosen | st.just(()))
def test_both_encode_text_alike(
    encoding: HarmonyEncoding, reference_encoding: Any, text: str, allowed: Any, disallowed: Any
) -> None:
    options = {"allowed_special": allowed, "disallowed_special": disallowed}
    try:
        expected = reference_encoding.encode(text, **options)
    except openai_harmony.HarmonyError:
        with pytest.raises(HarmonyError, match="allowed_special"):
            encoding.encode(text, **options)
        return
    ids = encoding.encode(text, **options)
    assert ids == expected
    assert encoding.decode(ids) == encoding.decode_utf8(ids) == reference_encoding.decode(ids)


@pytest.mark.parametrize("text", ["Hello", "a\ud800b", "", "<|x|>"])
def test_both_encode_plain_text_alike(
    encoding: HarmonyEncoding, reference_encoding: Any, text: str
) -> None:
    assert encoding.encode(text) == reference_encoding.encode(text)


def test_decoding_half_a_character(encoding: HarmonyEncoding, reference_encoding: Any) -> None:
    assert encoding.decode([64, 4103]) == reference_encoding.decode([64, 4103]) == "a\ufffd"
    assert encoding.decode([64, 4103], errors="ignore") == "a"
    with pytest.raises(HarmonyError, match=r"byte 1 of 3; decode\(\) puts U\+FFFD there"):
        encoding.decode_utf8([64, 4103])


def test_special_tokens(encoding: HarmonyEncoding, reference_encoding: Any) -> None:
    both = encoding.special_tokens_set & reference_encoding.special_tokens_set
    assert len(both) == len(encoding.special_tokens_set) - 1
    ids = [0, 199_997, 199_998, 200_006, 201_087]
    assert list(map(encoding.is_special_token, ids)) == [False, False, True, True, True]
    assert encoding.stop_tokens() == sorted(reference_encoding.stop_tokens())
    actions = reference_encoding.stop_tokens_for_assistant_actions()
    assert encoding.stop_tokens_for_assistant_actions() == sorted(actions)


# --- policies ---


def talk(*channels: str | None) -> Conversation:
    """Messages of the assistant on these channels; None is a message of the user."""
    made = []
    for index, channel in enumerate(channels):
        role = Role.USER if channel is None else Role.ASSISTANT
        message = Message.from_role_and_content(role, str(index))
        made.append(message if channel is None else message.with_channel(channel))
    return Conversation.from_messages(made)


TWO_TURNS = talk(None, REASONING, ANSWER, None, REASONING, ANSWER)
ASKED_AGAIN = talk(None, REASONING, ANSWER, None, REASONING)


@pytest.mark.parametrize(
    ("policy", "conversation", "dropped"),
    [
        ("openai", TWO_TURNS, "1"),
        ("last-final", TWO_TURNS, "14"),
        ("none", TWO_TURNS, ""),
        ("openai", ASKED_AGAIN, ""),
        ("last-final", ASKED_AGAIN, "1"),
        ("openai", talk(None), ""),
        ("last-final", talk(None), ""),
    ],
)
def test_policies(
    encoding: HarmonyEncoding, policy: Any, conversation: Conversation, dropped: str
) -> None:
    config = RenderConversationConfig(drop_policy=policy)
    rendering = encoding.render_with_spans(conversation, config)
    kept = {spans.message.text for spans in rendering.spans}
    assert {m.text for m in conversation} - kept == set(dropped)
    assert rendering.ids == encoding.render_conversation(conversation, config)
    off = RenderConversationConfig(auto_drop_analysis=False, drop_policy=policy)
    assert len(encoding.render_with_spans(conversation, off).spans) == len(conversation)


def test_an_unknown_policy_is_refused_with_those_there_are() -> None:
    assert list(POLICIES) == ["openai", "last-final", "none"]
    with pytest.raises(RenderError, match="openai, last-final, none"):
        RenderConversationConfig(drop_policy="some")  # type: ignore[arg-type]


def test_the_spelling_of_headers_can_be_chosen(encoding: HarmonyEncoding) -> None:
    call = Message.from_role_and_content(Role.ASSISTANT, "1").with_recipient("python")
    conversation = Conversation([call.with_channel(REASONING)])
    spellings = [
        encoding.decode(
            encoding.render_conversation(conversation, RenderConversationConfig(spelling=s))
        )
        for s in ("openai", "model")
    ]
    assert spellings == [
        "<|start|>assistant to=python<|channel|>analysis<|message|>1<|call|>",
        "<|start|>assistant<|channel|>analysis to=python<|message|>1<|call|>",
    ]


def test_what_was_parsed_ends_as_history(encoding: HarmonyEncoding) -> None:
    text = "<|start|>assistant<|channel|>final<|message|>Hi<|return|>"
    ids = encoding.encode(text, allowed_special="all")
    parsed = Conversation.from_messages(encoding.parse_messages_from_completion_tokens(ids))
    history = encoding.render_conversation(parsed)
    assert encoding.decode(history) == text.replace("return", "end")
    assert encoding.render_conversation_for_training(parsed) == ids


def test_declared_channels_can_be_used_after_their_declaration(encoding: HarmonyEncoding) -> None:
    system = SystemContent.new().with_required_channels(
        [*hg.Grammar.default().channels, "critique"]
    )
    conversation = Conversation.from_messages(
        [
            Message.from_role_and_content(Role.SYSTEM, system),
            Message.from_role_and_content(Role.ASSISTANT, "Bad.").with_channel("critique"),
        ]
    )
    ids = encoding.render_conversation(conversation)
    assert encoding.parse_messages_from_completion_tokens(ids)[1] == conversation.messages[1]
    with pytest.raises(RenderError, match="no channel 'critique'"):
        encoding.render(conversation.messages[1])
