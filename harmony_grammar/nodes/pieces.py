"""Contents: the pieces of what a message says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from harmony_grammar.nodes.authors import expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

__all__ = ["Content", "TextContent", "as_contents", "forgetful", "text_of"]


class Content(ABC):
    """One piece of what a message says."""

    __slots__ = ()

    kind: ClassVar[str]
    """The `type` of the piece in wire JSON."""

    _kinds: ClassVar[dict[str, type[Content]]] = {}

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            Content._kinds[cls.kind] = cls

    def canonical(self) -> Content:
        """The piece without the memory of how it was written; itself if it has none."""
        return self

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The piece as wire JSON data."""

    @classmethod
    @abstractmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The piece that wire JSON data describes."""

    @staticmethod
    def of_dict(raw: Mapping[str, Any]) -> Content:
        """The piece of whichever kind `raw["type"]` names.

        Raises:
            ValueError: if no kind of content has that name.
        """
        kind = Content._kinds.get(raw.get("type", ""))
        if kind is None:
            message = (
                f"Unknown content variant: {raw!r} (the variants are {', '.join(Content._kinds)})"
            )
            raise ValueError(message)
        return kind.from_dict(raw)


@dataclass(frozen=True, slots=True)
class TextContent(Content):
    """A piece of text.

    Attributes:
        text: the text.
        ids: the ids that it was read from, if it was read from ids.
    """

    kind: ClassVar[str] = "text"

    text: str
    ids: Sequence[int] | None = field(default=None, compare=False, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        expect(str, "TextContent.text", self.text)

    def canonical(self) -> TextContent:
        """The text without the ids that it was read from."""
        return TextContent(self.text)

    def to_dict(self) -> dict[str, Any]:
        """`{"type": "text", "text": …}`."""
        return {"type": self.kind, "text": self.text}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The content that `to_dict` wrote."""
        return cls(text=raw["text"])


def as_contents(value: object, name: str) -> tuple[Content, ...]:
    """Bring what a caller gives as contents into a tuple of contents."""
    if isinstance(value, (str, Content)):
        value = (value,)
    expect((list, tuple), name, value)
    pieces = tuple(TextContent(p) if isinstance(p, str) else p for p in value)  # type: ignore[attr-defined]
    for piece in pieces:
        expect(Content, f"an item of {name}", piece)
    return pieces


def text_of(contents: tuple[Content, ...]) -> str:
    """The text of the text contents, joined."""
    if len(contents) == 1 and isinstance(only := contents[0], TextContent):
        return only.text  # as in all that was read
    return "".join(piece.text for piece in contents if isinstance(piece, TextContent))


def forgetful(contents: tuple[Content, ...]) -> tuple[Content, ...]:
    """The same contents without the memory of how they were written."""
    return tuple(piece.canonical() for piece in contents)
