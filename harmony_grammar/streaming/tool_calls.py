"""The calls among recovered messages, and whether they may be dispatched.

Only a call that is `ready` may: it was closed by the token that ends calls, or by the end of the
input behind a whole JSON value, its arguments are valid JSON, and they are valid against the
tool's schema where that is known. Recovery never completes, corrects or renames a call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.checking.values import NOT_JSON, json_of, violation
from harmony_grammar.reading.headers import Machine
from harmony_grammar.streaming.header_words import CODE_TOOLS, HeaderWords
from harmony_grammar.tree.functions import function_of, nearest
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.scanner import Scanner
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.tree import Message

__all__ = ["CallJudge", "CallStatus", "ToolCall", "Tools", "tool_calls"]

CallStatus: TypeAlias = Literal[
    "ready", "truncated", "invalid_arguments", "unknown_tool", "ambiguous"
]

Schema: TypeAlias = "Mapping[str, Any] | None"
Tool: TypeAlias = "str | ToolDescription | ToolNamespaceConfig | Mapping[str, Any]"
Tools: TypeAlias = "Mapping[str, Schema] | Iterable[Tool]"

_FUNCTIONS: Final = "functions."
_JSON: Final = "json"
_START: Final = "conversation"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call, or what looks like one.

    Attributes:
        name: the tool, as the message addresses it; None if the header named several.
        arguments: the body, as it stands.
        parsed: the arguments as data; None if they are not JSON.
        status: `ready`, or why the call must not be dispatched: `truncated` (the input ended in
            it), `invalid_arguments` (not JSON, or not what the schema asks for), `unknown_tool`,
            or `ambiguous` (it is not certain that, or whom, the model meant to call).
        message: the message.
        suggestion: what to tell the model: the nearest known tool, or what is wrong with the
            arguments. Nothing is ever substituted.
    """

    name: str | None
    arguments: str
    parsed: Any
    status: CallStatus
    message: Message
    suggestion: str | None = None

    @property
    def ready(self) -> bool:
        """Whether the call may be dispatched."""
        return self.status == "ready"


def tool_calls(
    recovery: Recovery, tools: Tools | None, *, analysis_calls: Literal["accept", "reject"]
) -> tuple[ToolCall, ...]:
    """The calls among the messages; see `Recovery.tool_calls`."""
    judge = CallJudge(recovery.rules, tools, analysis_calls=analysis_calls)
    repairs = sorted(recovery.repairs, key=lambda repair: repair.span)
    places = [repair.span.start for repair in repairs]

    def found() -> Iterator[ToolCall | None]:
        for message in recovery.messages:
            begin, end = message.span or (0, 0)
            inside = repairs[bisect_left(places, begin) : bisect_left(places, end)]
            yield judge.call(message, inside, last=end == recovery.source.length)

    return tuple(call for call in found() if call is not None)


class CallJudge:
    """Judging calls, one message after another.

    Args:
        rules: the grammar.
        tools: the tools that there are; None if they are not known.
        analysis_calls: whether functions may be called on the channel of reasoning.

    Raises:
        ValueError: if `analysis_calls` is neither of its words, or a tool is none.
    """

    def __init__(
        self,
        rules: Rules,
        tools: Tools | None,
        *,
        analysis_calls: Literal["accept", "reject"] = "accept",
    ) -> None:
        if analysis_calls not in ("accept", "reject"):
            raise ValueError(f"analysis_calls must be 'accept' or 'reject', not {analysis_calls!r}")
        self.rules = rules
        self.tools = None if tools is None else dict(_known(tools))
        self.rejects_analysis = analysis_calls == "reject"
        self.analysis = rules.meaning.reasoning
        self.terminator = rules.literal(rules.meaning.end_of_call)

    def call(self, message: Message, repairs: Sequence[Repair], *, last: bool) -> ToolCall | None:
        """The call that a message is, if it is one.

        Args:
            message: the message.
            repairs: what was mended in it.
            last: whether the input ends with it.
        """
        if message.author.role != self.rules.meaning.model_role:
            return None
        if message.recipient is None:
            return self.conflicting(message, repairs)
        parsed = json_of(message.text)
        data = None if parsed is NOT_JSON else parsed
        whole = last and isinstance(parsed, Mapping)  # so it does not matter how it is closed
        if whole:
            code = DiagnosticCode.RECIPIENT_WITHOUT_CALL
            repairs = [one for one in repairs if one.code is not code]
        status, suggestion = self.verdict(message, repairs, parsed, last=last, whole=whole)
        return ToolCall(message.recipient, message.text, data, status, message, suggestion)

    def conflicting(self, message: Message, repairs: Sequence[Repair]) -> ToolCall | None:
        """A call whose header names several tools."""
        conflict = DiagnosticCode.CONFLICTING_RECIPIENTS
        several = any(repair.code is conflict for repair in repairs)
        if not several or message.terminator != self.terminator:
            return None
        return ToolCall(None, message.text, None, "ambiguous", message, "name one recipient")

    def doubtful(self, repair: Repair) -> bool:
        """Whether a repair leaves doubt about a call."""
        if repair.code not in _JUNK:
            return repair.code not in _HARMLESS
        names = _names(self.rules)
        return any(names.scan(char, 0).name for char in repair.found)

    def verdict(
        self,
        message: Message,
        repairs: Sequence[Repair],
        parsed: object,
        *,
        last: bool,
        whole: bool,
    ) -> tuple[CallStatus, str | None]:
        """The status of a call, and what to say about it."""
        name = message.recipient or ""
        if message.terminator is None and not any(map(_stripped, repairs)):
            open_end = self.open_end(parsed, last=last)
            if open_end is not None:
                return open_end, None
        elif message.terminator != self.terminator and not whole:
            return "ambiguous", f"end a call with {self.terminator}"
        if self.tools is not None and name not in self.tools:
            return "unknown_tool", nearest(name, self.tools)
        if self.rejects_analysis and self.on_analysis(message, name):
            return "ambiguous", f"functions are called on {self.rules.calls_channel}"
        if any(map(self.doubtful, repairs)):
            return "ambiguous", "the message is damaged where it says whom it calls, or with what"
        return self.arguments(message, name, parsed)

    def open_end(self, parsed: object, *, last: bool) -> CallStatus | None:
        """Why a call without a terminator is not ready; None if its body is whole.

        A number may go on, and so may code: only brackets, quotes and words close themselves.
        """
        if not last:
            return "ambiguous"
        number = isinstance(parsed, (int, float)) and not isinstance(parsed, bool)
        return "truncated" if parsed is NOT_JSON or number else None

    def on_analysis(self, message: Message, name: str) -> bool:
        """Whether a function is called on the channel of reasoning."""
        return message.channel == self.analysis and name.startswith(_FUNCTIONS)

    def arguments(
        self, message: Message, name: str, parsed: object
    ) -> tuple[CallStatus, str | None]:
        """Whether the arguments are what the tool takes."""
        schema = None if self.tools is None else self.tools[name]
        if parsed is NOT_JSON:
            if schema is None and _takes_code(message, name):
                return "ready", None
            return "invalid_arguments", "the arguments are not valid JSON"
        wrong = None if schema is None else _violation(name, schema, parsed, len(message.text))
        return ("ready", None) if wrong is None else ("invalid_arguments", wrong)


