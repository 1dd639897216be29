"""Recovering a whole input: strict reading as far as it goes, the engine from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmony_grammar.errors import Span
from harmony_grammar.reading.reader import Reader
from harmony_grammar.streaming.engine import Engine, Lexicons
from harmony_grammar.streaming.ledger import unchain
from harmony_grammar.streaming.recovery import Recovery, overrun_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar.inputs import Kind, Source
    from harmony_grammar.reading.reader import Outcome
    from harmony_grammar.reading.strict import StrictParser
    from harmony_grammar.tree import Start

__all__ = ["Recoverer"]


class Recoverer:
    """Recovery with one grammar and one vocabulary.

    Args:
        parser: the strict parser.
    """

    def __init__(self, parser: StrictParser) -> None:
        self.parser = parser
        self.lexicons = Lexicons()

    def recover(self, source: str | Iterable[int], start: Start = "completion") -> Recovery:
        """Recover an input; see `harmony_grammar.recover`."""
        read = self.parser.source(source)
        reader = Reader(self.parser.machine(start), read)
        outcome = reader.read()
        if outcome.stop is not None:
            return self._resume(reader, outcome, start)
        messages, opened = tuple(outcome.messages), outcome.open_message
        return Recovery(messages, "complete", opened, None, (), (), start, read, self.parser.rules)

    def _resume(self, reader: Reader, outcome: Outcome, start: Start) -> Recovery:
        """Go on where strict reading stopped."""
        source = reader.source
        engine = self.engine(source.kind, start)
        engine.configuration = reader.configuration
        for message in outcome.messages:
            engine.messages = (engine.messages, message)
        engine.count = len(outcome.messages)
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

    def engine(self, kind: Kind, start: Start, *, strict: bool = False) -> Engine:
        """An engine at the beginning of an input."""
        root = self.parser.machine(start).root
        engine = Engine(self.lexicons, kind, start, root)
        engine.strict = strict
        return engine

    def result(self, engine: Engine, source: Source) -> Recovery:
        """What an engine has found, once its input has ended."""
        over = engine.over
        overrun = None if over is None or over == source.length else overrun_of(source, over)
        repairs = sorted(unchain(engine.repairs), key=lambda repair: repair.span)
        return Recovery(
            messages=tuple(unchain(engine.messages)),
            status=engine.status,
            pending=engine.pending,
            overrun=overrun,
            trivia=tuple(Span(*span) for span in unchain(engine.trivia)),
            repairs=tuple(repairs),
            start=engine.start,
            source=source,
            rules=self.parser.rules,
        )
