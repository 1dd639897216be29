"""For the site: an `Example:` of a docstring is shown as a program, as `Examples:` is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from griffe import Object

_TITLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Reads the docstrings of a package before they are rendered."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Look at one function, class or module."""
        if obj.docstring is not None:
            obj.docstring.value = _TITLE.sub(r"\1Examples:", obj.docstring.value)
