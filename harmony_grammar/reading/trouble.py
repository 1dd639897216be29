"""A fault and what is around it, as the explanations ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harmony_grammar.grammar import END_OF_INPUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harmony_grammar.grammar import Rules
    from harmony_grammar.reading.headers import Fault, Fields
    from harmony_grammar.reading.reader import Stop

__all__ = ["RECIPIENT_MARKER", "Trouble"]

RECIPIENT_MARKER: Final = "_TO"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault and what is around it.

    Attributes:
        rules: the grammar.
        start: the start symbol.
        stop: why reading stopped.
        fault: where nothing legal can follow.
        first: whether it is before the end of the first message.
    """

    rules: Rules
    start: str
    stop: Stop
    fault: Fault
    first: bool

    @property
    def fields(self) -> Fields:
        """The fields of the unfinished message, as far as they were read."""
        return self.stop.fields

    @property
    def special(self) -> str | None:
        """The terminal that is wrong, if it is a special token."""
        return self.fault.piece.special

    @property
    def found(self) -> str:
        """What is wrong, through the end of the piece."""
        return self.fault.found

    @property
    def expected(self) -> frozenset[str]:
        """What could have stood there."""
        return self.fault.configuration.expected

    @property
    def in_body(self) -> bool:
        """Whether the fault is in a body."""
        return self.stop.place == "body"

    @property
    def speaks(self) -> bool:
        """Whether the unfinished message has terminals already."""
        return bool(self.fault.tokens)

    def spelled(self, names: Iterable[str]) -> str:
        """The spellings of some special tokens, for a sentence."""
        words = [self.rules.words(name) for name in sorted(names) if name != END_OF_INPUT]
        return " or ".join(words)

    def bound(self, field: str) -> frozenset[str]:
        """The fixed words of a field that are expected here, as terminals."""
        words = set(self.rules.field_words(field))
        fixed = {name for name, t in self.rules.terminals.items() if t.pattern in words}
        return self.expected & fixed

    def recipient_begins(self, marker: str | None = None) -> bool:
        """Whether the fault is in the marker of a recipient, by default as the grammar has it."""
        marker, fault = marker or self.rules.literal(RECIPIENT_MARKER), self.fault
        return not self.special and any(
            fault.piece.text.startswith(marker, max(0, fault.offset - back))
            for back in range(len(marker))
        )
