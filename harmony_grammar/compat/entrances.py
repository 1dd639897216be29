"""Where a reading may begin: between messages, or inside the header of a given author.

A prompt ends in an opening, so what follows it begins after the author. The opening is written
with the words of the grammar and read once; the parser then begins where that left off.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from harmony_grammar.inputs import IdKind
from harmony_grammar.reading.headers import Machine, Opened, walk

if TYPE_CHECKING:
    from harmony_grammar.api import Grammar
    from harmony_grammar.inputs import IdSource
    from harmony_grammar.reading.headers import Configuration
    from harmony_grammar.streaming.stream_parser import StreamParser
    from harmony_grammar.tree import CustomRole, Role, Start

__all__ = ["Entrances"]

_WHOLE: Final = "conversation"
_COMPLETION: Final = "completion"
_MOST_PREFIXES: Final = 4096
_LONGEST_PREFIX: Final = 256


class Entrances:
    """The parsers of one grammar by where they begin, and what they have met.

    Args:
        grammar: the grammar.
        one_channel: whether a header's further channels are passed over, as oss-harmony does.

    Attributes:
        grammar: the grammar.
        texts: the texts of ordinary ids that are whole characters, as far as they were met.
        prefixes: beginnings of headers that can still become headers.
    """

    def __init__(self, grammar: Grammar, *, one_channel: bool = False) -> None:
        self.grammar = grammar
        self._one_channel = one_channel
        self.texts: dict[int, str] = {}
        self.prefixes: set[tuple[Configuration, tuple[int, ...]]] = set()
        # Machines remember headers, so what is read otherwise has machines of its own.
        whole = Machine(grammar.rules, _WHOLE) if one_channel else grammar.parser.machine(_WHOLE)
        self._machines: dict[str | None, Machine] = {None: whole}

    @cached_property
    def table(self) -> IdKind:
        """What ids mean to the grammar."""
        if not self._one_channel:
            return self.grammar.parser.id_kind
        rules = self.grammar.rules
        return IdKind(rules, self.grammar.vocabulary, once=rules.meaning.channel_marker)

    def recovering(self, role: Role | CustomRole | None) -> tuple[StreamParser, tuple[int, ...]]:
        """A stream that mends what is wrong, and the ids to begin it with.

        What follows the opening of a generation is a completion; any other opening is read with
        what follows it.
        """
        completes = role is not None and role == self.grammar.rules.meaning.model_role
        start: Start = _COMPLETION if completes else _WHOLE
        stream = self.grammar.stream(start, recover=True)
        return stream, () if completes else self._opened_ids(role)

    def opening_text(self, role: Role | CustomRole) -> str:
        """What opens a message of a role: the grammar's opening, with this role."""
        rules = self.grammar
        symbols = rules.rules.below(rules.rules.meaning.opening)
        return "".join(
            (rules.rules.meaning.role_words.get(role) or role.value)
            if s.kept
            else rules.rules.literal(s.name)
            for s in symbols
        )

    def machine(self, role: Role | CustomRole | None) -> Machine:
        """The parser of what follows the opening of a role, or of whole messages."""
        word = None if role is None else role.value
        if role is not None and word not in self._machines:
            self._machines[word] = Machine(self.grammar.rules, _WHOLE, opened=self._opened(role))
        return self._machines[word]

    def _opened_ids(self, role: Role | CustomRole | None) -> tuple[int, ...]:
        """The ids of the opening of a role; none without a role."""
        machine = self.machine(role)
        return machine.opened_before(machine.root).ids

    def source(self, ids: list[int]) -> IdSource:
        """Ids as an input."""
        return self.table.source(ids)

    def remember_prefix(self, configuration: Configuration, ids: tuple[int, ...]) -> None:
        """Remember a beginning that can still become a header."""
        if len(ids) > _LONGEST_PREFIX:
            return
        if len(self.prefixes) >= _MOST_PREFIXES:
            self.prefixes.clear()
        self.prefixes.add((configuration, ids))

    def _opened(self, role: Role | CustomRole) -> Opened:
        text = self.opening_text(role)
        pieces = list(self.grammar.parser.text_kind.source(text).pieces(0, len(text)))
        walked = walk(self._machines[None].root, pieces, at_end=False, spelled=True)
        vocabulary = self.grammar.vocabulary
        ids: list[int] = []
        for piece in pieces:
            if piece.special is None:
                ids += vocabulary.encode(piece.text)
            else:
                ids.append(vocabulary.encode_special(piece.text))
        return Opened(walked.tokens, tuple(ids))
