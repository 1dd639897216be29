"""Which production is which node, and which terminals are which field.

This is the one table between the grammar and the tree. Read forward it says what the parser
builds from a production; read backward it says which fields a production needs, and so the
renderer finds the production that a node's fields fit. Rules that are not named here only
arrange others.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harmony_grammar.tree import Conversation, Message, OpenMessage, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BODY",
    "BODY_STARTS",
    "DEVELOPER_BODY",
    "FIELDS",
    "INTERIM",
    "LAST",
    "MESSAGE",
    "NODES",
    "OPENING",
    "OPEN_MESSAGE",
    "STARTS",
    "SYSTEM_BODY",
    "TOOL",
    "TOOL_TYPE",
    "VALID_CHANNELS",
]

# The rules that a whole text may be; their names are the public start symbols.
STARTS: Final = ("conversation", "prompt", "completion")

# Further rules that a parse of a body or of a part of one may begin with. The line of the
# channels is read as a header is, since it is also looked for in bodies that nothing else reads.
VALID_CHANNELS: Final = "valid_channels"
SYSTEM_BODY: Final = "system_body"
DEVELOPER_BODY: Final = "developer_body"
TOOL_TYPE: Final = "tool_type"
BODY_STARTS: Final = (VALID_CHANNELS, SYSTEM_BODY, DEVELOPER_BODY, TOOL_TYPE)

# Rule to the type of node that it is.
NODES: Final[Mapping[str, type[Conversation | Message | OpenMessage]]] = MappingProxyType(
    {
        **dict.fromkeys(STARTS, Conversation),
        "message": Message,
        "interim": Message,
        "last": Message,
        "open_message": OpenMessage,
    }
)

# Rule to the field of a message that the kept terminals below it spell. A tool's name is the
# name of an author whose role is `TOOL`, since no role is written.
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "role": "role",
        "assistant": "role",
        "tool": "tool",
        "bare_tool": "tool",
        "name": "name",
        "recipient": "recipient",
        "channel": "channel",
        "call_channel": "channel",
        "content_type": "content_type",
        "body": "content",
    }
)

TOOL: Final = Role.TOOL
BODY: Final = "body"
OPENING: Final = "opening"
OPEN_MESSAGE: Final = "open_message"
MESSAGE: Final = "message"
# A message of a completion, and the one that ends the turn.
INTERIM: Final = "interim"
LAST: Final = "last"
