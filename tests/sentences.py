"""Random sentences of a grammar, made from its productions, and their damaged neighbours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from harmony_grammar.inputs import special_pattern
from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from harmony_grammar.grammar import Production, Rules, Symbol
    from harmony_grammar.vocabulary import Vocabulary

    Draw = Callable[[st.SearchStrategy[object]], object]

_MOST_MESSAGES = 4

# What people and models write, and what looks like structure and is not.
_PHRASES = [
    "Hello!",
    "{}",
    '{"a": [1, 2]}',
    "<|",
    "|>",
    "<|start",
    "\n",
    " to=",
    "é",
    "🙂",
    "x" * 50,
]


def bodies(rules: Rules) -> st.SearchStrategy[str]:
    """Text that spells no special token."""
    spelled = special_pattern(rules.specials)
    text = st.one_of(st.text(min_size=1, max_size=12), st.sampled_from(_PHRASES))
    joined = st.lists(text, min_size=1, max_size=4).map("".join)
    return joined.filter(lambda body: not spelled.search(body))


class _Walk:
    """Choosing one way through the productions."""

    def __init__(self, rules: Rules, draw: Callable[[st.SearchStrategy[str]], str]) -> None:
        self.rules = rules
        self.draw = draw

    def choose(self, options: list[Production]) -> Production:
        index = self.draw(st.sampled_from([str(i) for i in range(len(options))]))
        return options[int(index)]

    def rule(self, name: str) -> str:
        usable = [p for p in self.rules.productions[name] if self._usable(p)]
        again = [p for p in usable if p.symbols and p.symbols[0].name == name]
        once = [p for p in usable if p not in again]
        if not again:
            return self.symbols(self.choose(once).symbols)
        count = int(self.draw(st.sampled_from([str(n) for n in range(_MOST_MESSAGES)])))
        first = self.symbols(self.choose(once).symbols)
        rest = (self.symbols(self.choose(again).symbols[1:]) for _ in range(count))
        return first + "".join(rest)

    def _usable(self, production: Production) -> bool:
        terminals = self.rules.terminals
        return not any(s.terminal and terminals[s.name].pattern is None for s in production.symbols)

    def symbols(self, symbols: tuple[Symbol, ...]) -> str:
        return "".join(self.symbol(symbol) for symbol in symbols)

    def symbol(self, symbol: Symbol) -> str:
        if not symbol.terminal:
            return self.rule(symbol.name)
        terminal = self.rules.terminals[symbol.name]
        if terminal.fixed:
            return self.rules.literal(symbol.name)
        if symbol.name in self.rules.text_terminals:
            return self.draw(bodies(self.rules))
        pattern = re.compile(terminal.pattern or "")
        names = st.from_regex(pattern, fullmatch=True)
        # A name that is a role is that role, and the assistant does not address itself.
        return self.draw(names.filter(lambda name: name not in {role.value for role in Role}))


def sentences(rules: Rules, start: str = "conversation") -> st.SearchStrategy[str]:
    """Sentences of `start`, from the productions."""

    @st.composite
    def sentence(draw: st.DrawFn) -> str:
        return _Walk(rules, draw).rule(start)

    return sentence()


def tokenised(rules: Rules, vocabulary: Vocabulary, text: str) -> st.SearchStrategy[list[int]]:
    """Ids of a sentence, in the canonical tokenisation or in others."""
    pieces = re.split(f"({special_pattern(rules.specials).pattern})", text)

    @st.composite
    def ids(draw: st.DrawFn) -> list[int]:
        out: list[int] = []
        for piece in pieces:
            if piece in rules.specials:
                out.append(vocabulary.encode_special(piece))
            else:
                out.extend(draw(_tokenisations(vocabulary, piece)))
        return out

    return ids()


@st.composite
def _tokenisations(draw: st.DrawFn, vocabulary: Vocabulary, text: str) -> list[int]:
    """Encode a text whole, in parts, or byte by byte."""
    way = draw(st.sampled_from(["whole", "parts", "bytes"]))
    if way == "whole" or len(text) < 2:
        return vocabulary.encode(text)
    if way == "bytes":
        single = vocabulary.encoding.encode_single_token
        return [single(bytes([byte])) for byte in text.encode("utf-8", "surrogatepass")]
    cut = draw(st.integers(1, len(text) - 1))
    return [*vocabulary.encode(text[:cut]), *vocabulary.encode(text[cut:])]


def _cut_up(rules: Rules, text: str) -> list[str]:
    """The special tokens and the words of a text."""
    found = re.findall(f"{special_pattern(rules.specials).pattern}|\\s|\\w+|.", text)
    return [str(piece) for piece in found]


@st.composite
def damaged(draw: st.DrawFn, rules: Rules, start: str = "conversation") -> str:
    """A sentence with one edit: a piece deleted, doubled, swapped or inserted, or a cut."""
    text = draw(sentences(rules, start))
    pieces = _cut_up(rules, text) or [""]
    at = draw(st.integers(0, len(pieces) - 1))
    edit = draw(st.sampled_from(["delete", "double", "swap", "insert", "cut", "splice"]))
    if edit == "delete":
        del pieces[at]
    elif edit == "double":
        pieces.insert(at, pieces[at])
    elif edit == "swap" and at:
        pieces[at - 1], pieces[at] = pieces[at], pieces[at - 1]
    elif edit == "insert":
        pieces.insert(at, draw(st.sampled_from([*rules.specials, " to=", " ", "\n", "x", "??"])))
    elif edit == "splice":
        other = _cut_up(rules, draw(sentences(rules, start)))
        pieces = pieces[:at] + other[len(other) // 2 :]
    else:
        del pieces[at:]
    return "".join(pieces)
