"""What the bodies of messages are written with: the titles, words and signs of a grammar."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.grammar.automata import overlap
from harmony_grammar.grammar.meaning import TOOL_TYPE, BodyPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.automata import Automaton
    from harmony_grammar.grammar.whole_text import Leaf

__all__ = [
    "LINE",
    "SECTION",
    "FreeText",
    "Lines",
    "Signs",
    "comment_text",
    "commented",
    "line",
    "plain",
    "said",
    "signs_of",
]


class Signs(NamedTuple):
    """The titles, words and signs of a grammar's bodies.

    Attributes:
        of: the fixed texts of each part of a body, in the order of the grammar.
        mark: what a comment begins with.
        argument: how the argument of a tool is called, with what stands behind it.
        names: what a declaration can be called.
        recipients: what a header can address.
    """

    of: Mapping[BodyPart, tuple[str, ...]]
    mark: str
    argument: str
    names: Sequence[Automaton]
    recipients: Sequence[Automaton]

    def can_call(self, namespace: str, name: str) -> bool:
        """Whether a tool of this name can be declared, and addressed by a call."""
        named = any(one.matches(name) for one in self.names)
        return named and any(one.matches(f"{namespace}.{name}") for one in self.recipients)

    def title(self, part: BodyPart) -> str:
        """What a part begins with."""
        return self.of[part][0]


@lru_cache(maxsize=64)
def signs_of(rules: Rules) -> Signs:
    """The signs of a grammar."""
    of = {part: rules.meaning.signs(part) for part in BodyPart}
    own = rules.meaning.own_terminals(BodyPart.FUNCTION)
    names = [name for name in own if not rules.terminals[name].fixed][:1]
    return Signs(of, _mark(rules), _argument(rules), _automata(rules, names), _recipients(rules))


def _automata(rules: Rules, names: Iterable[str]) -> Sequence[Automaton]:
    """The automata of some terminals, as far as they have any."""
    return [found for name in names if (found := rules.automaton(name)) is not None]


def _recipients(rules: Rules) -> Sequence[Automaton]:
    """What spells the recipient of a header."""
    spelled = (rule for rule, field in rules.meaning.fields.items() if field == _RECIPIENT)
    kept = {s.name for rule in spelled for s in rules.below(rule) if s.kept}
    return _automata(rules, sorted(kept))


def _mark(rules: Rules) -> str:
    """The shortest comment, which is nothing but its mark."""
    names = rules.meaning.own_terminals(BodyPart.NOTE_BEHIND)
    comment = rules.automaton(names[0]) if names else None
    return (comment and overlap(comment, comment)) or ""


def _argument(rules: Rules) -> str:
    """The argument as the grammar's examples of a tool write it."""
    starts = rules.meaning.starts[TOOL_TYPE]
    for production in rules.source.productions:
        if rules.meaning.part_of(production) is not BodyPart.FUNCTION:
            continue
        for before, symbol in zip(production.symbols, production.symbols[1:], strict=False):
            pattern = rules.terminals[before.name].pattern if before.terminal else None
            if symbol.name == starts and pattern is not None:
                opened = re.escape(rules.meaning.signs(BodyPart.FUNCTION)[2])
                for example in rules.comments[production.rule].examples:
                    if found := re.search(f"{opened}({pattern})", example):
                        return found[1]
    return ""


_RECIPIENT: Final = "recipient"
_LINE_END: Final = "\n"
LINE: Final = 1
"""Line ends of the layout between a text and a line that belongs to it."""
SECTION: Final = 2
"""And between a text and the next section."""


class FreeText(NamedTuple):
    """Lines of free text.

    Attributes:
        text: the text with all its line ends.
        last: whether nothing stands below it.
    """

    text: str
    last: bool = True

    @classmethod
    def of(cls, leaves: Sequence[Leaf], whole: str) -> FreeText:
        """The text of some lines of a body."""
        last = leaves[-1]
        text = "".join(leaf.text for leaf in leaves)
        return cls(text, last.start + len(last.text) == len(whole))

    def before(self, layout: int) -> str:
        """The text without the line ends of the layout below it, of which there may be fewer."""
        text = self.text
        for _ in range(1 if self.last else layout):
            text = text.removesuffix(_LINE_END)
        return text


class Lines(NamedTuple):
    """The lines of a description."""

    lines: Sequence[Leaf]


def line(leaf: Leaf) -> str:
    """A line without its end."""
    return leaf.text.removesuffix(_LINE_END)


def plain(prose: Lines | None, whole: str, layout: int) -> str | None:
    """A description in plain words, below a blank line."""
    if prose is None:
        return None
    text = FreeText.of(prose.lines, whole).before(layout)
    return text.removeprefix(_LINE_END) or None


def commented(prose: Lines | None, mark: str) -> str | None:
    """A description in comments, perhaps with lines between that have no mark."""
    if prose is None:
        return None
    kept = [
        comment_text(leaf.text, mark) if marked else line(leaf)
        for leaf in prose.lines
        for marked in [leaf.text.lstrip().startswith(mark)]
        if marked or line(leaf)
    ]
    return said(kept) if kept else None


def comment_text(comment: str, mark: str) -> str:
    """What a comment says, without its mark and the blank behind it."""
    return comment.partition(mark)[2].removeprefix(" ")


def said(lines: Sequence[str]) -> str:
    """A description of these lines; a text whose last line is empty needs one more line end."""
    text = _LINE_END.join(lines)
    return f"{text}{_LINE_END}" if lines and not lines[-1] else text
