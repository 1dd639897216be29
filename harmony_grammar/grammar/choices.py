"""What may come next in a body, as regular expressions: one match finds it, in most places.

The longest match wins, and a fixed word wins over a pattern of the same length; the alternatives
of `re` know neither. So terminals are joined into one expression only where no text of one
begins a text of another, or where a fixed word is a text of the pattern, which is looked up
after the match. Elsewhere they are tried one after another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar.patterns import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.grammar.patterns import Automaton
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Choice", "Match", "choice", "expected"]

_BLANK: Final = "_blank_"  # the name of the group of blanks, which are no terminal

Match: TypeAlias = "Callable[[str, int], re.Match[str] | None]"


class Choice(NamedTuple):
    """What may begin with a character in a state.

    Attributes:
        joined: what matches the next terminal, and blanks before it; None if several must be
            tried.
        names: the terminals of the groups of that match; empty for blanks only.
        words: fixed words that a pattern matches, too.
        single: the terminals that must be tried, fixed ones first, and blanks, which have no name.
        last: the terminal of the last resort.
    """

    joined: Match | None
    names: Sequence[str]
    words: Mapping[str, str]
    single: tuple[tuple[str, Match], ...]
    last: tuple[str, Match] | None


def expected(rules: Rules, state: int) -> tuple[str, ...]:
    """The terminals with an action in a state."""
    return tuple(name for name in rules.source.table[state] if name in rules.terminals)


def choice(rules: Rules, state: int, char: str) -> Choice:
    """What may begin with a character in a state."""
    every = expected(rules, state)
    begins = [name for name in every if _begins(rules.automaton(name), ord(char))]
    usual = sorted(_usual(rules, begins), key=lambda name: not rules.terminals[name].fixed)
    last = [name for name in begins if rules.terminals[name].priority < 0]
    blanks = [n for n in rules.source.ignored if _begins(rules.automaton(n), ord(char))]
    if last and len(usual) == 1:
        return _joined(_groups(rules, usual), {})._replace(last=_last(rules, last))
    if last:
        return _tried(rules, usual, last)
    words = _words(rules, usual)
    if words is None:
        return _tried(rules, [*usual, *blanks], [])
    parts = _groups(rules, [name for name in usual if name not in words.values()])
    if blanks:
        more, further = _behind_blanks(rules, [name for name in every if name not in usual])
        parts, words = [*parts, *more], {**words, **further}
    return _joined(parts, words)


def _tried(rules: Rules, usual: Sequence[str], last: Sequence[str]) -> Choice:
    """Terminals that are tried one after another."""
    ignored = rules.source.ignored
    single = tuple(("" if name in ignored else name, _matcher(rules, name)) for name in usual)
    return Choice(None, (), {}, single, _last(rules, last))


def _last(rules: Rules, names: Sequence[str]) -> tuple[str, Match] | None:
    return (names[0], _matcher(rules, names[0])) if names else None


def _usual(rules: Rules, names: Sequence[str]) -> list[str]:
    return [name for name in names if rules.terminals[name].priority >= 0]


def _joined(parts: Sequence[str], words: Mapping[str, str]) -> Choice:
    """Terminals that one expression finds."""
    if not parts:
        return Choice(None, (), {}, (), None)
    whole = re.compile("|".join(parts))
    groups = {index: name.removesuffix(_BLANK) for name, index in whole.groupindex.items()}
    names = [groups.get(index + 1, "") for index in range(whole.groups)]
    return Choice(whole.match, names, words, (), None)


def _behind_blanks(rules: Rules, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Blanks with what may follow them, unless that is a matter of the last resort, or blanks."""
    blanks = "|".join(_pattern(rules, name) for name in rules.source.ignored)
    words = _words(rules, names) if len(_usual(rules, names)) == len(names) else None
    alone = f"(?P<{_BLANK}>{blanks})"
    if words is None:
        return [alone], {}
    groups = _groups(rules, [name for name in names if name not in words.values()])
    behind = [f"(?:{blanks})(?:{'|'.join(groups)})"] if groups else []
    return [*behind, alone], words


def _groups(rules: Rules, names: Sequence[str]) -> list[str]:
    return [f"(?P<{name}>{_pattern(rules, name)})" for name in names]


def _words(rules: Rules, names: Sequence[str]) -> dict[str, str] | None:
    """The fixed words among terminals that a pattern matches; None if others clash."""
    words: dict[str, str] = {}
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            if _clash(rules.automaton(one), rules.automaton(other)):
                word = _word(rules, one, other)
                if word is None or word in words.values():
                    return None
                words[rules.literal(word)] = word
    return words


def _word(rules: Rules, one: str, other: str) -> str | None:
    """The one of two terminals that is a fixed word and a text of the other, a pattern."""
    for word, pattern in ((one, other), (other, one)):
        if rules.terminals[word].fixed and not rules.terminals[pattern].fixed:
            automaton = rules.automaton(pattern)
            if automaton is not None and automaton.matches(rules.literal(word)):
                return word
    return None


def _clash(one: Automaton | None, other: Automaton | None) -> bool:
    """Whether a text of either begins a text of the other."""
    if one is None or other is None:
        return False
    first = (one.closure([one.start]), other.closure([other.start]))
    seen, todo = {first}, [first]
    for left, right in todo:
        if one.final in left or other.final in right:
            return True
        for code in samples(one, left, other, right):
            pair = (one.step(left, code), other.step(right, code))
            if all(pair) and pair not in seen:
                seen.add(pair)
                todo.append(pair)
    return False


def _begins(automaton: Automaton | None, code: int) -> bool:
    """Whether something that an automaton matches begins with a character."""
    return automaton is not None and bool(
        automaton.step(automaton.closure([automaton.start]), code)
    )


def _matcher(rules: Rules, name: str) -> Match:
    return re.compile(_pattern(rules, name)).match


def _pattern(rules: Rules, name: str) -> str:
    terminal = rules.terminals[name]
    pattern = terminal.pattern or ""
    dot = "(?s:" if "s" in terminal.flags else "(?:"
    return re.escape(pattern) if terminal.fixed else f"{dot}{pattern})"
