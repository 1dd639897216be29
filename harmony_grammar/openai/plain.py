"""Reading values of requests: objects of any library as plain data, and contents as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.openai.notes import ConversionError, NoteCode

if TYPE_CHECKING:
    from collections.abc import Collection

    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Media

__all__ = [
    "ANSWER_PHASE",
    "PREAMBLE_PHASE",
    "Contents",
    "as_count",
    "as_id",
    "as_list",
    "as_object",
    "as_text",
    "as_word",
    "compact",
    "note_keys",
]

PREAMBLE_PHASE: Final = "commentary"
ANSWER_PHASE: Final = "final_answer"
"""What the API calls the phases of what the model says: before a call, and the answer."""

_TEXTS: Final = ("text", "input_text", "output_text", "reasoning_text")
_REFUSAL: Final = "refusal"
_MEDIA: Final = frozenset(
    {
        *("image", "image_url", "input_image", "audio", "audio_url", "input_audio"),
        *("video", "video_url", "input_video", "file", "input_file", "computer_screenshot"),
    }
)


def as_object(value: Any, path: str) -> Mapping[str, Any]:
    """A JSON object, or an object of a library that can be one.

    Raises:
        ConversionError: if it is neither.
    """
    if isinstance(value, (dict, Mapping)):  # to ask for what is abstract alone takes long
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):  # pydantic's, of which fields that nobody set say nothing
        return dump(exclude_none=True)  # type: ignore[no-any-return]
    raise ConversionError(f"an object is needed, not {_kind(value)}", path)


def as_list(value: Any, path: str) -> list[Any]:
    """A list; also one that is written as JSON text, as some data sets have it.

    Raises:
        ConversionError: if it is neither.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ConversionError("a list is needed, and this text is not one", path) from None
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise ConversionError(f"a list is needed, not {_kind(value)}", path)
    return list(value)


def as_count(value: Any, path: str, least: int = 0) -> int | None:
    """How many of something there may be; None if nothing is said.

    Raises:
        ConversionError: if it is no whole number, or too small a one.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConversionError(f"a whole number of at least {least} is needed, not {value!r}", path)
    return value


def as_id(value: Any, path: str) -> str | None:
    """What something is called; None if it is called nothing. A number is as good as its digits.

    Raises:
        ConversionError: if it is neither text nor a whole number.
    """
    digits = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if digits else as_word(value, path)


def as_text(value: Any, path: str) -> str:
    """A text.

    Raises:
        ConversionError: if it is none.
    """
    if not isinstance(value, str):
        raise ConversionError(f"text is needed, not {_kind(value)}", path)
    return value


def as_word(value: Any, path: str) -> str | None:
    """A text that may be missing.

    Raises:
        ConversionError: if it is something else.
    """
    return None if value is None else as_text(value, path)


def compact(value: Any, path: str) -> str:
    """A value as JSON without blanks.

    Raises:
        ConversionError: if it cannot be written as JSON.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConversionError(f"this cannot be written as JSON: {error}", path) from None


def note_keys(notes: NoteList, data: Mapping[str, Any], known: Collection[str], path: str) -> None:
    """Note what an object has besides the keys that were read."""
    for key, value in data.items():
        if key not in known and value is not None and value not in ([], {}):
            notes.add(NoteCode.UNKNOWN_KEY, f"{path}/{key}", f"{key!r}")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", dict: "an object", list: "a list"}
    return names.get(type(value), "text" if isinstance(value, str) else f"{value!r:.60}")


class Contents:
    """Reads contents of messages as text.

    Args:
        notes: what is noted.
        media: what stands for parts that are no text.
    """

    def __init__(self, notes: NoteList, media: Media) -> None:
        self._notes = notes
        self._media = media

    def text(self, content: Any, path: str) -> str:
        """The text of a content: of a string, of parts joined, of an object as JSON.

        Raises:
            ConversionError: if it is none of these, or has media that must not be left out.
        """
        if isinstance(content, str):
            return content
        if content is None:
            return ""
        if isinstance(content, Mapping) and not isinstance(content.get("type"), str):
            self._notes.add(NoteCode.JSON_CONTENT, path)
            return compact(content, path)
        if isinstance(content, Mapping):
            return self._part(content, path)
        parts = as_list(content, path)
        return "".join(self._part(part, f"{path}/{index}") for index, part in enumerate(parts))

    def _part(self, part: Any, path: str) -> str:
        if isinstance(part, str):
            return part
        data = as_object(part, path)
        kind = as_word(data.get("type"), f"{path}/type")
        if kind in _TEXTS or (kind is None and "text" in data):
            text = data.get("text")
            known = ("type", "text", "annotations", "logprobs", "cache_control")
            note_keys(self._notes, data, known, path)
            if data.get("annotations"):
                self._notes.add(NoteCode.NO_PLACE, f"{path}/annotations", "'annotations'")
            return "" if text is None else as_text(text, f"{path}/text")
        if kind == _REFUSAL:
            self._notes.add(NoteCode.REFUSAL, path)
            return as_text(data.get(_REFUSAL), f"{path}/{_REFUSAL}")
        if kind in _MEDIA or (kind is None and _MEDIA.intersection(data)):
            return self._stand_in(data, str(kind or "media"), path)
        raise ConversionError(f"a part of the kind {kind!r} is no content", f"{path}/type")

    def _stand_in(self, data: Mapping[str, Any], kind: str, path: str) -> str:
        if callable(self._media):
            return as_text(self._media(data), path)
        if self._media == "error":
            raise ConversionError(
                f"the model reads text alone, and this part is of the kind {kind!r}: leave it "
                "out, or say media='placeholder' or media='skip'",
                path,
            )
        self._notes.add(NoteCode.MEDIA, path, kind)
        return f"[{kind.removeprefix('input_')}]" if self._media == "placeholder" else ""
