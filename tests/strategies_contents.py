"""Random system and developer contents, with tools whose schemas are odd in every way known."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from harmony_grammar.tree.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.tree.tools import FUNCTIONS, ToolDescription, ToolNamespaceConfig

Schemas = st.SearchStrategy[Any]

DEPTH = 4

# Words that the rendering could take for its own, line ends of all kinds, and any other text.
_WORDS = ("", "null", "a", "b", 'say "hi"', "\\", "\n", "\r\n", "\r", "// x", "} // namespace", "|")
_texts = (
    st.sampled_from(_WORDS)
    | st.lists(st.sampled_from((*_WORDS, "two words", "é", "日本")), max_size=4).map("".join)
    | st.text(max_size=12)
)
_names = st.sampled_from(("a", "b", "c", "snake_case", "with-dash", "two words", "", "é"))

_integers = st.integers(-(2**70), 2**70) | st.integers(-(10**300), 10**300)
_scalars = st.none() | st.booleans() | _integers | st.floats(allow_nan=False, allow_infinity=False)
_json = st.recursive(
    _scalars | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)

_types = st.sampled_from(("object", "string", "number", "integer", "boolean", "array"))
_type_words = _types | st.sampled_from(("null", "", "strange"))


def _mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The usual values, and now and then any JSON at all."""
    return st.one_of(usual, usual, usual, _json)


def _common() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "type": st.one_of(_types, _types, _mostly(_type_words | st.lists(_type_words, max_size=3))),
        "title": _mostly(_texts),
        "description": _mostly(_texts),
        "examples": _mostly(st.lists(_texts | _json, max_size=3)),
        "default": _texts | _json,
        "enum": _mostly(st.lists(_texts | _json, max_size=3)),
        "nullable": _mostly(st.booleans()),
        "required": _mostly(st.lists(_names | _json, max_size=3)),
    }


@cache
def schemas(depth: int) -> Schemas:
    """Schemas nested up to `depth`, and JSON that is no schema at all."""
    return keyword_schemas(depth) | _json


@cache
def keyword_schemas(depth: int = DEPTH) -> Schemas:
    """Objects with every keyword that is read, in any combination, nested up to `depth`."""
    keywords = _common()
    if depth:
        inner = st.deferred(lambda: schemas(depth - 1))
        keywords |= {
            "items": _mostly(inner),
            "oneOf": _mostly(st.lists(inner, max_size=3)),
            "anyOf": st.lists(inner, max_size=2),
            "properties": _mostly(st.dictionaries(_names, inner, max_size=3)),
        }
    return _subset(keywords) | _object(depth) | _choice(depth)


def _subset(keywords: dict[str, st.SearchStrategy[Any]]) -> Schemas:
    """A few of the keywords, in any order."""
    chosen = st.lists(st.sampled_from(sorted(keywords)), max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({n: keywords[n] for n in names}))


def _object(depth: int) -> Schemas:
    """Objects with properties, which plain chance makes too rarely."""
    if not depth:
        return st.just({"type": "object"})
    inner = st.deferred(lambda: schemas(depth - 1))
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(_names, inner, max_size=3)},
        optional={"required": st.lists(_names, max_size=3), "description": _texts},
    )


def _choice(depth: int) -> Schemas:
    """A oneOf whose comments may repeat those of its variants."""
    if not depth:
        return st.just({"oneOf": []})
    few = st.sampled_from(("same", "other"))
    inner = st.deferred(lambda: schemas(depth - 1))
    described = st.fixed_dictionaries(
        {"type": _types},
        optional={"description": few, "default": few | _json, "enum": st.just(["same", "null"])},
    )
    variants = st.lists(described | inner, max_size=3)
    return st.fixed_dictionaries(
        {"oneOf": variants}, optional={"description": few, "default": few, "title": few}
    )


def parameters() -> Schemas:
    """What a tool takes: a schema that is an object, or none."""
    return st.none() | keyword_schemas() | st.dictionaries(_texts, _json, max_size=3)


def tools() -> st.SearchStrategy[ToolDescription]:
    """Tools."""
    return st.builds(ToolDescription, _names, _texts, parameters())


@st.composite
def namespaces(draw: st.DrawFn) -> dict[str, ToolNamespaceConfig] | None:
    """Namespaces by name, or by a key that is not their name."""
    kinds = st.builds(
        ToolNamespaceConfig,
        _names,
        st.none() | _texts,
        tools=st.lists(tools(), max_size=2),
    ) | st.sampled_from((ToolNamespaceConfig.browser(), ToolNamespaceConfig.python()))
    configs = draw(st.none() | st.lists(kinds, max_size=3))
    keys = st.just(FUNCTIONS) | _names
    return None if configs is None else {draw(keys | st.just(c.name)): c for c in configs}


def system_contents() -> st.SearchStrategy[SystemContent]:
    """System contents with any of their fields set, unset or as they are by default."""
    channels = st.builds(ChannelConfig, st.lists(_texts, max_size=4), st.booleans())
    return st.builds(
        lambda changed: SystemContent(**changed),
        st.fixed_dictionaries(
            {},
            optional={
                "model_identity": st.none() | _texts,
                "reasoning_effort": st.none() | st.sampled_from(ReasoningEffort),
                "conversation_start_date": st.none() | _texts,
                "knowledge_cutoff": st.none() | _texts,
                "channel_config": st.none() | channels,
                "tools": namespaces(),
            },
        ),
    )


def developer_contents() -> st.SearchStrategy[DeveloperContent]:
    """Developer contents with and without instructions and tools."""
    return st.builds(DeveloperContent, st.none() | _texts, namespaces())
