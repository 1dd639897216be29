"""The id that pads and stops: `<|endoftext|>` is in no message, but servers and data sets give it.

In a body it ends the turn, as the token that should stand there would. Before and behind a
transcript it is padding, and belongs to no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmony_grammar.checking.codes import DiagnosticCode
from harmony_grammar.inputs import TextKind
from harmony_grammar.streaming.record import FaultError

if TYPE_CHECKING:
    from harmony_grammar.inputs import Raw
    from harmony_grammar.streaming.engine import Engine

__all__ = ["take_padding"]


def take_padding(engine: Engine, raw: Raw) -> bool:
    """Read a special token that the grammar does not know, if it is the one that pads.

    Returns:
        Whether it is, and does not stand in a header, where it is dropped as any other is.

    Raises:
        FaultError: if reading is strict.
    """
    kind = engine.kind
    if isinstance(kind, TextKind) or not kind.is_padding(raw):
        return False  # in text it is spelled, and so is text
    if not engine.reads_body() and engine.region is not None:
        return False
    if engine.over is not None and engine.over != engine.at:
        return False  # behind other things that follow the turn it is one of them
    if engine.record.strict:
        raise FaultError
    if engine.reads_body():
        _stop(engine, raw)
        return True
    span = (engine.at, engine.at + len(raw))
    engine.record.repair(DiagnosticCode.PADDING, span, kind.spelled(raw), "padding")
    engine.record.skip(*span)
    if engine.over == engine.at:
        engine.over = span[1]
    return True


def _stop(engine: Engine, raw: Raw) -> None:
    """The body of the turn's last message ends so."""
    engine.flush()
    calls = engine.record.is_call(engine.record.current.fields)
    meaning = engine.rules.meaning
    ends = meaning.end_of_call if calls else meaning.end_of_turn
    stop, words = engine.at + len(raw), engine.rules.literal(ends)
    found = engine.kind.spelled(raw)
    engine.record.repair(DiagnosticCode.PADDING, (engine.at, stop), found, words)
    engine.end_and_declare(engine.at, stop, words)
    engine.configuration = engine.words.between
    engine.settle(ends, stop)
