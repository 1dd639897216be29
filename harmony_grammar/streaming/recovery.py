"""What recovery returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.errors import Diagnostic, Severity, Span
from harmony_grammar.inputs import IdSource
from harmony_grammar.inputs.places import Explanation, locate
from harmony_grammar.reading.faults import STRIPPED, lost_tokens, spelled_by_ids
from harmony_grammar.reading.reader import Reader
from harmony_grammar.streaming.engine import Engine
from harmony_grammar.streaming.header_words import WordsByParser
from harmony_grammar.streaming.record import unchain
from harmony_grammar.tree import Author, Conversation
from harmony_grammar.writing.forms import forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Kind, Source
    from harmony_grammar.reading.reader import Outcome
    from harmony_grammar.reading.strict import Status, StrictParser
    from harmony_grammar.streaming.tool_calls import ToolCall, Tools
    from harmony_grammar.tree import Message, OpenMessage, Start

__all__ = ["Overrun", "Recoverer", "Recovery", "RepairDiagnostic"]


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
        return tuple(_diagnostic(self, repair) for repair in self.repairs)

    @cached_property
    def conversation(self) -> Conversation:
        """The messages as a tree that can be rendered.

        It starts as the input does if it can: a completion has only messages of the assistant,
        the last of which may be a call, and a prompt has an open message.
        """
        start: Start = "conversation"
        if self.start == "prompt" and self._prompts():
            return Conversation(list(self.messages), self.pending, start="prompt")
        if self.start == "completion" and self._completes():
            start = "completion"
        return Conversation(list(self.messages), start=start)

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


# Text without a header, which may have lost it.
_ALONE: Final = (DiagnosticCode.HEADERLESS, DiagnosticCode.TEXT_BETWEEN_MESSAGES)


def overrun_of(source: Source, begin: int) -> Overrun:
    """What stands from `begin` on."""
    text = "".join(piece.text for piece in source.pieces(begin, source.length))
    ids = tuple(source.ids[begin:]) if isinstance(source, IdSource) else None
    return Overrun(Span(begin, source.length), text, ids)


def _diagnostic(recovery: Recovery, repair: Repair) -> RepairDiagnostic:
    code, span, found, assumed = repair
    hint = f"read as: {assumed}" if assumed else "dropped"
    if code in _ALONE and lost_tokens(recovery.rules, found):
        hint = f"{hint}; {STRIPPED}"
    source = recovery.source
    if isinstance(source, IdSource) and not source.kind.special_positions(source.ids[slice(*span)]):
        spelled = spelled_by_ids(recovery.rules, found)
        hint = f"{hint}; {spelled}" if spelled else hint
    said = Explanation(str(code), code.meaning, hint)
    plain = locate(recovery.source, span, Severity.ERROR, said)
    slots: Sequence[str] = [name for name in Diagnostic.__slots__ if name != "found"]
    fields = {name: getattr(plain, name) for name in slots}
    return RepairDiagnostic(**fields, found=found or plain.found, assumed=assumed)


class Recoverer:
    """Recovery with one grammar and one vocabulary.

    Args:
        parser: the strict parser.
    """

    def __init__(self, parser: StrictParser) -> None:
        self.parser = parser
        self.words = WordsByParser()

    def __reduce__(self) -> tuple[type[Recoverer], tuple[StrictParser]]:
        return Recoverer, (self.parser,)  # and none of what it has met

    def recover(
        self, source: str | Iterable[int], start: Start = "completion", *, stripped: bool = True
    ) -> Recovery:
        """Recover an input; see `harmony_grammar.recover`."""
        read = self.parser.source(source)
        reader = Reader(self.parser.machine(start), read)
        outcome = reader.read()
        if outcome.stop is not None:
            return self._resume(reader, outcome, start, stripped=stripped)
        messages, opened = tuple(outcome.messages), outcome.open_message
        return Recovery(messages, "complete", opened, None, (), (), start, read, self.parser.rules)

    def _resume(
        self, reader: Reader, outcome: Outcome, start: Start, *, stripped: bool
    ) -> Recovery:
        """Go on where strict reading stopped."""
        source = reader.source
        engine = self.engine(source.kind, start, stripped=stripped)
        engine.configuration = reader.configuration
        for message in outcome.messages:
            engine.record.messages = (engine.record.messages, message)
        engine.record.count = len(outcome.messages)
        last = outcome.messages[-1] if outcome.messages else None
        engine.at = begin = last.offsets[3] if last and last.offsets else 0
        if last is not None and last.terminator is not None:
            engine.resume(last.terminator)
        engine.take(source.part(begin, source.length))
        engine.finish()
        return self.result(engine, source)

    def kind(self, unit: str) -> Kind:
        """What input of a unit means."""
        if unit == "text":
            return self.parser.text_kind
        return self.parser.id_kind

    def engine(
        self, kind: Kind, start: Start, *, strict: bool = False, stripped: bool = True
    ) -> Engine:
        """An engine at the beginning of an input."""
        root = self.parser.machine(start).root
        engine = Engine(self.words, kind, start, root)
        engine.record.strict, engine.stripped = strict, stripped
        return engine

    def result(self, engine: Engine, source: Source) -> Recovery:
        """What an engine has found, once its input has ended."""
        over = engine.over
        overrun = None if over is None or over == source.length else overrun_of(source, over)
        repairs = sorted(unchain(engine.record.repairs), key=lambda repair: repair.span)
        return Recovery(
            messages=tuple(unchain(engine.record.messages)),
            status=engine.status,
            pending=engine.pending,
            overrun=overrun,
            trivia=tuple(Span(*span) for span in unchain(engine.record.trivia)),
            repairs=tuple(repairs),
            start=engine.start,
            source=source,
            rules=self.parser.rules,
        )
