"""Saying what is wrong: from where nothing legal can follow to words that help.

The grammar finds faults; this table explains them. Each explanation is a small function that
looks at one fault and says what mistake it is, or None. The first one that speaks is taken, so
the particular stand before the general. None of them decides whether something is a fault.
"""

from __future__ import annotations

import html
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import Severity, Span
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.inputs import UNKNOWN
from harmony_grammar.inputs.places import Explanation, locate
from harmony_grammar.tokens import PADDING, is_marked
from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harmony_grammar.errors import Diagnostic
    from harmony_grammar.grammar import Rules
    from harmony_grammar.grammar.meaning import Meaning
    from harmony_grammar.reading.headers import Fault, Fields
    from harmony_grammar.reading.reader import Reader, Stop


__all__ = ["EXPLANATIONS", "STRIPPED", "diagnose", "explain", "lost_tokens", "spelled_by_ids"]


_TRUNCATED: Final = {
    "turn": Explanation(
        "truncated-turn",
        "the input ends where another message must follow",
        "a completion ends with a call or a return, a prompt with an open message",
    ),
    "header": Explanation(
        "truncated-header",
        "the input ends before the header does",
        "the model was cut off, or the text is a prompt: read it as one",
    ),
    "body": Explanation(
        "truncated-body",
        "the input ends before the message does",
        "the model was cut off, or the token that ended the message was stripped: append it",
    ),
}


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
        words = (self.rules.words(name) for name in names if name != END_OF_INPUT)
        return " or ".join(sorted(words))

    def bound(self, field: str) -> frozenset[str]:
        """The fixed words of a field that are expected here, as terminals."""
        words = set(self.rules.field_words(field))
        fixed = {name for name, t in self.rules.terminals.items() if t.pattern in words}
        return self.expected & fixed

    @property
    def meaning(self) -> Meaning:
        """What the rules and terminals of the grammar mean."""
        return self.rules.meaning

    @property
    def marker(self) -> str:
        """What the grammar writes before a recipient."""
        return self.rules.literal(self.meaning.recipient_marker)

    def recipient_begins(self, marker: str | None = None) -> bool:
        """Whether the fault is in the marker of a recipient, by default as the grammar has it."""
        marker, fault = marker or self.marker, self.fault
        return not self.special and any(
            fault.piece.text.startswith(marker, max(0, fault.offset - back))
            for back in range(len(marker))
        )


def foreign_token(t: Trouble) -> Explanation | None:
    """An id that no message can hold."""
    if t.special != "":
        return None
    if t.found == UNKNOWN:
        return Explanation(
            "unknown-id",
            "the id is not in the vocabulary",
            "use the vocabulary that the ids were made with",
        )
    said = f"`{t.found}` never stands in a message"
    if t.found == PADDING:
        return Explanation(
            "foreign-token",
            said,
            "it pads rows and stops generations: leave it out of the ids, or recover them",
        )
    return Explanation("foreign-token", said)


def begins_in_body(t: Trouble) -> Explanation | None:
    """The message before was not ended."""
    if not t.in_body or t.special != t.meaning.message_start:
        return None
    ends = t.spelled(t.expected & t.rules.terminators)
    return Explanation(
        "missing-terminator",
        "a message begins inside the body of the one before it",
        f"end that message with {ends} first",
    )


def call_without_recipient(t: Trouble) -> Explanation | None:
    """A call to nobody."""
    if not t.in_body or t.special != t.meaning.end_of_call or t.fields.recipient is not None:
        return None
    marker = t.marker
    return Explanation(
        "call-without-recipient",
        "the message ends as a call but has no recipient: there is nothing to call",
        f"name the tool in the header, `{marker}NAME`, or end with {t.spelled(t.expected)}",
    )


