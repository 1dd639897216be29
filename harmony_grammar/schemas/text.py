"""Text that stays on its line: what is quoted, and what stands in comments."""

from __future__ import annotations

import json
import re
from typing import Final

__all__ = ["comment_lines", "json_line"]

# What JSON leaves as it is and some reader takes for the end of a line, or cannot encode.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def json_line(value: object) -> str:
    r"""JSON data on one line, whoever counts the lines.

    Args:
        value: JSON data.

    Returns:
        The JSON text. Line breaks of every kind and halves of characters are escaped.

    Example:
        >>> json_line({"a": "é\u2028"})
        '{"a": "é\\u2028"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def comment_lines(text: str) -> list[str]:
    r"""The lines of a text, each fit for a comment of its own.

    Whatever anybody takes for a line break ends a line here, so that nothing in a comment ends
    the comment.

    Args:
        text: any text.

    Returns:
        Its lines, without what ended them; empty lines at either end are left out.

    Example:
        >>> comment_lines("one\u2028two\n\x85three\n")
        ['one', 'two', '', 'three']
    """
    lines = [line.rstrip() for line in _SURROGATE.sub("\ufffd", text).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        del lines[0]
    return lines
