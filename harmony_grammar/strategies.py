"""Hypothesis strategies for the format: test your own parser, renderer, template or sampler.

Sentences are made from the productions of a grammar, so they have every spelling that is legal;
damaged ones have one edit. Ids are tokenised canonically or not, as models sample them. Each
strategy takes a grammar of one's own. Hypothesis is needed: `pip install
'harmony-grammar[testing]'`.

Example:
    >>> from hypothesis import given, settings
    >>> import harmony_grammar as hg
    >>> @settings(max_examples=5)
    ... @given(sentences())
    ... def test_whatever_i_parse_i_write_back(text):
    ...     assert hg.render(hg.parse(text)) == text
    >>> test_whatever_i_parse_i_write_back()
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, Final

try:
    from hypothesis import strategies as st
except ModuleNotFoundError as error:  # pragma: no cover  the tests have it
    raise ModuleNotFoundError(
        "harmony_grammar.strategies needs hypothesis: pip install 'harmony-grammar[testing]'"
    ) from error

from harmony_grammar.api import Grammar
from harmony_grammar.bodies.sections import body_text
from harmony_grammar.bodies.typescript import typescript
from harmony_grammar.grammar.meaning import DEVELOPER_BODY, SYSTEM_BODY, TOOL_TYPE
from harmony_grammar.tokens import special_pattern
from harmony_grammar.tree import Role
from harmony_grammar.tree.contents import DeveloperContent, ReasoningEffort, SystemContent
from harmony_grammar.tree.tools import ToolDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harmony_grammar.grammar import Production, Symbol
    from harmony_grammar.masking import Constraint
    from harmony_grammar.tree import Conversation, Start

__all__ = [
    "constraints",
    "conversations",
    "damaged",
    "ids",
    "sentences",
    "texts",
    "tokenisations",
    "tool_sets",
    "walks",
]

_MOST_MESSAGES: Final = 4

# What people and models write, and what looks like structure and is not.
_PHRASES: Final = (
    *("Hello!", "{}", '{"a": [1, 2]}', "<|", "|>", "<|start", "\n", " to=", "é", "🙂", "x" * 50),
)


def texts(grammar: Grammar | None = None) -> st.SearchStrategy[str]:
    """Bodies of messages: text that spells no special token.

    Args:
        grammar: the grammar; the format's own if None.
    """
    spelled = special_pattern((grammar or Grammar.default()).rules.specials)
    text = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(_PHRASES))
    joined = st.lists(text, min_size=1, max_size=4).map("".join)
    return joined.filter(lambda body: not spelled.search(body))


def sentences(
    grammar: Grammar | None = None, start: str = "conversation"
) -> st.SearchStrategy[str]:
    """Texts that the grammar allows.

    Args:
        grammar: the grammar; the format's own if None.
        start: `"conversation"`, `"prompt"` or `"completion"`; or a part of a body:
            `"system_body"`, `"developer_body"`, `"tool_type"` or `"valid_channels"`.

    Raises:
        ValueError: if there is no such start.
    """
    grammar = grammar or Grammar.default()
    if start not in grammar.rules.meaning.starts:
        raise ValueError(
            f"start must be one of {', '.join(grammar.rules.meaning.starts)}, not {start!r}"
        )
    if start in _CONTENTS:
        return _CONTENTS[start](grammar)

    @st.composite
    def sentence(draw: st.DrawFn) -> str:
        return _Walk(grammar, draw).rule(grammar.rules.meaning.starts[start])

    return sentence()


def damaged(grammar: Grammar | None = None, start: str = "conversation") -> st.SearchStrategy[str]:
    """Sentences with one edit: a piece deleted, doubled, swapped or inserted, a cut or a splice.

    Args:
        grammar: the grammar; the format's own if None.
        start: as for `sentences`.
    """
    return _damaged(grammar or Grammar.default(), start)


def tokenisations(text: str, grammar: Grammar | None = None) -> st.SearchStrategy[list[int]]:
    """Ids that spell a text, canonically, in parts, or byte by byte, as models may sample them.

    Args:
        text: the text; each spelling of a special token is that token.
        grammar: the grammar; the format's own if None.
    """
    grammar = grammar or Grammar.default()
    vocabulary = grammar.vocabulary
    pieces = re.split(f"({special_pattern(grammar.rules.specials).pattern})", text)

    @st.composite
    def spelled(draw: st.DrawFn) -> list[int]:
        out: list[int] = []
        for piece in pieces:
            if piece in grammar.rules.specials:
                out.append(vocabulary.encode_special(piece))
            else:
                out.extend(draw(_tokenisations(vocabulary, piece)))
        return out

    return spelled()


def ids(
    grammar: Grammar | None = None, start: str = "conversation"
) -> st.SearchStrategy[list[int]]:
    """Sentences as ids, canonically tokenised or not.

    Args:
        grammar: the grammar; the format's own if None.
        start: as for `sentences`.
    """
    return sentences(grammar, start).flatmap(lambda text: tokenisations(text, grammar))


def conversations(
    grammar: Grammar | None = None, start: Start = "conversation"
) -> st.SearchStrategy[Conversation]:
    """Conversations that the grammar can write, as trees without a memory of how they were written.

    Args:
        grammar: the grammar; the format's own if None.
        start: as for `parse`.
    """
    grammar = grammar or Grammar.default()
    return sentences(grammar, start).map(lambda text: grammar.parse(text, start).canonical())


# --- tools and constraints ---

_NAMES: Final = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_SAID: Final = st.sampled_from(("", "Says the weather.", "One.\nTwo.", "é 🙂", 'a "quoted" word'))


def _fields(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(_NAMES, inner, max_size=3).flatmap(
        lambda properties: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(properties),
                "required": st.sets(st.sampled_from(sorted(properties) or [""])).map(sorted)
                if properties
                else st.just([]),
            }
        )
    )


_SIMPLE: Final[st.SearchStrategy[Any]] = st.sampled_from(
    (
        {"type": "string"},
        {"type": "integer", "minimum": 0, "maximum": 9},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "enum": ["celsius", "fahrenheit"]},
        {"type": "array", "items": {"type": "string"}},
        {"type": "string", "description": "what it is"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    )
)
_SCHEMAS: Final = st.recursive(_SIMPLE, _fields, max_leaves=4)


def tool_sets(most: int = 3) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Tools as requests of OpenAI's Chat Completions have them, each with a JSON Schema.

    Args:
        most: how many tools a set has at most.
    """
    tool = st.builds(
        lambda name, said, takes: {
            "type": "function",
            "function": {"name": name, "description": said, "parameters": takes},
        },
        _NAMES,
        _SAID,
        _fields(_SCHEMAS),
    )
    return st.lists(tool, max_size=most, unique_by=lambda one: one["function"]["name"])


