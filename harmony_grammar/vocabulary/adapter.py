"""The vocabulary as the rest of the package uses it: a thin adapter of a tiktoken encoding.

Two things are kept apart here that tiktoken's `decode` mixes. A special token is an id, never
text, so text encodes to ordinary ids only and only ordinary ids decode to text.

Decoding is left to tiktoken, which does it faster than a table of bytes in Python would. What
it cannot do, refuse special ids, costs next to nothing: a special id leaves its spelling in the
decoded bytes, so the ids are looked at only where the common beginning of all those spellings
occurs in them.
"""

from __future__ import annotations

from functools import cache, cached_property
from os.path import commonprefix
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from harmony_grammar.errors import VocabularyError
from harmony_grammar.tokens import special_pattern
from harmony_grammar.vocabulary.o200k import default_encoding, encoding_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import tiktoken

__all__ = ["Ids", "Vocabulary"]

_REMEDY: Final = (
    "pass Vocabulary(encoding, special_tokens={spelling: id}), "
    "or use Vocabulary.default(), which has every token of the format"
)


class IdArray(Protocol):
    """An array of ids, such as `array.array` and `numpy.ndarray` are."""

    def tolist(self) -> Any:
        """The ids as a list of `int`."""


Ids: TypeAlias = "Sequence[int] | IdArray"
"""What is taken for a sequence of ids."""


