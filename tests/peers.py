"""The two implementations whose API this package has, side by side in one process.

oss-harmony is a module of the same name as openai-harmony, so the one cannot be installed where
the other is. It is looked for in a folder of its own, and loaded under another name:

    pip install --no-deps --target .peers oss-harmony==0.0.11
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import harmony_grammar

NAME: Final = "HarmonyGptOss"
FOLDER: Final = Path(__file__).parent.parent / ".peers"


class Side(NamedTuple):
    """One implementation.

    Attributes:
        module: its module.
        encoding: its encoding.
    """

    module: Any
    encoding: Any


@cache
def oss_harmony() -> Any:
    """The module of oss-harmony; None where it is not installed."""
    package = FOLDER / "openai_harmony"
    if not package.is_dir():
        return None
    spec = importlib.util.spec_from_file_location(
        "oss_harmony", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    if spec is None or spec.loader is None:
        return None
    module = sys.modules["oss_harmony"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def our_side(spelling: str = "openai") -> Side:
    """This package."""
    encoding = harmony_grammar.load_harmony_encoding(NAME, spelling=spelling)  # type: ignore[arg-type]
    return Side(harmony_grammar, encoding)
