"""The tree: conversations, messages, authors and contents.

The names, constructors, builders and wire JSON are those of `openai_harmony`, and the objects
behave as its objects do: attributes can be assigned, `messages` and `content` are lists, and a
builder changes the object and returns it. Nothing in this package changes what it is given.

A message that was read also remembers how it was written: which production its header took
(`HeaderSpelling`), which token ended it, where it stood, and the ids of its body. None of that
takes part in equality, which is about meaning; rendering uses it to give back what was read.
"""

from typing import TypeAlias

from harmony_grammar.tree.authors import Author, ContentType, CustomRole, Role
from harmony_grammar.tree.messages import (
    Content,
    Conversation,
    HeaderSpelling,
    Message,
    OpenMessage,
    Start,
    TextContent,
)

__all__ = [
    "Author",
    "Channel",
    "Content",
    "ContentType",
    "Conversation",
    "CustomRole",
    "HeaderSpelling",
    "Message",
    "OpenMessage",
    "Role",
    "Start",
    "TextContent",
]

Channel: TypeAlias = str
"""A channel is its name."""
