"""A transcript as one page of HTML that needs nothing beside it and fetches nothing.

What a transcript says is data to the page: it stands as JSON in a script element that is not
run, with `<`, `>` and `&` escaped so that nothing in it can end that element, and the page's one
script puts it into text nodes only. The page's policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pkgutil
import re
from html import escape
from typing import Any

__all__ = ["page"]


def page(data: dict[str, Any]) -> str:
    """The page.

    Args:
        data: what it shows, as `data.shown` makes it.
    """
    script = _packaged("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "title": escape(str(data["title"])),
        "hash": f"sha256-{digest}",
        "data": safe_json(data),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _packaged("page.html"))


def safe_json(data: Any) -> str:
    """Data as JSON in which no markup can begin; ASCII only, half surrogate pairs included."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _packaged(name: str) -> str:
    data = pkgutil.get_data(__package__ or "", name) or b""
    return data.decode("utf-8").replace("\r\n", "\n")
