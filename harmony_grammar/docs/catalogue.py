"""The catalogue of codes, each with a bad and a mended example.

The examples are data beside the tables that they illustrate, written in the packaged grammar.
For another grammar their fixed words are exchanged for those that it has under the same names,
and what is then no example of the code any more is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from harmony_grammar.api import Grammar
from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harmony_grammar.checking.codes import Kind
    from harmony_grammar.tree import Start

__all__ = ["Entry", "catalogue", "translated"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A code.

    Attributes:
        code: the code.
        kind: who finds it, as `DiagnosticCode.kind` has it.
        meaning: what the input does that it should not, or what a rule demands.
        start: what the examples are read as.
        bad: an example that gets the code; None if there is none in this grammar.
        good: the same as it should be.
        said: what is said of the bad example.
    """

    code: str
    kind: str
    meaning: str
    start: str = "conversation"
    bad: str | list[int] | None = None
    good: str | list[int] | None = None
    said: str = ""

    def alone(self) -> Entry:
        """The entry without examples."""
        return replace(self, start="conversation", bad=None, good=None, said="")


def catalogue(grammar: Grammar) -> Iterator[Entry]:
    """All codes: of strict readings, of recovery alone, of the linter, and of rows and prompts."""
    for code in DiagnosticCode:
        example = code.example
        yield _MADE[code.kind](grammar, Entry(code.value, code.kind, code.meaning, *example))


def _finding(grammar: Grammar, entry: Entry) -> Entry:
    """An entry with its examples, if they are some in this grammar, and what is said of them."""
    bad, good = (translated(grammar, cast("str", text)) for text in (entry.bad, entry.good))
    start = cast("Start", entry.start)
    try:
        found, mended = grammar.check(bad, start).diagnostics, grammar.check(good, start)
    except HarmonyError:  # ids, and a grammar with tokens that have none
        return entry.alone()
    said = next((str(f) for f in found if f.code == entry.code), "")
    if not said or mended.status != "complete":
        return entry.alone()
    return replace(entry, bad=bad, good=good, said=said)


def _repair(grammar: Grammar, entry: Entry) -> Entry:
    """An entry with its example and what recovery makes of it."""
    bad = translated(grammar, cast("str", entry.bad))
    try:
        recovered = grammar.recover(bad, cast("Start", entry.start))
    except HarmonyError:  # ids, and a grammar with tokens that have none
        return entry.alone()
    said = next((str(d) for d in recovered.diagnostics if d.code == entry.code), "")
    if not said:
        return entry.alone()
    good = grammar.render(recovered.conversation.canonical(), spelling="model")
    return replace(entry, bad=bad, good=good, said=said)


def _input(grammar: Grammar, entry: Entry) -> Entry:
    """An entry of the commands; its examples are in the words of the packaged grammar."""
    texts = [cast("str", text) for text in (entry.bad, entry.good)]
    return entry if all(translated(grammar, text) == text for text in texts) else entry.alone()


_MADE: Final[Mapping[Kind, Callable[[Grammar, Entry], Entry]]] = MappingProxyType(
    {"error": _finding, "repair": _repair, "warning": _finding, "input": _input}
)


def translated(grammar: Grammar, source: str | list[int]) -> str | list[int]:
    """An example of the packaged grammar in the words of another one."""
    own = Grammar.default()
    words = {
        terminal.pattern: grammar.rules.terminals[name].pattern or ""
        for name, terminal in own.rules.terminals.items()
        if terminal.fixed and terminal.pattern and _differs(grammar, name, terminal.pattern)
    }
    if not words:
        return source
    if not isinstance(source, str):
        special = {
            own.special_tokens.get(a): grammar.special_tokens.get(b) for a, b in words.items()
        }
        return [special.get(token) or token for token in source]
    found = re.compile("|".join(_alone(word) for word in sorted(words, key=len, reverse=True)))
    return found.sub(lambda match: words[match.group()], source)


def _differs(grammar: Grammar, name: str, pattern: str) -> bool:
    other = grammar.rules.terminals.get(name)
    return other is not None and other.fixed and other.pattern != pattern


def _alone(word: str) -> str:
    """A pattern of a word that is no part of another."""
    before = r"(?<!\w)" if word[:1].isalnum() else ""
    after = r"(?!\w)" if word[-1:].isalnum() else ""
    return before + re.escape(word) + after
