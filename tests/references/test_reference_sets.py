"""How a unit's references are dealt into sets, and which one an image is matched to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vital.errors import ParamsError
from vital.params.base import check_block
from vital.params.extract import ExtractParams
from vital.references.reference_sets import ReferenceSet, draw_sets, set_of
from vital.units import Target, Unit


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 3))
def test_sets_are_of_equal_sizes_or_nearly_so(count: int, sets: int, seed: int) -> None:
    sizes = np.bincount(draw_sets(count, sets, seed, "0"), minlength=sets)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1
    assert list(sizes) == sorted(sizes, reverse=True)


def test_a_units_draw_is_its_own_and_the_seeds() -> None:
    drawn = [draw_sets(50, 5, seed, unit).tolist() for seed in (0, 1) for unit in ("3", "4")]
    assert drawn[0] == draw_sets(50, 5, 0, "3").tolist()
    assert len({tuple(one) for one in drawn}) == 4


def test_seeds_take_the_sets_in_turn() -> None:
    unit = Unit("class", 3, "cat")
    numbers = [set_of(Target(unit, seed), 2) for seed in range(4)]
    assert numbers == [ReferenceSet("class/3", number) for number in (0, 1, 0, 1)]


def test_more_sets_than_references_are_refused() -> None:
    block = {"references": 3, "batch": 1, "sets": 4}
    with pytest.raises(ParamsError, match="sets: 4 are more than the 3 references"):
        check_block(block, "extract", ExtractParams)
