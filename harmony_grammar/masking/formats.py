"""What a body may be told to be: the ways to write it down, brought into one form."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.errors import ConstraintError
from harmony_grammar.masking.schema_bodies import BodyGrammar
from harmony_grammar.schemas.drafts import current, is_old

if TYPE_CHECKING:
    from harmony_grammar.schemas.relaxing import Relaxation

__all__ = ["ARGUMENTS", "any_object", "json_body", "response_body", "schema_of"]

ARGUMENTS: Final = "JSON arguments"
_RESPONSE: Final = "the response format"
_OBJECT: Final = MappingProxyType({"type": "object"})
_FIELD: Final = "response_format"
_DELETE: Final = "\x7f"  # which JSON leaves as it is, and the engine's Lark does not take so

# The names and numbers of tokens in a Lark grammar, and what looks like one but is text.
_LARK_TOKENS: Final = re.compile(
    r"""(?P<other>"(?:\\.|[^"\\])*"|//[^\n]*|/(?:\\.|[^/\\\n])+/)|<[^<>\s]+>""", re.DOTALL
)
_NEVER: Final = r"/[^\s\S]/"  # a body holds no tokens but those of text, so these match nothing

# Without this the engine leaves one way to cut a text that must come, the encoding's own.
_LONGEST_KEPT: Final = 20_000  # characters of a grammar that is remembered
_WHOLE: Final = {"lark_grammar": '%llguidance {"no_forcing": true}\nstart: @body'}


def _grammar(kind: str, description: Any) -> str:
    return json.dumps({"grammars": [_WHOLE, {"name": "body", kind: description}]})


def refusal(grammar: str) -> str:
    """Why llguidance cannot use a grammar; empty if it can."""
    return (_kept if len(grammar) <= _LONGEST_KEPT else _refusal)(grammar)


def _refusal(grammar: str) -> str:
    matcher = importlib.import_module("llguidance").LLMatcher
    return str(matcher.validate_grammar(grammar))


_kept: Final = lru_cache(maxsize=1024)(_refusal)


def _checked(body: BodyGrammar, where: str) -> BodyGrammar:
    # The description alone says whether it can be used, and is checked sooner.
    if why := refusal(json.dumps({"grammars": json.loads(body.grammar)["grammars"][1:]})):
        raise ConstraintError(f"{where}: {why}")
    return body


def json_body(
    schema: Any, where: str, label: str, relaxed: list[Relaxation] | None = None
) -> BodyGrammar:
    """A body that a JSON Schema describes.

    Args:
        schema: the schema: an object, or True for any JSON.
        where: the name of the field that it was given in.
        label: what the body is called in messages to people.
        relaxed: where to say what of the schema is not held; None if that is an error.

    Raises:
        ConstraintError: if the schema is not JSON, not valid, or beyond the engine.
    """
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConstraintError(f"{where}: a JSON Schema must be JSON: {error}") from None
    if isinstance(schema, dict) and is_old(text):
        schema = current(schema)
    if _refused(schema):
        schema = _held(schema, where, relaxed)
    return BodyGrammar(_grammar("json_schema", schema), label, typed=True)


def _refused(schema: Any) -> str:
    """Why a body cannot be what a schema says; empty if it can."""
    return refusal(json.dumps({"grammars": [{"name": "body", "json_schema": schema}]}))


def _held(schema: Any, where: str, relaxed: list[Relaxation] | None) -> Any:
    """What can be held of a schema that is refused as it is."""
    from harmony_grammar.schemas.relaxing import Relaxation, held  # noqa: PLC0415  few need it

    known = held(schema, _refused)
    lost = [Relaxation(where, pointer, reason) for pointer, reason in known.lost]
    if lost and relaxed is None:
        raise ConstraintError(str(lost[0]))
    if relaxed is not None:
        relaxed += lost
    return known.schema


def any_object(label: str) -> BodyGrammar:
    """A body that is any JSON object."""
    return json_body(dict(_OBJECT), label, label)


def schema_of(model: Any) -> Any:
    """The JSON Schema of a pydantic model, a class; None for anything else."""
    maker = getattr(model, "model_json_schema", None) if isinstance(model, type) else None
    return maker() if callable(maker) else None


