"""Reading text whose special tokens were stripped, as decoding with `skip_special_tokens` does.

What is left of a header are its words, glued to the body: `assistantfinalHello`. A text is read
so only if no special token stands in it at all, it begins with a channel, and another message of
the model begins in it further on; anything else may be what somebody meant to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.reading.headers import Fields
from harmony_grammar.streaming.damaged_headers import content_of
from harmony_grammar.tree import ContentType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.inputs import Raw
    from harmony_grammar.streaming.engine import Engine
    from harmony_grammar.streaming.header_words import HeaderWords

__all__ = ["take_stripped"]

_LONGEST: Final = 256  # characters of a recipient; nobody's is longer, and reading stays linear
_VALUES: Final = ("{", "[")  # what a JSON body begins with
_TYPES: Final = ("json", "code")  # the types in use; a body may be glued to them


class _Message(NamedTuple):
    """A message of which only the words are left.

    Attributes:
        fields: what its header said.
        begin: where its header begins, in characters.
        body: where its body begins.
        end: where its body ends.
    """

    fields: Fields
    begin: int
    body: int
    end: int

    def written(self, words: HeaderWords) -> str:
        """Its header with the tokens that are missing."""
        literal, fields = words.rules.literal, self.fields
        said = [*words.rules.opening_words] if self.begin else []
        if fields.channel:
            said += [literal(words.channel), fields.channel]
        if fields.recipient:
            said += [words.marker, fields.recipient]
        if fields.content_type:
            said += [" ", str(fields.content_type)]
        return "".join((*said, literal(min(words.rules.openers))))


def take_stripped(engine: Engine, raw: Raw) -> bool:
    """Read an input that has no special token as messages that have lost theirs.

    Args:
        engine: the engine, at the end of its input.
        raw: the input.

    Returns:
        Whether it is such messages, which then are told.
    """
    record, kind = engine.record, engine.kind
    if engine.begin or record.count or record.held is not None:
        return False
    source = kind.source(raw)
    (piece,) = source.pieces(0, len(raw))
    messages = _read(engine.words, piece.text)

    def place(at: int) -> int:
        return source.span(piece, at, 1).start if at < len(piece.text) else len(raw)

    for message in messages:
        begin, body, end = map(place, message[1:])
        found, text = (
            piece.text[message.begin : message.body],
            piece.text[message.body : message.end],
        )
        written = message.written(engine.words)
        record.repair(DiagnosticCode.STRIPPED_TOKENS, (begin, body), found, written)
        content = content_of(kind, text, raw[body:end])
        record.tell(message.fields, content, (begin, body, end, end), None)
    return bool(messages)


def _read(words: HeaderWords, text: str) -> list[_Message]:
    """The messages of a text without special tokens; none if it is not clear that these are some.

    Args:
        words: the words of headers.
        text: the text.
    """
    role = words.rules.opening_role
    first = _header(words, text, len(role) if text.startswith(role) else 0)
    if first is None or first[0].channel is None:
        return []
    headers = [(0, *first)]
    headers += _further(words, text, first[1])
    if len(headers) < 2:  # noqa: PLR2004  a channel alone may be any word
        return []
    ends = [*(begin for begin, _, _ in headers[1:]), len(text)]
    return [
        _Message(words.fit(fields), begin, body, end)
        for (begin, fields, body), end in zip(headers, ends, strict=True)
    ]


def _further(words: HeaderWords, text: str, at: int) -> Iterator[tuple[int, Fields, int]]:
    """The headers behind the first one."""
    role = words.rules.opening_role
    while (begin := text.find(role, at)) >= 0:
        at = begin + len(role)
        header = _header(words, text, at)
        if header is not None:
            yield begin, *header
            at = header[1]


def _header(words: HeaderWords, text: str, at: int) -> tuple[Fields, int] | None:
    """The fields of a header without its tokens, and where the body begins."""
    channel, at = _scanned(words, text, at)
    recipient, behind = _recipient(words, text, at)
    if recipient is None and channel is None:
        return None
    if recipient is not None and channel is None:
        channel, recipient = _parted(words, recipient)
        if channel is None and not text.startswith(_VALUES, _typed(text, behind, bare=True)[1]):
            return None
    kind, body = _typed(text, behind, bare=recipient is not None)
    if kind is not None and not words.types.scan(kind, 0).name:
        kind, body = None, behind
    said = None if kind is None else ContentType(kind)
    return Fields(words.rules.meaning.model_role, None, channel, recipient, said), body


def _scanned(words: HeaderWords, text: str, at: int) -> tuple[str | None, int]:
    """The channel at a place, and where it ends."""
    name, end, _ = words.channels.scan(text, at)
    return (None, at) if name is None else (text[at:end], end)


def _recipient(words: HeaderWords, text: str, at: int) -> tuple[str | None, int]:
    """The recipient at a place, and where it ends: at a blank or where a JSON body begins."""
    if not words.core:
        return None, at
    begin = at + len(words.marker)
    if not text.startswith(words.marker, at):
        begin = at
        while begin < len(text) and text[begin].isspace() and begin - at < _LONGEST:
            begin += 1
        if not text.startswith(words.core, begin):
            return None, at
        begin += len(words.core)
    part = text[begin : begin + _LONGEST]
    ends = (i for i, char in enumerate(part) if char.isspace() or char in _VALUES)
    name = part[: next(ends, len(part))]
    found, end, _ = words.recipients.scan(name, 0)
    return (name, begin + end) if found is not None and end == len(name) else (None, at)


def _parted(words: HeaderWords, recipient: str) -> tuple[str | None, str]:
    """A recipient and the channel that is glued to it, as in `to=functions.fcommentary`."""
    for channel in words.rules.channels:
        name = recipient.removesuffix(channel)
        whole = name != recipient and words.recipients.scan(name, 0)
        if whole and whole.name is not None and whole.end == len(name) and words.may_call(channel):
            return channel, name
    return None, recipient


def _typed(text: str, at: int, *, bare: bool) -> tuple[str | None, int]:
    """The content type at a place, and where it ends.

    Without a recipient a word is one only if a JSON body is glued to it (`bare` is false).
    """
    begin = at + 1 if text[at : at + 1].isspace() else at
    for word in _TYPES:
        end = begin + len(word)
        kind = text[begin:end]
        if begin > at and kind.lower() == word and (bare or text.startswith(_VALUES, end)):
            return kind, end
    return None, at
