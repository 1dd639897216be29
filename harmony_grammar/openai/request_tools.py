"""The tools of a request: what is declared to the model, and what each is called on either side."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from harmony_grammar.errors import HarmonyError
from harmony_grammar.openai.notes import ConversionError, NoteCode
from harmony_grammar.openai.plain import as_list, as_object, as_text, as_word, note_keys
from harmony_grammar.tree import Author, Message, Role
from harmony_grammar.tree.functions import function_of
from harmony_grammar.tree.tools import FUNCTIONS, ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Options

__all__ = ["BROWSER", "PREDEFINED", "PYTHON", "RequestTool", "ToolKind", "Tools", "custom_input"]

ToolKind: TypeAlias = Literal["function", "custom", "builtin", "mcp"]

BROWSER: Final = "browser"
PYTHON: Final = "python"
PREDEFINED: Final = (PYTHON, BROWSER, "container")
"""The namespaces that the model was trained with."""

_RESERVED: Final = (*PREDEFINED, FUNCTIONS)
_ALIAS: Final = "_tool"
_DOT: Final = "."
_SEARCHES: Final = ("web_search", "web_search_preview")
_FUNCTION_KEYS: Final = frozenset(
    {
        *("type", "name", "description", "parameters", "strict", "inputSchema", "input_schema"),
        *("title", "annotations", "outputSchema", "cache_control", "defer_loading", "_meta"),
    }
)
# What the model has not learned to call, whatever the prompt says.
_UNSUPPORTED: Final = frozenset(
    {
        *("tool_search", "file_search", "computer", "computer_use", "computer_use_preview"),
        *("image_generation", "local_shell", "programmatic_tool_calling"),
    }
)
_SHIMS: Final = ("apply_patch", "shell")  # tools of the API that take a text
_INPUT: Final = "input"
_CUSTOM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {_INPUT: {"type": "string"}},
    "required": [_INPUT],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class RequestTool:
    """A tool of a request.

    Attributes:
        name: its name in the API.
        recipient: whom a call of it is addressed to.
        kind: what it is to the API.
        namespace: the namespace, or the label of the MCP server, in the API.
        parameters: the JSON Schema of the arguments; None for any.
        strict: whether calls must keep to the schema.
        path: where the request declares it.
    """

    name: str
    recipient: str
    kind: ToolKind = "function"
    namespace: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool = False
    path: str = ""


@dataclass(slots=True)
class Tools:
    """The tools of a request, by their names on either side.

    Attributes:
        by_recipient: the tools, by the recipient of a call.
        by_name: the tools, by namespace and name in the API.
        functions: what is declared under the namespace of functions, in order.
        namespaces: what is declared under further namespaces.
        builtins: the predefined namespaces that are declared.
        servers: the labels of MCP servers, which are namespaces of their own.
    """

    grammar: Grammar
    options: Options
    notes: NoteList
    strict_default: bool
    by_recipient: dict[str, RequestTool] = field(default_factory=dict)
    by_name: dict[tuple[str | None, str], RequestTool] = field(default_factory=dict)
    functions: list[ToolDescription] = field(default_factory=list)
    namespaces: dict[str, ToolNamespaceConfig] = field(default_factory=dict)
    builtins: list[str] = field(default_factory=list)
    servers: set[str] = field(default_factory=set)
    _called: dict[tuple[str | None, str], str] = field(default_factory=dict)

    # --- looking up ---

    def recipient(self, name: str, namespace: str | None, path: str) -> str:
        """Whom a call of a tool is addressed to, also if the request does not declare it.

        Raises:
            ConversionError: if there is no name.
        """
        tool = self.by_name.get((namespace, name))
        if tool is not None:
            return tool.recipient
        if not name:
            raise ConversionError("a call needs the name of a function", path)
        key = (namespace, name)
        if key not in self._called:
            self._called[key] = self._free(self._written(namespace, name, path))
        return self._called[key]

    def called(self, recipient: str) -> RequestTool | None:
        """The declared tool that a recipient names; also a function without its namespace."""
        tool = self.by_recipient.get(recipient)
        return tool or self.by_recipient.get(f"{FUNCTIONS}{_DOT}{recipient}")

    def in_namespace(self, label: str) -> list[RequestTool]:
        """The tools of a namespace or an MCP server."""
        return [tool for tool in self.by_recipient.values() if tool.namespace == label]

    # --- reading ---

    def read(self, tools: Any, path: str) -> None:
        """Read the tools of a request.

        Raises:
            ConversionError: if one is not a tool, or of a kind that the model does not know, or
                two have one name.
        """
        for index, item in enumerate(as_list(tools, path)):
            self._read(as_object(item, f"{path}/{index}"), f"{path}/{index}", None)

    def _read(self, tool: Mapping[str, Any], path: str, namespace: str | None) -> None:
        kind = as_word(tool.get("type"), f"{path}/type") or "function"
        if kind == "function":
            self._function(tool, path, namespace)
        elif kind == "custom" or kind in _SHIMS:
            self._custom(tool, path, namespace, str(kind))
        elif kind == "namespace":
            self._namespace(tool, path)
        elif kind == "mcp":
            self._mcp(tool, path)
        elif kind == "code_interpreter" or str(kind).startswith(_SEARCHES):
            self._builtin(PYTHON if kind == "code_interpreter" else BROWSER, str(kind), path)
        else:
            self._unsupported(str(kind), path, known=kind in _UNSUPPORTED)

    def _unsupported(self, kind: str, path: str, *, known: bool) -> None:
        said = "the model has not learned" if known else "the API does not have"
        if self.options.unsupported_tools == "error":
            raise ConversionError(
                f"{said} tools of the kind {kind!r}: declare a function instead, or leave it out "
                "with unsupported_tools='skip'",
                f"{path}/type",
            )
        self.notes.add(NoteCode.UNSUPPORTED_TOOL, path, kind)

    def _function(self, tool: Mapping[str, Any], path: str, namespace: str | None) -> None:
        inner = tool.get("function")
        data = tool if inner is None else as_object(inner, f"{path}/function")
        where = path if inner is None else f"{path}/function"
        if inner is not None:
            note_keys(self.notes, tool, ("type", "function", "cache_control"), path)
        try:
            described = function_of(data, "the tool")
        except ValueError as error:
            raise ConversionError(str(error), where) from error
        note_keys(self.notes, data, _FUNCTION_KEYS, where)
        strict = data.get("strict")
        self._declare(
            described,
            RequestTool(
                name=described.name,
                recipient="",
                namespace=namespace,
                parameters=described.parameters,
                strict=self.strict_default if strict is None else bool(strict),
                path=where,
            ),
        )

    def _custom(self, tool: Mapping[str, Any], path: str, namespace: str | None, kind: str) -> None:
        """A tool that takes text: a function of one text, since the model calls with JSON."""
        data = as_object(tool.get("custom") or tool, path)
        name = as_text(data.get("name", None if kind == "custom" else kind), f"{path}/name")
        note_keys(self.notes, data, ("type", "name", "description", "format", "custom"), path)
        lines = [str(data.get("description") or ""), _syntax(data.get("format"), path)]
        description = "\n".join(line for line in lines if line)
        self.notes.add(NoteCode.TOOL_AS_FUNCTION, path, name) if kind != "custom" else None
        self._declare(
            ToolDescription(name, description, _CUSTOM_SCHEMA),
            RequestTool(name, "", "custom", namespace, _CUSTOM_SCHEMA, strict=True, path=path),
        )

    def _namespace(self, tool: Mapping[str, Any], path: str) -> None:
        name = as_text(tool.get("name"), f"{path}/name")
        note_keys(self.notes, tool, ("type", "name", "description", "tools"), path)
        for index, item in enumerate(as_list(tool.get("tools") or [], f"{path}/tools")):
            place = f"{path}/tools/{index}"
            self._read(as_object(item, place), place, name)
        config, told = self.namespaces.get(name), tool.get("description")
        if told and config is None:  # its tools are functions like all others
            self.notes.add(NoteCode.NO_PLACE, f"{path}/description", "'description'")
        elif told and config is not None:
            config.description = as_text(told, f"{path}/description")

    def _mcp(self, tool: Mapping[str, Any], path: str) -> None:
        label = as_text(tool.get("server_label"), f"{path}/server_label")
        listed = self.options.mcp_tools.get(label)
        if listed is None:
            raise ConversionError(
                f"the tools of the server {label!r} are not known: ask it for them, and give "
                f"them as mcp_tools={{{label!r}: [...]}}",
                path,
            )
        allowed = tool.get("allowed_tools")
        if isinstance(allowed, Mapping):
            allowed = allowed.get("tool_names")
        if allowed is not None:
            allowed = as_list(allowed, f"{path}/allowed_tools")
        self.listed(label, listed, path, allowed)

    def listed(self, label: str, tools: Any, path: str, allowed: Any = None) -> None:
        """Declare the tools that an MCP server has, under its own namespace."""
        self.servers.add(label)
        for index, item in enumerate(as_list(tools, path)):
            place = f"{path}/tools/{index}"
            try:
                described = function_of(as_object(item, place), "the tool")
            except ValueError as error:
                raise ConversionError(str(error), place) from error
            hidden = allowed is not None and described.name not in allowed
            if not hidden and (label, described.name) not in self.by_name:
                known = RequestTool(
                    described.name, "", "mcp", label, described.parameters, path=place
                )
                self._declare(described, known)

    def _builtin(self, name: str, kind: str, path: str) -> None:
        if self.options.builtins == "refuse":
            raise ConversionError(f"this server has no tool of the kind {kind!r}", f"{path}/type")
        if name in self.builtins:
            raise ConversionError(f"{kind!r} is declared twice", path)
        self.builtins.append(name)
        config = ToolNamespaceConfig.python() if name == PYTHON else ToolNamespaceConfig.browser()
        recipients = [f"{name}{_DOT}{one.name}" for one in config.tools] or [name]
        for recipient in recipients:
            tool = RequestTool(recipient, recipient, "builtin", path=path)
            self.by_recipient[recipient] = tool

    # --- names ---

    def _declare(self, described: ToolDescription, tool: RequestTool) -> None:
        key = (tool.namespace, tool.name)
        if key in self.by_name:
            raise ConversionError(f"two tools are called {tool.name!r}", f"{tool.path}/name")
        recipient = self._free(self._written(tool.namespace, tool.name, tool.path))
        space, _, written = recipient.partition(_DOT)
        if written != tool.name and tool.kind != "mcp":
            self.notes.add(NoteCode.RENAMED_TOOL, f"{tool.path}/name", f"{tool.name!r}")
        self.by_name[key] = self.by_recipient[recipient] = replace(tool, recipient=recipient)
        takes = None if _takes_nothing(described.parameters) else described.parameters
        declared = described
        if written != described.name or takes is not described.parameters:
            declared = replace(described, name=written, parameters=takes)
        if space == FUNCTIONS:
            self.functions.append(declared)
            return
        config = self.namespaces.setdefault(space, ToolNamespaceConfig(space, tools=[]))
        config.tools.append(declared)

    def _written(self, namespace: str | None, name: str, path: str) -> str:
        """The recipient that a tool has in the prompt."""
        own = namespace in self.servers or self.options.namespaces == "own"
        if own and namespace is not None:
            space = self._name(namespace, path)
            return f"{space}{_DOT}{self._name(name, path)}"
        whole = name if namespace is None else f"{namespace}__{name}"
        return f"{FUNCTIONS}{_DOT}{self._name(whole, path)}"

    def _name(self, name: str, path: str) -> str:
        """A name that a header can carry, and that is no predefined tool's."""
        if not name:
            raise ConversionError("a tool needs a name", f"{path}/name")
        if self.options.names == "identifier" or not _carries(self.grammar, name):
            name = _identifier(name)
        reserved = {*_RESERVED, self.grammar.rules.opening_role}
        if self.options.alias_reserved and name.split(_DOT, 1)[0] in reserved:
            name += _ALIAS
        return name

    def _free(self, recipient: str) -> str:
        """The recipient, or one with a number behind it if it is another tool's already."""
        taken = {*self.by_recipient, *self._called.values()}
        candidates = (f"{recipient}_{number}" for number in range(2, len(taken) + 3))
        if recipient not in taken:
            return recipient
        return next(one for one in candidates if one not in taken)

    # --- declaring ---

    def descriptions(self) -> Iterator[ToolNamespaceConfig]:
        """The namespaces that a developer message declares."""
        if self.functions:
            yield ToolNamespaceConfig(FUNCTIONS, tools=self.functions)
        yield from self.namespaces.values()

    def for_mask(self) -> list[ToolNamespaceConfig]:
        """The tools as a constraint takes them: no parameters are any object."""
        return [
            replace(config, tools=[self._open(config.name, tool) for tool in config.tools])
            for config in self.descriptions()
        ]

    def _open(self, space: str, tool: ToolDescription) -> ToolDescription:
        """A tool with the schema that the request gives it, which the prompt may not show."""
        given = self.by_recipient[f"{space}{_DOT}{tool.name}"].parameters
        return replace(tool, parameters=dict(given or _ANY))

    def schemas(self) -> dict[str, Mapping[str, Any] | None]:
        """The JSON Schemas of the arguments, by recipient."""
        return {name: tool.parameters for name, tool in self.by_recipient.items()}


