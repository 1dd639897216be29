"""The catalogue of codes, each with a bad and a mended example.

The examples are data beside the tables that they illustrate, written in the packaged grammar.
For another grammar their fixed words are exchanged for those that it has under the same names,
and what is then no example of the code any more is left out.
"""

from __future__ import annotations

import json
import pkgutil
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from harmony_grammar.api import Grammar
from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.checking.lint import LINT_RULES
from harmony_grammar.checking.lint import examples as lint_examples
from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.tree import Start

__all__ = [
    "Entry",
    "catalogue",
    "fault_examples",
    "input_examples",
    "repair_examples",
    "translated",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A code.

    Attributes:
        code: the code.
        kind: `error`, `warning`, `repair` or `input`.
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


def fault_examples() -> dict[str, dict[str, Any]]:
    """For each code of a strict reading: the start symbol, a bad example and a good one."""
    return _data("reading/examples.json")


def repair_examples() -> dict[str, dict[str, Any]]:
    """For codes that only repairs have: the start symbol and a bad example."""
    return _data("docs/repairs.json")


def input_examples() -> dict[str, dict[str, Any]]:
    """For codes of what holds transcripts: what is demanded, examples, what is said of the bad."""
    return _data("docs/inputs.json")


def _data(name: str) -> dict[str, dict[str, Any]]:
    data = pkgutil.get_data("harmony_grammar", name) or b"{}"
    return cast("dict[str, dict[str, Any]]", json.loads(data))


def catalogue(grammar: Grammar) -> Iterator[Entry]:
    """All codes: of strict readings, of recovery alone, of the linter, and of rows."""
    repairs = {code.value: code.meaning for code in DiagnosticCode}
    faults = fault_examples()
    for code, example in faults.items():
        yield _fault(grammar, code, repairs.get(code, ""), example)
    others = repair_examples()
    for code, meaning in repairs.items():
        if code not in faults:
            yield _repair(grammar, Entry(code, "repair", meaning), others.get(code))
    for code, pair in lint_examples().items():
        sentence = LINT_RULES[code].sentence
        yield _finding(grammar, Entry(code, "warning", sentence), pair.bad, pair.good)
    for code, example in input_examples().items():
        yield _input(grammar, code, example)


def _fault(grammar: Grammar, code: str, meaning: str, example: dict[str, Any]) -> Entry:
    entry = Entry(code, "error", meaning, example["start"])
    return _finding(grammar, entry, example["bad"], example["good"])


def _finding(grammar: Grammar, entry: Entry, bad: str | list[int], good: str | list[int]) -> Entry:
    """An entry with its examples, if they are some in this grammar."""
    bad, good = translated(grammar, bad), translated(grammar, good)
    start = cast("Start", entry.start)
    try:
        found, mended = grammar.check(bad, start).diagnostics, grammar.check(good, start)
    except HarmonyError:  # ids, and a grammar with tokens that have none
        return entry
    said = next((str(f) for f in found if f.code == entry.code), "")
    if not said or mended.status != "complete":
        return entry
    meaning = entry.meaning or next(f.message for f in found if f.code == entry.code)
    return Entry(entry.code, entry.kind, meaning, entry.start, bad, good, said)


def _repair(grammar: Grammar, entry: Entry, example: dict[str, Any] | None) -> Entry:
    """An entry with its example and what recovery makes of it."""
    if example is None:
        return entry
    bad = translated(grammar, example["bad"])
    recovered = grammar.recover(bad, example["start"])
    said = next((str(d) for d in recovered.diagnostics if d.code == entry.code), "")
    if not said:
        return entry
    good = grammar.render(recovered.conversation.canonical(), spelling="model")
    return Entry(entry.code, entry.kind, entry.meaning, example["start"], bad, good, said)


def _input(grammar: Grammar, code: str, example: dict[str, Any]) -> Entry:
    """An entry of the commands; its examples are in the words of the packaged grammar."""
    if any(translated(grammar, example[which]) != example[which] for which in ("bad", "good")):
        return Entry(code, "input", example["meaning"])
    return Entry(code, "input", **example)


def translated(grammar: Grammar, source: str | list[int]) -> str | list[int]:
    """An example of the packaged grammar in the words of another one."""
    own = Grammar.default()
    words = {
        terminal.pattern: grammar.terminals[name].pattern or ""
        for name, terminal in own.terminals.items()
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
    other = grammar.terminals.get(name)
    return other is not None and other.fixed and other.pattern != pattern


def _alone(word: str) -> str:
    """A pattern of a word that is no part of another."""
    before = r"(?<!\w)" if word[:1].isalnum() else ""
    after = r"(?!\w)" if word[-1:].isalnum() else ""
    return before + re.escape(word) + after
