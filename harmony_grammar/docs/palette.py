"""The colours of diagrams and pages, for light and for dark surroundings."""

from __future__ import annotations

from typing import Final

__all__ = ["DARK", "LIGHT", "STANDALONE"]

LIGHT: Final = (
    "--ink: #1b1f24; --line: #57606a; --faint: #59636e; --paper: #ffffff; --rule: #ddf4ff; "
    "--token: #dafbe1; --end: #ffebe9; --code: #f6f8fa; --link: #0550ae"
)
DARK: Final = (
    "--ink: #e6edf3; --line: #9198a1; --faint: #9198a1; --paper: #0d1117; --rule: #0c2d6b; "
    "--token: #033a16; --end: #5d0f12; --code: #161b22; --link: #79c0ff"
)

# The colours of a file of SVG, which is seen without a page around it, or as an image in one.
STANDALONE: Final = (
    f"\nsvg {{ {LIGHT}; background: transparent }}\n"
    f"@media (prefers-color-scheme: dark) {{ svg {{ {DARK} }} }}"
)
