"""The transcript in a row: decoded text, ids, or messages, in the field that was named or found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.cli.datasets.chat import conversation_of_chat, is_chat
from harmony_grammar.errors import RenderError

if TYPE_CHECKING:
    from harmony_grammar import Grammar
    from harmony_grammar.tree import Conversation

__all__ = ["BadRow", "RowSource", "source_of"]

# Fields that are looked at by themselves, in this order, if what they hold is of a fitting kind.
_FIELDS: Final = (
    *("harmony", "transcript", "text", "ids", "input_ids", "token_ids", "tokens"),
    *("messages", "conversation", "conversations", "completion", "output", "prompt", "content"),
)


class BadRow(Exception):
    """A row that cannot be read.

    Attributes:
        code: the stable name of the finding.
        hint: what to do about it.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class RowSource(NamedTuple):
    """The transcript of a row.

    Attributes:
        field: the field that it is in; None if it is the row itself.
        source: text or ids, as `check` takes them.
        messages: if it is given as messages, the index of the one that each message of the
            transcript comes from; None for text and ids.
    """

    field: str | None
    source: str | list[int]
    messages: Sequence[int] | None = None


def source_of(grammar: Grammar, row: Any, wanted: str | None) -> RowSource:
    """The transcript of a row.

    Args:
        grammar: the grammar.
        row: the row, as JSON data.
        wanted: the field that it is in; None to find out.

    Raises:
        BadRow: if there is none.
    """
    if not isinstance(row, Mapping):
        if wanted is not None:
            raise _no_field(f"the row has no field `{wanted}`: it is {_kind(row)}")
        return RowSource(None, *_source(grammar, row, {}))
    name = _found(grammar, row) if wanted is None else wanted
    if name not in row:
        raise _no_field(f"the row has no field `{name}`, but {_names(row)}")
    return RowSource(name, *_source(grammar, row[name], row))


def _found(grammar: Grammar, row: Mapping[str, Any]) -> str:
    """The field that holds a transcript, by name and kind, else by what it holds."""
    for name in _FIELDS:
        if name in row and _fits(row[name]):
            return name
    spellings = tuple(grammar.rules.specials)
    for name, value in row.items():
        if _fits(value) and (not isinstance(value, str) or any(s in value for s in spellings)):
            return name
    raise _no_field(f"no field holds a transcript; the row has {_names(row)}")


def _fits(value: Any) -> bool:
    if isinstance(value, str):
        return True
    if isinstance(value, Mapping):
        return "messages" in value
    if not isinstance(value, Sequence) or not value:
        return False
    first = value[0]
    return type(first) is int or (isinstance(first, Mapping) and "role" in first)


def _source(
    grammar: Grammar, value: Any, row: Mapping[str, Any]
) -> tuple[str | list[int], Sequence[int] | None]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping) and "messages" in value:
        row, value = value, value["messages"]
    if isinstance(value, list):
        if value and isinstance(value[0], Mapping):
            conversation, indices = _conversation(grammar, value, row)
            return _written(grammar, conversation), indices
        return _ids(value), None
    raise BadRow(
        "no-transcript", f"this is {_kind(value)}", "a transcript is text, ids or messages"
    )


def _ids(value: list[Any]) -> list[int]:
    if any(type(item) is not int for item in value):
        index = next(i for i, item in enumerate(value) if type(item) is not int)
        raise BadRow(
            "no-transcript",
            f"item {index} of the list is {_kind(value[index])}",
            "a list of ids holds integers alone, a list of messages objects with a role",
        )
    return value


def _conversation(
    grammar: Grammar, messages: Any, row: Mapping[str, Any]
) -> tuple[Conversation, Sequence[int]]:
    """The conversation that messages describe, be they wire JSON or an OpenAI chat."""
    from harmony_grammar.tree import Conversation  # noqa: PLC0415  only messages need it

    try:
        kept = [_present(message) for message in messages]
        if is_chat(kept):
            return conversation_of_chat(grammar, kept, row.get("tools"))
        return Conversation.from_dict({"messages": kept}), range(len(kept))
    except KeyError as error:
        message = f"a message lacks {error}"
    except (ValueError, TypeError, AttributeError) as error:
        message = f"these are no messages: {error}"
    raise BadRow("invalid-messages", message, "give wire JSON or an OpenAI chat")


def _present(value: Any) -> Any:
    """The value without what is None, as columns of a table fill what a row does not have."""
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def _written(grammar: Grammar, conversation: Conversation) -> str | list[int]:
    """The messages as text, or as ids if a body spells a special token."""
    try:
        return grammar.render(conversation)
    except RenderError:
        pass
    try:
        return grammar.encode(conversation)
    except (RenderError, UnicodeEncodeError) as error:
        raise BadRow(
            "unwritable-messages", str(error), "give each message fields that the format can write"
        ) from None


def _no_field(message: str) -> BadRow:
    return BadRow("no-transcript", message, "name the field with --field")


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in row) or "no fields"


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


_KINDS: Final = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