def call_without_end(t: Trouble) -> Explanation | None:
    """A call that ends as something else."""
    ends_call = t.in_body and t.meaning.end_of_call in t.expected
    if not ends_call or t.special not in t.rules.terminators:
        return None
    return Explanation(
        "recipient-without-call",
        f"the assistant's message to `{t.fields.recipient}` does not end as a call",
        f"end it with {t.rules.words(t.meaning.end_of_call)}",
    )


def wrong_terminator(t: Trouble) -> Explanation | None:
    """A terminator of other messages."""
    if not t.in_body or t.special not in t.rules.terminators:
        return None
    return Explanation(
        "wrong-terminator",
        f"a message of the {t.fields.role.value} cannot end in `{t.found}`",
        f"end it with {t.spelled(t.expected & t.rules.terminators)}",
    )


def token_in_body(t: Trouble) -> Explanation | None:
    """A special token in a body."""
    if not t.in_body:
        return None
    return Explanation(
        "stray-token",
        f"`{t.found}` stands inside a body",
        "a body ends at the first special token; text that only spells one can be given as ids",
    )


def overrun(t: Trouble) -> Explanation | None:
    """Something after the end of the turn."""
    if t.expected != {END_OF_INPUT}:
        return None
    return Explanation(
        "overrun",
        "the turn is over: a completion ends at the first call or return",
        "cut the completion there, or read it as a conversation",
    )


def repeated_opening(t: Trouble) -> Explanation | None:
    """A completion that repeats the end of its prompt."""
    first = t.meaning.message_start
    if t.start != "completion" or not t.first or t.speaks or t.special != first:
        return None
    opening = "".join(t.rules.opening_words)
    return Explanation(
        "repeated-opening",
        f"a completion goes on after the prompt's `{opening}` and does not repeat it",
        f"drop the `{opening}` at the beginning, or read the text as a conversation",
    )


def disguised_token(t: Trouble) -> Explanation | None:
    """A special token that went through an escaping function."""
    if t.special is not None:
        return None
    plain = unicodedata.normalize("NFKC", html.unescape(t.found))
    if plain == t.found or not is_marked(plain.lstrip()):
        return None
    return Explanation(
        "disguised-token",
        "this looks like a special token but is spelled with other characters",
        "undo the HTML escaping or the full-width characters before parsing",
    )


def between_messages(t: Trouble) -> Explanation | None:
    """Text where a message should begin."""
    first = t.meaning.message_start
    if t.special is not None or t.speaks or first not in t.expected:
        return None
    if t.found[:1].isspace():
        return Explanation(
            "text-between-messages",
            "white space stands between messages",
            "nothing stands between messages on the wire; remove it",
        )
    return Explanation(
        "text-between-messages",
        "text stands where a message should begin",
        STRIPPED
        if t.first and lost_tokens(t.rules, t.found)
        else f"a message begins with `{t.rules.opening_words[0]}`",
    )


def spelled_by_ids(rules: Rules, text: str) -> str:
    """What to do about ordinary ids that spell a special token; empty if none is spelled.

    In text each spelling is the token, so a run of text that has one is made of ids.
    """
    found = rules.special_pattern.search(text)
    if found is None:
        return ""
    return f"ordinary ids spell `{found.group()}` there: encode with special tokens allowed"


STRIPPED: Final = (
    "its special tokens were stripped, it seems: decode with skip_special_tokens=False"
)


def lost_tokens(rules: Rules, text: str) -> bool:
    """Whether a text without special tokens looks as if it had lost them."""
    glued = tuple(rules.opening_role + channel for channel in rules.channels)
    return text.startswith(rules.channels) or any(word in text for word in glued)


def headerless(t: Trouble) -> Explanation | None:
    """A completion that begins with its text."""
    if t.start != "completion" or not t.first or t.speaks or t.special is not None:
        return None
    if t.recipient_begins() or not t.found:
        return None
    return Explanation(
        "headerless",
        "a completion begins with a header, and this is text",
        STRIPPED
        if lost_tokens(t.rules, t.found)
        else f"a header goes from {t.rules.words(t.meaning.channel_marker)} "
        f"to {t.spelled(t.rules.openers)}",
    )


