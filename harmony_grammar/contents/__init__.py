"""What system and developer messages say, as data.

The names, constructors, builders, defaults and wire JSON are those of `openai_harmony`; how the
data reads in a message is told in `harmony_grammar.rendering.templates`. The objects are frozen:
a builder returns a new object, and what a caller hands over is copied, so that changing it later
changes nothing here. A dictionary stands for the object that it describes wherever one is nested
in another, which is how wire JSON is read.
"""

from harmony_grammar.contents.messages import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.contents.tools import (
    FUNCTIONS,
    ResponseFormat,
    ToolDescription,
    ToolNamespaceConfig,
)

__all__ = [
    "FUNCTIONS",
    "ChannelConfig",
    "DeveloperContent",
    "ReasoningEffort",
    "ResponseFormat",
    "SystemContent",
    "ToolDescription",
    "ToolNamespaceConfig",
]
