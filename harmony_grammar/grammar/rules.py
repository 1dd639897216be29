"""The rules of a format: what everything else asks when it wants to know the grammar.

`Rules` joins what was read from a grammar text (`load`) with what its labels mean (`meaning`) and
answers in those terms: which spellings are special tokens, what opens a body, what ends a
message, how a terminal is called.
"""

from __future__ import annotations

import json
import pkgutil
import warnings
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from weakref import WeakValueDictionary

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.contract import require_meanings
from harmony_grammar.grammar.load import (
    Production,
    Source,
    Symbol,
    below,
    digest,
    load_source,
    reach,
)
from harmony_grammar.grammar.lr import END_OF_INPUT
from harmony_grammar.grammar.meaning import (
    STARTS,
    VALID_CHANNELS,
    Meaning,
    starts_of,
)
from harmony_grammar.grammar.patterns import compile_literal, compile_pattern
from harmony_grammar.tokens import SPECIAL_TOKENS, is_marked, special_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Self

    from harmony_grammar.grammar.automata import Automaton
    from harmony_grammar.grammar.comments import Comment
    from harmony_grammar.grammar.load import Terminal
    from harmony_grammar.grammar.scanner import Recognizer
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["END_OF_INPUT", "AnyGrammar", "Rules", "given", "rules_of"]

_TEXT_FILE: Final = "harmony.lark"
_STORED_FILE: Final = "grammar/harmony.json"


