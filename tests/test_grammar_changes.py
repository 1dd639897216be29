"""What a grammar of one's own adds, and for what it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

import harmony_grammar as hg

TEXT = hg.Grammar.default().text


def changed(*pairs: tuple[str, str]) -> hg.Grammar:
    text = TEXT
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return hg.Grammar.from_text(text)


CALL_ID = changed(
    (
        (
            "call: recipient call_channel? content_type?  -> spelled_openai\n"
            "    | call_channel recipient content_type?   -> spelled_model\n"
        ),
        (
            "call: recipient call_channel? call_id? content_type? -> spelled_openai\n"
            "    | call_channel recipient call_id? content_type?  -> spelled_model\n\n"
            "// A call may have an id.\n// Example: ` id=c17`\n// Departure: none.\n"
            "call_id: _ID CALL_ID\n"
        ),
    ),
    ('_COLON: ":"', '_ID: " id="  // an id\n_COLON: ":"'),
    ("PERSON: /", "CALL_ID: /[a-z0-9]+/  // an id\nPERSON: /"),
)
CALLED = "<|channel|>commentary to=functions.f id=c17 <|constrain|>json<|message|>{}<|call|>"


# --- a header field ---


def test_a_header_field_is_kept_compared_and_written() -> None:
    tree = CALL_ID.parse(CALLED, "completion")
    assert tree.messages[0].extras == {"call_id": "c17"}
    assert CALL_ID.render(tree) == CALLED
    assert CALL_ID.render(tree.canonical(), spelling="model") == CALLED
    ids = CALL_ID.encode(tree)
    assert CALL_ID.parse(ids, "completion") == tree
    assert tree != CALL_ID.parse(CALLED.replace("c17", "c18"), "completion")
    assert hg.Conversation.from_json(tree.to_json()).messages == tree.messages
    assert '"extras": {"call_id": "c17"}' in tree.to_json()


def test_a_header_field_is_recovered_streamed_and_masked() -> None:
    for source in (CALLED, CALL_ID.encode(CALL_ID.parse(CALLED, "completion"))):
        recovery = CALL_ID.recover(source)
        assert (recovery.repairs, recovery.messages[0].extras) == ((), {"call_id": "c17"})
        events = CALL_ID.stream(recover=True).feed(source)
        (completed,) = [event for event in events if isinstance(event, hg.HeaderCompleted)]
        assert completed.extras == {"call_id": "c17"}
    constraint = hg.Constraint([{"name": "f"}], grammar=CALL_ID)
    matcher = constraint.matcher()
    matcher.accept_all(constraint.encode(CALLED))
    assert matcher.is_finished


@pytest.mark.parametrize(
    ("header", "codes", "extras"),
    [
        ("commentary?? to=functions.f id=c17", ["channel-junk"], {"call_id": "c17"}),
        ("commentaryid=c17 to=functions.f", ["missing-space"], {"call_id": "c17"}),
        ("commentary id=c17 to=functions.f id=c18", ["unexpected-text"], {"call_id": "c17"}),
        ("commentary to=functions.f ?? id=", ["unexpected-text"], {}),
        ("final id=c17", ["unexpected-text"], {}),
    ],
)
def test_a_header_field_is_found_in_damaged_headers(
    header: str, codes: list[str], extras: dict[str, str]
) -> None:
    end = "<|return|>" if "final" in header else "<|call|>"
    recovery = CALL_ID.recover(f"<|channel|>{header}<|message|>{{}}{end}")
    assert [repair.code for repair in recovery.repairs] == codes
    assert recovery.messages[0].extras == extras
    written = CALL_ID.render(recovery.conversation.canonical())
    assert CALL_ID.recover(written, recovery.conversation.start).messages == recovery.messages


def test_a_word_of_a_header_is_found_in_damaged_headers() -> None:
    for sign in (" urgent", "<|urgent|>"):
        grammar = changed(
            (
                "interim: plain? _MESSAGE body END  -> ends_message",
                (
                    "interim: plain? urgent? _MESSAGE body END  -> ends_message\n\n"
                    f"// It may be urgent.\n// Example: `{sign}`\n// Departure: none.\n"
                    "urgent: URGENT"
                ),
            ),
            ('_COLON: ":"', f'URGENT: "{sign}"  // that it is urgent\n_COLON: ":"'),
        )
        for header in (f"<|channel|>analysis{sign}", f"<|channel|>analysis?? {sign}"):
            recovery = grammar.recover(f"{header}<|message|>Hi<|end|>")
            assert recovery.messages[0].extras == {"urgent": sign}
            assert recovery.messages[0].channel == "analysis"


def test_a_header_field_that_nobody_binds_to_is_refused() -> None:
    text = TEXT.replace("plain: channel content_type?", "plain: channel MARK? content_type?", 1)
    text += '\nMARK: "!"  // a mark\n'
    with pytest.raises(hg.GrammarError, match="MARK carries a field in `plain`") as caught:
        hg.Grammar.from_text(text)
    assert "^" in str(caught.value)
    assert "give it a rule of its own" in str(caught.value)


# --- a section of a body ---

PERSONA = changed(
    (
        "system_body: identity effort? tools? channels?  -> system_body",
        (
            "system_body: identity persona? effort? tools? channels?  -> system_body\n\n"
            "// A line says whom the model plays.\n// Example: `Persona: grumpy`\n"
            "// Departure: none.\n"
            "persona: _PERSONA LINE"
        ),
    ),
    ('_DATE: "Current', '_PERSONA: "Persona: "  // whom the model plays\n_DATE: "Current'),
)


def test_a_section_is_kept_and_written_in_its_place() -> None:
    content = replace(hg.SystemContent(), extras={"persona": "grumpy"})
    tree = hg.Conversation([hg.Message.from_role_and_content(hg.Role.SYSTEM, content)])
    text = PERSONA.render(tree)
    assert "2024-06\n\nPersona: grumpy\n\nReasoning: medium" in text
    read = PERSONA.parse(text, bodies=True)
    assert read == tree
    assert PERSONA.render(read.canonical()) == text
    assert hg.Conversation.from_json(read.to_json()) == tree
    with pytest.raises(hg.RenderError, match="no section `persona`"):
        hg.render(tree)


def test_a_section_of_several_texts_is_refused() -> None:
    with pytest.raises(hg.GrammarError, match="`calls_of` has a text inside bodies"):
        changed(
            (
                "channels: valid_channels _LINE_END calls?",
                "channels: valid_channels _LINE_END calls_of?",
            ),
            (
                "text: LINE+  -> text",
                (
                    "text: LINE+  -> text\n\n// Two.\n// Example: `ab`\n// Departure: none.\n"
                    "calls_of: _CALLS CHANNEL_NAME _CALLS_CHANNEL CHANNEL_NAME _LINE_END"
                ),
            ),
        )


# --- comments ---


@pytest.mark.parametrize("style", ["compatible", "faithful"])
def test_comments_and_arguments_are_written_as_the_grammar_has_them(style: str) -> None:
    grammar = changed(
        (r"\/\/[^\n]*", r"#[^\n]*"),
        ("type f = (_: {⏎a: string,⏎})", "type f = (args: {⏎a: string,⏎})"),
    )
    tool = hg.ToolDescription(
        "f",
        "Does.",
        {"type": "object", "properties": {"a": {"type": "string", "description": "an a"}}},
    )
    content = hg.DeveloperContent().with_function_tools([tool])
    tree = hg.Conversation([hg.Message.from_role_and_content(hg.Role.DEVELOPER, content)])
    text = grammar.render(tree, schema_style=style)  # type: ignore[arg-type]
    assert "//" not in text
    assert "# Does.\ntype f = (args: {\n# an a\na?: string," in text
    read = grammar.parse(text, bodies=True)
    assert isinstance(read.messages[0].content[0], hg.DeveloperContent)
    assert grammar.render(read.canonical(), schema_style=style) == text  # type: ignore[arg-type]


# --- channels and roles ---

CRITIQUE = changed(
    ("| DECLARED_CHANNEL ", "| CRITIQUE\n               | DECLARED_CHANNEL "),
    ('FINAL: "final"', 'CRITIQUE: "critique"  // a channel name\nFINAL: "final"'),
)


def test_a_channel_is_reasoning_for_everybody() -> None:
    said = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "Weak.").with_channel("critique")
    user = hg.Message.from_role_and_content(hg.Role.USER, "Hi")
    answer = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "No.").with_channel("final")
    talk = hg.Conversation([user, said, answer, user, answer])
    from harmony_grammar.compat import HarmonyEncoding  # noqa: PLC0415

    dropped = HarmonyEncoding(CRITIQUE).render_conversation(talk)
    assert CRITIQUE.parse(dropped) == hg.Conversation([user, answer, user, answer])
    codes = [found.code for found in CRITIQUE.check(CRITIQUE.render(talk)).diagnostics]
    assert "kept-reasoning" in codes
    with pytest.raises(hg.ConstraintViolation):
        hg.Constraint(reasoning="forbid", grammar=CRITIQUE).matcher("<|channel|>critique")
    hg.Constraint(grammar=CRITIQUE).matcher("<|channel|>critique")
    system = hg.Message.from_role_and_content(hg.Role.SYSTEM, hg.SystemContent())
    assert "analysis, commentary, critique, final" in CRITIQUE.render(system)


def test_a_role_reads_back_from_wire_json() -> None:
    grammar = changed(
        ("role: SYSTEM ", "role: CRITIC\n    | SYSTEM "),
        ('USER: "user"', 'CRITIC: "critic"  // a role\nUSER: "user"'),
    )
    tree = grammar.parse("<|start|>critic<|message|>Weak.<|end|>")
    assert hg.Conversation.from_json(tree.to_json()) == tree
    assert grammar.check("<|start|>critic<|message|>Weak.<|end|>").ok


def test_a_second_declared_terminal_is_refused() -> None:
    with pytest.raises(hg.GrammarError, match="nothing declares what DECLARED_TYPE is"):
        changed(
            ("%declare DECLARED_CHANNEL", "%declare DECLARED_CHANNEL DECLARED_TYPE"),
            ("_SPACE TYPE    ", "_SPACE (TYPE | DECLARED_TYPE)    "),
        )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "recipient: _TO RECIPIENT  -> recipient",
            "recipient: _TO RECIPIENT",
            "-> recipient",
        ),
        ("-> ends_turn", "-> ends_the_turn", "ends_the_turn|ends_turn"),
        ("-> reasoning", "", "reasoning"),
    ],
)
def test_a_meaning_that_is_missing_is_told(old: str, new: str, said: str) -> None:
    with pytest.raises(hg.GrammarError, match=said):
        changed((old, new))
