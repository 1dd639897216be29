"""What `openai_harmony` offers around its encoding, under the same names.

A facade: the grammar, the readers, the renderer and the vocabulary do the work, and nothing here
knows how a header is written. Where the reference does something else, `docs/differences.md`
says what and why.
"""

from harmony_grammar.compat.encoding import (
    HarmonyEncoding,
    HarmonyEncodingName,
    load_harmony_encoding,
)
from harmony_grammar.compat.loss import loss_mask
from harmony_grammar.compat.rendering import (
    DropPolicy,
    RenderConversationConfig,
    Rendering,
    RenderOptions,
    TokenSpans,
)
from harmony_grammar.compat.streaming import StreamableParser, StreamState

__all__ = [
    "DropPolicy",
    "HarmonyEncoding",
    "HarmonyEncodingName",
    "RenderConversationConfig",
    "RenderOptions",
    "Rendering",
    "StreamState",
    "StreamableParser",
    "TokenSpans",
    "load_harmony_encoding",
    "loss_mask",
]