class Rules:
    """A loaded grammar.

    Args:
        text: the grammar's text.
        source: what `load_source` made of it.
        special_tokens: the ids of the spellings that the grammar uses as special tokens.

    Attributes:
        productions: the alternatives of each rule.
        meaning: what rules and terminals mean.
        terminals: all terminals, by name.
        specials: the terminals that are special tokens, by spelling.
        special_pattern: what finds special tokens in text.
        opener_pattern: what finds those that open a body.
        special_names: the same terminals.
        openers: the special tokens that open a body.
        terminators: the special tokens that end a message.
        text_terminals: the terminals that a body consists of, which are never scanned.
        kept_terminals: the terminals that carry (part of) a field.
        channels: the channels of the format, in the order of the grammar.
        roles: the roles that are written as a word, in the order of the grammar.
        channels_title: the words that the line of channels in a system message begins with.
        recognizers: what scanners run for the terminals of headers that have a text or a pattern.

    Raises:
        GrammarError: if the grammar lacks what the tree is bound to, or a body is not enclosed by
            special tokens.
    """

    def __init__(self, text: str, source: Source, special_tokens: Mapping[str, int]) -> None:
        self.text = text
        self.source = source
        self.special_tokens = special_tokens
        self.terminals: Mapping[str, Terminal] = source.terminals
        self.productions: dict[str, tuple[Production, ...]] = {}
        for production in source.productions:
            known = self.productions.get(production.rule, ())
            self.productions[production.rule] = (*known, production)
        self.meaning = Meaning.of(source)
        marked = {
            terminal.pattern: name
            for name, terminal in self.terminals.items()
            if terminal.fixed and terminal.pattern is not None and is_marked(terminal.pattern)
        }
        self.specials: Mapping[str, str] = marked
        self.special_pattern = special_pattern(marked)
        self.special_names = frozenset(marked.values())
        self._require_marked_bodies()
        around = list(self._around_bodies())
        self.openers = frozenset(before.name for before, _ in around if before)
        self.opener_pattern = special_pattern(s for s, n in marked.items() if n in self.openers)
        self.terminators = frozenset(after.name for _, after in around if after)
        body = self.productions[self.meaning.body]
        self.text_terminals = frozenset(s.name for p in body for s in p.symbols)
        self.kept_terminals = frozenset(
            s.name for p in source.productions for s in p.symbols if s.kept
        )
        self.channels = self.field_words("channel")
        self.roles = self.field_words("role")
        self.channels_title = self.literal(
            next(self.below(self.meaning.starts[VALID_CHANNELS])).name
        )
        self.recognizers = self._recognizers()

    @staticmethod
    def default() -> Rules:
        """The grammar of the harmony format, loaded once."""
        return _default()

    @classmethod
    def from_text(cls, text: str, *, special_tokens: Mapping[str, int] | None = None) -> Self:
        """A grammar of one's own; see `harmony_grammar.Grammar.from_text`.

        Args:
            text: the grammar, in Lark's syntax, with the labels of `harmony.lark`.
            special_tokens: ids of special tokens, by spelling, if they are not o200k_harmony's.

        Raises:
            GrammarError: if the text cannot be loaded, is not LALR(1), is ambiguous, lacks a
                meaning, or reads something that the tree would lose.
        """
        source = load_source(text, starts_of(text))
        require_meanings(source, text)
        return cls(text, source, SPECIAL_TOKENS if special_tokens is None else special_tokens)

    def with_special_tokens(self, special_tokens: Mapping[str, int]) -> Rules:
        """The same grammar with other ids.

        Args:
            special_tokens: the ids of special tokens, by spelling.
        """
        return Rules(self.text, self.source, special_tokens)

    # --- copies ---

    def __reduce__(self) -> tuple[Callable[..., Rules], tuple[Any, ...]]:
        if self is _default():
            return Rules.default, ()
        usual = self.special_tokens is SPECIAL_TOKENS
        key = (self.text, None if usual else tuple(self.special_tokens.items()))
        _loaded[key] = self
        return _load_again, key

    def __copy__(self) -> Rules:
        return self  # nothing of it can be changed

    def __deepcopy__(self, _memo: object) -> Rules:
        return self

    # --- terminals ---

    @property
    def comments(self) -> Mapping[str, Comment]:
        """What the comment above each rule says, by rule."""
        return self.source.comments

    def literal(self, name: str) -> str:
        """The text of a fixed terminal.

        Raises:
            GrammarError: if the grammar has no such terminal, or it is not fixed.
        """
        terminal = self.terminals.get(name)
        if terminal is None or not terminal.fixed or terminal.pattern is None:
            raise GrammarError(f"the grammar has no fixed terminal {name}")
        return terminal.pattern

    def automaton(self, name: str) -> Automaton | None:
        """The automaton of a terminal; None for one that the input declares."""
        terminal = self.terminals[name]
        if terminal.pattern is None:
            return None
        if terminal.fixed:
            return compile_literal(terminal.pattern)
        return compile_pattern(terminal.pattern, terminal.flags)

    def _recognizers(self) -> Mapping[str, Recognizer]:
        rules = [self.meaning.starts[start] for start in (*STARTS, VALID_CHANNELS)]
        names = {s.name for rule in rules for s in self.below(rule)}
        scanned = sorted(names - self.special_names - self.text_terminals)
        automata = ((name, self.automaton(name)) for name in scanned)
        return {name: one.recognizer for name, one in automata if one is not None}

    def words(self, name: str) -> str:
        """What a terminal is called in messages to people."""
        if name == END_OF_INPUT:
            return "the end of the input"
        terminal = self.terminals[name]
        if terminal.fixed:
            return f"`{terminal.pattern}`"
        return terminal.words or name

    @cached_property
    def special_ids(self) -> Mapping[int, str]:
        """The names of the terminals that are special tokens, by id.

        Raises:
            GrammarError: if a special token of the grammar has no id.
        """
        for spelling in self.specials:
            if spelling not in self.special_tokens:
                raise GrammarError(
                    f"the special token {spelling} has no id; "
                    "give `special_tokens` when you load the grammar, or work with text"
                )
        return {self.special_tokens[spelling]: name for spelling, name in self.specials.items()}

    # --- what encloses a body ---

    def _around_bodies(self) -> Iterator[tuple[Symbol | None, Symbol | None]]:
        """The symbols before and after each body, None at the edge of a production."""
        for production in self.source.productions:
            row = (None, *production.symbols, None)
            for before, symbol, after in zip(row, row[1:], row[2:], strict=False):
                if symbol is not None and symbol.name == self.meaning.body:
                    yield before, after

    def _require_marked_bodies(self) -> None:
        for before, after in self._around_bodies():
            marked = before is not None and before.name in self.special_names
            if not marked or (after is not None and after.name not in self.special_names):
                raise GrammarError(
                    "a body must stand between special tokens, since it may hold any text; "
                    f"here it stands between {before and before.name} and {after and after.name}"
                )

    # --- what the productions say ---

    def below(self, rule: str) -> Iterator[Symbol]:
        """The terminals that a rule consists of, in the order of the text, each once."""
        return iter(below(self.productions, rule))

    @cached_property
    def body_rules(self) -> frozenset[str]:
        """The rules that stand inside bodies only, which are read by a reader of their own."""
        starts = self.meaning.starts
        whole = {starts[label] for label in STARTS} | {starts[VALID_CHANNELS]}
        inner = set(starts.values()) - whole
        return reach(self.productions, inner) - reach(self.productions, whole)

    def field_words(self, field: str) -> tuple[str, ...]:
        """The fixed words that a field may be, in the order of the grammar."""
        words: dict[str, None] = {}
        for rule in (rule for rule, bound in self.meaning.fields.items() if bound == field):
            for symbol in self.below(rule):
                terminal = self.terminals[symbol.name]
                if symbol.kept and terminal.fixed and terminal.pattern is not None:
                    words.setdefault(terminal.pattern)
        return tuple(words)

    @cached_property
    def calls_channel(self) -> str:
        """The channel that calls of functions belong on."""
        return self.meaning.preamble

    @cached_property
    def opening_words(self) -> tuple[str, ...]:
        """The fixed texts that open the message of a generation, in order."""
        return tuple(self.literal(symbol.name) for symbol in self.below(self.meaning.opening))

    @cached_property
    def opening_role(self) -> str:
        """The role of a message that a generation begins with."""
        kept = (symbol.name for symbol in self.below(self.meaning.opening) if symbol.kept)
        return self.literal(next(kept))


