"""The two kinds of input, text and ids, and what a place in either is called.

A kind (`TextKind`, `IdKind`) says what input means to a grammar: where its special tokens are, what
the runs between them spell. A source (`TextSource`, `IdSource`) is one input of a kind, whose
places can be named. Reading and streaming ask nothing else of what they read.
"""

from __future__ import annotations

from typing import TypeAlias

from harmony_grammar.inputs.ids import UNKNOWN, IdKind, IdSource, list_of_ids
from harmony_grammar.inputs.text import (
    Key,
    Piece,
    Raw,
    Stretch,
    TextKind,
    TextSource,
)

__all__ = [
    "UNKNOWN",
    "IdKind",
    "IdSource",
    "Key",
    "Kind",
    "Piece",
    "Raw",
    "Source",
    "Stretch",
    "TextKind",
    "TextSource",
    "list_of_ids",
]

Kind: TypeAlias = TextKind | IdKind
Source: TypeAlias = TextSource | IdSource
