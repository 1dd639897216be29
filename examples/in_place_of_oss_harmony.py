"""harmony_grammar as the module that vLLM imports as `openai_harmony`: the one of oss-harmony.

As a file `openai_harmony.py` before the other packages on `PYTHONPATH`, it is what vLLM gets.
"""

from functools import partial
from typing import Literal

import harmony_grammar
from harmony_grammar import *  # noqa: F403  all the names that programs import

load_harmony_encoding = partial(harmony_grammar.load_harmony_encoding, spelling="oss")


class StreamableParser(harmony_grammar.StreamableParser):
    """Tells of errors where the reference does."""

    def __init__(
        self,
        encoding: harmony_grammar.HarmonyEncoding,
        role: harmony_grammar.Role | None = None,
        *,
        strict: bool = True,
        errors: Literal["early", "reference"] = "reference",
    ) -> None:
        """Take what the reference takes."""
        super().__init__(encoding, role, strict=strict, errors=errors)
