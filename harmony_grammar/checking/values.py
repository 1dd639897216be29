"""Whether a text is JSON, and whether JSON data fit a schema.

What is checked may come from anywhere, and so may the schema. Therefore nothing is fetched, each
step of a check is counted, patterns are searched for by automata, and a check that takes too many
steps ends. What a prompt says is passed over where it cannot be told: what refers to elsewhere, or
to itself too often, and a pattern that is not regular. Nothing that is passed over is a fault.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.checking.search import search_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["NOT_JSON", "Fitting", "Mismatch", "Work", "json_of", "violation"]

_STEPS: Final = 20_000  # that a check may take, whatever the text is
_STEPS_A_CHARACTER: Final = 4  # that it may take besides
_LONGEST_MESSAGE: Final = 160
_NOTHING: Final = ()
_DRAFT: Final = "$schema"
_OF_NUMBERS: Final = frozenset(
    {
        *(
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "divisibleBy",
        ),
    }
)
_TOO_LARGE: Final = (inf, -inf)  # what a number is read as that may be any of them
_DEEPEST: Final = 150  # keywords that are looked at within each other
_CHARACTERS: Final = 64  # that are as much work as a step


class _NotJson:
    """What `json_of` returns for text that is no JSON."""


NOT_JSON: Final = _NotJson()


def _refuse(constant: str) -> Any:
    raise json.JSONDecodeError(f"{constant} is no JSON", constant, 0)


def json_of(text: str) -> object:
    """The JSON data that a text is; `NOT_JSON` if it is none.

    A whole number of more digits than Python reads is a number, too, and infinite as `1e400` is.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError:
        return NOT_JSON
    except ValueError:
        return json.loads(text, parse_constant=_refuse, parse_int=float)
    except RecursionError:
        return NOT_JSON


class Mismatch(NamedTuple):
    """Where data does not fit.

    Attributes:
        pointer: the place in the data, as a JSON pointer; empty for the whole.
        message: what is wrong there.
    """

    pointer: str
    message: str


class _Spent(Exception):
    """A check takes more steps than it may."""


def _is_panic(error: BaseException) -> bool:
    """Whether a library that is not written in Python gave up, as where the stack ends."""
    return type(error).__name__ == "PanicException"


class Work:
    """The steps that may still be taken.

    Args:
        length: the length of the text that is checked.
    """

    def __init__(self, length: int = 0) -> None:
        self.left = _STEPS + _STEPS_A_CHARACTER * length

    def spend(self, steps: int) -> None:
        """Take some steps.

        Raises:
            _Spent: if there are too few.
        """
        self.left -= steps
        if self.left < 0:
            raise _Spent

    def affords(self, steps: int) -> bool:
        """Take some steps if there are so many."""
        afforded = steps <= self.left
        self.left -= steps if afforded else 0
        return afforded


# --- by the schemas of a prompt ---


