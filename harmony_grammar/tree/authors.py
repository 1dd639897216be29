"""Authors, roles and content types: the words of a header."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from harmony_grammar.errors import FieldError
from harmony_grammar.tokens import after_marker, is_marked
from harmony_grammar.tree.nodes import (
    PLAIN_TEXT,
    FieldKind,
    Node,
    Optionally,
    Worded,
    require_known,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

__all__ = ["Author", "ContentType", "CustomRole", "Role", "role_of", "wire_role"]


class Role(str, Enum):
    """Who speaks, in the format's five roles."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    DEVELOPER = "developer"
    TOOL = "tool"

    @classmethod
    def _missing_(cls, value: object) -> Role:
        known = ", ".join(role.value for role in cls)
        message = f"Unknown role: {value!r} (the roles are {known})"
        raise ValueError(message)


class CustomRole(str):
    """A role that a grammar of one's own adds to the five."""

    __slots__ = ()

    @property
    def value(self) -> str:
        """The role's word, as `Role.value`."""
        return str(self)


def wire_role(role: Role | CustomRole) -> dict[str, Any]:
    """A role in wire JSON.

    One that a grammar adds is marked, so that a mistyped one is not taken for it.
    """
    known = isinstance(role, Role)
    return {"role": role.value} if known else {"role": role.value, "custom_role": True}


def role_of(data: Mapping[str, Any]) -> Role | CustomRole:
    """The role that `wire_role` wrote.

    Raises:
        KeyError: if there is none.
        FieldError: if it is neither one of the five nor marked as one of a grammar's own.
    """
    word = data["role"]
    if data.get("custom_role") is True:
        return CustomRole(word)
    try:
        return Role(word)
    except ValueError as error:
        raise FieldError(str(error)) from None


class ContentType(str):
    """What a body is, in wire spelling: a word, after the constrain marker if it is constrained.

    Example:
        >>> ContentType("json").constrained
        False
    """

    __slots__ = ()

    @property
    def constrained(self) -> bool:
        """Whether the marker stands before the word."""
        return is_marked(self)

    @property
    def name(self) -> str:
        """The word alone."""
        return after_marker(self)


def _role(word: str) -> Role | CustomRole:
    return word if isinstance(word, (Role, CustomRole)) else Role(word)


@dataclass(slots=True)
class Author(Node):
    """Who a message is from: a role, and for tools (and named users) a name."""

    kinds: ClassVar[Mapping[str, FieldKind]] = {
        "role": Worded(_role, Role),
        "name": Optionally(PLAIN_TEXT),
    }

    role: Role | CustomRole
    name: str | None = None

    @classmethod
    def new(cls, role: Role | CustomRole, name: str) -> Self:
        """An author with a name."""
        return cls(role=role, name=name)

    def to_dict(self) -> dict[str, Any]:
        """The author as wire JSON data."""
        return {**wire_role(self.role), "name": self.name}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The author that `to_dict` wrote.

        Raises:
            KeyError: if there is no role.
            FieldError: if there is a key that is no field, or a field cannot hold what it is
                given.
        """
        require_known(cls, raw, (*cls.kinds, "custom_role"))
        return cls(role_of(raw), raw.get("name"))
