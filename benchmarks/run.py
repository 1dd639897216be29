"""Run the benchmarks, one after another, and keep what they print in the README beside this.

python benchmarks/run.py                 all of them
python benchmarks/run.py reading compat  some of them
python benchmarks/run.py --keep          and put their tables into benchmarks/README.md
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import common

HERE = Path(__file__).parent
README = HERE / "README.md"
BENCHMARKS = (
    "reading",
    "bodies",
    "vocabulary_load",
    "compat",
    "recovery",
    "datasets",
    "masking_start",
    "masking",
)


def run(name: str) -> str:
    """What a benchmark prints."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return done.stdout.strip()


def keep(name: str, printed: str) -> None:
    """Put what a benchmark printed between its marks in the README."""
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    text = README.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    body = f"{begin}\n{today}, {common.machine()}\n\n{printed}\n{end}"
    fresh, count = re.subn(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: body, text, flags=re.DOTALL
    )
    if not count:
        raise SystemExit(f"{README.name} has no marks for {name}")
    README.write_text(fresh, encoding="utf-8")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description="Run the benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(BENCHMARKS)}")
    parser.add_argument("--keep", action="store_true", help="put the tables into the README")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}"
        )
    for name in arguments.names or BENCHMARKS:
        printed = run(name)
        print(f"## {name}\n\n{printed}\n", flush=True)
        if arguments.keep:
            keep(name, printed)


if __name__ == "__main__":
    main()
