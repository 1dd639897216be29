"""Terminals as automata: the regular expressions of a grammar text, compiled.

A pattern becomes an `Automaton` over characters while it is read, by Thompson's construction. The
subset of regular expressions is the regular one: literals, classes, groups, alternation and
repetition. What is not regular (anchors, lookaround, back references) is refused.
"""

from __future__ import annotations

import re
import sys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import Automaton, invert, merge

if TYPE_CHECKING:
    from harmony_grammar.grammar.automata import Part, Ranges

__all__ = ["TEXT_BEGINS", "TEXT_ENDS", "compile_literal", "compile_pattern", "compile_search"]

TEXT_BEGINS: Final = -1
"""What `^` reads, where a pattern may have it: no character, but where the text begins."""
TEXT_ENDS: Final = -2
"""What `$` reads."""

_LAST: Final = sys.maxunicode
_LAST_BLANK: Final = 0x3FFF  # no white space stands beyond, and looking at all characters is slow
_NEWLINE: Final = ord("\n")
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_HEX_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_QUANTIFIERS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_COUNT: Final = re.compile(r"\{(\d*)(,?)(\d*)\}")
_LONGEST_KEPT: Final = 100  # characters of a text whose automaton is remembered
_MOST_COPIES: Final = 1000
_ANCHORS: Final = {"^": TEXT_BEGINS, "$": TEXT_ENDS}


@cache
def _category(letter: str) -> Ranges:
    """The code points of a category (d, s or w), or of its negation, in capitals."""
    if letter.isupper():
        return invert(_category(letter.lower()))
    last = _LAST_BLANK if letter == "s" else _LAST
    runs = re.finditer(f"\\{letter}+", "".join(map(chr, range(last + 1))))
    return tuple((run.start(), run.end() - 1) for run in runs)


