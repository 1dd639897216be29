"""A transcript as one page of HTML that needs nothing beside it and fetches nothing.

What a transcript says is data to the page: it stands as JSON in a script element that is not
run, with `<`, `>` and `&` escaped so that nothing in it can end that element, and the page's one
script puts it into text nodes only. The page's policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pkgutil
import re
from base64 import b64encode
from bisect import bisect_right
from collections import Counter
from html import escape
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.view.data import piece_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Span

__all__ = ["compact", "encoded", "page", "ranges"]


def page(data: dict[str, Any]) -> str:
    """The page.

    Args:
        data: what it shows, as `data.shown` makes it.
    """
    script = _packaged("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "title": escape(str(data["title"])),
        "hash": f"sha256-{digest}",
        "data": safe_json(data),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _packaged("page.html"))


def safe_json(data: Any) -> str:
    """Data as JSON in which no markup can begin; ASCII only, half surrogate pairs included."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _packaged(name: str) -> str:
    data = pkgutil.get_data(__package__ or "", name) or b""
    return data.decode("utf-8").replace("\r\n", "\n")


_MORE: Final = 128  # the bit of a byte that is not the last of its number


def encoded(grammar: Grammar, source: str | list[int]) -> list[int]:
    """The ids of a transcript: a decoded text is encoded as the server encodes it."""
    if not isinstance(source, str):
        return source
    return grammar.vocabulary.encode_marked(source, grammar.rules.specials)


def compact(
    grammar: Grammar, ids: Sequence[int], places: Iterable[tuple[int | None, str]]
) -> dict[str, Any]:
    """The tokens of each message, and last those that could not be read.

    Args:
        grammar: the grammar, which has the vocabulary.
        ids: the ids.
        places: for each id the index of its message, or None, and the part of it.
    """
    frequent = [token for token, _ in Counter(ids).most_common()]
    numbers = {token: _number(rank) for rank, token in enumerate(frequent)}
    parts: dict[str, int] = {}
    codes, runs, at = list[str](), list[list[int]](), 0
    for group in _groups(places):
        runs.append([n for part, size in group for n in (parts.setdefault(part, len(parts)), size)])
        size = sum(size for _, size in group)
        data = b"".join(map(numbers.__getitem__, ids[at : at + size]))
        codes.append(b64encode(data).decode())
        at += size
    return {**_table(grammar, frequent), "parts": [*parts], "codes": codes, "runs": runs}


def _groups(places: Iterable[tuple[int | None, str]]) -> Iterator[list[tuple[str, int]]]:
    """The parts of each message and how many ids each has."""
    sizes = ((place, len([*run])) for place, run in groupby(places))
    for _, group in groupby(sizes, key=lambda pair: pair[0][0]):
        yield [(part, size) for (_, part), size in group]


def _number(rank: int) -> bytes:
    if rank < _MORE:
        return bytes([rank])
    return bytes([rank % _MORE + _MORE, *_number(rank // _MORE)])


def _table(grammar: Grammar, tokens: Sequence[int]) -> dict[str, Any]:
    """What ids stand for, and the bytes, in hexadecimal, of those that are no text."""
    texts, raw = list[str](), dict[int, str]()
    for rank, token in enumerate(tokens):
        text, odd = _piece(grammar, token)
        texts.append(text)
        if odd:
            raw[rank] = odd
    special = [rank for rank, token in enumerate(tokens) if token in grammar.rules.special_ids]
    return {"ids": tokens, "texts": texts, "raw": raw, "special": special}


def _piece(grammar: Grammar, token: int) -> tuple[str, str]:
    if not 0 <= token < grammar.vocabulary.size:
        return "(not in the vocabulary)", "unknown"
    piece = piece_of(grammar, token)
    try:
        return piece.decode(), ""
    except UnicodeDecodeError:
        return piece.decode("utf-8", "backslashreplace"), piece.hex(" ")


def ranges(
    grammar: Grammar, source: str | list[int], ids: Sequence[int], spans: Sequence[Span]
) -> list[tuple[int, int]]:
    """Which ids each span of a transcript touches; that before its end if it is empty.

    Args:
        grammar: the grammar, which has the vocabulary.
        source: the transcript.
        ids: its ids.
        spans: the spans, in the units of the transcript.
    """
    if not spans or not ids:
        return [(0, 0) for _ in spans]
    if not isinstance(source, str):
        found = [(span.start, span.end) for span in spans]
    else:
        sizes = {token: len(piece_of(grammar, token)) for token in set(ids)}
        ends = list(accumulate(map(sizes.__getitem__, ids)))
        offsets = _offsets(source, {at for span in spans for at in (span.start, span.end)})
        found = [
            (bisect_right(ends, offsets[s.start]), bisect_right(ends, offsets[s.end] - 1) + 1)
            for s in spans
        ]
    return [_some(begin, end, len(ids)) for begin, end in found]


def _some(begin: int, end: int, size: int) -> tuple[int, int]:
    begin = min(begin, size - 1)
    return begin, min(max(begin + 1, end), size)


def _offsets(text: str, places: Iterable[int]) -> dict[int, int]:
    """Where characters begin, in bytes."""
    found, last, done = dict[int, int](), 0, 0
    for place in sorted(places):
        done += len(text[last:place].encode("utf-8", "surrogatepass"))
        found[place], last = done, place
    return found
