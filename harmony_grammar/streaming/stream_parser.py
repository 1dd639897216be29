"""`StreamParser`: the engine behind a front door that takes input as it comes.

What is fed is read at once as far as it is certain. Held back are the bytes of an unfinished
character, in text also what may become a special token, and when recovering whatever depends on
what follows; so nothing that was told is ever taken back, and how the input is cut into pieces
changes nothing but where one delta ends and the next begins.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache, lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from harmony_grammar.errors import HarmonySyntaxError
from harmony_grammar.grammar import Rules, given
from harmony_grammar.inputs import TextKind, list_of_ids
from harmony_grammar.reading.strict import StrictParser
from harmony_grammar.streaming.engine import BODY
from harmony_grammar.streaming.events import text_delta
from harmony_grammar.streaming.record import FaultError, unchain
from harmony_grammar.streaming.recovery import Recoverer
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from harmony_grammar.inputs import Raw
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.streaming.engine import Engine
    from harmony_grammar.streaming.events import Event
    from harmony_grammar.streaming.record import Chain
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.tree import Start

__all__ = ["Snapshot", "StreamParser"]

_NONE: Final[Mapping[int, str]] = MappingProxyType({})


class Snapshot(NamedTuple):
    """A place in a stream that can be returned to. What is in it is the parser's own affair."""

    state: tuple[Any, ...]


class _Texts(dict[int, str]):
    """The text of the ordinary ids that were met and are whole characters."""

    def __init__(self, vocabulary: Vocabulary, first_special: int) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._ordinary = range(first_special)

    def learn(self, token: int) -> None:
        """Look an id up, if it is an ordinary one and not known yet."""
        if token not in self and token in self._ordinary:
            data = self._vocabulary.decode_bytes([token])
            with suppress(UnicodeDecodeError):
                self[token] = data.decode("utf-8")


class Recovering(Protocol):
    """A grammar that knows how to recover, as `harmony_grammar.Grammar` does."""

    @property
    def recoverer(self) -> Recoverer:
        """Recovery with the grammar."""