class Vocabulary:
    """The ids, their bytes and the special tokens of an encoding.

    Args:
        encoding: a tiktoken encoding, of the caller's own if it likes.
        special_tokens: spellings and ids of special tokens that the encoding does not know of
            itself; None if it knows all there are.

    Attributes:
        encoding: the encoding, as it was given.
        encode: text to ordinary ids. It is tiktoken's `encode_ordinary` itself: what spells a
            special token is encoded as the text it is, and a lone surrogate as U+FFFD.
        special_ids: the id of each special token by its spelling; several spellings may have
            the same id.
        size: one more than the highest id.

    Raises:
        VocabularyError: if an id in `special_tokens` is the id of an ordinary token.

    Example:
        >>> vocabulary = Vocabulary.default()
        >>> vocabulary.encode("Hello world")
        [13225, 2375]
        >>> vocabulary.decode_bytes([13225, 2375])
        b'Hello world'
    """

    encoding: Final[tiktoken.Encoding]
    encode: Final[Callable[[str], list[int]]]
    special_ids: Final[Mapping[str, int]]
    size: Final[int]

    def __init__(
        self, encoding: tiktoken.Encoding, special_tokens: Mapping[str, int] | None = None
    ) -> None:
        # tiktoken's guide itself builds new encodings from this private table.
        own = encoding._special_tokens  # noqa: SLF001
        added = special_tokens or {}
        _refuse_ordinary(encoding, added)
        self.encoding = encoding
        self.encode = encoding.encode_ordinary
        self.special_ids = MappingProxyType({**own, **added})
        self._packaged = False  # whether its special tokens are all that it has of its own
        self._decode = encoding.decode_bytes
        self._names: dict[int, str] = {}
        for spelling, token in (*own.items(), *added.items()):
            self._names.setdefault(token, spelling)
        # Character by character is what is wanted here, not path by path.
        self._mark = commonprefix(list(self._names.values())).encode()  # noqa: RUF071
        self.size = max(encoding.n_vocab, 1 + max(self._names, default=0))

    @staticmethod
    def default() -> Vocabulary:
        """The vocabulary of gpt-oss; the same object every time.

        Returns:
            A vocabulary of `default_encoding()`.

        Raises:
            VocabularyError: if the packaged vocabulary is damaged.
        """
        return _default()

    @classmethod
    def with_special_tokens(cls, special_tokens: Mapping[str, int]) -> Vocabulary:
        """The packaged vocabulary with special tokens of one's own.

        Args:
            special_tokens: the ids of all special tokens, by spelling.

        Raises:
            VocabularyError: if the packaged vocabulary is damaged.
        """
        vocabulary = cls(encoding_with(special_tokens))
        vocabulary._packaged = True
        return vocabulary

    def __repr__(self) -> str:
        return f"<Vocabulary {self.encoding.name!r} of {self.size} ids>"

    def __reduce__(self) -> tuple[Callable[..., Vocabulary], tuple[Any, ...]]:
        if self is _default():
            return Vocabulary.default, ()
        if self._packaged:
            return Vocabulary.with_special_tokens, (dict(self.special_ids),)
        return Vocabulary, (self.encoding, dict(self.special_ids))

    def __copy__(self) -> Vocabulary:
        return self  # nothing of it can be changed

    def __deepcopy__(self, _memo: object) -> Vocabulary:
        return self

    @cached_property
    def pieces(self) -> Mapping[int, bytes]:
        """The bytes of every ordinary id; made when first asked for."""
        ranks = self.encoding._mergeable_ranks  # noqa: SLF001 - as for the special tokens
        return MappingProxyType(dict(zip(ranks.values(), ranks, strict=True)))

    def require(self, spellings: Iterable[str]) -> dict[str, int]:
        """The ids of special tokens that must be there.

        Args:
            spellings: the special tokens, as they are spelled.

        Returns:
            The id of each, in the order given.

        Raises:
            VocabularyError: if the vocabulary lacks one of them; it names all that are missing.
        """
        wanted = list(spellings)
        missing = [spelling for spelling in wanted if spelling not in self.special_ids]
        if missing:
            raise VocabularyError(
                f"the encoding {self.encoding.name!r} has no special token "
                f"{', '.join(missing)}: {_REMEDY}"
            )
        return {spelling: self.special_ids[spelling] for spelling in wanted}

    def encode_special(self, spelling: str) -> int:
        """The id of one special token.

        Args:
            spelling: the special token, as it is spelled.

        Returns:
            Its id.

        Raises:
            VocabularyError: if there is no such special token.
        """
        return self.require((spelling,))[spelling]

    def encode_marked(self, text: str, spellings: Iterable[str]) -> list[int]:
        """Text to ids, where it spells special tokens.

        Args:
            text: the text.
            spellings: the special tokens that are meant where they are spelled; all else is text.

        Returns:
            The ids; each piece of text between special tokens is encoded by itself.

        Raises:
            VocabularyError: if a special token that is spelled is not in the vocabulary.

        Example:
            >>> Vocabulary.default().encode_marked("<|start|>user", ["<|start|>"])
            [200006, 1428]
        """
        ids, at = list[int](), 0
        for special in special_pattern(spellings).finditer(text):
            ids += self.encode(text[at : special.start()])
            ids.append(self.encode_special(special.group()))
            at = special.end()
        return ids + self.encode(text[at:])

    def decode_bytes(self, ids: Ids) -> bytes:
        """The bytes that ordinary ids stand for.

        Args:
            ids: the ids: a list or another sequence, an `array.array` or a numpy array.

        Returns:
            The bytes of all of them, joined; they need not be whole UTF-8 characters.

        Raises:
            VocabularyError: if an id is a special token or not in the vocabulary; it names the
                first such id.
        """
        plain = ids if type(ids) is list else _plain(ids)
        try:
            data = self._decode(plain)
        except (KeyError, OverflowError):
            raise self._refusal(plain) from None
        # `find`, since `in` first tries its left side as a number, which doubles a short call.
        if data.find(self._mark) >= 0 and not self._names.keys().isdisjoint(plain):
            raise self._refusal(plain)
        return data

    def decode(self, ids: Ids) -> str:
        """The text that ordinary ids stand for.

        Args:
            ids: as for `decode_bytes`.

        Returns:
            The text, with U+FFFD for what is not UTF-8, such as part of a character.

        Raises:
            VocabularyError: as for `decode_bytes`.
        """
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        """The bytes of one id, whether ordinary or special.

        Args:
            token: the id.

        Returns:
            The bytes of an ordinary token, or the spelling of a special one.

        Raises:
            VocabularyError: if the id is not in the vocabulary.
        """
        name = self._names.get(token)
        if name is not None:
            return name.encode()
        try:
            return self.encoding.decode_single_token_bytes(token)
        except (KeyError, OverflowError):
            raise self._refusal((token,)) from None

    def _refusal(self, ids: Sequence[int]) -> VocabularyError:
        """What to raise for the first of `ids` that is not ordinary."""
        token = next(token for token in ids if token not in self.pieces)
        name = self._names.get(token)
        if name is None:
            return VocabularyError(
                f"id {token} is not in the vocabulary {self.encoding.name!r}: "
                "use the vocabulary that the ids were made with"
            )
        return VocabularyError(
            f"id {token} is the special token {name}, which is no text: "
            "decode the ids between special tokens, or ask piece() for the spelling"
        )


@cache
def _default() -> Vocabulary:
    return Vocabulary(default_encoding())


def _plain(ids: Ids) -> Sequence[int]:
    """Bring an array into a list, which tiktoken reads several times as fast."""
    tolist = getattr(ids, "tolist", None)
    return cast("Sequence[int]", ids if tolist is None else tolist())


def _refuse_ordinary(encoding: tiktoken.Encoding, special_tokens: Mapping[str, int]) -> None:
    """Raise a `VocabularyError` if one of the ids is that of an ordinary token."""
    ordinary = set(encoding._mergeable_ranks.values()) if special_tokens else set()  # noqa: SLF001
    for spelling, token in special_tokens.items():
        if token in ordinary:
            raise VocabularyError(
                f"special token {spelling} cannot have the id {token}, which is that of the "
                f"ordinary token {encoding.decode_single_token_bytes(token)!r}: "
                "give it an id of its own"
            )
