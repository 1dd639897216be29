"""The tree of the packaged vocabulary, from the file that comes with the package.

Without the file, or with one that is damaged, the tree is made anew, which takes about a fifth
of a second. `tools/build_vocabulary.py` makes the file together with the vocabulary's.
"""

from __future__ import annotations

import pkgutil
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from harmony_grammar.masking.tree import TokenTree
from harmony_grammar.vocabulary import default_encoding

if TYPE_CHECKING:
    import tiktoken

__all__ = ["FILE_NAME", "FILE_SHA256", "stored_tree"]

FILE_NAME: Final = "o200k_base.tree"
FILE_SHA256: Final = "7c5e30115c79db2e34468e66fcf9d0ac2301271ab33a52580904b3afb6b1bd8b"


def stored_tree(encoding: tiktoken.Encoding) -> TokenTree | None:
    """The packaged tree, if it is that of an encoding.

    Args:
        encoding: the encoding.

    Returns:
        The tree; None if the encoding is not the packaged one, or the file is not whole.
    """
    loaded = default_encoding.cache_info().currsize  # to ask for the encoding would load it
    if not loaded or encoding is not default_encoding():
        return None
    try:
        data = pkgutil.get_data(__package__, FILE_NAME)
    except OSError:
        return None
    whole = data is not None and sha256(data).hexdigest() == FILE_SHA256
    return TokenTree.from_bytes(data) if data is not None and whole else None
