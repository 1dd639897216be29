"""What makes a header wrong although the grammar allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import Author

__all__ = ["Violation", "header_violation"]


class HeaderFields(Protocol):
    """The fields of a header, as far as they are known."""

    @property
    def author(self) -> Author:
        """Who speaks."""

    @property
    def recipient(self) -> str | None:
        """Whom the message is addressed to."""


class Violation(NamedTuple):
    """What makes a header wrong although the grammar allows it.

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


def is_glued(rules: Rules, name: str) -> bool:
    """Whether a name is the model's role and a channel in one word."""
    word = rules.meaning.role_words[rules.meaning.model_role]
    return name.startswith(word) and name[len(word) :] in rules.channels


def header_violation(rules: Rules, fields: HeaderFields) -> Violation | None:
    """What is wrong with a header beyond the grammar.

    The model addresses tools, never itself; and no tool is called as the model's role and a channel
    are. A header that breaks this breaks it however it goes on, so strict reading may stop there.
    """
    meaning, name = rules.meaning, fields.author.name
    if fields.author.role is Role.TOOL and name is not None and is_glued(rules, name):
        word = meaning.role_words[meaning.model_role]
        return Violation(
            "unknown-role",
            "tool",
            f"`{name}` is no tool: it is the role `{word}` and a channel in one word",
            f"write `{rules.literal(meaning.channel_marker)}` between them",
        )
    if fields.author.role != meaning.model_role:
        return None
    if fields.recipient != meaning.role_words[meaning.model_role]:
        return None
    return Violation(
        "self-recipient",
        "recipient",
        f"the {fields.recipient} addresses itself",
        "a message that calls no tool has no recipient",
    )
