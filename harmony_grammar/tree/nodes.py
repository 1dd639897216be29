"""What the objects of the tree have in common: fields that are checked whenever they are set.

The reference's objects are pydantic models: their attributes can be assigned, their lists
appended to, and they convert what they are given. Programs rely on all that, so these do the
same, without needing pydantic, whose methods they have too. A class says of each field what it
holds, as a `FieldKind`: that checks and converts what is set, and describes it in a JSON schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import MISSING, fields
from difflib import get_close_matches
from enum import Enum
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeVar

from harmony_grammar.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from dataclasses import Field

    from typing_extensions import Self

__all__ = [
    "BOOLEAN",
    "OURS",
    "PLAIN_TEXT",
    "ByName",
    "FieldKind",
    "FieldMisfit",
    "JsonObject",
    "Listed",
    "Nested",
    "Node",
    "Optionally",
    "Worded",
    "expect",
    "must_be",
    "object_schema",
    "present",
    "require_known",
    "unchecked",
]

OURS: Final = MappingProxyType({"ours": True})
"""The metadata of a field that the reference's objects lack; dumped only if there is anything."""

_MAX_DEPTH: Final = 128  # of objects and lists in a tool's parameters
_WANTED: Final = " must be "
_set: Final = object.__setattr__
T = TypeVar("T")


class FieldMisfit(Exception):
    """A value that a kind does not take.

    Attributes:
        before: what to say before the name of the field.
        after: what to say behind it.
    """

    def __init__(self, before: str, after: str) -> None:
        super().__init__(before, after)
        self.before = before
        self.after = after


def unchecked(kind: type[T], **fields: Any) -> T:
    """An object with only these fields, which hold what they may for sure."""
    node = object.__new__(kind)
    for name, value in fields.items():
        _set(node, name, value)
    return node