_ANY: Final[dict[str, Any]] = {"type": "object"}
_SAY_NOTHING: Final = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description", "$schema"}
)


def _takes_nothing(schema: Mapping[str, Any] | None) -> bool:
    """Whether a function takes no arguments; the guide writes `() => any` for it."""
    if not schema:
        return True
    named = any(schema.get(key) for key in ("properties", "required", "additionalProperties"))
    return schema.get("type") == "object" and not named and _SAY_NOTHING.issuperset(schema)


_LONGEST_KEPT: Final = 256  # characters of a name whose verdict is remembered


def _carries(grammar: Grammar, name: str) -> bool:
    """Whether a header can carry a function's name, in a call and in its result."""
    return (_kept_verdict if len(name) <= _LONGEST_KEPT else _verdict)(grammar, name)


def _verdict(grammar: Grammar, name: str) -> bool:
    rules = grammar.rules
    whole = f"{FUNCTIONS}{_DOT}{name}"
    channel = rules.calls_channel
    call = Message(Author(Role.ASSISTANT), "", channel, whole)  # type: ignore[arg-type]  # made a list
    result = Message(Author(Role.TOOL, whole), "", channel, rules.opening_role)  # type: ignore[arg-type]
    try:
        texts = [grammar.render(message) for message in (call, result)]
        read = [grammar.parse(text).messages[0] for text in texts]
    except HarmonyError:
        return False
    return read[0].recipient == whole and read[1].author.name == whole


_kept_verdict: Final = lru_cache(maxsize=4096)(_verdict)


def _identifier(name: str) -> str:
    """A name as an identifier, as Ollama makes it."""
    known = re.sub(r"[^A-Za-z0-9_]", "", re.sub(r"[ .\-/]", "_", name))
    known = known or "tool"
    return f"_{known}" if known[0].isdigit() else known


def _syntax(given: Any, path: str) -> str:
    """What a description says of the format of a custom tool's input."""
    if given is None:
        return ""
    data = as_object(given, f"{path}/format")
    data = as_object(data.get("grammar") or data, f"{path}/format/grammar")
    if data.get("type") == "text":
        return ""
    definition = as_text(data.get("definition"), f"{path}/format/definition")
    return f"The input must follow this {data.get('syntax', 'lark')} grammar:\n{definition}"


def custom_input(arguments: str) -> str | None:
    """The text that a custom tool is called with; None if the call is not of that form."""
    try:
        data = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or list(data) != [_INPUT] or not isinstance(data[_INPUT], str):
        return None
    return data[_INPUT]
