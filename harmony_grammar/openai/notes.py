"""Notes: what of a request or of a completion had no place on the other side, and what was done."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ConversionError", "ConversionNote", "NoteCode", "NoteList", "pointer"]


class NoteCode(str, Enum):
    """Every code that a note may have.

    Attributes:
        meaning: what was met, and what was done.
    """

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        """A code with its meaning."""
        made = str.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    def __str__(self) -> str:
        return str(self.value)

    # In requests and history:
    UNKNOWN_KEY = "unknown-key", "the API has no such key; it was left out"
    NO_PLACE = "no-place", "the format has no place for it; it was left out"
    EFFORT = "effort", "the format has three levels of effort; the nearest was taken"
    RENAMED_TOOL = "renamed-tool", "the tool has another name in the prompt; output undoes that"
    NOT_IN_API = "not-in-api", "the API has no place for it; it was left out"
    PLAIN_BODY = "plain-body", "it keeps to no template; it was written as instructions"
    UNSUPPORTED_TOOL = "unsupported-tool", "the model knows no tool of this kind; it was left out"
    TOOL_AS_FUNCTION = "tool-as-function", "the tool was declared as a function"
    MEDIA = "media", "the model reads text alone; the part was left out or replaced"
    REFUSAL = "refusal-as-text", "a refusal was written as an answer"
    JSON_CONTENT = "json-content", "an object stands where text belongs; it was written as JSON"
    EMPTY_MESSAGE = "empty-message", "there is nothing to say; no message was written"
    REASONING = "unreadable-reasoning", "there is no reasoning that can be read; it was left out"
    UNFINISHED = "unfinished-reasoning", "the reasoning led to no answer; it was kept"
    NO_RESULT = "call-without-result", "the call has no result; it stands alone"
    STRAY_RESULT = "stray-result", "no call has its id; it was written with the id as the tool"
    ORDER = "results-reordered", "results of one tool were put in the order of its calls"
    INCOMPLETE = "incomplete-item", "the item is incomplete; it was closed like a whole one"
    HINT = "schema-as-hint", "the schema is told to the model, but does not bind the answer"
    CUT_HEADER = "cut-header", "the completion ends inside a header, which was left out"
    TOO_LONG = "too-long", "the row is longer than an example may be; they were left out"
    # In completions:
    REPAIRED = "repaired", "the completion is damaged; it was read as the note says"
    UNKNOWN_TOOL = "unknown-tool", "the call names no tool of the request"
    UNINVITED = "uninvited-tool", "the call is of a predefined tool that the request does not have"
    FORBIDDEN = "forbidden-call", "there is a call although the request allows none"
    BARE = "bare-recipient", "the call names its tool without the namespace"
    INVALID = "invalid-arguments", "the arguments are not what the tool takes"
    AMBIGUOUS = "ambiguous-call", "it is not certain whom the model calls, or with what"
    TRUNCATED = "truncated-call", "the completion ends inside the call"
    CUSTOM_INPUT = "custom-input", "the call of a custom tool is not of the form it was told"
    OVERRUN = "overrun", "text follows the end of the turn; it was left out"
    OTHER_AUTHOR = "other-author", "the message is not the model's; it was left out"
    NO_CHANNEL = "no-channel", "the message is on no channel; it was taken for an answer"
    NO_ANSWER = "no-answer", "the model ended its turn with reasoning alone"


class ConversionNote(NamedTuple):
    """One thing that could not be said on the other side.

    Attributes:
        code: what kind of thing.
        path: where: a JSON pointer into the request, or into the output; empty for the whole.
        message: what it is, and what was done.
    """

    code: NoteCode
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.message} [{self.code}]"


class ConversionError(HarmonyError, ValueError):
    """A request, a history or a completion that cannot be converted as it is.

    Attributes:
        path: where, as a JSON pointer.
        problem: what is wrong, without the place.
        code: the code of the note that became an error, with `strict=True`; None for others.
    """

    def __init__(self, problem: str, path: str = "", code: NoteCode | None = None) -> None:
        super().__init__(f"{path or '/'}: {problem}")
        self.problem = problem
        self.path = path
        self.code = code

    def __reduce__(self) -> tuple[type[ConversionError], tuple[str, str, NoteCode | None]]:
        return type(self), (self.problem, self.path, self.code)


class NoteList(list[ConversionNote]):
    """The notes of one conversion.

    Args:
        strict: whether a note is an error.
    """

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__()
        self.strict = strict

    def add(self, code: NoteCode, path: str, what: str = "") -> None:
        """Note something.

        Args:
            code: what kind of thing.
            path: where.
            what: what it is; its meaning is added.

        Raises:
            ConversionError: if notes are errors.
        """
        said = f"{what}: {code.meaning}" if what else code.meaning
        if self.strict:
            raise ConversionError(f"{said} [{code}]", path, code)
        self.append(ConversionNote(code, path, said))


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901).

    Example:
        >>> pointer("messages", 0, "a/b")
        '/messages/0/a~1b'
    """
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
