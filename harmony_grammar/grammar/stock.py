"""The grammar as plain Lark: a text that `lark.Lark` itself reads, without any code of ours.

What `harmony.lark` means beyond Lark is written out. A body ends at the first special token, so
its pattern looks ahead for one. The longest match wins, so a fixed word, and a pattern whose texts
another one goes on with, look ahead for what would go on. Words that an input declares are given.
Only what a start symbol needs is there, and blanks are ignored inside bodies only.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import merge
from harmony_grammar.grammar.load import below, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.grammar.automata import Automaton, Ranges
    from harmony_grammar.grammar.load import Symbol
    from harmony_grammar.grammar.rules import Rules

__all__ = ["to_lark"]


def to_lark(rules: Rules, start: str, declared: Sequence[str] = ()) -> str:
    """The grammar of one start symbol as plain Lark; see `harmony_grammar.Grammar.to_lark`."""
    if start not in rules.meaning.starts:
        known = ", ".join(rules.meaning.starts)
        raise GrammarError(f"start must be one of {known}, not {start!r}")
    root = rules.meaning.starts[start]
    used = reach(rules.productions, [root])
    terminals = [symbol.name for symbol in below(rules.productions, root)]
    inside = root in rules.body_rules
    ignored = rules.source.ignored if inside else ()
    lines = ["start: " + _rule_name(root), ""]
    for name, productions in rules.productions.items():
        if name in used:
            lines += [_rule(name, [_right(p.symbols, p.label) for p in productions]), ""]
    for name in dict.fromkeys([*terminals, *ignored]):
        lines.append(_terminal(rules, name, terminals, declared))
    lines += [f"%ignore {name}" for name in ignored]
    return "\n".join(lines) + "\n"


def _rule(name: str, alternatives: Sequence[str]) -> str:
    return f"{_rule_name(name)}: " + "\n    | ".join(alternatives)


def _rule_name(name: str) -> str:
    """The rules that Lark makes of repetitions have names that it does not read."""
    return name.replace("__", "_", 1) if name.startswith("__") else name


def _right(symbols: Iterable[Symbol], label: str | None) -> str:
    right = " ".join(s.name if s.terminal else _rule_name(s.name) for s in symbols)
    return f"{right} -> {label}" if label else right


def _terminal(rules: Rules, name: str, others: Sequence[str], declared: Sequence[str]) -> str:
    terminal = rules.terminals[name]
    priority = f".{terminal.priority}" if terminal.priority else ""
    if terminal.pattern is None:
        if not declared:
            return f"%declare {name}"
        return f"{name}{priority}: " + " | ".join(map(json.dumps, declared))
    if name in rules.text_terminals and name not in rules.source.ignored:
        specials = "|".join(map(re.escape, rules.specials))
        return f"{name}{priority}: /(?:(?!{_slashed(specials)})(?:.|\\n))+/"
    if name in rules.special_names:
        return f"{name}{priority}: {json.dumps(terminal.pattern)}"
    ahead = "".join(_ahead(rules, name, others))
    priority = ".1" if terminal.fixed else priority  # a fixed word wins
    if terminal.fixed and not ahead:
        return f"{name}{priority}: {json.dumps(terminal.pattern)}"
    pattern = re.escape(terminal.pattern) if terminal.fixed else terminal.pattern
    text = _slashed(pattern)
    guard = f"(?![{_slashed(ahead)}])" if ahead else ""
    return f"{name}{priority}: /{text}{guard}/{terminal.flags}"


def _slashed(pattern: str) -> str:
    """A pattern between slashes, on one line."""
    pattern = re.sub(r"(?<!\\)/", r"\\/", pattern)
    for sign, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        pattern = pattern.replace(sign, escape)
    # Lark reads no NUL, which stands in no text of anybody's.
    controls = r"[\x00-\x1f\x7f-\x9f]"
    return re.sub(controls, lambda found: f"\\x{ord(found[0]) or 1:02x}", pattern)


def _ahead(rules: Rules, name: str, others: Sequence[str]) -> Iterator[str]:
    """The characters with which another terminal goes on where this one ends."""
    own = rules.automaton(name)
    found: list[tuple[int, int]] = []
    for other in others:
        terminal = rules.terminals[other]
        automaton = None if other in rules.text_terminals else rules.automaton(other)
        if other == name or automaton is None or own is None or terminal.priority < 0:
            continue
        if not any(name in row and other in row for row in rules.source.table):
            continue  # never at one place
        if rules.terminals[name].fixed and not terminal.fixed:
            found += _going_on(automaton, rules.literal(name))
        elif not rules.terminals[name].fixed and not terminal.fixed:
            found += _beyond(own, automaton)
    for low, high in merge(found):
        yield _char(low) if low == high else f"{_char(low)}-{_char(high)}"


def _char(code: int) -> str:
    """A character as a class has it."""
    text = chr(code)
    if text.isascii() and text.isprintable():
        return text if text.isalnum() else f"\\{text}"
    return f"\\U{code:08x}"


def _going_on(automaton: Automaton, word: str) -> Ranges:
    states = automaton.first
    for char in word:
        states = automaton.step(states, ord(char))
    return tuple((low, high) for low, high, _ in automaton.steps(states))


def _beyond(own: Automaton, other: Automaton) -> list[tuple[int, int]]:
    """What the other reads where this one has matched and cannot go on."""
    todo, found = [(own.first, other.first)], list[tuple[int, int]]()
    seen = set(todo)
    for mine, theirs in todo:
        goes = {range_[:2] for range_ in own.steps(mine)}
        for low, high, after in other.steps(theirs):
            if own.final in mine and theirs != other.first and not own.step(mine, low):
                found.append((low, high))
            here = own.step(mine, low)
            if here and goes and (here, after) not in seen:
                seen.add((here, after))
                todo.append((here, after))
    return found
