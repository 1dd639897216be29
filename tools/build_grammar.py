"""Store what Lark makes of `harmony.lark`, so that programs need not load Lark.

Run it after each change of the grammar; a test fails while the stored file is another.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harmony_grammar.grammar.bindings import BODY_STARTS, STARTS
from harmony_grammar.grammar.source import load_source

PACKAGE = Path(__file__).resolve().parent.parent / "harmony_grammar"
GRAMMAR = PACKAGE / "harmony.lark"
STORED = PACKAGE / "grammar" / "harmony.json"


def main() -> int:
    """Write the stored file and say so."""
    source = load_source(GRAMMAR.read_text(encoding="utf-8"), (*STARTS, *BODY_STARTS))
    STORED.write_text(source.to_json(), encoding="utf-8")
    print(f"{STORED.name}: {len(source.productions)} productions, {len(source.table)} states")
    return 0


if __name__ == "__main__":
    sys.exit(main())
