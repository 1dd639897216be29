"""Store what Lark makes of `harmony.lark`, so that programs need not load Lark.

Run it after each change of the grammar; a test fails while the stored file is another.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harmony_grammar.grammar.contract import require_meanings
from harmony_grammar.grammar.load import load_source
from harmony_grammar.grammar.meaning import starts_of

PACKAGE = Path(__file__).resolve().parent.parent / "harmony_grammar"
GRAMMAR = PACKAGE / "harmony.lark"
STORED = PACKAGE / "grammar" / "harmony.json"


def main() -> int:
    """Write the stored file and say so."""
    text = GRAMMAR.read_text(encoding="utf-8")
    source = load_source(text, starts_of(text))
    require_meanings(source, text)
    STORED.write_text(source.to_json(), encoding="utf-8")
    print(f"{STORED.name}: {len(source.productions)} productions, {len(source.table)} states")
    return 0


if __name__ == "__main__":
    sys.exit(main())
