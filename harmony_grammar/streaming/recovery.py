"""What recovery returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from harmony_grammar.errors import Diagnostic, Severity, Span
from harmony_grammar.inputs import IdSource
from harmony_grammar.inputs.places import Explanation, locate
from harmony_grammar.tree import Author, Conversation
from harmony_grammar.writing.forms import forms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Source
    from harmony_grammar.reading.strict import Status
    from harmony_grammar.streaming.tool_calls import ToolCall, Tools
    from harmony_grammar.tree import Message, OpenMessage, Start

__all__ = ["Overrun", "Recovery", "RepairDiagnostic"]


@dataclass(frozen=True, slots=True)
class RepairDiagnostic(Diagnostic):
    """A finding that was mended.

    Attributes:
        assumed: what was read instead of what stands there.
    """

    assumed: str = ""


class Overrun(NamedTuple):
    """What follows the end of a turn. It is no part of the messages and never dispatched.

    Attributes:
        span: where it is.
        text: the text, with special tokens as they are spelled.
        ids: the ids, if the input is ids.
    """

    span: Span
    text: str
    ids: tuple[int, ...] | None


@dataclass(frozen=True)
class Recovery:
    """What an input comes to. Its parts cover the input exactly, without overlap.

    Attributes:
        messages: the messages, with their places in the input.
        status: the verdict of strict reading.
        pending: the open message at the end: the fields that its header has so far, and in a
            prompt the body that is prefilled. It is no message yet.
        overrun: what follows the end of a completion's turn.
        trivia: what belongs to no message.
        repairs: what was mended, in the order of the input.
        start: the start symbol.
    """

    messages: tuple[Message, ...]
    status: Status
    pending: OpenMessage | None
    overrun: Overrun | None
    trivia: tuple[Span, ...]
    repairs: tuple[Repair, ...]
    start: Start
    source: Source = field(repr=False, compare=False)
    rules: Rules = field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the input is a sentence."""
        return self.status == "complete"

    @cached_property
    def diagnostics(self) -> tuple[RepairDiagnostic, ...]:
        """The repairs, one diagnostic each: what was found where, and what was assumed."""
        return tuple(_diagnostic(self.source, repair) for repair in self.repairs)

    @cached_property
    def conversation(self) -> Conversation:
        """The messages as a tree that can be rendered.

        It starts as the input does if it can: a completion has only messages of the assistant,
        the last of which may be a call, and a prompt has an open message.
        """
        start: Start = "conversation"
        if self.start == "prompt" and self._prompts():
            return Conversation(self.messages, self.pending, start="prompt")
        if self.start == "completion" and self._completes():
            start = "completion"
        return Conversation(self.messages, start=start)

    def _prompts(self) -> bool:
        """Whether what is pending is what a prompt can end in."""
        if self.pending is None or self.pending.author != Author(self.rules.meaning.model_role):
            return False
        fields = self.rules.meaning.spelled(self.pending)
        declared = frozenset({self.pending.channel or ""})
        return bool(forms(self.rules, (self.rules.meaning.open_message,), fields, declared))

    def _completes(self) -> bool:
        alone = Author(self.rules.meaning.model_role)
        speaks = all(message.author == alone for message in self.messages)
        calls = any(message.recipient is not None for message in self.messages[:-1])
        return bool(self.messages) and speaks and not calls

    def tool_calls(
        self,
        tools: Tools | None = None,
        *,
        analysis_calls: Literal["accept", "reject"] = "accept",
    ) -> tuple[ToolCall, ...]:
        """The calls among the messages; only those that are `ready` may be dispatched.

        Args:
            tools: the tools that there are: a mapping of their names to the JSON Schemas of
                their arguments, or an iterable of names, `ToolDescription`s,
                `ToolNamespaceConfig`s or OpenAI tool dictionaries; None if they are not known.
                A name without a namespace is a function's.
            analysis_calls: whether functions may be called on the channel of reasoning.

        Raises:
            ValueError: if the schema of a tool is none.
        """
        from harmony_grammar.streaming.tool_calls import tool_calls  # noqa: PLC0415  few need it

        return tool_calls(self, tools, analysis_calls=analysis_calls)


def overrun_of(source: Source, begin: int) -> Overrun:
    """What stands from `begin` on."""
    text = "".join(piece.text for piece in source.pieces(begin, source.length))
    ids = tuple(source.ids[begin:]) if isinstance(source, IdSource) else None
    return Overrun(Span(begin, source.length), text, ids)


def _diagnostic(source: Source, repair: Repair) -> RepairDiagnostic:
    code, span, found, assumed = repair
    said = Explanation(str(code), code.meaning, f"read as: {assumed}" if assumed else "dropped")
    plain = locate(source, span, Severity.ERROR, said)
    slots: Sequence[str] = [name for name in Diagnostic.__slots__ if name != "found"]
    fields = {name: getattr(plain, name) for name in slots}
    return RepairDiagnostic(**fields, found=found or plain.found, assumed=assumed)
