"""The grammar text: its comments, its examples, its stored form, and what a bad one is told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

import harmony_grammar as hg
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.load import Source, load_source
from harmony_grammar.grammar.meaning import starts_of
from harmony_grammar.grammar.whole_text import TextReader
from harmony_grammar.inputs import TextKind
from harmony_grammar.reading.headers import Machine, walk
from harmony_grammar.tokens import SPECIAL_TOKENS

RULES = Rules.default()
PACKAGE = Path(hg.__file__).parent
DOCUMENTED = sorted(name for name in RULES.comments if not name.startswith("_"))


@cache
def every_rule() -> Rules:
    """The grammar, loaded so that a parse may begin with any rule."""
    starts = starts_of(RULES.text) | {rule: rule for rule in RULES.comments}
    return Rules(RULES.text, load_source(RULES.text, starts), SPECIAL_TOKENS)


def parses(rule: str, text: str) -> bool:
    """Whether a text parses from a rule."""
    rules = every_rule()
    if rule in rules.body_rules:
        return TextReader(rules, rule, lambda _: None).read(text).at > len(text)
    machine = Machine(rules, rule)
    pieces = TextKind(rules).source(text).pieces(0, len(text))
    walked = walk(machine.root, pieces, at_end=True, spelled=True)
    return walked.fault is None and not walked.cut and machine.accepts(walked.configuration.stack)


@pytest.mark.parametrize("rule", DOCUMENTED)
def test_every_rule_says_what_it_states(rule: str) -> None:
    comment = RULES.comments[rule]
    assert comment.sentence.endswith(".")
    assert comment.departure.endswith(".")
    assert comment.examples
    for example in comment.examples:
        assert parses(rule, example), example


def test_an_example_of_another_rule_does_not_parse() -> None:
    assert not parses("recipient", RULES.comments["channel"].examples[0])


def test_every_public_rule_is_documented() -> None:
    rules = {p.rule for p in RULES.source.productions if not p.rule.startswith("_")}
    assert rules == set(DOCUMENTED)


def test_every_pattern_has_words() -> None:
    for terminal in RULES.terminals.values():
        assert terminal.words or terminal.pattern is None, terminal.name


def test_every_binding_is_a_rule() -> None:
    rules = {p.rule for p in RULES.source.productions}
    meaning = RULES.meaning
    parts = {meaning.message, meaning.interim, meaning.last, meaning.open_message}
    assert {*meaning.fields, *meaning.starts.values(), *parts} <= rules


def test_the_stored_form_is_that_of_the_text() -> None:
    stored = (PACKAGE / "grammar" / "harmony.json").read_text(encoding="utf-8")
    made = load_source(RULES.text, starts_of(RULES.text))
    assert stored == made.to_json(), "run tools/build_grammar.py"
    assert Source.from_json(stored) == made


@pytest.mark.parametrize("stored", [None, "{", '{"digest": "of another text"}'])
def test_a_stale_stored_form_is_made_anew(
    stored: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = RULES.text

    def packaged(name: str) -> str:
        if stored is None and name.endswith(".json"):
            raise FileNotFoundError(name)
        return text if name.endswith(".lark") else str(stored)

    monkeypatch.setattr("harmony_grammar.grammar.rules._packaged", packaged)

    class Fresh(Rules):
        """A kind that has not been loaded yet."""

    assert Fresh.default().source == RULES.source


def test_words_come_from_the_text() -> None:
    assert RULES.channels == ("analysis", "commentary", "final")
    assert RULES.roles == ("system", "developer", "user", "assistant")
    assert RULES.opening_words == ("<|start|>", "assistant")
    assert RULES.openers == {"_MESSAGE"}
    assert RULES.terminators == {"END", "RETURN", "CALL"}
    with pytest.raises(hg.GrammarError, match="no fixed terminal TYPE"):
        RULES.literal("TYPE")


BROKEN = {
    "no-start": (("open_message  -> prompt", "open_message"), "labelled `-> prompt`"),
    "no-body": (("body: TEXT?  -> body", "body: TEXT?"), "labelled `-> body`"),
    "undefined": (("_spoken: interim", "_spoken: interimm"), r"line 51, column 10: .*interimm"),
    "unbalanced": (("prompt: message* open", "prompt: message* (open"), r"line 36, column \d+"),
    "syntax": (('END: "', 'END; "'), r"line \d+, column 4: Unexpected input"),
    "twice": (("CALL:", "END:"), "END.* defined more than once"),
    "conflict": (("body: TEXT?", "body: (TEXT | CALL)?"), "conflict"),
    "regex": (("/(.|\\n)+/", "/(.|\\n+/"), "TEXT"),
    "lookahead": (("SEGMENT: /[A-Z", "SEGMENT: /(?=x)[A-Z"), "not supported"),
    "alike": (
        ("role: SYSTEM ", 'OTHER: "user"\nrole: OTHER | SYSTEM '),
        "OTHER and USER may stand at one place",
    ),
    "bare-body": (("_MESSAGE body END", "body END"), "must stand between special tokens"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_grammar_is_told_what_and_where(name: str) -> None:
    (old, new), said = BROKEN[name]
    assert old in RULES.text
    with pytest.raises(hg.GrammarError, match=said):
        hg.Grammar.from_text(RULES.text.replace(old, new, 1))


def test_ambiguous_patterns_are_refused() -> None:
    text = RULES.text.replace("tool: PATH", "tool: PATH | DOTS").replace(
        "SEGMENT: /", "DOTS: /[a-z.]+/ // dots\nSEGMENT: /"
    )
    with pytest.raises(hg.GrammarError, match=r"DOTS and PATH may stand at one place"):
        hg.Grammar.from_text(text)


def test_a_grammar_can_be_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.lark"
    path.write_text(RULES.text, encoding="utf-8")
    assert hg.Grammar.load(path).channels == RULES.channels


def test_a_token_without_an_id_works_in_text_only() -> None:
    grammar = hg.Grammar.from_text(RULES.text.replace('"<|end|>"', '"<|stop|>"'))
    assert grammar.parse("<|start|>user<|message|>Hi<|stop|>").messages[0].text == "Hi"
    with pytest.raises(hg.VocabularyError, match=r"<\|stop\|>"):
        grammar.parse([200006])
    with pytest.raises(hg.GrammarError, match=r"<\|stop\|> has no id"):
        _ = grammar.rules.special_ids
