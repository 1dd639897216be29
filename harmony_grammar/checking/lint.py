"""The linter: what the grammar allows and a reader should still know.

Each rule is a small function of one message and of what came before it, which stands in a
`Context`. The table says which code each is of and whose messages it looks at; what a code demands,
and examples of it, stand in `codes`. None of them changes the verdict of a strict reading.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.checking.declared import declared, declared_names, has_formats, is_plain
from harmony_grammar.checking.values import NOT_JSON, Mismatch, Work, json_of
from harmony_grammar.errors import Span
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.tokens import special_pattern
from harmony_grammar.tree import Role
from harmony_grammar.tree.functions import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harmony_grammar.checking.declared import Declared, ValidChannels
    from harmony_grammar.errors import Severity
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import CustomRole, Message

__all__ = ["LINT_RULES", "Lint", "LintRule", "Said"]

_FUNCTIONS: Final = "functions."
_USUAL_TYPES: Final = frozenset({"json", "code", "text"})
_JSON: Final = "json"
_CODE: Final = "code"
_LONGEST_NAME: Final = 100  # that another name is compared with
_MOST_NAMES: Final = 10  # that a hint lists
_COMPARED: Final = 4  # steps that it takes to compare two names
_NO_JSON: Final = Mismatch("", "it is no JSON")

_USUAL_NAME: Final = re.compile(r"[A-Za-z0-9_/-]+(\.[A-Za-z0-9_/-]+)*")
# An opening angle bracket, escaped or full-width, before a bar.
_DISGUISED: Final = re.compile(
    r"(?:&lt;|&#0*60;|&#x0*3c;|\\u003c|\\x3c|\uff1c|<(?=\uff5c))[|\uff5c]", re.IGNORECASE
)


class Said(NamedTuple):
    """What a rule says of a message.

    Attributes:
        message: what is unusual, in the format's words.
        span: where, in the units of the input.
        hint: what to do about it.
    """

    message: str
    span: Span
    hint: str


@dataclass(slots=True)
class Context:
    """What is known when a message is looked at.

    Attributes:
        rules: the grammar.
        read_channels: reads the channels that the body of a system message allows.
        work: what may still be done for it all.
        first: whether it is the first message.
        last: whether it is the last message.
        earlier_turn: whether an answer and a new turn come after it.
        systems: how many system messages came before.
        channels: the channels that the system message allows; empty if it names none.
        channel_required: whether the system message requires channels.
        tools: the tools that were declared, each with the last message that does; None before
            any declaration.
        formats: the last message that may declare response formats.
        open_calls: how often each tool was called and has not answered.
        answered: the tools that answered.
        hints: what may still be done to find names that are much like others.
    """

    rules: Rules
    read_channels: Callable[[str], ValidChannels]
    work: Work
    first: bool = True
    last: bool = False
    earlier_turn: bool = False
    systems: int = 0
    channels: tuple[str, ...] = ()
    channel_required: bool = False
    tools: dict[str, Message] | None = None
    formats: Message | None = None
    open_calls: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)
    hints: Work = field(default_factory=Work)
    _read: dict[int, Declared] = field(default_factory=dict)

    def declared(self, message: Message) -> Declared:
        """What a message declares; it is read once."""
        if id(message) not in self._read:
            self._read[id(message)] = declared(self.rules, message.author.role, message.text)
        return self._read[id(message)]


def _whole(message: Message) -> Span:
    return message.span or Span(0, 0)


def _in_header(message: Message, said: str, hint: str) -> Said:
    """Something about a header."""
    return Said(said, message.header_span or _whole(message), hint)


def _in_body(message: Message, said: str, hint: str) -> Said:
    """Something about a body."""
    return Said(said, message.body_span or _whole(message), hint)


# --- headers ---


def _call_on_analysis(message: Message, context: Context) -> Said | None:
    if not (message.recipient or "").startswith(_FUNCTIONS):
        return None
    if not context.rules.meaning.is_reasoning(message.channel):
        return None
    return _in_header(
        message,
        f"`{message.recipient}` is called on the {message.channel} channel",
        f"calls of functions belong on {context.rules.calls_channel}",
    )


def _unusual_recipient(message: Message, _: Context) -> Said | None:
    if message.recipient is None or _USUAL_NAME.fullmatch(message.recipient):
        return None
    said = f"the recipient `{message.recipient}` has signs that names of tools do not have"
    return _in_header(message, said, "name tools with ASCII letters, digits, `_`, `-` and `/`")


def _unusual_type(message: Message, _: Context) -> Said | None:
    kind = message.content_type
    if kind is None or kind.name in _USUAL_TYPES or kind.name.lower() not in _USUAL_TYPES:
        return None
    said = f"the content type is spelled `{kind.name}`"
    return _in_header(message, said, f"write `{kind.name.lower()}`")


def _adjacent_marker(message: Message, context: Context) -> Said | None:
    symbols = message.header.symbols if message.header else ()
    marker, space = context.rules.meaning.constrain_marker, context.rules.meaning.type_space
    if marker not in symbols or symbols[symbols.index(marker) - 1] == space:
        return None
    said = f"there is no space before {context.rules.words(marker)}"
    return _in_header(message, said, "put one there")


def _unusual_space(message: Message, _: Context) -> Said | None:
    header = message.header
    if header is None or header.text == header.usual:
        return None
    said = "the header has white space where the format has none"
    return _in_header(message, said, f"write `{header.usual}`")


def _missing_channel(message: Message, context: Context) -> Said | None:
    if message.channel is not None or not context.channel_required:
        return None
    return _in_header(
        message,
        "the message has no channel, and the system message requires one",
        f"the channels are {', '.join(context.rules.channels)}",
    )


def _channel_not_allowed(message: Message, context: Context) -> Said | None:
    allowed = context.channels
    if message.channel is None or not allowed or message.channel in allowed:
        return None
    return _in_header(
        message,
        f"the system message does not allow the channel `{message.channel}`",
        f"it allows {', '.join(allowed)}",
    )


def _tool_without_channel(message: Message, context: Context) -> Said | None:
    if message.channel is not None:
        return None
    return _in_header(
        message,
        f"the message of the tool `{message.author.name}` has no channel",
        f"give it the channel of the call, usually {context.rules.calls_channel}",
    )


def _tool_without_recipient(message: Message, context: Context) -> Said | None:
    if message.recipient is not None:
        return None
    rules = context.rules
    addressed = f"{rules.literal(rules.meaning.recipient_marker)}{rules.opening_role}"
    return _in_header(
        message,
        f"the message of the tool `{message.author.name}` has no recipient",
        f"write `{addressed}` after the name",
    )


# --- bodies ---


def _code_that_is_json(message: Message, _: Context) -> Said | None:
    if message.content_type is None or message.content_type.name != _CODE:
        return None
    if not isinstance(json_of(message.text), (dict, list)):
        return None
    hint = f"declare the content type `{_JSON}`"
    return _in_body(message, "the body is JSON but its type is code", hint)


def _json_that_is_none(message: Message, _: Context) -> Said | None:
    kind = message.content_type
    if kind is None or not kind.constrained or kind.name.lower() != _JSON:
        return None
    if json_of(message.text) is not NOT_JSON:
        return None
    hint = "mend the body, or declare another content type"
    return _in_body(message, "the body is constrained to JSON but is none", hint)


def _spelled_token(message: Message, context: Context) -> Said | None:
    found = special_pattern(context.rules.specials).search(message.text)
    if found is None:
        return None
    return _in_body(
        message,
        f"the text spells the special token {found.group()}",
        "as ids it is text; decoded and read again it would be the token: escape or remove it",
    )


def _disguised_token(message: Message, _: Context) -> Said | None:
    found = _DISGUISED.search(message.text)
    if found is None:
        return None
    return _in_body(
        message,
        f"`{found.group()}` looks like the beginning of a special token",
        "if a later step undoes the escaping, it becomes one: remove it",
    )


# --- what comes before and after what ---


def _return_in_history(message: Message, context: Context) -> Said | None:
    rules = context.rules
    if context.last or message.terminator != rules.literal(rules.meaning.end_of_turn):
        return None
    return Said(
        f"`{message.terminator}` ends a message that is not the last",
        message.terminator_span or Span(0, 0),
        f"in history a message ends in {rules.words(rules.meaning.end_of_message)}",
    )


def _kept_reasoning(message: Message, context: Context) -> Said | None:
    if not context.earlier_turn or message.recipient is not None:
        return None
    if not context.rules.meaning.is_reasoning(message.channel):
        return None
    return _in_header(
        message,
        "reasoning of an earlier turn is kept",
        "drop the reasoning that comes before an earlier answer",
    )


def _result_without_call(message: Message, context: Context) -> Said | None:
    name = message.author.name or ""
    if context.open_calls[name] or name in context.answered:
        return None
    return _in_header(
        message,
        f"no call of `{name}` comes before this result of it",
        "put the call before it, or remove the result",
    )


def _second_result(message: Message, context: Context) -> Said | None:
    name = message.author.name or ""
    if context.open_calls[name] or name not in context.answered:
        return None
    return _in_header(
        message,
        f"every call of `{name}` has its result already",
        "keep one result for each call",
    )


def _duplicate_system(message: Message, context: Context) -> Said | None:
    if not context.systems:
        return None
    return _in_header(
        message, "a second system message", "keep one, at the beginning of the conversation"
    )


def _late_system(message: Message, context: Context) -> Said | None:
    if context.first or context.systems:
        return None
    return _in_header(
        message,
        "the system message is not the first message",
        "put it at the beginning of the conversation",
    )


# --- what the prompt declares ---


def _undeclared_tool(message: Message, context: Context) -> Said | None:
    if message.recipient is None or context.tools is None or message.recipient in context.tools:
        return None
    said = f"`{message.recipient}` is called but not declared"
    return _in_header(message, said, _instead(message.recipient, context.tools, context.hints))


def _instead(name: str, tools: Mapping[str, object], work: Work) -> str:
    """What to call instead: a name much like it, or some of those that there are."""
    if not work.affords(len(tools) * _COMPARED):
        return "call a tool that the prompt declares"
    short = sorted(tool for tool in tools if len(tool) <= _LONGEST_NAME)
    near = nearest(name, short) if len(name) <= _LONGEST_NAME else None
    if near is not None:
        return f"did you mean `{near}`?"
    shown = short[:_MOST_NAMES]
    more = f" and {len(tools) - len(shown)} more" if len(tools) > len(shown) else ""
    return f"the declared tools are {', '.join(shown)}{more}"


def _invalid_arguments(message: Message, context: Context) -> Said | None:
    declares = None if message.recipient is None else (context.tools or {}).get(message.recipient)
    value = NOT_JSON if declares is None else json_of(message.text)
    if declares is None or message.recipient is None or value is NOT_JSON:
        return None
    wanted = context.declared(declares).tools.get(message.recipient)
    fault = None if wanted is None else wanted.fault(value, context.work)
    if fault is None:
        return None
    return _in_body(
        message,
        f"the arguments of `{message.recipient}` do not fit its type{_place(fault)}",
        "mend the arguments, or the type that the prompt declares",
    )


def _broken_format(message: Message, context: Context) -> Said | None:
    if context.formats is None or message.channel != context.rules.meaning.answer:
        return None
    wanted = context.declared(context.formats).answer
    value = json_of(message.text)
    if wanted is None or (value is NOT_JSON and _json_that_is_none(message, context)):
        return None
    fault = _NO_JSON if value is NOT_JSON else wanted.fault(value, context.work)
    if fault is None:
        return None
    return _in_body(
        message,
        f"the answer does not fit the response format{_place(fault)}",
        "mend the answer, or remove the format from the developer message",
    )


def _place(fault: Mismatch) -> str:
    return f" at `{fault.pointer}`: {fault.message}" if fault.pointer else f": {fault.message}"


def _duplicate_tool(message: Message, context: Context) -> Said | None:
    names = declared_names(message.text, context.rules)
    counts = Counter(names or ())
    twice = [name for name in counts if counts[name] > 1 or name in (context.tools or ())]
    if not twice:
        return None
    said = f"`{twice[0]}` is declared twice"
    return _in_body(message, said, "keep one of them: a model may call either")


def _off_template(message: Message, context: Context) -> Said | None:
    """Tools that cannot be read are as good as none: nothing that reads prompts knows them."""
    odd = declared_names(message.text, context.rules) and not is_plain(message.text, context.rules)
    fault = context.declared(message).fault if odd else None
    if fault is None:
        return None
    body, hint = message.body_span or _whole(message), "declare the tools as the template does"
    if getattr(message.content[0], "ids", None) is not None:
        return Said(f"{fault.message}, in line {fault.line} of the body", body, hint)
    begin, end = fault.span
    begin = message.text.rfind("\n", 0, end) + 1 if begin == end else begin  # a line's end
    return Said(fault.message, Span(body.start + begin, body.start + end), hint)


def _misspelt_effort(message: Message, context: Context) -> Said | None:
    known = [*context.rules.meaning.efforts]
    for line in _effort_line(context.rules).finditer(message.text):
        if line[1] not in known:
            near = get_close_matches(line[1].lower(), known, n=1)
            efforts = ", ".join(known)
            return _in_body(
                message,
                f"there is no reasoning effort {line[1]!r}",
                f"did you mean `{near[0]}`?" if near else f"the efforts are {efforts}",
            )
    return None


@lru_cache(maxsize=16)
def _effort_line(rules: Rules) -> re.Pattern[str]:
    """A line that gives an effort in one word; anything longer is text."""
    title = re.escape(rules.meaning.signs(BodyPart.EFFORT)[0])
    return re.compile(rf"^{title}([\w-]+)[ \t]*$", re.MULTILINE)


# --- the table ---

_ASSISTANT: Final = frozenset({Role.ASSISTANT})
_TOOL: Final = frozenset({Role.TOOL})
_SYSTEM: Final = frozenset({Role.SYSTEM})
_PROMPT: Final = frozenset({Role.SYSTEM, Role.DEVELOPER})
_OUTSIDE: Final = frozenset({Role.USER, Role.TOOL})
_EVERYONE: Final = frozenset(Role)


class LintRule(NamedTuple):
    """A rule.

    Attributes:
        check: what it says of a message, or None.
        roles: whose messages it looks at.
    """

    check: Callable[[Message, Context], Said | None]
    roles: frozenset[Role]


LINT_RULES: Final[Mapping[DiagnosticCode, LintRule]] = MappingProxyType(
    {
        DiagnosticCode.CALL_ON_ANALYSIS: LintRule(_call_on_analysis, _ASSISTANT),
        DiagnosticCode.CODE_IS_JSON: LintRule(_code_that_is_json, _ASSISTANT),
        DiagnosticCode.INVALID_JSON: LintRule(_json_that_is_none, _ASSISTANT),
        DiagnosticCode.RETURN_IN_HISTORY: LintRule(_return_in_history, _ASSISTANT),
        DiagnosticCode.MISSING_CHANNEL: LintRule(_missing_channel, _ASSISTANT),
        DiagnosticCode.CHANNEL_NOT_ALLOWED: LintRule(_channel_not_allowed, _ASSISTANT),
        DiagnosticCode.KEPT_REASONING: LintRule(_kept_reasoning, _ASSISTANT),
        DiagnosticCode.UNDECLARED_TOOL: LintRule(_undeclared_tool, _ASSISTANT),
        DiagnosticCode.INVALID_ARGUMENTS: LintRule(_invalid_arguments, _ASSISTANT),
        DiagnosticCode.BROKEN_FORMAT: LintRule(_broken_format, _ASSISTANT),
        DiagnosticCode.TOOL_WITHOUT_CHANNEL: LintRule(_tool_without_channel, _TOOL),
        DiagnosticCode.TOOL_WITHOUT_RECIPIENT: LintRule(_tool_without_recipient, _TOOL),
        DiagnosticCode.RESULT_WITHOUT_CALL: LintRule(_result_without_call, _TOOL),
        DiagnosticCode.SECOND_RESULT: LintRule(_second_result, _TOOL),
        DiagnosticCode.DUPLICATE_SYSTEM: LintRule(_duplicate_system, _SYSTEM),
        DiagnosticCode.LATE_SYSTEM: LintRule(_late_system, _SYSTEM),
        DiagnosticCode.MISSPELT_EFFORT: LintRule(_misspelt_effort, _SYSTEM),
        DiagnosticCode.OFF_TEMPLATE: LintRule(_off_template, _PROMPT),
        DiagnosticCode.DUPLICATE_TOOL: LintRule(_duplicate_tool, _PROMPT),
        DiagnosticCode.SPELLED_TOKEN: LintRule(_spelled_token, _EVERYONE),
        DiagnosticCode.DISGUISED_TEXT: LintRule(_disguised_token, _OUTSIDE),
        DiagnosticCode.UNUSUAL_RECIPIENT: LintRule(_unusual_recipient, _EVERYONE),
        DiagnosticCode.UNUSUAL_TYPE: LintRule(_unusual_type, _EVERYONE),
        DiagnosticCode.ADJACENT_CONSTRAIN: LintRule(_adjacent_marker, _EVERYONE),
        DiagnosticCode.UNUSUAL_SPACE: LintRule(_unusual_space, _EVERYONE),
    }
)


# --- what is looked at ---


@dataclass(frozen=True)
class Lint:
    """Which rules are looked at, and how bad their findings are.

    Attributes:
        select: the codes of the rules; None for all.
        ignore: the codes of rules that are left out.
        severities: severities of the user's own, by code.

    Raises:
        ValueError: if a code is that of no rule.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for code in {*(self.select or ()), *self.ignore, *self.severities}:
            if code not in LINT_RULES:
                known = ", ".join(LINT_RULES)
                raise ValueError(f"there is no lint rule {code!r}: the rules are {known}")

    def severity(self, code: str) -> Severity:
        """How bad a finding of a rule is."""
        return self.severities.get(code) or DiagnosticCode(code).severity

    @cached_property
    def _by_role(self) -> Mapping[Role, Sequence[tuple[str, LintRule]]]:
        chosen = [
            (code.value, rule)
            for code, rule in LINT_RULES.items()
            if (self.select is None or code in self.select) and code not in self.ignore
        ]
        return {role: [pair for pair in chosen if role in pair[1].roles] for role in Role}

    def rules_for(self, role: Role | CustomRole) -> Sequence[tuple[str, LintRule]]:
        """The rules that look at messages of a role."""
        return self._by_role[role if isinstance(role, Role) else Role.USER]

    def findings(
        self, rules: Rules, messages: Sequence[Message], channels: Callable[[str], ValidChannels]
    ) -> Iterator[tuple[str, Said]]:
        """Look at each message in turn.

        Args:
            rules: the grammar.
            messages: the messages, as they were read.
            channels: reads the channels that the body of a system message allows.

        Yields:
            The code of a rule, and what it says.
        """
        length = messages[-1].span.end if messages and messages[-1].span else 0
        context = Context(rules, channels, Work(length))
        turn_over = _last_turn(rules, messages)
        for index, message in enumerate(messages):
            context.first, context.last = index == 0, index == len(messages) - 1
            context.earlier_turn = index < turn_over
            for code, rule in self.rules_for(message.author.role):
                said = rule.check(message, context)
                if said is not None:
                    yield code, said
            remember = _MEMORY.get(message.author.role)
            if remember is not None:
                remember(message, context)