class Fitting:
    """A check against schemas of a prompt, of which one must fit.

    Args:
        schemas: the schemas, as they were read.
    """

    def __init__(self, schemas: Sequence[dict[str, Any]]) -> None:
        self.schemas = schemas

    def fault(self, value: object, work: Work | None = None) -> Mismatch | None:
        """Why data fits none of the schemas; None if it fits, or if that cannot be told.

        Args:
            value: the data.
            work: the steps that may be taken.
        """
        work = work or Work()
        try:
            faults = [self._fault(*schema, value, work) for schema in self._read]
        except RecursionError:
            work.affords(_STEPS // 10)  # it was not for nothing
            return None
        except BaseException as error:  # a schema of a prompt may be wrong in any way
            if isinstance(error, Exception) or _is_panic(error):
                return None
            raise
        return None if None in faults else next(iter(faults), None)

    @cached_property
    def _read(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The schemas, each with what references in it are looked up in."""
        from harmony_grammar.schemas.dialects import has_names, lenient  # noqa: PLC0415  the same

        found = map(lenient, self.schemas)
        return [(schema, {} if has_names(schema) else schema) for schema in found]

    def _fault(
        self, schema: dict[str, Any], root: dict[str, Any], value: object, work: Work
    ) -> Mismatch | None:
        import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415  it ships no types, and few inputs need it

        from harmony_grammar.schemas.dialects import pointer_step  # noqa: PLC0415  the same

        kind = _counting(jsonschema.Draft202012Validator, of_prompts=True)
        validator = kind(schema, registry=_nowhere(), format_checker=_Judging(root, work))
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is None:
            return None
        pointer = "".join(f"/{pointer_step(str(step))}" for step in error.absolute_path)
        return Mismatch(pointer, _short(error.message))


def _short(message: str) -> str:
    if len(message) <= _LONGEST_MESSAGE:
        return message
    half = _LONGEST_MESSAGE // 2  # what is wrong stands at the end, the value before it
    return f"{message[:half]} … {message[-half:]}"


# --- by a schema of one's own ---


def violation(schema: Mapping[str, Any], arguments: object, length: int) -> str | None:
    """What is wrong with arguments by the schema of a tool; None if nothing is.

    Args:
        schema: the schema, of any draft; it is taken at its word, and nothing is fetched for it.
        arguments: the arguments, which may be anything.
        length: the length of their text.

    Raises:
        ImportError: if `jsonschema` is missing.
        ValueError: if the schema is none, or refers to what is not in it.
    """
    try:
        import jsonschema  # noqa: F401, PLC0415  a schema that is remembered needs it, too
        import referencing  # noqa: PLC0415

        kind, schema, fault = _readable(schema)
    except ImportError:
        raise ImportError("checking arguments by their schemas needs jsonschema") from None
    if fault is not None:
        raise ValueError(f"the schema of a tool is none: {fault}")
    if _is_surely_valid(schema, arguments):
        return None
    check = _Judging(schema, Work(length))
    validator = _counting(kind, of_prompts=False)(schema, registry=_nowhere(), format_checker=check)
    try:
        found = next(validator.iter_errors(arguments), None)
    except _Spent:
        return "the arguments take too long to check"
    except referencing.exceptions.Unresolvable as error:
        raise ValueError(f"the schema of a tool refers to what is not in it: {error}") from None
    except BaseException as error:
        if isinstance(error, RecursionError) or _is_panic(error):
            return "the arguments are nested too deeply"
        raise
    return None if found is None else f"{found.json_path}: {found.message}"


def _told_anew(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that may be of an older draft, without saying so, as the current one tells it."""
    from harmony_grammar.schemas.drafts import current, is_old  # noqa: PLC0415  few inputs need it

    try:
        return current(dict(schema)) if is_old(json.dumps(schema)) else schema
    except (AttributeError, TypeError, ValueError, RecursionError):
        return schema  # which is none, and is told to be none


_LONGEST_KEPT: Final = 20_000  # characters of a schema that is remembered


class _Readable(NamedTuple):
    """A schema that is ready to check by.

    Attributes:
        kind: the validators of its draft.
        schema: the schema, told anew if it is of an older draft.
        fault: why it is none; None if it is one.
    """

    kind: Any
    schema: Mapping[str, Any]
    fault: str | None


def _readable(schema: Mapping[str, Any]) -> _Readable:
    """A schema as it is read; once for each that calls are checked by."""
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError):
        text = ""
    kept = 0 < len(text) <= _LONGEST_KEPT
    return _kept_readable(text) if kept else _made_readable(schema)


@lru_cache(maxsize=256)
def _kept_readable(text: str) -> _Readable:
    return _made_readable(json.loads(text))


def _made_readable(schema: Mapping[str, Any]) -> _Readable:
    import jsonschema  # noqa: PLC0415  few inputs need it

    if _DRAFT not in schema:
        schema = _told_anew(schema)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        return _Readable(kind, schema, str(error.message))
    return _Readable(kind, schema, None)


# --- what most calls are checked by ---

_ASIDES: Final = frozenset({"title", "description", "default", "examples", "deprecated"})
_PLAIN: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def _is_surely_valid(schema: object, value: object) -> bool:
    """Whether a value is valid by the keywords that nearly all tools use.

    Where it is not, or a schema says more, the whole check says what is wrong.
    """
    if type(schema) is not dict:
        return schema is True
    return all(
        keyword in _ASIDES or (keyword in _SURE and _SURE[keyword](wanted, value, schema))
        for keyword, wanted in schema.items()
    )


def _is_of_type(wanted: Any, value: object, _: object) -> bool:
    return type(wanted) is str and type(value) in _PLAIN.get(wanted, ())


def _has_properties(wanted: Any, value: Any, _: object) -> bool:
    return type(value) is not dict or all(
        name not in value or _is_surely_valid(inner, value[name]) for name, inner in wanted.items()
    )


def _has_required(wanted: Any, value: Any, _: object) -> bool:
    return type(value) is not dict or all(name in value for name in wanted)


def _has_no_others(wanted: Any, value: Any, schema: Any) -> bool:
    if wanted is True or type(value) is not dict:
        return True
    return bool(schema.get("properties", {}).keys() >= value.keys())


def _has_items(wanted: Any, value: Any, _: object) -> bool:
    return type(value) is not list or all(_is_surely_valid(wanted, one) for one in value)


def _is_one_of(wanted: Any, value: object, _: object) -> bool:
    return type(value) is str and value in wanted


_SURE: Final[Mapping[str, Callable[[Any, Any, Any], bool]]] = {
    "type": _is_of_type,
    "properties": _has_properties,
    "required": _has_required,
    "additionalProperties": _has_no_others,
    "items": _has_items,
    "enum": _is_one_of,
}


# --- the keywords, counted ---


@dataclass(slots=True)
class _Judging:
    """What the validators of one check share; it stands where they keep a checker of formats.

    Attributes:
        root: the whole schema.
        work: the steps that may be taken.
        depth: how many keywords are being looked at within each other.
    """

    root: Mapping[str, Any]
    work: Work
    depth: int = 0


_Keyword: TypeAlias = "Callable[[Any, Any, Any, Any], Iterable[Any] | None]"

# Keywords that look at the same value again, and may say more of its properties and items.
_BESIDE: Final = frozenset(
    {
        *("$dynamicRef", "$recursiveRef", "$ref", "allOf", "anyOf", "contains"),
        *("dependentSchemas", "if", "oneOf"),
    }
)


def _nowhere() -> Any:
    """Where nothing is to be found, so that nothing is fetched."""
    import referencing  # noqa: PLC0415  few inputs need it

    return referencing.Registry()


@lru_cache(maxsize=16)
def _counting(kind: Any, *, of_prompts: bool) -> Any:
    """A class of validators whose every step counts.

    Args:
        kind: the class of a draft.
        of_prompts: whether the schemas come from prompts.
    """
    import jsonschema  # noqa: PLC0415  loaded already

    usual = kind.VALIDATORS
    checks = {
        **usual,
        **{name: _finite(usual[name]) for name in _OF_NUMBERS if name in usual},
        "format": _nothing,
        "pattern": _pattern(usual["pattern"]),
        "uniqueItems": _unique,
    }
    if of_prompts:
        additional = _additional(usual["additionalProperties"])
        checks |= {
            **dict.fromkeys(("$ref", "$dynamicRef", "$recursiveRef"), _reference),
            "pattern": _pattern(_nothing),
            "patternProperties": _by_pattern,
            "additionalProperties": additional,
            "unevaluatedProperties": _unless_beside(additional, "additionalProperties"),
            "unevaluatedItems": _unless_beside(usual["items"], "items"),
        }
    counted = {name: _counted(check) for name, check in checks.items()}
    quick = {"type": _typed, "enum": _listed, "const": _constant} if of_prompts else {}
    types = kind.TYPE_CHECKER
    whole = types.redefine(
        "integer", lambda _, value: types.is_type(value, "integer") or value in _TOO_LARGE
    )
    return jsonschema.validators.extend(kind, {**counted, **quick}, type_checker=whole)


def _counted(usual: _Keyword) -> _Keyword:
    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        judging = validator.format_checker
        judging.work.spend(1 + (len(wanted) if isinstance(wanted, (dict, list)) else 0))
        judging.depth += 1
        if judging.depth > _DEEPEST:
            raise RecursionError
        try:
            for error in usual(validator, wanted, value, schema) or ():
                judging.work.spend(len(error.message) // _CHARACTERS)
                yield error
        finally:
            judging.depth -= 1

    return check


def _finite(usual: _Keyword) -> _Keyword:
    """A keyword that compares numbers; one that is too large to be read may be any."""

    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Any:
        return _NOTHING if value in _TOO_LARGE else usual(validator, wanted, value, schema)

    return check


# As in the library, but quick where the value fits, as most do.


def _typed(validator: Any, wanted: Any, value: Any, _: object) -> Iterable[Any]:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if any(validator.is_type(value, kind) for kind in kinds):
        return _NOTHING
    return _told(validator, f"{value!r} is not of type {', '.join(map(repr, kinds))}")


def _listed(validator: Any, wanted: Any, value: Any, _: object) -> Iterable[Any]:
    if _is_among(validator, wanted, value):
        return _NOTHING
    return _told(validator, f"{value!r} is not one of {wanted!r}")


def _constant(validator: Any, wanted: Any, value: Any, _: object) -> Iterable[Any]:
    if _is_among(validator, [wanted], value):
        return _NOTHING
    return _told(validator, f"{wanted!r} was expected")


def _is_among(validator: Any, wanted: Any, value: Any) -> bool:
    spend = validator.format_checker.work.spend
    spend(len(wanted))
    if isinstance(value, str):
        return value in wanted
    spend(_size(wanted))
    apart = _told_apart(value)
    return value in _TOO_LARGE or any(apart == _told_apart(each) for each in wanted)


def _told(validator: Any, message: str) -> Iterable[Any]:
    validator.format_checker.work.spend(len(message) // _CHARACTERS)
    return (_error(message),)


def _size(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _unique(validator: Any, wanted: object, value: object, _: object) -> Iterator[Any]:
    if wanted is True and isinstance(value, list):
        validator.format_checker.work.spend(_size(value))
        if len(set(map(_told_apart, value))) < len(value):
            yield _error(f"{value!r} has non-unique elements")


def _told_apart(value: object) -> object:
    """What is equal for equal values only; JSON tells truth from numbers."""
    if isinstance(value, dict):
        return dict, frozenset((key, _told_apart(each)) for key, each in value.items())
    if isinstance(value, list):
        return list, tuple(map(_told_apart, value))
    return (bool, value) if isinstance(value, bool) else value


def _error(message: str) -> Any:
    import jsonschema  # noqa: PLC0415  loaded already

    return jsonschema.ValidationError(message)


def _nothing(*_: object) -> tuple[()]:
    """What a keyword says that is passed over."""
    return _NOTHING


def _reference(validator: Any, reference: object, value: object, _: object) -> Iterator[Any]:
    """What a reference within the schema refers to; any other is passed over."""
    from harmony_grammar.schemas.references import target  # noqa: PLC0415  few inputs need it

    check = validator.format_checker
    check.work.spend(len(str(reference)) // _CHARACTERS)
    found = target(check.root, reference)
    if found is not None:
        yield from validator.descend(value, found)


# --- the keywords that have patterns ---


def _found(validator: Any, pattern: object, text: object) -> bool | None:
    """Whether a pattern occurs in a text; None if that cannot be told."""
    search = search_for(pattern) if isinstance(pattern, str) else None
    if search is None or not isinstance(text, str):
        return None
    return search.found_in(text, validator.format_checker.work.spend)


def _pattern(otherwise: _Keyword) -> _Keyword:
    """The check of a pattern; another one where it is not one that can be searched for."""

    def check(validator: Any, pattern: Any, value: Any, schema: Any) -> Iterator[Any]:
        found = _found(validator, pattern, value)
        if found is None:
            yield from otherwise(validator, pattern, value, schema) or ()
        elif not found:
            yield _error(f"{value!r} does not match {pattern!r}")

    return check


def _by_pattern(validator: Any, wanted: Any, value: Any, _: object) -> Iterator[Any]:
    if isinstance(value, dict):
        for pattern, schema in wanted.items():
            for name in value:
                if _found(validator, pattern, name):
                    yield from validator.descend(value[name], schema, name, pattern)


def _additional(usual: _Keyword) -> _Keyword:
    """The check of the properties that are neither named nor of a pattern."""

    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        patterns = schema.get("patternProperties")
        if not patterns or not isinstance(value, dict):
            yield from usual(validator, wanted, value, schema) or ()
            return
        named = schema.get("properties", {})
        other = {
            name: value[name]
            for name in value
            if name not in named
            and all(_found(validator, pattern, name) is False for pattern in patterns)
        }
        rest = {key: each for key, each in schema.items() if key != "patternProperties"}
        yield from usual(validator, wanted, other, {**rest, "properties": {}}) or ()

    return check


def _unless_beside(usual: _Keyword, *others: str) -> _Keyword:
    """The check of what no other keyword has looked at, where it is plain what that is."""
    beside = _BESIDE.union(others)

    def check(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterable[Any] | None:
        return usual(validator, wanted, value, schema) if beside.isdisjoint(schema) else ()

    return check
