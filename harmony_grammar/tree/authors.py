"""Authors, roles and content types: the words of a header."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from harmony_grammar.tokens import after_marker, is_marked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

__all__ = ["Author", "ContentType", "CustomRole", "Role", "expect", "role_of", "wire_role"]


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
        ValueError: if it is neither one of the five nor marked as one of a grammar's own.
    """
    word = data["role"]
    return CustomRole(word) if data.get("custom_role") is True else Role(word)


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


def expect(
    kind: type | tuple[type, ...], name: str, value: object, *, optional: bool = False
) -> None:
    """Raise a `TypeError` that names the field, unless `value` is of `kind`."""
    if isinstance(value, kind) or (optional and value is None):
        return
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = " or ".join(k.__name__ for k in kinds) + (" or None" if optional else "")
    message = f"{name} must be {wanted}, not {type(value).__name__}"
    raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Author:
    """Who a message is from: a role, and for tools (and named users) a name."""

    role: Role | CustomRole
    name: str | None = None

    def __post_init__(self) -> None:
        expect(str, "Author.role", self.role)
        expect(str, "Author.name", self.name, optional=True)
        if not isinstance(self.role, (Role, CustomRole)):
            object.__setattr__(self, "role", Role(self.role))

    @classmethod
    def new(cls, role: Role | CustomRole, name: str) -> Self:
        """An author with a name."""
        return cls(role=role, name=name)