def constraints(grammar: Grammar | None = None) -> st.SearchStrategy[Constraint]:
    """Constraints for completions: tools, a choice of them, reasoning, preambles, a format.

    Args:
        grammar: the grammar; the format's own if None.
    """
    grammar = grammar or Grammar.default()

    @st.composite
    def constraint(draw: st.DrawFn) -> Constraint:
        tools = draw(tool_sets())
        choices = ["auto", "none", *(["required"] if tools else [])]
        choice = draw(st.sampled_from(choices))
        options: dict[str, Any] = {
            "tool_choice": choice,
            "reasoning": draw(st.sampled_from(("allow", "require", "forbid"))),
            "preambles": draw(st.booleans()),
        }
        if choice != "required" and draw(st.booleans()):
            options["response_format"] = draw(_fields(_SCHEMAS))
        return grammar.constraint(tools, **options)

    return constraint()


def walks(constraint: Constraint, most: int = 64) -> st.SearchStrategy[list[int]]:
    """Ids that a sampler under a constraint may give, whole or cut off.

    Args:
        constraint: the constraint.
        most: how many ids at most.
    """

    def walk(seed: int) -> list[int]:
        dice, matcher = random.Random(seed), constraint.matcher()  # noqa: S311  no secret
        taken: list[int] = []
        while not matcher.is_finished and len(taken) < most:
            matcher.accept(token := _drawn(matcher.mask(), dice))
            taken.append(token)
        return taken

    return st.integers(0, 2**32 - 1).map(walk)


def _drawn(mask: Any, dice: random.Random) -> int:
    """An id that a mask allows; the last ones, which are special tokens, more often than chance."""
    words = mask.nonzero()[0].tolist()
    index = words[-1] if dice.random() < 0.3 else dice.choice(words)  # noqa: PLR2004
    bits = int(mask[index])
    return int(dice.choice([(index << 5) + bit for bit in range(32) if (bits >> bit) & 1]))


# --- bodies ---


def _described(tool: dict[str, Any]) -> ToolDescription:
    function = tool["function"]
    return ToolDescription(function["name"], function["description"], function["parameters"])


def _system_bodies(grammar: Grammar) -> st.SearchStrategy[str]:
    line = st.none() | st.sampled_from(("2024-06", "2025-06-28"))
    contents = st.builds(
        lambda said, effort, cutoff, date: SystemContent(said, effort, date, cutoff),
        st.none() | st.sampled_from(("You are a model.", "You are kind.\nVery.")),
        st.none() | st.sampled_from(ReasoningEffort),
        line,
        line,
    )
    return contents.map(lambda content: body_text(content, rules=grammar.rules))


