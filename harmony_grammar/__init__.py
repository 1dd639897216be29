"""One formal grammar of OpenAI's harmony format, and everything derived from it.

Names are loaded when they are first used, so that importing the package costs next to nothing.

Example:
    >>> import harmony_grammar as hg
    >>> hg.parse("<|start|>user<|message|>Hi<|end|>").messages[0].author.role.value
    'user'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harmony_grammar.api import Grammar, check, encode, parse, recover, render
    from harmony_grammar.bodies.namespaces import ToolType, tool_type
    from harmony_grammar.checking.codes import DiagnosticCode, Repair
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.compat.config import RenderConversationConfig, RenderOptions
    from harmony_grammar.compat.encoding import (
        HarmonyEncoding,
        HarmonyEncodingName,
        load_harmony_encoding,
    )
    from harmony_grammar.compat.streaming import StreamableParser, StreamState
    from harmony_grammar.compat.training import loss_mask
    from harmony_grammar.errors import (
        ConstraintError,
        ConstraintViolation,
        Diagnostic,
        GrammarError,
        HarmonyError,
        HarmonySyntaxError,
        RenderError,
        Severity,
        Span,
        VocabularyError,
    )
    from harmony_grammar.masking import BatchMatcher, Constraint, Matcher
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.streaming.events import (
        ArgumentsDelta,
        Event,
        HeaderCompleted,
        MessageEnded,
        MessageStarted,
        Repaired,
        TextDelta,
        TurnEnded,
    )
    from harmony_grammar.streaming.recovery import Overrun, Recovery, RepairDiagnostic
    from harmony_grammar.streaming.stream_parser import StreamParser
    from harmony_grammar.streaming.tool_calls import ToolCall
    from harmony_grammar.tree import (
        Author,
        Channel,
        Content,
        ContentType,
        Conversation,
        CustomRole,
        Message,
        OpenMessage,
        Role,
        TextContent,
    )
    from harmony_grammar.tree.contents import (
        ChannelConfig,
        DeveloperContent,
        ReasoningEffort,
        SystemContent,
    )
    from harmony_grammar.tree.tools import ResponseFormat, ToolDescription, ToolNamespaceConfig
    from harmony_grammar.vocabulary import Vocabulary

__version__ = "0.1.0"

# Where each public name is defined.
_HOMES = {
    "api": ("Grammar", "check", "encode", "parse", "recover", "render"),
    "compat.config": ("RenderConversationConfig", "RenderOptions"),
    "compat.encoding": ("HarmonyEncoding", "HarmonyEncodingName", "load_harmony_encoding"),
    "compat.training": ("loss_mask",),
    "compat.streaming": ("StreamState", "StreamableParser"),
    "checking.lint": ("Lint",),
    "errors": (
        "ConstraintError",
        "ConstraintViolation",
        "Diagnostic",
        "GrammarError",
        "HarmonyError",
        "HarmonySyntaxError",
        "RenderError",
        "Severity",
        "Span",
        "VocabularyError",
    ),
    "masking": ("BatchMatcher", "Constraint", "Matcher"),
    "tree": (
        "Author",
        "Channel",
        "Content",
        "ContentType",
        "Conversation",
        "CustomRole",
        "Message",
        "OpenMessage",
        "Role",
        "TextContent",
    ),
    "reading.strict": ("Report",),
    "checking.codes": ("DiagnosticCode", "Repair"),
    "streaming.events": (
        "ArgumentsDelta",
        "Event",
        "HeaderCompleted",
        "MessageEnded",
        "MessageStarted",
        "Repaired",
        "TextDelta",
        "TurnEnded",
    ),
    "streaming.recovery": ("Overrun", "Recovery", "RepairDiagnostic"),
    "streaming.stream_parser": ("StreamParser",),
    "streaming.tool_calls": ("ToolCall",),
    "tree.contents": ("ChannelConfig", "DeveloperContent", "ReasoningEffort", "SystemContent"),
    "tree.tools": ("ResponseFormat", "ToolDescription", "ToolNamespaceConfig"),
    "vocabulary": ("Vocabulary",),
    "bodies.namespaces": ("ToolType", "tool_type"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArgumentsDelta",
    "Author",
    "BatchMatcher",
    "Channel",
    "ChannelConfig",
    "Constraint",
    "ConstraintError",
    "ConstraintViolation",
    "Content",
    "ContentType",
    "Conversation",
    "CustomRole",
    "DeveloperContent",
    "Diagnostic",
    "DiagnosticCode",
    "Event",
    "Grammar",
    "GrammarError",
    "HarmonyEncoding",
    "HarmonyEncodingName",
    "HarmonyError",
    "HarmonySyntaxError",
    "HeaderCompleted",
    "Lint",
    "Matcher",
    "Message",
    "MessageEnded",
    "MessageStarted",
    "OpenMessage",
    "Overrun",
    "ReasoningEffort",
    "Recovery",
    "RenderConversationConfig",
    "RenderError",
    "RenderOptions",
    "Repair",
    "RepairDiagnostic",
    "Repaired",
    "Report",
    "ResponseFormat",
    "Role",
    "Severity",
    "Span",
    "StreamParser",
    "StreamState",
    "StreamableParser",
    "SystemContent",
    "TextContent",
    "TextDelta",
    "ToolCall",
    "ToolDescription",
    "ToolNamespaceConfig",
    "ToolType",
    "TurnEnded",
    "Vocabulary",
    "VocabularyError",
    "check",
    "encode",
    "load_harmony_encoding",
    "loss_mask",
    "parse",
    "recover",
    "render",
    "tool_type",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
