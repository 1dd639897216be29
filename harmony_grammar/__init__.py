"""One formal grammar of OpenAI's harmony format, and everything derived from it.

Example:
    >>> import harmony_grammar as hg
    >>> hg.parse("<|start|>user<|message|>Hi<|end|>").messages[0].author.role.value
    'user'
"""

from harmony_grammar.api import Grammar, check, encode, parse, render
from harmony_grammar.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
    ToolDescription,
    ToolNamespaceConfig,
)
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
from harmony_grammar.nodes import (
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
from harmony_grammar.parsing.strict import Report
from harmony_grammar.vocabulary import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Author",
    "Channel",
    "ChannelConfig",
    "ConstraintError",
    "ConstraintViolation",
    "Content",
    "ContentType",
    "Conversation",
    "CustomRole",
    "DeveloperContent",
    "Diagnostic",
    "Grammar",
    "GrammarError",
    "HarmonyError",
    "HarmonySyntaxError",
    "Message",
    "OpenMessage",
    "ReasoningEffort",
    "RenderError",
    "Report",
    "Role",
    "Severity",
    "Span",
    "SystemContent",
    "TextContent",
    "ToolDescription",
    "ToolNamespaceConfig",
    "Vocabulary",
    "VocabularyError",
    "check",
    "encode",
    "parse",
    "render",
]