def foreign_role(t: Trouble) -> Explanation | None:
    """Somebody else in a completion."""
    role = t.rules.opening_role
    if t.start != "completion" or {t.rules.literal(n) for n in t.bound("role")} != {role}:
        return None
    if t.special is not None:
        return None
    said = f"a completion may speak as the {role} only"
    channel = next((one for one in t.rules.channels if t.found.startswith(one)), None)
    if channel is not None:
        token = t.rules.literal(t.meaning.channel_marker)
        return Explanation("foreign-role", said, f"a channel follows: `{role}{token}{channel}`")
    return Explanation(
        "foreign-role",
        said,
        "what a tool or a user says comes from outside; cut the completion before it",
    )


def unknown_role(t: Trouble) -> Explanation | None:
    """A role that is none."""
    author = t.fields.author
    if (
        author.role is not Role.TOOL
        or not author.name
        or t.meaning.recipient_marker not in t.expected
    ):
        return None
    if "." in author.name or t.fields.recipient is not None or t.special is None:
        return None
    near = get_close_matches(author.name, t.rules.roles, n=1)
    roles = ", ".join(t.rules.roles)
    return Explanation(
        "unknown-role",
        f"`{author.name}` is no role, and no tool's message either, for it has no recipient",
        f"did you mean `{near[0]}`?" if near else f"the roles are {roles}",
    )


def call_on_final(t: Trouble) -> Explanation | None:
    """A call where the user would see it."""
    final = t.meaning.answer
    behind = t.fields.channel == final or (t.fault.tokens[-1:] and t.fault.tokens[-1].text == final)
    before = t.fields.recipient is not None and t.found.startswith(final)
    if not (t.recipient_begins() and behind) and not (before and t.bound("channel")):
        return None
    return Explanation(
        "final-call",
        f"a call cannot be on the {final} channel",
        "if the word after it is the content type, write it alone, "
        f"without `{t.marker}`; a call goes to {t.rules.calls_channel}",
    )


def duplicate_field(t: Trouble) -> Explanation | None:
    """A channel or a recipient given twice."""
    again = None
    if t.special == t.meaning.channel_marker and t.fields.channel is not None:
        again = "channel"
    elif t.recipient_begins() and t.fields.recipient is not None:
        again = "recipient"
    if again is None:
        return None
    return Explanation("duplicate-field", f"the header has a second {again}", "keep one of them")


def unknown_channel(t: Trouble) -> Explanation | None:
    """A channel that there is not."""
    if t.meaning.channel_marker not in {token.name for token in t.fault.tokens[-2:]}:
        return None
    word = t.fault.unfinished
    if not word and (t.special is not None or t.found[:1].isspace()):
        return _channel_missing(t)
    word = word or _word_after_marker(t)
    begun = [channel for channel in t.rules.channels if len(word) > 1 and channel.startswith(word)]
    near = begun or get_close_matches(word, t.rules.channels, n=1)
    listed = ", ".join(t.rules.channels)
    hint = f"did you mean `{near[0]}`?" if near else f"the channels are {listed}"
    return Explanation("unknown-channel", f"there is no channel `{word}`", hint)


def _channel_missing(t: Trouble) -> Explanation | None:
    if not t.bound("channel"):
        return None
    listed = ", ".join(t.rules.channels)
    return Explanation("unknown-channel", "the channel has no name", f"the channels are {listed}")


def _word_after_marker(t: Trouble) -> str:
    """The whole word that stands where the channel should."""
    text = t.fault.piece.text
    return text[: next((i for i, char in enumerate(text) if char.isspace()), len(text))]


def empty_segment(t: Trouble) -> Explanation | None:
    """A recipient that is no name."""
    if not t.fault.tokens or t.meaning.recipient_marker not in {
        token.name for token in t.fault.tokens[-2:]
    }:
        return None
    return Explanation(
        "empty-segment",
        "the recipient is no name",
        "a recipient is one or more names joined by dots, none of them empty",
    )