# The rules that were pickled here, or made of what was: a process has each once.
_loaded: WeakValueDictionary[tuple[str, Any], Rules] = WeakValueDictionary()


def _load_again(text: str, special_tokens: tuple[tuple[str, int], ...] | None) -> Rules:
    """The rules of a grammar's text, which need not be checked again."""
    key = (text, special_tokens)
    known = _loaded.get(key)
    if known is None:
        tokens = SPECIAL_TOKENS if special_tokens is None else dict(special_tokens)
        known = _loaded[key] = Rules(text, load_source(text, starts_of(text)), tokens)
    return known


@cache
def _default() -> Rules:
    text = _packaged(_TEXT_FILE)
    return Rules(text, _stored_source(text), SPECIAL_TOKENS)


def _packaged(name: str) -> str:
    data = pkgutil.get_data("harmony_grammar", name)
    if data is None:
        raise GrammarError(f"the package lacks its file {name}; reinstall it")
    return data.decode("utf-8")


def _stored_source(text: str) -> Source:
    """The stored source, if it was made from this text; else made anew."""
    try:
        source = Source.from_json(_packaged(_STORED_FILE))
    except (OSError, json.JSONDecodeError, KeyError, TypeError):
        return load_source(text, starts_of(text))
    if source.digest != digest(text):
        return load_source(text, starts_of(text))
    return source


_T = TypeVar("_T")


class AnyGrammar(Protocol):
    """A grammar and what ids mean in it, as `harmony_grammar.Grammar` is."""

    @property
    def rules(self) -> Rules:
        """The rules of the format."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What ids mean; loaded when it is first asked for."""


def rules_of(grammar: AnyGrammar | None) -> Rules:
    """The rules of a grammar; those of the format if there is none."""
    return Rules.default() if grammar is None else grammar.rules


def given(grammar: _T | None, old: _T | None, keyword: str) -> _T | None:
    """What a function was given as `grammar`, or under the keyword of the version before.

    Call it from the function itself, so that the warning names the caller's line.

    Args:
        grammar: what was given as `grammar`.
        old: what was given under the old keyword.
        keyword: the old keyword.

    Raises:
        TypeError: if both were given.
    """
    if old is None:
        return grammar
    if grammar is not None:
        raise TypeError(f"`{keyword}` is the old name of `grammar`: give `grammar` alone")
    warnings.warn(
        f"`{keyword}=` is now called `grammar=`, and takes a `harmony_grammar.Grammar`",
        DeprecationWarning,
        stacklevel=3,
    )
    return old
