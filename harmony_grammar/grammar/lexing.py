"""What may come next in a body, as regular expressions: one match finds it, in most places.

The longest match wins, and a fixed word wins over a pattern of the same length; the alternatives
of `re` know neither. So terminals are joined into one expression only where no text of one
begins a text of another, or where a fixed word is a text of the pattern, which is looked up
after the match. Elsewhere they are tried one after another. Behind blanks a fixed word that fits
neither is ruled out first; where it stands, only the blanks are read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.grammar.automata import merge, together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.grammar.automata import Automaton, Ranges
    from harmony_grammar.grammar.rules import Rules

__all__ = ["Choice", "Match", "choice"]

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
        instead: what may be read in the place of a terminal, as the last resort.
    """

    joined: Match | None
    names: Sequence[str]
    words: Mapping[str, str]
    single: tuple[tuple[str, Match], ...]
    last: tuple[str, Match] | None
    instead: Mapping[str, tuple[str, Match]]


def choice(rules: Rules, every: Sequence[str], char: str) -> Choice:
    """What may begin with a character.

    Args:
        rules: the grammar.
        every: the terminals that may come.
        char: the character.
    """
    begins = [name for name in every if _begins(rules.automaton(name), ord(char))]
    usual = sorted(_usual(rules, begins), key=lambda name: not rules.terminals[name].fixed)
    last = [name for name in begins if rules.terminals[name].priority < 0]
    blanks = [n for n in rules.source.ignored if _begins(rules.automaton(n), ord(char))]
    if last and len(usual) == 1:
        return _joined(_groups(rules, usual), {}, _resort(rules, last[0]), usual)
    if last:
        return _tried(rules, usual, last)
    words = _words(rules, usual)
    if words is None:
        return _tried(rules, [*usual, *blanks], [])
    parts = _groups(rules, [name for name in usual if name not in words.values()])
    if not blanks:
        return _joined(parts, words)
    behind = _behind_blanks(rules, [name for name in every if name not in usual])
    found = _joined([*parts, *behind.parts], {**words, **behind.words}, behind.last, behind.names)
    return found._replace(last=None)


def _tried(rules: Rules, usual: Sequence[str], last: Sequence[str]) -> Choice:
    """Terminals that are tried one after another."""
    ignored = rules.source.ignored
    single = tuple(("" if name in ignored else name, _matcher(rules, name)) for name in usual)
    return Choice(None, (), {}, single, _resort(rules, last[0]) if last else None, {})


def _resort(rules: Rules, name: str) -> tuple[str, Match]:
    return name, _matcher(rules, name)


def _usual(rules: Rules, names: Sequence[str]) -> list[str]:
    return [name for name in names if rules.terminals[name].priority >= 0]


def _joined(
    parts: Sequence[str],
    words: Mapping[str, str],
    last: tuple[str, Match] | None = None,
    names: Sequence[str] = (),
) -> Choice:
    """Terminals that one expression finds, and what may be read instead of some of them."""
    if not parts:
        return Choice(None, (), {}, (), None, {})
    whole = re.compile("|".join(parts))
    groups = {index: name.removesuffix(_BLANK) for name, index in whole.groupindex.items()}
    found = [groups.get(index + 1, "") for index in range(whole.groups)]
    return Choice(whole.match, found, words, (), last, dict.fromkeys(names, last) if last else {})


class _Behind(NamedTuple):
    """What may stand behind blanks.

    Attributes:
        parts: the alternatives.
        words: fixed words that a pattern matches, too.
        last: the terminal of the last resort.
        names: the terminals.
    """

    parts: Sequence[str]
    words: Mapping[str, str]
    last: tuple[str, Match] | None
    names: Sequence[str]


def _behind_blanks(rules: Rules, names: Sequence[str]) -> _Behind:
    """Blanks with what may follow them, and blanks alone.

    What follows is left to the next match where it may be a fixed word that cannot be told apart,
    or something that begins as the last resort cannot.
    """
    blanks = "|".join(_pattern(rules, name) for name in rules.source.ignored)
    alone = f"(?P<{_BLANK}>{blanks})"
    usual = _usual(rules, names)
    last = [name for name in names if name not in usual]
    apart = _apart(rules, usual, every=bool(last))
    apart += [name for name in usual if name not in apart and not _covers(rules, name, last)]
    rest = [name for name in usual if name not in apart]
    words = _words(rules, rest)
    if words is None:
        return _Behind([alone], {}, None, ())
    groups = _groups(rules, [name for name in rest if name not in words.values()])
    guard = f"(?!{'|'.join(_pattern(rules, name) for name in apart)})" if apart else ""
    behind = [f"(?:{blanks}){guard}(?:{'|'.join(groups)})"] if groups else []
    return _Behind([*behind, alone], words, _resort(rules, last[0]) if last else None, rest)


def _apart(rules: Rules, names: Sequence[str], *, every: bool) -> list[str]:
    """The fixed words that a pattern clashes with; those that are a text of it only if asked."""
    fixed = [name for name in names if rules.terminals[name].fixed]
    others = [name for name in names if name not in fixed]
    return [
        word
        for word in fixed
        for other in others
        if _clash(rules, word, other) and (every or _word(rules, word, other) is None)
    ]


def _covers(rules: Rules, name: str, last: Sequence[str]) -> bool:
    """Whether the one last resort, if there is any, begins with all that a terminal begins with."""
    if not last:
        return True
    one, other = rules.automaton(name), rules.automaton(last[0])
    if len(last) > 1 or one is None or other is None:
        return False
    wider = _heads(other)
    return all(any(a <= low <= high <= b for a, b in wider) for low, high in _heads(one))


def _heads(automaton: Automaton) -> Ranges:
    """The characters that something begins with."""
    return merge((low, high) for low, high, _ in automaton.steps(automaton.first))


def _groups(rules: Rules, names: Sequence[str]) -> list[str]:
    return [f"(?P<{name}>{_pattern(rules, name)})" for name in names]


def _words(rules: Rules, names: Sequence[str]) -> dict[str, str] | None:
    """The fixed words among terminals that a pattern matches; None if others clash."""
    words: dict[str, str] = {}
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            if _clash(rules, one, other):
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


@lru_cache(maxsize=4096)
def _clash(rules: Rules, first: str, second: str) -> bool:
    """Whether a text of either terminal begins a text of the other; many states ask it."""
    one, other = rules.automaton(first), rules.automaton(second)
    if one is None or other is None:
        return False
    return any(left or right for _, left, right in together(one, other))


def _begins(automaton: Automaton | None, code: int) -> bool:
    """Whether something that an automaton matches begins with a character."""
    return automaton is not None and bool(automaton.step(automaton.first, code))


def _matcher(rules: Rules, name: str) -> Match:
    return re.compile(_pattern(rules, name)).match


def _pattern(rules: Rules, name: str) -> str:
    terminal = rules.terminals[name]
    pattern = terminal.pattern or ""
    dot = "(?s:" if "s" in terminal.flags else "(?:"
    return re.escape(pattern) if terminal.fixed else f"{dot}{pattern})"
