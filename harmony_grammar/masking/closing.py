"""How a body with a schema comes to its end soon, when the budget asks for it.

No shortest way is looked for, which could take long; at each id the sign is taken that closes
most. That finds an end that is near for all but odd schemas, and where it finds none, nothing is
promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from harmony_grammar.masking.table import TokenTable

__all__ = ["way_out"]

# Within a string of JSON these are all legal, and elsewhere never; its end is then the first sign.
_TEXT: Final = (b"}", b"]", b":", b"a")
_QUOTES: Final = (b'"', b"a")
# What brings a JSON text to its end, the best first; then what values are made of.
_SIGNS: Final = (b"}", b"]", b":", b",", b"1", b"0", b'""', b"{}", b"[]", b'"', b"a")
_SPACE: Final = b" \t\r\n"
_MOST: Final = 64
_FEW: Final = 64  # words of a mask; among more ids than these hold, the first is taken


def way_out(matcher: Any, table: TokenTable) -> tuple[int, ...] | None:
    """Ids that bring a body to an end.

    Args:
        matcher: an engine's matcher, which is led to that end.
        table: the vocabulary.

    Returns:
        The ids, none if the body may end at once; None if no end is found.
    """
    row = np.zeros(table.words, np.uint32)
    ids: list[int] = []
    while len(ids) < _MOST:
        if matcher.is_accepting():
            return tuple(ids)
        matcher.unsafe_compute_mask_ptr(row.ctypes.data, row.nbytes)
        token = _closest(row, table)
        if token is None or matcher.try_consume_tokens([token]) != 1:
            return None
        ids.append(token)
    return None


def _legal(row: Any, pieces: tuple[bytes, ...], table: TokenTable) -> list[int]:
    """The ids of those pieces that are legal."""
    tokens = [token for piece in pieces if (token := table.ranks.get(piece)) is not None]
    return [token for token in tokens if (int(row[token >> 5]) >> (token & 31)) & 1]


def _closest(row: Any, table: TokenTable) -> int | None:
    """The legal id that closes most; None if no text is legal."""
    in_string = len(_legal(row, _TEXT, table)) == len(_TEXT)
    signs = _legal(row, _QUOTES if in_string else _SIGNS, table)
    if signs:
        return signs[0]
    words = row.nonzero()[0][:_FEW].tolist()
    legal = [(w << 5) + bit for w in words for bit in range(32) if (int(row[w]) >> bit) & 1]
    pieces = {token: table.pieces[token] for token in legal if token in table.pieces}
    # The longest text goes furthest; white space goes nowhere.
    return max(pieces, key=lambda token: len(pieces[token].strip(_SPACE)), default=None)
