"""Every code that a finding may have: how bad it is, what it means, and an example of it.

Whoever finds something spells its code; here each stands once, with what is said of it in the
documents and by `harmony-grammar explain`. The examples are data, in `examples.json`: they are
the tests of the codes and their documentation.
"""

from __future__ import annotations

import json
import pkgutil
from difflib import get_close_matches
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn, TypeAlias, cast

from harmony_grammar.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from harmony_grammar.errors import Span
    from harmony_grammar.tree import Start

__all__ = ["CodeExample", "DiagnosticCode", "Kind", "Repair", "examples"]

Kind: TypeAlias = Literal["error", "repair", "warning", "input"]
"""Who finds it: strict reading, recovery alone, the linter, or a command in what it is given."""

_ERROR: Final = "error"
_MENDED: Final = "mended"  # an error that recovery mends under the same name
_REPAIR: Final = "repair"
_WARNING: Final = "warning"
_INPUT: Final = "input"


class DiagnosticCode(str, Enum):
    """Every code that a finding may have.

    A repair has the code of the mistake that strict reading stops at, where it has a name for it.

    Attributes:
        kind: who finds it: `"error"` strict reading, `"repair"` recovery alone, `"warning"` the
            linter, `"input"` a command in the rows that it is given.
        meaning: what the input does that it should not, or what a rule demands.
        severity: how bad it is, unless the user says otherwise.
        mended: whether recovery mends it.

    Raises:
        ValueError: if there is no such code; it names the nearest.

    Example:
        >>> DiagnosticCode("headerless").meaning
        'text stands without a header'
        >>> DiagnosticCode.INVALID_JSON.severity
        <Severity.WARNING: 'warning'>
    """

    kind: Kind
    meaning: str
    severity: Severity
    mended: bool

    def __new__(  # noqa: D102  Enum calls it, nobody else
        cls, code: str, kind: str = "", meaning: str = "", severity: Severity | None = None
    ) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.kind = cast("Kind", _ERROR if kind == _MENDED else kind)
        member.meaning = meaning
        usual = Severity.WARNING if kind == _WARNING else Severity.ERROR
        member.severity = severity or usual
        member.mended = kind in (_MENDED, _REPAIR)
        return member

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        near = get_close_matches(str(value), [code.value for code in cls], n=1)
        advice = f"did you mean `{near[0]}`?" if near else "`explain` lists all"
        raise ValueError(f"there is no code {value!r}: {advice}")

    @property
    def example(self) -> CodeExample:
        """What gets the code, and the same as it should be."""
        return examples()[self]

    # A strict reading stops at the first of these.
    TRUNCATED_HEADER = "truncated-header", _MENDED, "the input ends before the header does"
    TRUNCATED_BODY = "truncated-body", _MENDED, "the input ends before the message does"
    TRUNCATED_TURN = "truncated-turn", _ERROR, "the input ends where another message must follow"
    FOREIGN_TOKEN = "foreign-token", _ERROR, "a special token that never stands in a message"
    UNKNOWN_ID = "unknown-id", _ERROR, "an id is not in the vocabulary"
    MISSING_TERMINATOR = "missing-terminator", _MENDED, "a message begins inside the one before it"
    CALL_WITHOUT_RECIPIENT = (
        "call-without-recipient",
        _MENDED,
        "the message ends as a call to nobody",
    )
    RECIPIENT_WITHOUT_CALL = "recipient-without-call", _MENDED, "a call does not end as one"
    WRONG_TERMINATOR = "wrong-terminator", _MENDED, "the message ends in the token of another kind"
    STRAY_TOKEN = "stray-token", _MENDED, "a special token stands inside a body"
    OVERRUN = "overrun", _MENDED, "the turn is over, and the input goes on"
    REPEATED_OPENING = "repeated-opening", _MENDED, "the completion repeats the end of its prompt"
    DISGUISED_TOKEN = "disguised-token", _ERROR, "a special token is spelled with other characters"
    TEXT_BETWEEN_MESSAGES = (
        "text-between-messages",
        _MENDED,
        "text stands where a message should begin",
    )
    HEADERLESS = "headerless", _MENDED, "text stands without a header"
    FOREIGN_ROLE = "foreign-role", _MENDED, "a completion speaks as somebody else"
    UNKNOWN_ROLE = (
        "unknown-role",
        _MENDED,
        "the author is neither a role nor a tool that addresses someone",
    )
    FINAL_CALL = "final-call", _MENDED, "the header's fields cannot stand together"
    DUPLICATE_FIELD = (
        "duplicate-field",
        _ERROR,
        "the header has a second channel or a second recipient",
    )
    UNKNOWN_CHANNEL = "unknown-channel", _MENDED, "there is no such channel"
    EMPTY_SEGMENT = "empty-segment", _MENDED, "the recipient is no name"
    DOUBLED_TOKEN = "doubled-token", _ERROR, "a special token stands twice"
    MISSING_MESSAGE = "missing-message", _MENDED, "the header ends before it opens a body"
    MISSING_SPACE = "missing-space", _MENDED, "the recipient is not set off by one plain space"
    UNEXPECTED_TEXT = "unexpected-text", _MENDED, "the header has a word that is no field"
    UNEXPECTED_TOKEN = "unexpected-token", _MENDED, "a special token cannot stand there"
    SELF_RECIPIENT = "self-recipient", _MENDED, "the assistant addresses itself"

    # Recovery names these; a strict reading has a wider word for them.
    EMPTY_HEADER = "empty-header", _REPAIR, "a header begins and nothing comes of it"
    MISSING_START = "missing-start", _REPAIR, "a message begins without its start token"
    MISSING_ROLE = "missing-role", _REPAIR, "the header does not say who speaks"
    ODD_HEADER = (
        "odd-header",
        _REPAIR,
        "the header's fields or spaces are not as the format has them",
    )
    MISSING_CHANNEL_TOKEN = "missing-channel-token", _REPAIR, "a channel is named without its token"
    PADDING = "padding", _REPAIR, "an id that pads or stops, which is in no message"
    STRIPPED_TOKENS = (
        "stripped-tokens",
        _REPAIR,
        "the text has lost its special tokens",
    )
    DOUBLED_START = "doubled-start", _REPAIR, "the start token stands twice"
    DOUBLED_ROLE = "doubled-role", _REPAIR, "the role stands twice"
    DOUBLED_TERMINATOR = "doubled-terminator", _REPAIR, "a message ends where none has begun"
    DUPLICATE_CHANNEL = "duplicate-channel", _REPAIR, "the header has the same channel again"
    CONFLICTING_CHANNELS = "conflicting-channels", _REPAIR, "the header has several channels"
    DUPLICATE_RECIPIENT = "duplicate-recipient", _REPAIR, "the header has the same recipient again"
    CONFLICTING_RECIPIENTS = "conflicting-recipients", _REPAIR, "the header has several recipients"
    CONFLICTING_TYPES = "conflicting-types", _REPAIR, "the header has several content types"
    CHANNEL_JUNK = "channel-junk", _REPAIR, "the channel is followed by something else"
    MISSING_TYPE = "missing-type", _REPAIR, "nothing is named after the constrain token"

    # The format allows these, and the linter tells of them.
    CALL_ON_ANALYSIS = (
        "call-on-analysis",
        _WARNING,
        "A function is called on the channel of reasoning.",
    )
    CODE_IS_JSON = "code-is-json", _WARNING, "A body declared as code is JSON."
    INVALID_JSON = "invalid-json", _WARNING, "A body constrained to JSON is not JSON."
    RETURN_IN_HISTORY = "return-in-history", _WARNING, "A return that is not the very end."
    MISSING_CHANNEL = (
        "missing-channel",
        _WARNING,
        "No channel, where the system message requires one.",
    )
    CHANNEL_NOT_ALLOWED = (
        "channel-not-allowed",
        _WARNING,
        "A channel is one of those that the system message names.",
    )
    KEPT_REASONING = "kept-reasoning", _WARNING, "Reasoning of an earlier turn."
    UNDECLARED_TOOL = "undeclared-tool", _WARNING, "A call goes to a tool that the prompt declares."
    INVALID_ARGUMENTS = (
        "invalid-arguments",
        _WARNING,
        "The arguments of a call fit the type that the prompt declares.",
    )
    BROKEN_FORMAT = (
        "broken-format",
        _WARNING,
        "An answer keeps to the response format that the prompt declares.",
    )
    TOOL_WITHOUT_CHANNEL = "tool-without-channel", _WARNING, "A tool result with no channel."
    TOOL_WITHOUT_RECIPIENT = (
        "tool-without-recipient",
        _WARNING,
        "A tool result addressed to nobody.",
    )
    RESULT_WITHOUT_CALL = "result-without-call", _WARNING, "A tool result that nothing asked for."
    SECOND_RESULT = (
        "second-result",
        _WARNING,
        "A call has one result; this one is answered already.",
    )
    DUPLICATE_SYSTEM = "duplicate-system", _WARNING, "A conversation has one system message."
    LATE_SYSTEM = "late-system", _WARNING, "The system message comes first."
    MISSPELT_EFFORT = (
        "misspelt-effort",
        _WARNING,
        "The effort of reasoning is one that models know.",
    )
    OFF_TEMPLATE = (
        "off-template",
        _WARNING,
        "A message that declares tools follows the template that prompts are rendered with.",
    )
    DUPLICATE_TOOL = "duplicate-tool", _WARNING, "A tool is declared once."
    SPELLED_TOKEN = (
        "spelled-token",
        _WARNING,
        "What somebody says does not spell special tokens.",
    )
    DISGUISED_TEXT = (
        "disguised-text",
        _WARNING,
        "What a user or a tool says does not hold special tokens in disguise.",
    )
    UNUSUAL_RECIPIENT = (
        "unusual-recipient",
        _WARNING,
        "A recipient with signs that names of tools do not have.",
    )
    UNUSUAL_TYPE = "unusual-type", _WARNING, "A content type in unusual capitals."
    ADJACENT_CONSTRAIN = "adjacent-constrain", _WARNING, "No space before the constrain marker."
    UNUSUAL_SPACE = "unusual-space", _WARNING, "White space in a header where the format has none."

    # What the commands say of rows of data sets.
    INVALID_ROW = "invalid-row", _INPUT, "A row is JSON, in a file that can be read to its end."
    NO_TRANSCRIPT = "no-transcript", _INPUT, "A row has a field with text, ids or messages."
    INVALID_MESSAGES = (
        "invalid-messages",
        _INPUT,
        "The messages of a row are a chat, items of Responses or wire JSON.",
    )
    NOT_IN_FORMAT = (
        "not-in-format",
        _INPUT,
        "What the messages of a row say has a place in the format.",
        Severity.WARNING,
    )
    UNWRITABLE_MESSAGES = (
        "unwritable-messages",
        _INPUT,
        "The messages of a row have fields that the format can write.",
    )


class CodeExample(NamedTuple):
    """An input that gets a code, and one that does not.

    Attributes:
        start: what the examples are read as.
        bad: decoded text or ids; for a row of a data set, the row.
        good: the same as it should be; None if recovery says what that is.
        said: what a command says of the bad one, if nothing else does.
    """

    start: Start
    bad: str | list[int]
    good: str | list[int] | None = None
    said: str = ""


@cache
def examples() -> Mapping[str, CodeExample]:
    """The examples of all codes, by code."""
    data = pkgutil.get_data("harmony_grammar", "checking/examples.json") or b"{}"
    return {code: CodeExample(**example) for code, example in json.loads(data).items()}


class Repair(NamedTuple):
    """One repair.

    Attributes:
        code: which mistake was mended.
        span: where it is, in characters or indices of ids.
        found: the text that stands there, or the beginning of a long one.
        assumed: what was read instead.
    """

    code: DiagnosticCode
    span: Span
    found: str
    assumed: str
