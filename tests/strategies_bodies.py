"""Contents as programs make them: their texts hold no titles, and their names are words."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from harmony_grammar.tree.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.tree.tools import ResponseFormat, ToolDescription, ToolNamespaceConfig

Schemas = st.SearchStrategy[dict[str, Any]]

DEPTH = 3

_WORDS = (
    "city",
    "the city",
    "e.g. SF, CA",
    "use: it well",
    'say "hi"',
    "日本",
    "(or not)",
    "a | b",
)
_lines = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3).map(" ".join)
_names = st.sampled_from(("a", "b", "snake_case", "with-dash", "$ref", "a.b", "type", "été", "x1"))


def texts() -> st.SearchStrategy[str]:
    """One or a few lines, perhaps with a blank line between."""
    joints = st.sampled_from(("\n", "\n\n"))
    lines = st.lists(_lines, min_size=1, max_size=3)
    return st.builds(lambda joint, found: joint.join(found), joints, lines)


def _described(schema: Schemas) -> Schemas:
    """Schemas with what stands above a field."""
    extras = st.fixed_dictionaries(
        {},
        optional={
            "title": _lines,
            "description": texts(),
            "examples": st.lists(_lines, min_size=1, max_size=2),
        },
    )
    return st.builds(lambda schema, more: {**schema, **more}, schema, extras)


def _simple() -> Schemas:
    plain: Schemas = st.sampled_from(
        (
            {},
            {"type": "string"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "array"},
            {"type": ["string", "null"]},
            {"type": ["number", "string"]},
            {"type": "string", "default": "x"},
            {"type": "number", "default": 3},
            {"type": "boolean", "default": False},
            {"type": "string", "enum": ["c", "f"], "default": "c"},
        )
    )
    enums = st.lists(st.sampled_from(("c", "f", "two words")), min_size=1, max_size=3, unique=True)
    chosen: Schemas = enums.map(lambda words: {"type": "string", "enum": words})
    return plain | chosen


@cache
def types(depth: int = DEPTH) -> Schemas:
    """Schemas that are read as they were written."""
    if not depth:
        return _simple()
    inner: Schemas = st.deferred(lambda: types(depth - 1))  # deferred, so that its name stays short
    lists = inner.filter(_bracketed).map(lambda schema: {"type": "array", "items": schema})
    nested: Schemas = st.deferred(lambda: objects(depth - 1))
    return st.one_of(_simple(), lists, nested)


def _bracketed(schema: dict[str, Any]) -> bool:
    """Whether brackets behind a type stand for all of it, and say all that the schema does."""
    return not {"nullable", "default", "oneOf"} & schema.keys()


def objects(depth: int = DEPTH) -> Schemas:
    """Objects with such fields, some of them a choice of several types."""
    fields = _described(st.deferred(lambda: types(depth))) | st.deferred(lambda: _choices(depth))
    properties = st.dictionaries(_names, fields, max_size=3)
    return st.builds(_object, properties, st.lists(_names, max_size=3))


def _object(properties: dict[str, Any], names: list[str]) -> dict[str, Any]:
    required = [name for name in properties if name in names]
    more = {"required": required} if required else {}
    return {"type": "object", "properties": properties, **more}


def _choices(depth: int) -> Schemas:
    variants = st.deferred(lambda: types(depth)).filter(lambda schema: "default" not in schema)
    described = st.builds(lambda schema, said: {**schema, **said}, variants, _remarks())
    return st.lists(described, min_size=2, max_size=3).map(lambda found: {"oneOf": found})


def _remarks() -> Schemas:
    return st.just({}) | st.sampled_from(("one", "other")).map(lambda said: {"description": said})


def tools() -> st.SearchStrategy[ToolDescription]:
    """Tools with and without parameters."""
    parameters: st.SearchStrategy[dict[str, Any] | None] = (
        st.none() | st.deferred(objects) | st.just({})
    )
    return st.builds(ToolDescription, _names, texts() | st.just(""), parameters)


@st.composite
def namespaces(draw: st.DrawFn) -> dict[str, ToolNamespaceConfig] | None:
    """Namespaces by their names."""
    found = st.builds(
        ToolNamespaceConfig,
        st.sampled_from(("functions", "shop", "python")),
        st.none() | texts(),
        tools=st.lists(tools(), max_size=3, unique_by=lambda tool: tool.name),
    )
    configs = draw(st.lists(found, min_size=1, max_size=3, unique_by=lambda config: config.name))
    return draw(st.sampled_from((None, {config.name: config for config in sorted_by(configs)})))


def sorted_by(configs: list[ToolNamespaceConfig]) -> list[ToolNamespaceConfig]:
    """Namespaces in the order in which they are written."""
    return sorted(configs, key=lambda config: config.name)


def response_formats() -> st.SearchStrategy[ResponseFormat]:
    """Response formats with schemas of any kind."""
    schemas = st.deferred(objects).map(lambda schema: json.loads(json.dumps(schema)))
    return st.builds(ResponseFormat, _names, schemas, st.none() | texts())


def developers() -> st.SearchStrategy[DeveloperContent]:
    """Developer contents."""
    formats = st.lists(response_formats(), max_size=2, unique_by=lambda known: known.name)
    return st.builds(DeveloperContent, st.none() | texts(), namespaces(), formats)


def systems() -> st.SearchStrategy[SystemContent]:
    """System contents."""
    channels = st.lists(
        st.sampled_from(("analysis", "commentary", "final", "critique")), min_size=1
    )
    return st.builds(
        SystemContent,
        model_identity=st.none() | texts(),
        reasoning_effort=st.none() | st.sampled_from(ReasoningEffort),
        conversation_start_date=st.none() | st.just("2025-06-28"),
        knowledge_cutoff=st.none() | st.just("2024-06"),
        channel_config=st.none() | st.builds(ChannelConfig, channels, st.booleans()),
        tools=namespaces(),
    )