class StreamParser:
    """Reading a stream: `feed` it, get events.

    Args:
        start: what the stream is; see `harmony_grammar.parse`.
        recover: whether to mend what is no sentence. If not, the first mistake raises.
        stripped: when mending, whether text may be read that has lost its special tokens, once
            it is there as a whole; see `harmony_grammar.recover`.
        grammar: the grammar, a `harmony_grammar.Grammar`; the default one if None.
        recoverer: the old name of `grammar`: recovery with the grammar.

    Example:
        >>> parser = StreamParser()
        >>> [type(event).__name__ for event in parser.feed("<|channel|>final<|message|>Hi")]
        ['MessageStarted', 'HeaderCompleted', 'TextDelta']
        >>> parser.close().status
        'truncated'
    """

    def __init__(
        self,
        start: Start = "completion",
        *,
        recover: bool = False,
        stripped: bool = True,
        grammar: Recovering | None = None,
        recoverer: Recoverer | None = None,
    ) -> None:
        self.start = start
        self.recover = recover
        self.stripped = stripped
        asked = None if grammar is None else grammar.recoverer
        self._recoverer = given(asked, recoverer, "recoverer") or _default()
        self._recoverer.parser.machine(start)  # an unknown start is refused at once
        self._engine: Engine | None = None
        self._texts: _Texts | None = None
        self._fed: Chain = None
        self._held = ""
        self._ended = False
        self._error: HarmonySyntaxError | None = None
        # The short way of an id in a body: its text is looked up, told, and entered later.
        self._live: Mapping[int, str] = _NONE
        self._run: list[int] = []
        self._index = 0
        self._tell: Callable[[int, str], Event] = text_delta

    def __reduce__(self) -> tuple[Callable[..., StreamParser], tuple[Any, ...]]:
        # What was fed says all: the engine's states lead to all that the grammar has met.
        self._flush()
        raw = None if self._engine is None else self._source()
        options = {"start": self.start, "recover": self.recover, "stripped": self.stripped}
        return partial(_again, ended=self._ended), (options, self._recoverer, raw)

    # --- feeding ---

    def feed(self, source: str | int | Iterable[int]) -> list[Event]:
        """Read on.

        Args:
            source: more text, or more ids, any number of either; not text once and ids then.

        Returns:
            What has become certain.

        Raises:
            HarmonySyntaxError: if the stream is no beginning of a sentence, unless recovering.
            TypeError: if text follows ids or ids text.
            ValueError: if the stream has been closed.
        """
        if type(source) is list and len(source) == 1:  # as streams mostly come
            text = self._live.get(source[0])
            if text:
                self._run.append(source[0])
                return [self._tell(self._index, text)]
        return self._feed(source)

    def feed_text(self, token: int) -> str | None:
        """Read on by an id that is text of the body being read, and nothing else.

        It is the shortest way, for who needs no event.

        Args:
            token: the id.

        Returns:
            The text; None if the id may be something else, and then it was not read.
        """
        text = self._live.get(token)
        if text:
            self._run.append(token)
        return text

    def _feed(self, source: str | int | Iterable[int]) -> list[Event]:
        """Read on, whatever the engine is doing."""
        if self._error is not None:
            raise self._error
        if self._ended:
            raise ValueError("the stream has been closed: make a new parser, or restore a snapshot")
        self._flush()
        ids = [source] if isinstance(source, int) else source
        raw: Raw = ids if isinstance(ids, str) else list(list_of_ids(ids))
        engine = self._engine or self._begin("text" if isinstance(raw, str) else "ids")
        if isinstance(raw, str) != (engine.kind.unit == "text"):
            raise TypeError("a stream is text or ids, not both")
        self._fed = (self._fed, raw)
        if isinstance(engine.kind, TextKind):
            raw = self._held + raw
            settled = engine.kind.settled(raw)
            self._held, raw = raw[settled:], raw[:settled]
        elif len(raw) == 1 and self._texts is not None:
            self._texts.learn(raw[0])
        events = self._take(engine, raw)
        self._settle()
        return events

    def _flush(self) -> None:
        """Enter the ids that went the short way."""
        engine, run = self._engine, self._run
        if run and engine is not None:
            self._fed = (self._fed, run)
            engine.record.body = (engine.record.body, run)
            engine.at += len(run)
            self._run = []

    def _settle(self) -> None:
        """Open the short way if a body is being read and nothing is held back, else close it."""
        engine, texts = self._engine, self._texts
        self._live = _NONE
        if engine is None or texts is None or self._ended:
            return
        if engine.mode == BODY and not engine.tail and self._error is None:
            self._live, self._index, self._tell = texts, engine.record.count, engine.record.told

    def _begin(self, unit: str) -> Engine:
        kind = self._recoverer.kind(unit)
        self._engine = engine = self._recoverer.engine(
            kind, self.start, strict=not self.recover, stripped=self.stripped
        )
        if unit == "ids":
            table = self._recoverer.parser.id_kind
            self._texts = _texts(table.vocabulary, table.first_special)
        return engine

    def _take(self, engine: Engine, raw: Raw) -> list[Event]:
        try:
            engine.take(raw)
        except FaultError as fault:
            self._refuse(fault.stop)
        return _told(engine)

    def _refuse(self, stop: int) -> None:
        """Say what is wrong, as reading everything up to there at once does."""
        try:
            self._recoverer.parser.parse(self._source()[:stop], self.start)
        except HarmonySyntaxError as error:
            self._error = error
            self._settle()
            raise

    def _source(self) -> Raw:
        """Everything that was fed."""
        parts = unchain(self._fed)
        return self._engine.kind.join(parts) if self._engine is not None else ""

    # --- the end ---

    def finish(self) -> list[Event]:
        """The stream ends: what only that makes certain.

        Returns:
            The last events. There are none if the stream had been finished already.

        Raises:
            HarmonySyntaxError: as `feed` does.
        """
        if self._error is not None:
            raise self._error
        if self._ended:
            return []
        self._flush()
        engine = self._engine or self._begin("text")
        self._ended = True
        self._settle()
        if self._held:
            held, self._held = self._held, ""
            try:
                engine.take(held)
            except FaultError as fault:
                self._refuse(fault.stop)
        engine.finish()
        return _told(engine)

    def close(self) -> Report | Recovery:
        """The stream ends: its final verdict.

        Returns:
            What `check` says of the whole stream, or when recovering what `recover` does.

        Raises:
            HarmonySyntaxError: if the stream is no beginning of a sentence, unless recovering.
        """
        self.finish()
        source = self._source()
        parser = self._recoverer.parser
        if self.recover and self._engine is not None:
            return self._recoverer.result(self._engine, parser.source(source))
        report = parser.check(source, self.start)
        if report.status == "malformed":
            raise HarmonySyntaxError(report.diagnostics[-1])
        return report

    # --- going back ---

    def snapshot(self) -> Snapshot:
        """Remember this place. How long the stream is makes no difference to the time."""
        self._flush()
        engine = self._engine
        inner = None if engine is None else engine.state()
        return Snapshot(
            (engine, inner, self._texts, self._fed, self._held, self._ended, self._error)
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go to a remembered place of this stream, as if nothing had been fed since."""
        engine, inner, self._texts, self._fed, self._held, self._ended, self._error = snapshot.state
        self._engine = engine
        if engine is not None:
            engine.restore(inner)
            engine.record.events = []
        self._run = []
        self._settle()


def _again(
    options: dict[str, Any], recoverer: Recoverer, raw: Raw | None, *, ended: bool
) -> StreamParser:
    """A parser that was fed this."""
    parser = StreamParser(**options, grammar=_Recovered(recoverer))
    with suppress(HarmonySyntaxError):  # which the parser then goes on raising
        if raw is not None:
            parser.feed(raw)
        if ended:
            parser.finish()
    return parser


class _Recovered(NamedTuple):
    recoverer: Recoverer


def _told(engine: Engine) -> list[Event]:
    """What the engine has to tell."""
    events, engine.record.events = engine.record.events, []
    return events


@lru_cache(maxsize=8)
def _texts(vocabulary: Vocabulary, first_special: int) -> _Texts:
    return _Texts(vocabulary, first_special)


@cache
def _default() -> Recoverer:
    return Recoverer(StrictParser(Rules.default(), Vocabulary.default))
