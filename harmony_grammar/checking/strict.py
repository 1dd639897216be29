"""What makes a header wrong although the grammar allows it.

Each rule looks at the fields of a header, which may still be open, and names the field that is
wrong. Rules are monotone: a header that breaks one breaks it however it goes on, so that a
strict reading may stop there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from harmony_grammar.tree import Author

__all__ = ["HEADER_RULES", "Violation", "header_violation"]


class HeaderFields(Protocol):
    """The fields of a header, as far as they are known."""

    @property
    def author(self) -> Author:
        """Who speaks."""

    @property
    def recipient(self) -> str | None:
        """Whom the message is addressed to."""


class Violation(NamedTuple):
    """A rule that a header breaks.

    Attributes:
        code: the stable name of the finding.
        field: the field that is wrong.
        message: what is wrong, in the format's words.
        hint: what to do about it.
    """

    code: str
    field: str
    message: str
    hint: str


def self_recipient(fields: HeaderFields) -> Violation | None:
    """The assistant addresses tools, never itself."""
    if fields.author.role is not Role.ASSISTANT or fields.recipient != Role.ASSISTANT.value:
        return None
    return Violation(
        "self-recipient",
        "recipient",
        "the assistant addresses itself",
        "a message that calls no tool has no recipient",
    )


HEADER_RULES: Final[tuple[Callable[[HeaderFields], Violation | None], ...]] = (self_recipient,)


def header_violation(fields: HeaderFields) -> Violation | None:
    """The first rule that a header breaks, if it breaks one."""
    return next((found for rule in HEADER_RULES if (found := rule(fields))), None)
