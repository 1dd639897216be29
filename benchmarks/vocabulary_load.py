"""How long the packaged vocabulary takes to load, beside tiktoken's own from a warm cache.

Both sides end with an encoding of the same ids. tiktoken's reads `o200k_base.tiktoken` from its
cache folder, as it does once it has fetched it, so neither side waits for a network. The two
take turns in one process and the medians are compared.

    python benchmarks/vocabulary_load.py --runs 9
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import tiktoken
from common import medians
from tiktoken.load import load_tiktoken_bpe

from harmony_grammar.tokens import SPECIAL_TOKEN_ALIASES, SPECIAL_TOKENS
from harmony_grammar.vocabulary import default_encoding, load_ranks
from harmony_grammar.vocabulary.o200k import SPLIT_PATTERN

RUNS: Final = 9
CACHE_VARIABLE: Final = "TIKTOKEN_CACHE_DIR"


class Row(NamedTuple):
    """One comparison.

    Attributes:
        name: what is loaded.
        ours: the median time of this package, in milliseconds.
        theirs: the median time of tiktoken, in milliseconds.
    """

    name: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Our time as a part of theirs; below 1 this package is faster."""
        return self.ours / self.theirs


def rows(runs: int = RUNS) -> list[Row]:
    """Measure both sides.

    Args:
        runs: how many times each is loaded; the median counts.

    Returns:
        A row for the table of tokens alone and one for the whole encoding.
    """
    before = os.environ.get(CACHE_VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = str(Path(folder) / "cache")
        try:
            return _rows(Path(folder), runs)
        finally:
            _restore(before)


def _rows(folder: Path, runs: int) -> list[Row]:
    path = folder / "o200k_base.tiktoken"
    plain = _plain_file(load_ranks())
    path.write_bytes(plain)
    digest = hashlib.sha256(plain).hexdigest()

    def their_ranks() -> dict[bytes, int]:
        return load_tiktoken_bpe(str(path), expected_hash=digest)

    def their_encoding() -> tiktoken.Encoding:
        special = {**SPECIAL_TOKENS, **SPECIAL_TOKEN_ALIASES}
        return tiktoken.Encoding(
            "theirs", pat_str=SPLIT_PATTERN, mergeable_ranks=their_ranks(), special_tokens=special
        )

    their_ranks()  # fills the cache folder
    return [
        Row("table of tokens", *medians(load_ranks, their_ranks, runs)),
        Row("whole encoding", *medians(default_encoding.__wrapped__, their_encoding, runs)),
    ]


def _plain_file(ranks: dict[bytes, int]) -> bytes:
    """Write tokens as tiktoken keeps them: a line for each, in base64, with its id."""
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())


def _restore(value: str | None) -> None:
    """Set the variable of the cache folder to what it was."""
    if value is None:
        del os.environ[CACHE_VARIABLE]
    else:
        os.environ[CACHE_VARIABLE] = value


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare the loading of the vocabulary.")
    parser.add_argument(
        "--runs", type=int, default=RUNS, help="loads of each (default: %(default)s)"
    )
    table = rows(parser.parse_args().runs)
    print(f"{'what':<18}{'ours, ms':>10}{'tiktoken, ms':>14}{'ratio':>8}")
    for row in table:
        print(f"{row.name:<18}{row.ours:>10.1f}{row.theirs:>14.1f}{row.ratio:>8.2f}")


if __name__ == "__main__":
    main()
