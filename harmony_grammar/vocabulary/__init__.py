"""The vocabulary: which bytes and which special token each id stands for.

It ships with the package, so nothing is ever fetched. `Vocabulary` is what the rest of the
package works with; `Vocabulary(encoding)` takes a tiktoken encoding of the caller's own.
Importing this loads neither tiktoken nor the tokens.
"""

from harmony_grammar.vocabulary.adapter import Ids, Vocabulary
from harmony_grammar.vocabulary.o200k import default_encoding, load_ranks, special_tokens_with

__all__ = ["Ids", "Vocabulary", "default_encoding", "load_ranks", "special_tokens_with"]
