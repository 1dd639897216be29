"""Free text in bodies: lines, and the line ends that belong to the layout around them.

Free text keeps its line ends; those that belong to the layout, one after the last line and one for
the blank line below it, are taken off here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.grammar.whole_text import Leaf

__all__ = [
    "LINE",
    "SECTION",
    "FreeText",
    "Lines",
    "comment_text",
    "commented",
    "line",
    "plain",
    "said",
]

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