def doubled_token(t: Trouble) -> Explanation | None:
    """The same special token twice."""
    if not t.special or not t.speaks or t.fault.tokens[-1].name != t.special:
        return None
    return Explanation("doubled-token", f"`{t.found}` stands twice", "remove one of them")


def unfinished_header(t: Trouble) -> Explanation | None:
    """A header that ends before its body."""
    first = t.meaning.message_start
    if not t.special or t.special not in t.rules.terminators | {first}:
        return None
    if first in t.expected:
        return Explanation("unexpected-token", f"`{t.found}` ends a message, and none has begun")
    return Explanation(
        "missing-message",
        f"the header ends without {t.spelled(t.rules.openers)}",
        _opened_twice(t) or f"put {t.spelled(t.rules.openers)} between the header and the body",
    )


def _opened_twice(t: Trouble) -> str | None:
    """What to do about an opening, or its role, that is repeated right behind itself."""
    start = t.rules.literal(t.meaning.message_start)
    opened = [token.text for token in t.fault.tokens]
    if t.special is None:
        again = not opened and t.meaning.message_start not in t.expected
        again = again and t.found.startswith(t.rules.roles)
    else:
        again = t.found == start and len(opened) in (0, len(t.rules.opening_words))
    if not again:
        return None
    return "the message is open already, by what stands before or by the role given: open it once"


def missing_space(t: Trouble) -> Explanation | None:
    """A recipient without its space."""
    marker = t.marker
    if t.recipient_begins() or not t.recipient_begins(marker.lstrip()):
        return None
    return Explanation(
        "missing-space", "there is no space before the recipient", f"write `{marker}`"
    )


def text_in_header(t: Trouble) -> Explanation | None:
    """Text that belongs in a body."""
    if t.special is not None:
        return None
    return Explanation(
        "unexpected-text",
        f"{t.found[:1]!r} cannot stand here in a header",
        _opened_twice(t) or f"the body begins after {t.spelled(t.rules.openers)}",
    )


def anything(t: Trouble) -> Explanation:
    """A special token out of place."""
    return Explanation("unexpected-token", f"`{t.found}` cannot stand here")


EXPLANATIONS: Final[tuple[Callable[[Trouble], Explanation | None], ...]] = (
    foreign_token,
    begins_in_body,
    call_without_recipient,
    call_without_end,
    wrong_terminator,
    token_in_body,
    overrun,
    repeated_opening,
    disguised_token,
    between_messages,
    headerless,
    foreign_role,
    unknown_role,
    call_on_final,
    duplicate_field,
    missing_space,
    unknown_channel,
    empty_segment,
    doubled_token,
    unfinished_header,
    text_in_header,
)


def explain(trouble: Trouble) -> Explanation:
    """Say what mistake a fault is."""
    violation = trouble.stop.violation
    if violation is not None:
        return Explanation(violation.code, violation.message, violation.hint)
    found = (explanation(trouble) for explanation in EXPLANATIONS)
    said = next((one for one in found if one is not None), anything(trouble))
    spelled = spelled_by_ids(trouble.rules, trouble.fault.piece.text)
    if trouble.special is not None or not spelled:
        return said
    return Explanation(said.code, said.message, spelled)


def diagnose(reader: Reader, stop: Stop) -> Diagnostic:
    """The diagnostic of the place where reading stopped."""
    machine, source = reader.configuration.machine, reader.source
    expected = tuple(sorted({machine.rules.words(name) for name in stop.expected}))
    if stop.fault is None:
        span = Span(source.length, source.length)
        said = _TRUNCATED[stop.place]
    else:
        fault = stop.fault
        span = source.span(fault.piece, fault.offset, max(1, fault.width))
        first = not reader.outcome.messages
        said = explain(Trouble(machine.rules, machine.start, stop, fault, first=first))
    return locate(source, span, Severity.ERROR, said, expected)
