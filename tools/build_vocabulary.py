"""Make the vocabulary file of the package from a copy of `o200k_base.tiktoken`.

The copy may be plain or gzipped and come from anywhere: only the one file with the known
SHA-256 is accepted. The same input always gives the same output, byte for byte.

Exit codes: 0, the file was written; 1, it was not, and standard error says why; 2, the command
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

import harmony_grammar.vocabulary
from harmony_grammar.vocabulary.ranks import FILE_NAME, FILE_SHA256, SEPARATOR, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
DEFAULT_OUTPUT: Final = Path(harmony_grammar.vocabulary.__file__).with_name(FILE_NAME)

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
    """Write tokens in the form that `harmony_grammar.vocabulary.ranks` reads.

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


def build(source: Path, output: Path) -> int:
    """Make the vocabulary file.

    Args:
        source: a copy of `o200k_base.tiktoken`, plain or gzipped.
        output: where to write the vocabulary file.

    Returns:
        The size of the file in bytes.

    Raises:
        BuildError: if the file was not written.
    """
    packed = pack(parse(read_source(source)))
    try:
        output.write_bytes(packed)
    except OSError as error:
        raise BuildError(f"cannot write {output}: {error}") from error
    return len(packed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the arguments after the program's name; None for those it was called with.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        description="Make the vocabulary file of the package from o200k_base.tiktoken.",
        epilog="Exit codes: 0 written, 1 refused (standard error says why), 2 wrong usage.",
    )
    parser.add_argument("source", type=Path, help="a copy of o200k_base.tiktoken, plain or .gz")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_OUTPUT,
        help="where to write the file (default: into the package, %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        size = build(options.source, options.output)
    except BuildError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.output}: {size} bytes, SHA-256 {FILE_SHA256}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
