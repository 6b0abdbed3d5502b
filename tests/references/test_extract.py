"""Statistics of what a network computes for images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.small_networks import CPU, TAPS, lively_model
from helpers.statistics import assert_close
from vital.errors import ArtefactError, ParamsError
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel
from vital.params.extract import ExtractParams
from vital.references.extract import Batch, ClassResults, extract_statistics
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet

ONE, OTHER = ReferenceSet("class/0"), ReferenceSet("class/1")


@pytest.mark.parametrize("size", [1, 7, 32])
def test_batches_through_the_network_do_not_matter(
    studied: StudiedModel,
    statistics: dict[ReferenceSet, UnitStatistics],
    references: torch.Tensor,
    size: int,
) -> None:
    names = [unit for unit in statistics for _ in range(8)]
    parts = [(names[i : i + size], references[i : i + size]) for i in range(0, 32, size)]
    again = dict(extract_statistics(studied, TAPS, parts, CPU))
    assert list(again) == list(statistics)
    for unit, kept in statistics.items():
        for tap in TAPS:
            spread = float(np.std(kept[tap].quantiles))
            assert_close(again[unit][tap], kept[tap], 1e-5 * spread)


def test_activations_that_are_not_finite_name_tap_and_unit(studied: StudiedModel) -> None:
    images = torch.zeros(4, 3, 32, 32)
    images[3, 0, 0, 0] = torch.nan
    read = extract_statistics(studied, TAPS, [([ONE] * 2 + [OTHER] * 2, images)], CPU)
    assert next(read)[0] == ONE
    with pytest.raises(ArtefactError, match=r"unit class/1, tap 'input': .* not finite"):
        next(read)


def test_pools_that_are_too_large_are_refused_before_the_first_image(
    studied: StudiedModel,
) -> None:
    def images() -> Iterator[Batch]:
        raise AssertionError
        yield

    with pytest.raises(ParamsError, match="a pool of 33 pixels"):
        next(extract_statistics(studied, TAPS, images(), CPU, [2, 33]))


def test_what_is_kept_of_maps_that_lie_otherwise_is_not_taken_for_the_same() -> None:
    rows = pd.DataFrame({"path": [], "label": [], "reference_set": [], "sha256": []})
    images, params = ImageSet(Path(), rows), ExtractParams(references=1, batch=1)
    model = lively_model(["layer2"])
    contiguous = ClassResults(model, images, params, CPU).facts()
    assert ClassResults(model, images, params, CPU).facts() == contiguous
    assert ClassResults(model.to(CPU), images, params, CPU).facts() != contiguous
