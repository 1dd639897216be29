"""Constraints in several threads: nothing is raised, and every mask is what it is for one alone."""

from __future__ import annotations

import pytest
from masking_threads import stress


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_threads_that_share_a_constraint_get_the_masks_of_one_alone(first: int) -> None:
    for seed in range(first, first + 20):
        assert stress(seed) == ([], 0), seed
