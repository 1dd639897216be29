"""Run the programs on one implementation, and write what they gave as JSON.

    python run_programs.py SIDE [PROGRAM …] > FILE

`SIDE` is `openai` or `oss`, the real modules, or `ours` or `ours-oss`, this package in their
places. The real ones are imported from where Python finds them first.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from program_talks import plain

if TYPE_CHECKING:
    from types import ModuleType

PROGRAMS = ("unsloth", "renderers", "gpt_oss", "sglang", "vllm")


def in_the_place_of(peer: str) -> ModuleType:
    """This package as a module that can stand for `openai_harmony`."""
    import harmony_grammar  # noqa: PLC0415  only where it is the side

    if peer == "openai":
        return harmony_grammar
    folder = Path(__file__).parent.parent.parent / "examples"
    sys.path.insert(0, str(folder))
    return import_module("in_place_of_oss_harmony")


def outcome(scenario: Any) -> Any:
    """What a scenario gives, or the error that it raises."""
    try:
        return plain(scenario())
    except Exception as error:  # noqa: BLE001  what the program raises is what there is to compare
        if os.environ.get("TRACE"):
            traceback.print_exc()
        return {"error": type(error).__name__, "says": plain(str(error))}


def main(side: str, *programs: str) -> None:
    if side.startswith("ours"):
        sys.modules["openai_harmony"] = in_the_place_of("oss" if side == "ours-oss" else "openai")
    found: dict[str, Any] = {}
    with redirect_stdout(sys.stderr):
        for program in programs or PROGRAMS:
            for name, scenario in import_module(f"program_{program}").scenarios():
                found[f"{program}: {name}"] = outcome(scenario)
    print(json.dumps(found, indent=1, ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
