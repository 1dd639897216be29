"""Make the vocabulary files of the package from a copy of `o200k_base.tiktoken`.

There are two: the tokens, and the same tokens as the tree that masks are made with. The copy may
be plain or gzipped and come from anywhere: only the one file with the known SHA-256 is accepted.
The same input always gives the same output, byte for byte.

Exit codes: 0, the files were written; 1, they were not, and standard error says why; 2, the command
line was wrong.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import zlib
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import harmony_grammar.masking
import harmony_grammar.vocabulary
from harmony_grammar.masking import token_tree
from harmony_grammar.masking.token_tree import build_tree
from harmony_grammar.vocabulary.o200k import FILE_NAME, FILE_SHA256, SEPARATOR, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
DEFAULT_OUTPUT: Final = Path(harmony_grammar.vocabulary.__file__).with_name(FILE_NAME)
DEFAULT_TREE: Final = Path(harmony_grammar.masking.__file__).with_name(token_tree.FILE_NAME)

_GZIP_MAGIC: Final = b"\x1f\x8b"


class BuildError(Exception):
    """The file cannot be made; the message says why and what to do."""


def read_source(path: Path) -> bytes:
    """Read a copy of `o200k_base.tiktoken`.

    Args:
        path: where it is, plain or gzipped.

    Returns:
        The plain file.

    Raises:
        BuildError: if it cannot be read or is not the file that is expected.
    """
    try:
        data = path.read_bytes()
        plain = gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise BuildError(f"cannot read {path}: {error}") from error
    found = sha256(plain).hexdigest()
    if found != SOURCE_SHA256:
        raise BuildError(
            f"{path} is not o200k_base.tiktoken: its SHA-256 is {found}, should be "
            f"{SOURCE_SHA256}. Get another copy."
        )
    return plain


def parse(plain: bytes) -> dict[bytes, int]:
    """Read the lines of `o200k_base.tiktoken`, each a token in base64 and its id.

    Args:
        plain: the plain file.

    Returns:
        The bytes of each token and its id, in the order of ids.
    """
    pairs = (line.split() for line in plain.splitlines())
    return {b64decode(token): int(rank) for token, rank in pairs}


def pack(ranks: dict[bytes, int]) -> bytes:
    """Write tokens in the form that `harmony_grammar.vocabulary.o200k` reads.

    Args:
        ranks: the bytes of each token and its id, in the order of ids from 0.

    Returns:
        The vocabulary file.

    Raises:
        BuildError: if the form cannot hold these tokens, or is not the one the package reads.
    """
    packed = SEPARATOR.join(b"" if token == SEPARATOR else token for token in ranks)
    if unpack(packed) != ranks:
        raise BuildError("the tokens do not survive being written and read again")
    found = sha256(packed).hexdigest()
    if found != FILE_SHA256:
        raise BuildError(
            f"the file would have the SHA-256 {found}, but the package reads only "
            f"{FILE_SHA256}. If its form was meant to change, set FILE_SHA256 in ranks.py."
        )
    return packed


def plant(ranks: dict[bytes, int]) -> bytes:
    """Write the tokens as the tree that `harmony_grammar.masking.token_tree` reads.

    Args:
        ranks: the bytes of each token and its id.

    Returns:
        The tree's file.

    Raises:
        BuildError: if it is not the one the package reads.
    """
    tree = build_tree(list(ranks), list(ranks.values())).to_bytes()
    found = sha256(tree).hexdigest()
    if found != token_tree.FILE_SHA256:
        raise BuildError(
            f"the tree would have the SHA-256 {found}, but the package reads only "
            f"{token_tree.FILE_SHA256}. If its form was meant to change, set FILE_SHA256 in "
            "token_tree.py."
        )
    return tree


def build(source: Path, output: Path, tree: Path) -> dict[Path, int]:
    """Make the vocabulary files.

    Args:
        source: a copy of `o200k_base.tiktoken`, plain or gzipped.
        output: where to write the tokens.
        tree: where to write the tree.

    Returns:
        The size of each file in bytes.

    Raises:
        BuildError: if a file was not written.
    """
    ranks = parse(read_source(source))
    files = {output: pack(ranks), tree: plant(ranks)}
    try:
        return {path: path.write_bytes(data) for path, data in files.items()}
    except OSError as error:
        raise BuildError(f"cannot write {error.filename}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the arguments after the program's name; None for those it was called with.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        description="Make the vocabulary files of the package from o200k_base.tiktoken.",
        epilog="Exit codes: 0 written, 1 refused (standard error says why), 2 wrong usage.",
    )
    parser.add_argument("source", type=Path, help="a copy of o200k_base.tiktoken, plain or .gz")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        help="where to write the tokens (default: into the package, %(default)s)",
    )
    parser.add_argument(
        "--tree",
        type=Path,
        default=DEFAULT_TREE,
        help="where to write the tree (default: into the package, %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        sizes = build(options.source, options.output, options.tree)
    except BuildError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    for path, size in sizes.items():
        print(f"wrote {path}: {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
