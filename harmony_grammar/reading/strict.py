"""Strict reading: a verdict, and the tree if the input is a sentence.

There are three verdicts. Complete: the input is a sentence. Truncated: it is a proper prefix of
one. Malformed: nothing that could follow mends it; the error is at the first character (or id)
after which nothing legal can follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from harmony_grammar.errors import HarmonySyntaxError, Severity
from harmony_grammar.grammar.meaning import STARTS
from harmony_grammar.inputs import IdKind, TextKind, TextSource, list_of_ids
from harmony_grammar.inputs.places import Explanation, locate
from harmony_grammar.reading.headers import Machine
from harmony_grammar.reading.reader import Reader, valid_channels
from harmony_grammar.tree.build import conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harmony_grammar.checking.declared import ValidChannels
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Source
    from harmony_grammar.reading.reader import Outcome, Stop
    from harmony_grammar.tree import Conversation, Start
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["Report", "Status", "StrictParser"]

Status = Literal["complete", "truncated", "malformed"]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        status: the verdict.
        diagnostics: what the linter found, and last the error that made the verdict, if one did.
        conversation: what was read: everything if the input is complete, else the whole messages
            before the place where it stops.
    """

    status: Status
    diagnostics: tuple[Diagnostic, ...]
    conversation: Conversation

    @property
    def ok(self) -> bool:
        """Whether the input is a sentence, and no finding is an error."""
        errors = any(found.severity is Severity.ERROR for found in self.diagnostics)
        return self.status == "complete" and not errors


class StrictParser:
    """Strict reading with one grammar and one vocabulary.

    Args:
        rules: the grammar.
        vocabulary: gives the vocabulary, which only ids need.
    """

    def __init__(self, rules: Rules, vocabulary: Callable[[], Vocabulary]) -> None:
        self.rules = rules
        self._vocabulary = vocabulary
        self._machines: dict[str, Machine] = {}

    def __reduce__(self) -> tuple[type[StrictParser], tuple[Any, ...]]:
        return StrictParser, (self.rules, self._vocabulary)  # and none of what it has met

    @cached_property
    def text_kind(self) -> TextKind:
        """What text means to the grammar."""
        return TextKind(self.rules)

    @cached_property
    def id_kind(self) -> IdKind:
        """What ids mean to the grammar."""
        return IdKind(self.rules, self._vocabulary())

    def machine(self, start: Start) -> Machine:
        """The parser of a start symbol.

        Raises:
            ValueError: if there is no such start symbol.
        """
        if start not in self._machines:
            if start not in STARTS:
                raise ValueError(f"start must be one of {', '.join(STARTS)}, not {start!r}")
            self._machines[start] = Machine(self.rules, start)
        return self._machines[start]

    def source(self, source: str | Iterable[int]) -> Source:
        """What a caller gives, as an input that can be read.

        Raises:
            TypeError: if it is neither text nor ids.
        """
        if isinstance(source, str):
            return self.text_kind.source(source)
        return self.id_kind.source(list_of_ids(source))

    def parse(self, source: str | Iterable[int], start: Start = "conversation") -> Conversation:
        """Read a sentence; see `harmony_grammar.parse`."""
        reader, outcome = self._read(source, start)
        if outcome.stop is not None:
            raise HarmonySyntaxError(_diagnosis(reader, outcome.stop))
        return _conversation(outcome, start)

    def check(
        self, source: str | Iterable[int], start: Start = "conversation", lint: Lint | None = None
    ) -> Report:
        """Judge an input; see `harmony_grammar.check`."""
        reader, outcome = self._read(source, start)
        read = _conversation(outcome, start)
        found = list(self._lint(reader, read, lint or _every_rule()))
        if outcome.stop is None:
            return Report("complete", tuple(found), read)
        error = _diagnosis(reader, outcome.stop)
        return Report(outcome.stop.status, (*found, error), read)

    def _lint(self, reader: Reader, conversation: Conversation, lint: Lint) -> Iterator[Diagnostic]:
        def channels(body: str) -> ValidChannels:
            return valid_channels(self.rules, body)

        for code, said in lint.findings(self.rules, conversation.messages, channels):
            explanation = Explanation(code, said.message, said.hint)
            yield locate(reader.source, said.span, lint.severity(code), explanation)

    def _read(self, source: str | Iterable[int], start: Start) -> tuple[Reader, Outcome]:
        reader = Reader(self.machine(start), self.source(source))
        try:
            return reader, reader.read()
        except TypeError:
            _require_ids(reader.source)
            raise


@cache
def _every_rule() -> Lint:
    from harmony_grammar.checking.lint import Lint  # noqa: PLC0415  parsing needs no linter

    return Lint()


def _require_ids(source: Source) -> None:
    """Name the first item that is no integer."""
    items: list[object] = [] if isinstance(source, TextSource) else list(source.ids)
    for index, item in enumerate(items):
        if not isinstance(item, int):
            raise TypeError(
                f"source must be text or integer ids, but item {index} is {type(item).__name__}"
            )


def _conversation(outcome: Outcome, start: Start) -> Conversation:
    return conversation(list(outcome.messages), outcome.open_message, start)


def _diagnosis(reader: Reader, stop: Stop) -> Diagnostic:
    from harmony_grammar.reading.faults import diagnose  # noqa: PLC0415  good input needs no words

    return diagnose(reader, stop)
