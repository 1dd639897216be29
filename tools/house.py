"""Count the house: how large it is, and through how much of it one call runs.

A file counts for a call if a function of it runs during the call, all lines of the file then. Each
call is the first of its process; what runs while modules are imported does not count, and neither
does the loading of the default grammar, which is done before.

    python tools/house.py                       # this checkout
    python tools/house.py --root ../other       # another one
    python tools/house.py --without openai      # the size without a part of the package
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent

# What a probe runs before it watches a call. It works with every version of the package.
PREPARATION: Final = '''
import json, sys
from pathlib import Path
import harmony_grammar as hg

SYSTEM = """<|start|>system<|message|>You are a model.
Knowledge cutoff: 2024-06

Reasoning: low

# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>"""
DEVELOPER = """<|start|>developer<|message|># Instructions

Be brief.

# Tools

## functions

namespace functions {

// Says the weather.
type f = (_: {
city: string,
}) => any;

} // namespace functions<|end|>"""
USER = "<|start|>user<|message|>Hi<|end|>"
CALL = '<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{"a": 1}<|call|>'
BAD = "<|start|>assistant<|chanel|>final<|message|>Hi<|return|>"
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
hg.parse, hg.check, hg.Constraint, hg.Grammar.default()

def in_import(frame):
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(ROOT):
            return True
        frame = frame.f_back
    return False

def watch(frame, event, argument):
    name = frame.f_code.co_filename
    if event == "call" and name.startswith(ROOT) and name not in ran and not in_import(frame):
        ran.add(name)

ROOT, ran = str(Path(hg.__file__).parent), set()
sys.setprofile(watch)
{call}
sys.setprofile(None)
print(json.dumps(sorted(ran)))
'''

CALLS: Final = {
    "`parse`": "hg.parse(SYSTEM + USER)",
    "`check` of bad text": "hg.check(SYSTEM + USER + CALL + USER + BAD)",
    "the first mask": "hg.Constraint([TOOL]).matcher().mask()",
    "`Constraint.from_prompt`": (
        "hg.Constraint.from_prompt(SYSTEM + DEVELOPER + USER + '<|start|>assistant')"
    ),
}


def lines_of(files: Iterable[Path]) -> int:
    """How many lines some files have together."""
    return sum(path.read_text(encoding="utf-8").count("\n") for path in files)


def files_of(package: Path, without: Sequence[str]) -> list[Path]:
    """The modules of a package, but for those of some of its parts."""
    found = sorted(package.rglob("*.py"))
    return [
        path
        for path in found
        if path.relative_to(package).parts[0].removesuffix(".py") not in without
    ]


def files_run(root: Path, call: str) -> list[Path]:
    """The files of the package through which a call runs, the first of a new process.

    Args:
        root: the checkout.
        call: a line of Python.
    """
    done = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", PREPARATION.replace("{call}", call)],
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return [Path(name) for name in json.loads(done.stdout)]


def rows(root: Path, without: Sequence[str]) -> list[tuple[str, list[Path]]]:
    """What is counted, and the files of each."""
    package = root / "harmony_grammar"
    found = [("the package", files_of(package, ()))]
    if without:
        found.append((f"without {', '.join(without)}", files_of(package, without)))
    return [*found, *((name, files_run(root, call)) for name, call in CALLS.items())]


def purposes(root: Path) -> Iterator[str]:
    """A line for each file of the package: what it is for, as its docstring says."""
    package = root / "harmony_grammar"
    for path in files_of(package, ()):
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(said.split("\n\n")[0].split())
        yield f"- `{path.relative_to(package).as_posix()}`: {first}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="a checkout")
    parser.add_argument("--without", action="append", default=[], help="a part of the package")
    parser.add_argument("--files", action="store_true", help="also list the files of each call")
    parser.add_argument("--map", action="store_true", help="only say what each file is for")
    options = parser.parse_args()
    root = options.root.resolve()
    if options.map:
        print("\n".join(purposes(root)))
        return 0
    counted = rows(root, options.without)
    print("| | files | lines |\n|---|---:|---:|")
    for name, files in counted:
        print(f"| {name} | {len(files)} | {lines_of(files):,} |")
    if options.files:
        for name, files in counted[-len(CALLS) :]:
            print(f"\n{name}:", *(path.relative_to(root / "harmony_grammar") for path in files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
