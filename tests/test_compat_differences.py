"""The document of differences says what happens in both implementations, row for row."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import openai_harmony  # type: ignore[import-untyped]  # it ships no types
import pytest
from compat_differences import (
    DOCUMENT,
    TABLES,
    Row,
    Sides,
    all_sides,
    differs,
    document,
    said_of_oss,
)
from peers import Side, our_side

from harmony_grammar import HarmonyError

ROWS = [pytest.param(row, id=row.what) for rows in TABLES.values() for row in rows]


@pytest.fixture(scope="module")
def sides(reference_encoding: Any) -> Sides:
    return all_sides(Side(openai_harmony, reference_encoding))


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_a_difference(sides: Sides, row: Row) -> None:
    assert differs(row, sides)


def test_the_document_says_what_happens(sides: Sides) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(sides, said_of_oss())


@pytest.mark.parametrize("row", ROWS)
def test_our_errors_are_of_one_family(row: Row) -> None:
    with suppress(HarmonyError):  # any other kind fails the test
        row.run(our_side())
