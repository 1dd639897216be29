"""What a caller gives as `grammar=`, wherever the package takes a grammar.

`harmony_grammar.Grammar` is made of everything else, so what takes one cannot import it; it says
here what it needs of it.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Protocol, TypeVar

from harmony_grammar.grammar.rules import Rules

if TYPE_CHECKING:
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["AnyGrammar", "given", "rules_of"]

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
