"""Lint rules about what a prompt declares, and whether the assistant keeps to it."""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.body_rules import NOT_JSON, json_of, json_that_is_none
from harmony_grammar.checking.declared import declared, declared_names
from harmony_grammar.checking.findings import in_body, in_header
from harmony_grammar.checking.fitting import Fault

if TYPE_CHECKING:
    from harmony_grammar.checking.findings import Context, Said
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import Message

_NO_JSON: Final = Fault("", "it is no JSON")
_EFFORT: Final = "effort"  # the rule of the line that says how long to reason


def undeclared_tool(message: Message, context: Context) -> Said | None:
    """A call goes to a tool that the prompt declares."""
    if message.recipient is None or context.tools is None or message.recipient in context.tools:
        return None
    near = get_close_matches(message.recipient, sorted(context.tools), n=1)
    known = ", ".join(sorted(context.tools))
    return in_header(
        message,
        f"`{message.recipient}` is called but not declared",
        f"did you mean `{near[0]}`?" if near else f"the declared tools are {known}",
    )


def invalid_arguments(message: Message, context: Context) -> Said | None:
    """The arguments of a call fit the type that the prompt declares."""
    if message.recipient is None or message.recipient not in (context.tools or ()):
        return None
    value = json_of(message.text)
    fault = None if value is NOT_JSON else _misfit(message.recipient, value, context)
    if fault is None:
        return None
    return in_body(
        message,
        f"the arguments of `{message.recipient}` do not fit its type{_place(fault)}",
        "mend the arguments, or the type that the prompt declares",
    )


def _misfit(tool: str, value: object, context: Context) -> Fault | None:
    """Why arguments do not fit the type that was last declared for a tool, if there is one."""
    for role, body in reversed(context.bodies):
        found = declared(context.rules, role, body).tools.get(tool)
        if found is not None:
            return found.fault(value)
    return None


def broken_format(message: Message, context: Context) -> Said | None:
    """An answer keeps to the response format that the prompt declares."""
    if not context.formats or message.channel != context.rules.literal("FINAL"):
        return None
    wanted = declared(context.rules, *context.formats[-1]).answer
    value = json_of(message.text)
    if wanted is None or (value is NOT_JSON and json_that_is_none(message, context)):
        return None
    fault = _NO_JSON if value is NOT_JSON else wanted.fault(value)
    if fault is None:
        return None
    return in_body(
        message,
        f"the answer does not fit the response format{_place(fault)}",
        "mend the answer, or remove the format from the developer message",
    )


def _place(fault: Fault) -> str:
    return f" at `{fault.pointer}`: {fault.message}" if fault.pointer else f": {fault.message}"


def duplicate_tool(message: Message, context: Context) -> Said | None:
    """A tool is declared once."""
    names = declared_names(message.text, context.rules)
    counts = Counter(names or ())
    twice = [name for name in counts if counts[name] > 1 or name in (context.tools or ())]
    if not twice:
        return None
    said = f"`{twice[0]}` is declared twice"
    return in_body(message, said, "keep one of them: a model may call either")


def misspelt_effort(message: Message, context: Context) -> Said | None:
    """The effort of reasoning is one that models know."""
    known = [context.rules.literal(s.name) for s in context.rules.below(_EFFORT) if s.kept]
    for line in _effort_line(context.rules).finditer(message.text):
        if line[1] not in known:
            near = get_close_matches(line[1].lower(), known, n=1)
            efforts = ", ".join(known)
            return in_body(
                message,
                f"there is no reasoning effort {line[1]!r}",
                f"did you mean `{near[0]}`?" if near else f"the efforts are {efforts}",
            )
    return None


@lru_cache(maxsize=16)
def _effort_line(rules: Rules) -> re.Pattern[str]:
    """A line that gives an effort in one word; anything longer is text."""
    return re.compile(rf"^{re.escape(rules.literal('_REASONING'))}([\w-]+)[ \t]*$", re.MULTILINE)