def _remember_system(message: Message, context: Context) -> None:
    context.systems += 1
    context.channels, context.channel_required = context.read_channels(message.text)
    _remember_declared(message, context)


def _remember_declared(message: Message, context: Context) -> None:
    names = declared_names(message.text, context.rules)
    if names is not None:
        context.tools = context.tools or {}
        context.tools.update(dict.fromkeys(names, message))
    if has_formats(message.text, context.rules):
        context.formats = message


def _remember_call(message: Message, context: Context) -> None:
    if message.recipient is not None:
        context.open_calls[message.recipient] += 1


def _remember_result(message: Message, context: Context) -> None:
    name = message.author.name or ""
    if context.open_calls[name]:
        context.open_calls[name] -= 1
        context.answered.add(name)


# What later rules must know of a message.
_MEMORY: Final[Mapping[Role | CustomRole, Callable[[Message, Context], None]]] = MappingProxyType(
    {
        Role.SYSTEM: _remember_system,
        Role.DEVELOPER: _remember_declared,
        Role.ASSISTANT: _remember_call,
        Role.TOOL: _remember_result,
    }
)


def _last_turn(rules: Rules, messages: Sequence[Message]) -> int:
    """The index of the last answer that a later turn follows; 0 if there is none."""
    final, later = rules.meaning.answer, False
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].channel == final and later:
            return index
        later = later or messages[index].author.role is Role.USER
    return 0
