"""What belongs together in a conversation: calls and their results, messages and findings."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.tree import Message

__all__ = ["findings_of", "results"]


def results(messages: Sequence[Message]) -> dict[int, int]:
    """The indices of results and of the calls that they answer.

    The format has no ids of calls: a result answers the first call of its tool that has none.
    """
    waiting: dict[str, list[int]] = {}
    found = {}
    for index, message in enumerate(messages):
        author = message.author
        if author.role is Role.ASSISTANT and message.recipient is not None:
            waiting.setdefault(message.recipient, []).append(index)
        elif author.role is Role.TOOL and waiting.get(author.name or ""):
            found[index] = waiting[author.name or ""].pop(0)
    return found


def findings_of(
    messages: Sequence[Message], findings: Sequence[Diagnostic]
) -> dict[int, list[Diagnostic]]:
    """The findings by the index of the message that they are in.

    What is in none, such as the error that ends the reading, is under the number of messages.
    """
    found: dict[int, list[Diagnostic]] = {}
    ends = [message.offsets[3] if message.offsets else 0 for message in messages]
    for finding in findings:
        found.setdefault(bisect_right(ends, finding.span.start), []).append(finding)
    return found
