"""The encoding `o200k_harmony` as a tiktoken encoding, built without a network.

tiktoken has an encoding of that name too, but fetches its tokens when it is first asked for.
This one equals it: the same ids, special tokens and splitting of text.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from harmony_grammar.errors import VocabularyError
from harmony_grammar.tokens import (
    ENCODING_NAME,
    FIRST_SPECIAL_ID,
    SPECIAL_TOKEN_ALIASES,
    SPECIAL_TOKENS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import tiktoken

__all__ = [
    "FILE_NAME",
    "FILE_SHA256",
    "SEPARATOR",
    "SPLIT_PATTERN",
    "default_encoding",
    "encoding_with",
    "load_ranks",
    "special_tokens_with",
    "unpack",
]

# Letters that may stand in the upper-case and in the lower-case part of a word. Letters without
# case and combining marks are in both.
_UPPER: Final = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_LOWER: Final = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_LEAD: Final = r"[^\r\n\p{L}\p{N}]?"  # a word takes one character before it, mostly a space
_CONTRACTION: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

# How text is cut into the pieces within which tokens are merged: the first alternative that
# matches is taken. Ids depend on every character of this, so it is spelled as tiktoken does.
SPLIT_PATTERN: Final = "|".join(
    (
        f"{_LEAD}[{_UPPER}]*[{_LOWER}]+{_CONTRACTION}",  # a word that ends in lower case
        f"{_LEAD}[{_UPPER}]+[{_LOWER}]*{_CONTRACTION}",  # a word in upper case
        r"\p{N}{1,3}",  # digits, three at most
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",  # signs, with the line ends after them
        r"\s*[\r\n]+",  # white space up to a line end
        r"\s+(?!\S)",  # white space, save the last before a word, which goes with the word
        r"\s+",
    )
)


@cache
def default_encoding() -> tiktoken.Encoding:
    """The encoding that gpt-oss was trained with, from the packaged vocabulary.

    The first call takes about a fifth of a second; later calls return the same object.

    Returns:
        An encoding named `o200k_harmony` with 201,088 ids. One id has two spellings, here as in
        tiktoken's own encoding. Both encode to it; which of them it decodes to is settled by
        tiktoken's hash function, and is the named one, not the reserved one, since tiktoken
        0.12. `Vocabulary.piece` gives the named one whatever tiktoken does.

    Raises:
        VocabularyError: if the packaged vocabulary is damaged.

    Example:
        >>> default_encoding().encode("Hello world")
        [13225, 2375]
    """
    return encoding_with({**SPECIAL_TOKENS, **SPECIAL_TOKEN_ALIASES})


def encoding_with(special_tokens: Mapping[str, int]) -> tiktoken.Encoding:
    """The packaged vocabulary with these special tokens, and no others.

    Args:
        special_tokens: the ids of all special tokens, by spelling.

    Raises:
        VocabularyError: if the packaged vocabulary is damaged.
    """
    from tiktoken import Encoding  # noqa: PLC0415 - whoever parses text alone needs no tiktoken

    # No `explicit_n_vocab`: it counts spellings, and there may be more of them than ids.
    return Encoding(
        ENCODING_NAME,
        pat_str=SPLIT_PATTERN,
        mergeable_ranks=load_ranks(),
        special_tokens=dict(special_tokens),
    )


def special_tokens_with(given: Mapping[str, int]) -> dict[str, int]:
    """The special tokens of `o200k_harmony`, with some of one's own.

    Args:
        given: the ids of one's own, by spelling. What has one of these ids or spellings otherwise
            gives way.

    Raises:
        VocabularyError: if an id is that of an ordinary token.

    Example:
        >>> tokens = special_tokens_with({"<|begin|>": 200_006})
        >>> tokens["<|begin|>"], "<|start|>" in tokens, tokens["<|end|>"]
        (200006, False, 200007)
    """
    for spelling, token in given.items():
        if token < FIRST_SPECIAL_ID:
            raise VocabularyError(
                f"special token {spelling} cannot have the id {token}, which is that of an "
                f"ordinary token: give it one from {FIRST_SPECIAL_ID} on"
            )
    taken = set(given.values())
    own = {s: t for s, t in SPECIAL_TOKENS.items() if s not in given and t not in taken}
    return dict(sorted({**own, **given}.items(), key=lambda item: item[1]))


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
