"""Whether a text is JSON, and whether JSON data fit a schema.

What is checked may come from anywhere, and so may the prompt. Therefore a pattern that could take
long is passed over, as are a long list whose items must differ and what refers to itself too often;
nothing that is passed over is a fault.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["NOT_JSON", "Fitting", "Mismatch", "json_of"]

_MOST_REFERENCES: Final = 2000  # that are followed in one check
_LONGEST_TEXT: Final = 256  # that a pattern is tried on
_LONGEST_LIST: Final = 1000  # whose items are compared with each other
_LONGEST_MESSAGE: Final = 160

# A repeated group, or more repetitions than a short text can be searched for in no time.
_SLOW: Final = re.compile(r"\)\s*[*+{?]|(?:[*+]|,\}).*(?:[*+]|,\}).*(?:[*+]|,\})", re.DOTALL)


class _NotJson:
    """What `json_of` returns for text that is no JSON."""


NOT_JSON: Final = _NotJson()


def json_of(text: str) -> object:
    """The JSON data that a text is; `NOT_JSON` if it is none, as `NaN` is none."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOT_JSON


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


class Mismatch(NamedTuple):
    """Where data does not fit.

    Attributes:
        pointer: the place in the data, as a JSON pointer; empty for the whole.
        message: what is wrong there.
    """

    pointer: str
    message: str


class _Spent(Exception):
    """More references were followed than are worth it."""


class Fitting:
    """A check against schemas, of which one must fit.

    Args:
        schemas: the schemas, as they were read from a prompt.
    """

    def __init__(self, schemas: Sequence[dict[str, Any]]) -> None:
        self.schemas = schemas
        self._left = 0

    def fault(self, value: object) -> Mismatch | None:
        """Why data fits none of the schemas; None if it fits, or if that cannot be told."""
        try:
            faults = [self._fault(validator, value) for validator in self._validators]
        except Exception:  # noqa: BLE001  a schema of a prompt may be wrong in any way
            return None
        return None if None in faults else next(iter(faults), None)

    @cached_property
    def _validators(self) -> list[Any]:
        import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415  it ships no types, and few inputs need it

        from harmony_grammar.schemas.dialects import lenient  # noqa: PLC0415  the same

        usual = jsonschema.Draft202012Validator
        checks = {
            "$ref": self._reference(usual.VALIDATORS["$ref"]),
            "pattern": _pattern,
            "uniqueItems": _unless_long(usual.VALIDATORS["uniqueItems"]),
        }
        kind = jsonschema.validators.extend(usual, checks)
        return [kind(lenient(schema)) for schema in self.schemas]

    def _reference(self, usual: Callable[..., Any]) -> Callable[..., Any]:
        def check(validator: Any, reference: Any, value: Any, schema: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise _Spent
            return usual(validator, reference, value, schema)

        return check

    def _fault(self, validator: Any, value: object) -> Mismatch | None:
        import jsonschema  # noqa: PLC0415  loaded already

        self._left = _MOST_REFERENCES
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is None:
            return None
        from harmony_grammar.schemas.dialects import pointer_step  # noqa: PLC0415  the same

        pointer = "".join(f"/{pointer_step(str(step))}" for step in error.absolute_path)
        return Mismatch(pointer, _short(error.message))


def _short(message: str) -> str:
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = _LONGEST_MESSAGE // 2  # what is wrong stands at the end, the value before it
    return f"{message[:half]} … {message[-half:]}"


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    """The check of a pattern that cannot take long; any other is passed over."""
    import jsonschema  # noqa: PLC0415  loaded already

    if not validator.is_type(value, "string") or len(value) > _LONGEST_TEXT:
        return
    if not _SLOW.search(pattern) and not re.search(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _unless_long(usual: Callable[..., Any]) -> Callable[..., Any]:
    def check(validator: Any, unique: Any, value: Any, schema: Any) -> Any:
        long = isinstance(value, list) and len(value) > _LONGEST_LIST
        return () if long else usual(validator, unique, value, schema)

    return check