class _Parser:
    """A recursive descent over one pattern; each method's docstring is its production.

    Each adds what it has read to the automaton, and gives the part that it is there.
    """

    def __init__(self, pattern: str, *, dotall: bool, most_states: int | None = None) -> None:
        self.pattern = pattern
        self.at = 0
        self.most_states = most_states
        self.anchors = {} if most_states is None else _ANCHORS
        self.dot = ((0, _LAST),) if dotall else invert(((_NEWLINE, _NEWLINE),))
        self.automaton = Automaton()

    def fail(self, what: str) -> GrammarError:
        return GrammarError(f"the pattern /{self.pattern}/ has {what} at character {self.at}")

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise self.fail("an unfinished escape, class or group")
        self.at += 1
        return self.pattern[self.at - 1]

    def whole(self) -> Automaton:
        """whole: alternatives"""
        automaton = self.automaton
        automaton.start, automaton.final = self.alternatives()
        if self.at < len(self.pattern):
            raise self.fail("an unbalanced `)`")
        return automaton

    def alternatives(self) -> Part:
        """alternatives: sequence ("|" sequence)*"""
        parts = [self.sequence()]
        while self.peek("|"):
            self.at += 1
            parts.append(self.sequence())
        return self.automaton.either(parts) if len(parts) > 1 else parts[0]

    def sequence(self) -> Part:
        """sequence: quantified*"""
        parts: list[Part] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.quantified())
        return self.automaton.chain(parts)

    def quantified(self) -> Part:
        """quantified: item (("*" | "+" | "?" | "{" count "}") "?"?)?"""
        begin = self.at
        part = self.item()
        if self.at < len(self.pattern) and self.pattern[self.at] in _QUANTIFIERS:
            least, most = _QUANTIFIERS[self.take()]
        elif match := _COUNT.match(self.pattern, self.at):
            least, most = self.count(match)
        else:
            return part
        if self.peek("?"):  # laziness changes what is tried first, not what matches
            self.at += 1
        end = self.at
        repeated = self.repeated(begin, least, most)
        self.at = end
        return repeated

    def repeated(self, begin: int, least: int, most: int | None) -> Part:
        """The item at a place so many times; it is read once more for each."""

        def again() -> Part:
            if self.most_states is not None and len(self.automaton.edges) > self.most_states:
                raise self.fail("more repetition than can be written out")
            self.at = begin
            return self.item()

        automaton = self.automaton
        parts = [again() for _ in range(least)]
        if most is None:
            return automaton.chain([*parts, automaton.repeat(again())])
        rest = automaton.chain([])
        for _ in range(most - least):
            rest = automaton.either([automaton.chain([]), automaton.chain([again(), rest])])
        return automaton.chain([*parts, rest])

    def count(self, match: re.Match[str]) -> tuple[int, int | None]:
        """count: least | least? "," most?"""
        low, comma, high = match.groups()
        least = int(low or 0)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > _MOST_COPIES or (most is not None and most < least):
            raise self.fail("a count that is too large or ends before it begins")
        self.at = match.end()
        return least, most

    def item(self) -> Part:
        """item: group | class | "." | escape | character"""
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.automaton.one(self.char_class())
        if char == ".":
            return self.automaton.one(self.dot)
        if char == "\\":
            return self.automaton.one(self.escape())
        if char in self.anchors:
            return self.automaton.one(((self.anchors[char], self.anchors[char]),))
        if char in "^$*+?":
            self.at -= 1
            raise self.fail(f"a `{char}`, which is not supported,")
        return self.automaton.one(((ord(char), ord(char)),))

    def group(self) -> Part:
        """group: "(" "?:"? alternatives ")" """
        if self.peek("?:"):
            self.at += 2
        elif self.peek("?"):
            raise self.fail("lookaround, flags or a named group, which are not supported,")
        part = self.alternatives()
        if not self.peek(")"):
            raise self.fail("an unfinished group")
        self.at += 1
        return part

    def escape(self) -> Ranges:
        """escape: category | control | hexadecimal | the character itself"""
        char = self.take()
        if char in "dswDSW":
            return _category(char)
        if char in _HEX_DIGITS:
            code = self.hexadecimal(_HEX_DIGITS[char])
        elif char in _CONTROLS:
            code = ord(_CONTROLS[char])
        elif char.isalnum():
            raise self.fail(f"the escape `\\{char}`, which is not supported,")
        else:
            code = ord(char)
        return ((code, code),)

    def hexadecimal(self, digits: int) -> int:
        text = "".join(self.take() for _ in range(digits))
        try:
            return int(text, 16)
        except ValueError:
            raise self.fail(f"`{text}` for a hexadecimal code") from None

    def char_class(self) -> Ranges:
        """class: "[" "^"? (member ("-" member)?)+ "]" """
        negated = self.peek("^")
        self.at += negated
        members: list[tuple[int, int]] = []
        while not members or not self.peek("]"):
            ranges = self.member()
            if self.peek("-") and not self.peek("-]"):
                self.at += 1
                ranges = ((ranges[0][0], self.member()[-1][1]),)
            members.extend(ranges)
        self.at += 1
        ranges = merge(members)
        return invert(ranges) if negated else ranges

    def member(self) -> Ranges:
        """member: escape | character"""
        char = self.take()
        return self.escape() if char == "\\" else ((ord(char), ord(char)),)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, flags: str = "") -> Automaton:
    """Compile a regular expression.

    Args:
        pattern: the expression, without its slashes.
        flags: `s` lets the dot match a newline; no other flag is supported.

    Raises:
        GrammarError: if the pattern is not regular or not well-formed.
    """
    if set(flags) - {"s"}:
        raise GrammarError(
            f"the pattern /{pattern}/ has the flags {flags!r}; only `s` is supported"
        )
    return _Parser(pattern, dotall="s" in flags).whole()


def compile_search(pattern: str, most_states: int) -> Automaton:
    """Compile a regular expression that a text is searched for.

    Args:
        pattern: the expression. It may have anchors, which read `TEXT_BEGINS` and `TEXT_ENDS`.
        most_states: how large the automaton may become by repetition.

    Raises:
        GrammarError: if the pattern is not regular, not well-formed, or too large.
    """
    return _Parser(pattern, dotall=False, most_states=most_states).whole()


def compile_literal(text: str) -> Automaton:
    """Compile a fixed text."""
    return (_kept_literal if len(text) <= _LONGEST_KEPT else _literal)(text)


def _literal(text: str) -> Automaton:
    literal = Automaton()
    literal.start, literal.final = literal.chain(
        literal.one(((code, code),)) for code in map(ord, text)
    )
    return literal


_kept_literal: Final = lru_cache(maxsize=1024)(_literal)