def _violation(name: str, schema: Schema, arguments: object, length: int) -> str | None:
    """What is wrong with arguments; an error names the tool whose schema is none."""
    try:
        return violation(schema or {}, arguments, length)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


@lru_cache(maxsize=8)
def _names(rules: Rules) -> Scanner:
    """What the names of authors consist of; made once for a grammar."""
    return HeaderWords(Machine(rules, _START)).authors


# Repairs that leave no doubt about whom a message calls, and with what.
_HARMLESS: Final = frozenset(
    {
        DiagnosticCode.MISSING_START,
        DiagnosticCode.PADDING,  # the model has ended its turn
        DiagnosticCode.MISSING_TERMINATOR,  # of the message before
        DiagnosticCode.MISSING_ROLE,
        DiagnosticCode.MISSING_SPACE,
        DiagnosticCode.MISSING_CHANNEL_TOKEN,
        DiagnosticCode.ODD_HEADER,
        DiagnosticCode.DOUBLED_ROLE,
        DiagnosticCode.REPEATED_OPENING,
        DiagnosticCode.DUPLICATE_CHANNEL,
        DiagnosticCode.DUPLICATE_RECIPIENT,
        DiagnosticCode.TRUNCATED_BODY,
    }
)
# Repairs that leave none unless what they dropped may be a piece of a name.
_JUNK: Final = frozenset({DiagnosticCode.CHANNEL_JUNK, DiagnosticCode.UNEXPECTED_TEXT})


def _stripped(repair: Repair) -> bool:
    """Whether a repair supplies tokens that were stripped: then nothing said where a call ends."""
    return repair.code is DiagnosticCode.STRIPPED_TOKENS


def _takes_code(message: Message, name: str) -> bool:
    kind = message.content_type
    declared_json = kind is not None and kind.name.lower() == _JSON
    return name in CODE_TOOLS and not declared_json


# --- tools ---


def _known(tools: Tools) -> Iterator[tuple[str, Schema]]:
    """The recipients of tools, and the schemas of their arguments."""
    if isinstance(tools, Mapping):
        for name, schema in tools.items():
            yield _recipient(name), schema
        return
    for tool in tools:
        yield from _described(tool)


def _described(tool: Tool) -> Iterator[tuple[str, Schema]]:
    if isinstance(tool, str):
        yield _recipient(tool), None
    elif isinstance(tool, ToolNamespaceConfig) and not tool.tools:
        yield tool.name, None  # a tool itself, whose body is not JSON
    elif isinstance(tool, ToolNamespaceConfig):
        for one in tool.tools:
            yield f"{tool.name}.{one.name}", one.parameters
    else:
        function = function_of(tool)
        yield _function(function.name), function.parameters


def _function(name: str) -> str:
    """A function's name under its namespace, also if it has a dot or is that of another tool."""
    return name if name.startswith(_FUNCTIONS) else _FUNCTIONS + name


def _recipient(name: str) -> str:
    """A name without a namespace is a function's, unless it is a tool of the format's own."""
    return name if "." in name or name in CODE_TOOLS else _FUNCTIONS + name
