"""What a request says of the completion: effort, the choice of tools, the form of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.openai.notes import ConversionError, NoteCode
from harmony_grammar.openai.plain import as_list, as_object, as_text, as_word, note_keys
from harmony_grammar.openai.request_tools import BROWSER, PYTHON
from harmony_grammar.tree.contents import ReasoningEffort
from harmony_grammar.tree.tools import ResponseFormat

if TYPE_CHECKING:
    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Options
    from harmony_grammar.openai.request_tools import RequestTool, Tools

__all__ = ["AnswerForm", "Effort", "ToolChoice", "answer_form", "effort_of", "tool_choice"]

_ADDED_LEVELS: Final = {
    "minimal": ReasoningEffort.LOW,
    "xhigh": ReasoningEffort.HIGH,
    "max": ReasoningEffort.HIGH,
}
_OFF: Final = "none"
_AUTO: Final = "auto"
_REQUIRED: Final = "required"
_ALLOWED: Final = "allowed_tools"


class Effort(NamedTuple):
    """How long the model is to reason.

    Attributes:
        level: the level that the prompt names.
        forbidden: whether the mask forbids reasoning.
        most: how many ids of reasoning there may be; None for any number.
        hidden: whether the output leaves the reasoning out.
    """

    level: ReasoningEffort = ReasoningEffort.MEDIUM
    forbidden: bool = False
    most: int | None = None
    hidden: bool = False


def effort_of(word: Any, path: str, options: Options, notes: NoteList) -> Effort:
    """The effort that a word of the API is.

    Raises:
        ConversionError: if there is no such effort, or none is asked for and must not be.
    """
    if as_word(word, path) is None:
        return Effort()
    levels = {level.value.lower(): level for level in ReasoningEffort}
    if word in levels:
        return Effort(levels[word])
    if word in _ADDED_LEVELS:
        notes.add(NoteCode.EFFORT, path, repr(word))
        return Effort(_ADDED_LEVELS[word])
    if word != _OFF:
        known = ", ".join([*levels, *_ADDED_LEVELS, _OFF])
        raise ConversionError(f"there is no effort {word!r}; there are {known}", path)
    if options.no_effort == "error":
        raise ConversionError("the model cannot be told not to reason", path)
    notes.add(NoteCode.EFFORT, path, repr(word))
    return Effort(ReasoningEffort.LOW, forbidden=options.no_effort == "no-analysis")


class ToolChoice(NamedTuple):
    """Which tools may be called, and which must.

    Attributes:
        mode: `auto`, `required` or `none`.
        tools: the tools that may be called; None for all.
        forced: whether the request names the one tool to call.
    """

    mode: str = _AUTO
    tools: tuple[RequestTool, ...] | None = None
    forced: bool = False

    def for_mask(self, tools: Tools) -> Any:
        """The choice as a constraint takes it."""
        if self.mode == _OFF or not tools.by_recipient:
            return _OFF
        if self.tools is None:
            return self.mode
        names = [{"name": tool.recipient} for tool in self.tools]
        return {"type": _ALLOWED, "mode": self.mode, "tools": names}

    def allows(self, tool: RequestTool) -> bool:
        """Whether a call of a tool is allowed."""
        return self.mode != _OFF and (self.tools is None or tool in self.tools)


def tool_choice(given: Any, tools: Tools, path: str) -> ToolChoice:
    """Which tools may be called.

    Args:
        given: the choice, as either API has it.
        tools: the tools of the request.
        path: where it stands.

    Raises:
        ConversionError: if it is no choice, names a tool that there is not, or asks for a call
            without tools.
    """
    if given is None or given in (_AUTO, _OFF):
        return ToolChoice(_OFF if given == _OFF else _AUTO)
    if given == _REQUIRED:
        if not tools.by_recipient:
            raise ConversionError("a call is required, but there are no tools", path)
        return ToolChoice(_REQUIRED)
    data = as_object(given, path)
    if data.get("type") == _ALLOWED:
        inner = as_object(data.get(_ALLOWED) or data, f"{path}/{_ALLOWED}")
        mode = inner.get("mode", _AUTO)
        if mode not in (_AUTO, _REQUIRED):
            raise ConversionError(f"the mode is auto or required, not {mode!r}", f"{path}/mode")
        listed = as_list(inner.get("tools") or [], f"{path}/tools")
        places = ((item, f"{path}/tools/{index}") for index, item in enumerate(listed))
        found = [tool for item, place in places for tool in _named(item, tools, place)]
        if not found:
            raise ConversionError("the list of tools is empty; say 'none' instead", path)
        return ToolChoice(mode, tuple(found))
    found = _named(data, tools, path)
    return ToolChoice(_REQUIRED, tuple(found), forced=True)


def _named(given: Any, tools: Tools, path: str) -> list[RequestTool]:
    """The tools that an item of a choice names."""
    data = as_object(given, path)
    kind = data.get("type", "function")
    if kind == "mcp":
        label, name = data.get("server_label"), data.get("name")
        found = tools.in_namespace(as_text(label, f"{path}/server_label"))
        found = [tool for tool in found if name is None or tool.name == name]
    elif kind in ("function", "custom"):
        inner = as_object(data.get(kind) or data, path)
        name = as_text(inner.get("name"), f"{path}/name")
        known = tools.by_name.get((inner.get("namespace"), name))
        found = [known] if known else []
    else:
        space = PYTHON if kind == "code_interpreter" else BROWSER
        is_builtin = kind == "code_interpreter" or str(kind).startswith("web_search")
        name = kind
        found = [t for r, t in tools.by_recipient.items() if is_builtin and _is_of(r, space)]
    if not found:
        declared = ", ".join(tool.name for tool in tools.by_recipient.values()) or "there are none"
        raise ConversionError(f"there is no tool {name!r} (the tools: {declared})", path)
    return found


def _is_of(recipient: str, space: str) -> bool:
    return recipient == space or recipient.startswith(f"{space}.")


class AnswerForm(NamedTuple):
    """What the answer must be.

    Attributes:
        for_mask: as a constraint takes it; None for any text.
        told: as the developer message tells it; None if it does not.
    """

    for_mask: Any = None
    told: ResponseFormat | None = None


def answer_form(given: Any, path: str, options: Options, notes: NoteList) -> AnswerForm:
    """What the answer must be.

    Args:
        given: `response_format` of Chat Completions, or `text.format` of Responses.
        path: where it stands.
        options: whether it is told.
        notes: what is noted.

    Raises:
        ConversionError: if it is no format.
    """
    if given is None:
        return AnswerForm()
    data = as_object(given, path)
    kind = data.get("type")
    if kind == "text":
        return AnswerForm()
    if kind == "json_object":
        return AnswerForm({"type": "json_object"})
    if kind != "json_schema":
        known = "text, json_object, json_schema"
        raise ConversionError(f"there is no format {kind!r}; there are {known}", f"{path}/type")
    nested = data.get("json_schema")
    inner = data if nested is None else as_object(nested, f"{path}/json_schema")
    where = path if nested is None else f"{path}/json_schema"
    note_keys(notes, inner, ("type", "name", "schema", "strict", "description"), where)
    name = as_text(inner.get("name"), f"{where}/name")
    schema = inner.get("schema")
    if not isinstance(schema, (Mapping, bool)):
        raise ConversionError("a JSON Schema is needed", f"{where}/schema")
    binds = inner.get("strict") is not False
    if not binds:
        notes.add(NoteCode.HINT, f"{where}/strict")
    form = {"type": "json_schema", "schema": schema} if binds else {"type": "json_object"}
    told = None
    if options.declare_format and isinstance(schema, Mapping):
        try:
            told = ResponseFormat(name, dict(schema), inner.get("description"))
        except ValueError as error:
            raise ConversionError(str(error), where) from error
    return AnswerForm(form, told)
