"""The ordinary tokens of `o200k_base`, from the file that comes with the package.

The file holds the bytes of every token in the order of ids, with the byte 0xFF between two
tokens. No UTF-8 text contains that byte, so no token does, save the one that is that byte
alone; it is written as nothing, which no token is. One `split` therefore reads the file.

It is not compressed: a wheel is, so the download would shrink by little and every load would
pay. `tools/build_vocabulary.py` makes the file, and no code here fetches anything.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from harmony_grammar.errors import VocabularyError

__all__ = ["FILE_NAME", "FILE_SHA256", "SEPARATOR", "load_ranks", "unpack"]

FILE_NAME: Final = "o200k_base.tokens"
FILE_SHA256: Final = "75a984bf59dfb77b03d00f651cb144e88345efa853f75797f4fdb2eb674a1c7e"
SEPARATOR: Final = b"\xff"

_REMEDY: Final = (
    "reinstall harmony-grammar, or pass an encoding of your own: "
    "harmony_grammar.vocabulary.Vocabulary(encoding)"
)


def load_ranks() -> dict[bytes, int]:
    """Read the packaged ordinary tokens.

    Returns:
        The bytes of each token and its id, in the order of ids 0 to 199,997; a new dict each
        time.

    Raises:
        VocabularyError: if the file is missing, unreadable or not the one that was packaged.

    Example:
        >>> ranks = load_ranks()
        >>> len(ranks), ranks[b"Hello"]
        (199998, 13225)
    """
    data = _read()
    found = sha256(data).hexdigest()
    if found != FILE_SHA256:
        raise VocabularyError(
            f"the packaged vocabulary {FILE_NAME} is damaged "
            f"(SHA-256 {found}, should be {FILE_SHA256}): {_REMEDY}"
        )
    return unpack(data)


def unpack(data: bytes) -> dict[bytes, int]:
    """Read the bytes of a vocabulary file that is known to be whole.

    Args:
        data: the whole file.

    Returns:
        The bytes of each token and its id, in the order of ids.
    """
    tokens = data.split(SEPARATOR)
    tokens[tokens.index(b"")] = SEPARATOR
    return dict(zip(tokens, range(len(tokens)), strict=True))


def _read() -> bytes:
    from importlib.resources import files  # noqa: PLC0415 - slow to import

    try:
        return files(__package__).joinpath(FILE_NAME).read_bytes()
    except OSError as error:
        raise VocabularyError(
            f"the packaged vocabulary {FILE_NAME} cannot be read ({error}): {_REMEDY}"
        ) from error