class FieldKind(Protocol):
    """What a field holds."""

    def take(self, value: Any) -> Any:
        """The value, converted where the reference's objects convert it.

        Raises:
            FieldMisfit: if it is of the wrong type.
            FieldError: if it, or something in it, says what it should not.
        """

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the field in wire JSON."""


class Node:
    """An object of the tree."""

    __slots__ = ()

    kinds: ClassVar[Mapping[str, FieldKind]] = {}
    """What each field holds that takes part in equality, in the order of wire JSON."""

    if not TYPE_CHECKING:  # whoever checks types knows the fields; this would allow any name

        def __setattr__(self, name: str, value: object) -> None:
            kind = self.kinds.get(name)
            try:
                _set(self, name, value if kind is None else kind.take(value))
            except FieldMisfit as misfit:
                said = f"{misfit.before}{type(self).__name__}.{name}{misfit.after}"
                raise FieldError(said) from None

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        # A copy, or what was pickled: it holds what was checked already, memories included.
        for part in state:
            for name, value in (part or {}).items():
                _set(self, name, value)

    # --- wire JSON ---

    def to_dict(self) -> dict[str, Any]:
        """The object as wire JSON data."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The object that wire JSON data describes.

        Raises:
            FieldError: if a field that has no default is missing, there is no such field, or one
                has what it cannot hold.
        """
        expect(Mapping, f"what {cls.__name__} is read from", raw)
        require_known(cls, raw, cls.kinds)
        for name in needed_fields(cls):  # type: ignore[arg-type]  # a class has a hash
            if name not in raw:
                raise FieldError(f"{cls.__name__}.{name} is missing in {dict(raw)!r}")
        return cls(**raw)

    @classmethod
    def of_mapping(cls, raw: Mapping[str, Any]) -> Self:
        """The object that a mapping stands for where an object is expected."""
        return cls.from_dict(raw)

    def marks(self) -> dict[str, Any]:
        """What says of which kind the object is, where others may stand, too."""
        return {}

    # --- what pydantic's models have ---

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The fields as a dict, as pydantic's models give them.

        Args:
            options: `mode="json"` for data of JSON; `include` and `exclude`, names of fields;
                `exclude_none` and `exclude_defaults`. Others of pydantic's change nothing.

        Example:
            >>> from harmony_grammar import TextContent
            >>> TextContent("Hi").model_dump()
            {'text': 'Hi'}
        """
        return dumped(self, **options)

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """The fields as JSON; see `model_dump`.

        Args:
            indent: how far nested lines are indented; None for one line.
            options: as for `model_dump`.
        """
        separators = (",", ":") if indent is None else None
        data = dumped(self, **{**options, "mode": "json"})
        return json.dumps(data, ensure_ascii=False, indent=indent, separators=separators)

    @classmethod
    def model_validate(cls, obj: Any, **_options: Any) -> Self:
        """The object that a mapping of its fields, or of wire JSON, describes.

        Raises:
            FieldError: if it describes none.
        """
        try:
            found: Self = Nested(cls).take(obj)
        except FieldMisfit as misfit:
            raise FieldError(f"what {cls.__name__} is made of{misfit.after}") from None
        return found

    @classmethod
    def model_validate_json(cls, json_data: str | bytes, **_options: Any) -> Self:
        """The object that JSON describes; see `model_validate`.

        Raises:
            FieldError: if it describes none, or is no JSON.
        """
        try:
            return cls.model_validate(json.loads(json_data))
        except json.JSONDecodeError as error:
            raise FieldError(f"what {cls.__name__} is read from is no JSON: {error}") from error

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy.

        Args:
            update: fields that are set in the copy.
            deep: whether what the fields hold is copied, too.

        Raises:
            FieldError: if a field cannot hold what it is set to.
        """
        other = deepcopy(self) if deep else copy(self)
        require_known(type(self), update or {}, self.kinds)
        for name, value in (update or {}).items():
            setattr(other, name, value)
        return other

    @classmethod
    def model_json_schema(cls, **_options: Any) -> dict[str, Any]:
        """The JSON Schema of wire JSON."""
        properties = {name: kind.schema() for name, kind in cls.kinds.items()}
        return object_schema(cls.__name__, properties, needed_fields(cls))  # type: ignore[arg-type]  # a class has a hash

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        """How pydantic validates a field of this class, and dumps it: as wire JSON."""
        from pydantic_core import core_schema  # noqa: PLC0415  only pydantic calls this

        # An instance is an exact match; a mapping is not, so `Message | dict` leaves dicts alone.
        return core_schema.lax_or_strict_schema(
            core_schema.no_info_plain_validator_function(cls.model_validate),
            core_schema.is_instance_schema(cls),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda node: node.to_dict() if isinstance(node, Node) else node
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _core_schema: Any, _handler: Any) -> dict[str, Any]:
        """How pydantic describes a field of this class."""
        return cls.model_json_schema()


@cache
def needed_fields(class_: Any) -> tuple[str, ...]:
    """The fields that have no default."""
    return tuple(
        item.name
        for item in fields(class_)
        if item.default is MISSING and item.default_factory is MISSING
    )


def object_schema(
    title: str, properties: Mapping[str, dict[str, Any]], needed: Sequence[str]
) -> dict[str, Any]:
    """The JSON Schema of an object."""
    required = {"required": list(needed)} if needed else {}
    return {"title": title, "type": "object", "properties": dict(properties), **required}


def require_known(class_: type[Node], raw: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse keys that are no fields.

    Raises:
        FieldError: if there is one; it names the nearest that is.
    """
    for name in raw:
        if name not in known:
            near = get_close_matches(str(name), [key for key in known if key not in raw], n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise FieldError(f"{class_.__name__} has no field {name!r}: {hint}")


def dumped(node: Node, *, mode: str = "python", **options: Any) -> dict[str, Any]:
    """The fields of an object as data, as `Node.model_dump` says."""
    include, exclude = options.get("include"), options.get("exclude") or ()
    out = {}
    for item in fields(node):  # type: ignore[arg-type]  # a dataclass
        name, value = item.name, getattr(node, item.name)
        chosen = (include is None or name in include) and name not in exclude
        own = "ours" in item.metadata and not value  # the reference's objects have no such field
        bare = options.get("exclude_none") and value is None
        usual = options.get("exclude_defaults") and value == _default(item)
        if name in node.kinds and chosen and not (own or bare or usual):
            out[name] = _data(value, mode, options)
    return out


def _default(item: Field[Any]) -> object:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _data(value: Any, mode: str, options: Mapping[str, Any]) -> Any:
    if isinstance(value, Node):
        rest = {key: on for key, on in options.items() if key not in ("include", "exclude")}
        return {**dumped(value, mode=mode, **rest), **value.marks()}
    if isinstance(value, list):
        return [_data(item, mode, options) for item in value]
    if isinstance(value, dict):
        return {key: _data(item, mode, options) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value if mode == "json" else value
    return str(value) if isinstance(value, str) else value


def expect(
    kind: type | tuple[type, ...], name: str, value: object, *, optional: bool = False
) -> None:
    """Raise a `FieldError` that names what it is about, unless `value` is of `kind`."""
    if kind is Mapping and type(value) is dict:  # as it mostly is, and the other way is slow
        return
    if not isinstance(value, kind) and not (optional and value is None):
        raise FieldError(name + must_be(kind, value, optional=optional))


def present(**items: object) -> dict[str, Any]:
    """The items that are set, in order, as the reference drops what is None."""
    return {key: value for key, value in items.items() if value is not None}


def must_be(kind: type | tuple[type, ...], value: object, *, optional: bool = False) -> str:
    """What to say of a value that is not of `kind`, behind its name."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = " or ".join(k.__name__ for k in kinds) + (" or None" if optional else "")
    return f"{_WANTED}{wanted}, not {type(value).__name__}"


# --- what fields hold ---


class Plain:
    """A value of a type of Python's that JSON has, too.

    Args:
        type_: the type.
        word: what JSON Schema calls it.
    """

    def __init__(self, type_: type, word: str) -> None:
        self.type = type_
        self._word = word

    def take(self, value: Any) -> Any:
        """The value itself."""
        if not isinstance(value, self.type):
            raise FieldMisfit("", must_be(self.type, value))
        return value

    def schema(self) -> dict[str, Any]:
        """Its type."""
        return {"type": self._word}


PLAIN_TEXT: Final = Plain(str, "string")
BOOLEAN: Final = Plain(bool, "boolean")


class Worded:
    """A text of a class of its own.

    Args:
        make: makes it of a word; raises `ValueError` if it is none.
        words: the words that there are; None for any.
    """

    def __init__(self, make: Any, words: type[Enum] | None = None) -> None:
        self._make = make
        self._words = words

    def take(self, value: Any) -> Any:
        """The value, made of its word."""
        if not isinstance(value, str):
            raise FieldMisfit("", must_be(str, value))
        try:
            return self._make(value)
        except ValueError as error:
            raise FieldError(str(error)) from None

    def schema(self) -> dict[str, Any]:
        """A text, one of the words if they are known."""
        known = {} if self._words is None else {"enum": [word.value for word in self._words]}
        return {"type": "string", **known}


class Optionally:
    """A value, or None.

    Args:
        kind: what the value is.
    """

    def __init__(self, kind: FieldKind) -> None:
        self._kind = kind

    def take(self, value: Any) -> Any:
        """The value, or None."""
        if value is None:
            return None
        try:
            return self._kind.take(value)
        except FieldMisfit as misfit:
            if misfit.before or not misfit.after.startswith(_WANTED):
                raise
            raise FieldMisfit("", misfit.after.replace(", not ", " or None, not ", 1)) from None

    def schema(self) -> dict[str, Any]:
        """The schema of either."""
        return {"anyOf": [self._kind.schema(), {"type": "null"}]}


class Nested:
    """An object of the tree, given as such or as a mapping.

    Args:
        class_: its class.
    """

    def __init__(self, class_: type[Node]) -> None:
        self._class = class_

    def take(self, value: Any) -> Any:
        """The object itself, or made of a mapping."""
        if isinstance(value, self._class):
            return value
        if isinstance(value, Mapping):
            try:
                return self._class.of_mapping(value)
            except KeyError as error:
                said = f"{self._class.__name__}.{error.args[0]} is missing in {dict(value)!r}"
                raise FieldError(said) from None
        raise FieldMisfit("", must_be(self._class, value))

    def schema(self) -> dict[str, Any]:
        """The schema of the class."""
        return self._class.model_json_schema()


class Listed:
    """A list, made anew of a list or a tuple.

    Args:
        kind: what its items are.
    """

    def __init__(self, kind: FieldKind) -> None:
        self._kind = kind

    def take(self, value: Any) -> Any:
        """A new list of the items."""
        if not isinstance(value, (list, tuple)):
            raise FieldMisfit("", must_be((list, tuple), value))
        try:
            return [self._kind.take(item) for item in value]
        except FieldMisfit as misfit:
            raise FieldMisfit(f"an item of {misfit.before}", misfit.after) from None

    def schema(self) -> dict[str, Any]:
        """A list of such items."""
        return {"type": "array", "items": self._kind.schema()}


class ByName:
    """A dict with names for keys, made anew of a mapping.

    Args:
        kind: what its values are.
    """

    def __init__(self, kind: FieldKind) -> None:
        self._kind = kind

    def take(self, value: Any) -> Any:
        """A new dict of the items."""
        if not isinstance(value, Mapping):
            raise FieldMisfit("", must_be(Mapping, value))
        taken = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise FieldMisfit("a key of ", must_be(str, key))
            try:
                taken[key] = self._kind.take(item)
            except FieldMisfit as misfit:
                raise FieldMisfit(misfit.before, f"[{key!r}]{misfit.after}") from None
        return taken

    def schema(self) -> dict[str, Any]:
        """An object with any names."""
        return {"type": "object", "additionalProperties": self._kind.schema()}


class JsonObject:
    """A JSON object, copied: lists for tuples, strings for keys, as JSON would bring it."""

    def take(self, value: Any) -> Any:
        """A copy."""
        if not isinstance(value, Mapping):
            raise FieldMisfit("", must_be(Mapping, value))
        try:
            copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise FieldMisfit("", f" must be JSON: {error}") from error
        if _depth(copied) > _MAX_DEPTH:
            raise FieldMisfit("", f" is nested deeper than {_MAX_DEPTH} levels")
        return copied

    def schema(self) -> dict[str, Any]:
        """Any object."""
        return {"type": "object"}


def _depth(value: object) -> int:
    """How many objects and lists stand inside one another in `value`, itself included."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, (dict, list))]:
        nested = (item.values() if isinstance(item, dict) else item for item in level)
        level = list(chain.from_iterable(nested))
        depth += 1
    return depth