def _regex(pattern: Any) -> BodyGrammar:
    if isinstance(pattern, re.Pattern):
        if pattern.flags & ~re.UNICODE:
            raise ConstraintError(f"{_FIELD}: a regular expression may have no flags")
        pattern = pattern.pattern
    if not isinstance(pattern, str):
        raise ConstraintError(f"{_FIELD}: a regular expression must be text")
    matcher = importlib.import_module("llguidance").LLMatcher
    lark = json.loads(matcher.grammar_from_regex(pattern))["grammars"][0]["lark_grammar"]
    body = BodyGrammar(_grammar("lark_grammar", lark), _RESPONSE, typed=False)
    return _checked(body, _FIELD)


def _choice(options: Any) -> BodyGrammar:
    texts = [options] if isinstance(options, str) else list(options)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ConstraintError(f"{_FIELD}: a choice must be between texts, and at least one")
    rule = " | ".join(json.dumps(text, ensure_ascii=False) for text in texts)
    rule = rule.replace(_DELETE, f"\\u{ord(_DELETE):04x}")
    body = BodyGrammar(_grammar("lark_grammar", f"start: {rule}"), _RESPONSE, typed=False)
    return _checked(body, _FIELD)


def _without_token(token: str) -> str:
    """What stands for a token in a Lark grammar: nothing, since a body has none but text."""
    if token.startswith("<["):
        raise ConstraintError(
            f"{_FIELD}: {token} names ids, and a body is described as text: write a pattern, "
            r"such as /(.|\n)*/ for any text"
        )
    return _NEVER


def _lark(text: Any) -> BodyGrammar:
    if not isinstance(text, str):
        raise ConstraintError(f"{_FIELD}: a Lark grammar must be text")
    own = _LARK_TOKENS.sub(lambda found: found["other"] or _without_token(found[0]), text)
    body = BodyGrammar(_grammar("lark_grammar", own), _RESPONSE, typed=False, cut=own != text)
    return _checked(body, _FIELD)


_Reported: TypeAlias = "list[Relaxation] | None"
_Form: TypeAlias = "Callable[[Mapping[str, Any], _Reported], BodyGrammar | None]"


def _schema(schema: Any, relaxed: _Reported) -> BodyGrammar:
    return json_body(schema, _FIELD, _RESPONSE, relaxed)


def _openai_schema(form: Mapping[str, Any], relaxed: _Reported) -> BodyGrammar:
    inner = form.get("json_schema", form)
    if not isinstance(inner, Mapping) or "schema" not in inner:
        raise ConstraintError(f"{_FIELD}: the form `json_schema` needs a `schema`")
    return _schema(inner["schema"], relaxed)


def _member(name: str, make: Callable[[Any], BodyGrammar]) -> _Form:
    def read(form: Mapping[str, Any], _: _Reported) -> BodyGrammar:
        if name not in form:
            raise ConstraintError(f"{_FIELD}: the form `{form['type']}` needs a `{name}`")
        return make(form[name])

    return read


# The forms that name themselves; any other mapping is a JSON Schema.
_FORMS: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "text": lambda *_: None,
        "json_object": lambda *_: any_object(_RESPONSE),
        "json_schema": _openai_schema,
        "regex": _member("pattern", _regex),
        "choice": _member("choices", _choice),
        "lark": _member("grammar", _lark),
    }
)


def response_body(given: Any, relaxed: _Reported = None) -> BodyGrammar | None:
    """What the answer must be.

    Args:
        given: None for free text; a JSON Schema; a pydantic model; a compiled regular
            expression; a list of texts to choose from; or a mapping whose `type` is `text`,
            `json_object`, `json_schema` (with `schema`, or as openai nests it), `regex` (with
            `pattern`), `choice` (with `choices`) or `lark` (with `grammar`).
        relaxed: where to say what of a schema is not held; None if that is an error.

    Returns:
        The body, or None for free text.

    Raises:
        ConstraintError: if it is none of these, or the engine cannot use it.
    """
    if given is None:
        return None
    if isinstance(given, re.Pattern):
        return _regex(given)
    if (schema := schema_of(given)) is not None:
        return _schema(schema, relaxed)
    if isinstance(given, Mapping):
        kind = given.get("type")
        form = _FORMS.get(kind) if isinstance(kind, str) else None
        return _schema(dict(given), relaxed) if form is None else form(given, relaxed)
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return _choice(given)
    if given is True:
        return _schema(given, relaxed)
    raise ConstraintError(
        f"{_FIELD}: a JSON Schema, a regular expression, a list of texts or a mapping with a "
        f"`type` ({', '.join(_FORMS)}) is needed, not {type(given).__name__}"
    )
