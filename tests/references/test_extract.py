"""Statistics of what a network computes for images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_networks import CPU, TAPS
from helpers.statistics import assert_close
from vital.networks.model import StudiedModel
from vital.references.extract import extract_statistics
from vital.references.quantiles import UnitStatistics


@pytest.mark.parametrize("size", [1, 7, 32])
def test_batches_through_the_network_do_not_matter(
    studied: StudiedModel,
    statistics: dict[str, UnitStatistics],
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