def _developer_bodies(grammar: Grammar) -> st.SearchStrategy[str]:
    contents = st.builds(
        lambda said, tools: (
            DeveloperContent(said).with_function_tools([*map(_described, tools)])
            if tools
            else DeveloperContent(said)
        ),
        st.none() | st.sampled_from(("Be brief.", "Be brief.\n\nBe kind.")),
        tool_sets(),
    )
    return contents.map(lambda content: body_text(content, rules=grammar.rules))


_CONTENTS: Final[dict[str, Callable[[Grammar], st.SearchStrategy[str]]]] = {
    SYSTEM_BODY: _system_bodies,
    DEVELOPER_BODY: _developer_bodies,
    TOOL_TYPE: lambda _: _SCHEMAS.map(typescript),
}


# --- how sentences are made ---


class _Walk:
    """Choosing one way through the productions."""

    def __init__(self, grammar: Grammar, draw: Callable[[st.SearchStrategy[str]], str]) -> None:
        self.grammar = grammar
        self.draw = draw
        words = grammar.rules.meaning.roles.items()
        self.roles = {*(role.value for role in Role), *(word for word, _ in words)}

    def choose(self, options: list[Production]) -> Production:
        index = self.draw(st.sampled_from([str(i) for i in range(len(options))]))
        return options[int(index)]

    def rule(self, name: str) -> str:
        usable = [p for p in self.grammar.rules.productions[name] if self._usable(p)]
        again = [p for p in usable if p.symbols and p.symbols[0].name == name]
        once = [p for p in usable if p not in again]
        if not again:
            return self.symbols(self.choose(once).symbols)
        count = int(self.draw(st.sampled_from([str(n) for n in range(_MOST_MESSAGES)])))
        first = self.symbols(self.choose(once).symbols)
        rest = (self.symbols(self.choose(again).symbols[1:]) for _ in range(count))
        return first + "".join(rest)

    def _usable(self, production: Production) -> bool:
        terminals = self.grammar.rules.terminals
        return not any(s.terminal and terminals[s.name].pattern is None for s in production.symbols)

    def symbols(self, symbols: Sequence[Symbol]) -> str:
        return "".join(self.symbol(symbol) for symbol in symbols)

    def symbol(self, symbol: Symbol) -> str:
        if not symbol.terminal:
            return self.rule(symbol.name)
        terminal = self.grammar.rules.terminals[symbol.name]
        if terminal.fixed:
            return self.grammar.rules.literal(symbol.name)
        if symbol.name in self.grammar.rules.text_terminals:
            return self.draw(texts(self.grammar))
        names = st.from_regex(re.compile(terminal.pattern or ""), fullmatch=True)
        # A name that is a role is that role, and the model does not address itself.
        return self.draw(names.filter(lambda name: name not in self.roles))


@st.composite
def _tokenisations(draw: st.DrawFn, vocabulary: Any, text: str) -> list[int]:
    """Encode a text whole, in parts, or byte by byte."""
    way = draw(st.sampled_from(["whole", "parts", "bytes"]))
    if way == "whole" or len(text) < 2:  # noqa: PLR2004  nothing to part
        return [*vocabulary.encode(text)]
    if way == "bytes":
        single = vocabulary.encoding.encode_single_token
        return [single(bytes([byte])) for byte in text.encode("utf-8", "surrogatepass")]
    cut = draw(st.integers(1, len(text) - 1))
    return [*vocabulary.encode(text[:cut]), *vocabulary.encode(text[cut:])]


def _cut_up(grammar: Grammar, text: str) -> list[str]:
    """The special tokens and the words of a text."""
    found = re.findall(f"{special_pattern(grammar.rules.specials).pattern}|\\s|\\w+|.", text)
    return [str(piece) for piece in found]


@st.composite
def _damaged(draw: st.DrawFn, grammar: Grammar, start: str) -> str:
    pieces = _cut_up(grammar, draw(sentences(grammar, start))) or [""]
    at = draw(st.integers(0, len(pieces) - 1))
    edit = draw(st.sampled_from(["delete", "double", "swap", "insert", "cut", "splice"]))
    marker = grammar.rules.literal(grammar.rules.meaning.recipient_marker)
    if edit == "delete":
        del pieces[at]
    elif edit == "double":
        pieces.insert(at, pieces[at])
    elif edit == "swap" and at:
        pieces[at - 1], pieces[at] = pieces[at], pieces[at - 1]
    elif edit == "insert":
        pieces.insert(
            at, draw(st.sampled_from([*grammar.rules.specials, marker, " ", "\n", "x", "??"]))
        )
    elif edit == "splice":
        other = _cut_up(grammar, draw(sentences(grammar, start)))
        pieces = pieces[:at] + other[len(other) // 2 :]
    else:
        del pieces[at:]
    return "".join(pieces)
