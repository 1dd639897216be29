"""The tree of tokens that comes with the package is the one that would be made."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from masking_walks import small_vocabulary

from harmony_grammar.masking import token_tree
from harmony_grammar.masking.token_table import table_of
from harmony_grammar.masking.token_tree import TokenTree, build_tree
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pathlib import Path


def same(one: TokenTree, other: TokenTree) -> bool:
    arrays = ("_byte", "_children", "_token", "_first")
    numbers = ("_roots", "depth")
    return all(np.array_equal(getattr(one, a), getattr(other, a)) for a in arrays) and all(
        getattr(one, n) == getattr(other, n) for n in numbers
    )


def test_it_is_the_tree_of_the_packaged_vocabulary() -> None:
    vocabulary = Vocabulary.default()
    packaged = token_tree.stored_tree(vocabulary.encoding)
    assert packaged is not None
    made = build_tree(list(vocabulary.pieces.values()), list(vocabulary.pieces))
    assert same(packaged, made)
    assert table_of(vocabulary).tree.to_bytes() == made.to_bytes()


def test_another_vocabulary_has_a_tree_of_its_own() -> None:
    other = small_vocabulary([b"a", b"ab", b"b"])
    assert token_tree.stored_tree(other.encoding) is None
    assert table_of(other).tree.depth == 2


@pytest.mark.parametrize("damage", ["missing", "short", "changed"])
def test_a_file_that_is_not_whole_is_not_used(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pkgutil.get_data(token_tree.__package__ or "", token_tree.FILE_NAME) or b""
    contents = {"missing": None, "short": data[:-1], "changed": b"\x01" + data[1:]}[damage]
    path = tmp_path / "tree"
    if contents is not None:
        path.write_bytes(contents)
    monkeypatch.setattr(pkgutil, "get_data", lambda _package, _name: path.read_bytes())
    assert token_tree.stored_tree(Vocabulary.default().encoding) is None


@given(st.lists(st.binary(min_size=1, max_size=12), unique=True, max_size=40))
def test_what_is_written_is_read(pieces: list[bytes]) -> None:
    tree = build_tree(pieces, range(7, 7 + len(pieces)))
    assert same(TokenTree.from_bytes(tree.to_bytes()), tree)
    assert tree.depth == max(map(len, pieces), default=0)


def test_a_node_with_too_many_children_is_refused() -> None:
    tree = build_tree([b"a" + bytes([byte]) for byte in range(256)], range(256))
    with pytest.raises(ValueError, match="more children"):
        tree.to_bytes()
