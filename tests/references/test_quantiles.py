"""Quantile functions: accumulation, the barycenter, resampling, and Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import ot
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.small_networks import CPU, TAPS
from vital.errors import ArtefactError
from vital.methods.objectives import sort_matching
from vital.networks.model import StudiedModel
from vital.references.extract import extract_statistics
from vital.references.quantiles import Accumulator, TapStatistics, UnitStatistics, resample
from vital.references.statistics_files import read_statistics, tap_file, write_statistics


def accumulate(activations: torch.Tensor, size: int) -> Accumulator:
    kept = Accumulator()
    for batch in activations.split(size):
        kept.add(batch)
    return kept


def assert_close(one: TapStatistics, other: TapStatistics, tolerance: float) -> None:
    for name in ("quantiles", "mean", "std", "importance"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=tolerance, rtol=0)
    assert one.n_images == other.n_images


def test_batch_sizes_and_merging_do_not_matter() -> None:
    activations = torch.randn(20, 5, 13, generator=torch.Generator().manual_seed(0))
    whole = accumulate(activations, 20).finish()
    merged = accumulate(activations[:9], 4)
    merged.merge(accumulate(activations[9:], 3))
    for other in (accumulate(activations, 1), accumulate(activations, 7), merged):
        assert_close(other.finish(), whole, 1e-6)


def test_statistics_equal_their_definition() -> None:
    activations = torch.randn(6, 2, 9, generator=torch.Generator().manual_seed(3))
    kept = accumulate(activations, 4).finish()
    values = activations.double().numpy()
    np.testing.assert_allclose(kept.quantiles, np.sort(values, axis=2).mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(kept.mean, values.mean(axis=(0, 2)), atol=1e-6)
    np.testing.assert_allclose(kept.std, values.std(axis=(0, 2)), atol=1e-6)
    assert kept.n_images == 6


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


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ArtefactError, match="not finite"):
        accumulate(torch.full((1, 1, 3), float("nan")), 1).finish()


def test_the_mean_of_sorted_values_is_the_wasserstein_barycenter() -> None:
    draws = np.random.default_rng(0)
    sets = draws.normal(size=(5, 11)) * draws.uniform(0.5, 2, size=(5, 1))
    center = accumulate(torch.from_numpy(sets)[:, None], 5).finish().quantiles[0]

    def cost(candidate: np.ndarray) -> float:
        return sum(float(ot.wasserstein_1d(candidate, one, p=2)) for one in sets)

    best = cost(center.astype(np.float64))
    for _ in range(50):
        assert cost(center + draws.normal(scale=0.1, size=11)) > best


def exact_bins(quantiles: np.ndarray, bins: int) -> tuple[np.ndarray, float]:
    """Bin means of a step function and its variance within them, on a common refinement."""
    fine = np.repeat(quantiles, bins).reshape(bins, len(quantiles))
    means = fine.mean(axis=1)
    return means, float(((fine - means[:, None]) ** 2).mean())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 10_000))
def test_resampling_keeps_the_wasserstein_distance(known: int, wanted: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    target = np.sort(draws.normal(size=known))
    values = torch.from_numpy(draws.normal(size=wanted)).requires_grad_(True)
    means, within = exact_bins(target, wanted)
    resampled = resample(torch.from_numpy(target), wanted)
    np.testing.assert_allclose(resampled.numpy(), means, atol=1e-12)
    loss = sort_matching(values[None, None], resampled[None, None]).sum()
    (gradient,) = torch.autograd.grad(loss, values)
    twin = values.detach().clone().requires_grad_(True)
    distance = ot.wasserstein_1d(twin, torch.from_numpy(target), p=2)
    (oracle,) = torch.autograd.grad(distance, twin)
    assert float(loss) + within == pytest.approx(float(distance), rel=1e-9, abs=1e-12)
    np.testing.assert_allclose(gradient.numpy(), oracle.numpy(), atol=1e-9)


def test_parquet_gives_back_what_was_written(
    statistics: dict[str, UnitStatistics], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_statistics(tmp_path / name, TAPS, {"model_sha256": "x"}, statistics.items())
    again = read_statistics(tmp_path / "one", list(statistics))
    assert list(again) == list(statistics)
    for unit, kept in statistics.items():
        assert list(again[unit]) == list(TAPS)
        for tap in TAPS:
            assert_close(again[unit][tap], kept[tap], 0.0)
    for tap in TAPS:
        first, second = (tap_file(tmp_path / name, tap) for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
        assert pq.ParquetFile(first).num_row_groups == len(statistics)


def test_damaged_missing_and_unknown_are_errors(
    statistics: dict[str, UnitStatistics], tmp_path: Path
) -> None:
    with pytest.raises(ArtefactError, match="run `dvc repro`"):
        read_statistics(tmp_path / "nowhere", ["class/0"])
    folder = tmp_path / "kept"
    write_statistics(folder, TAPS, {}, statistics.items())
    with pytest.raises(ArtefactError, match="class/9"):
        read_statistics(folder, ["class/9"])
    path = tap_file(folder, "conv1")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtefactError, match="damaged"):
        read_statistics(folder, ["class/0"])


def test_a_failing_source_leaves_the_old_statistics(
    statistics: dict[str, UnitStatistics], tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    write_statistics(folder, TAPS, {}, statistics.items())
    before = tap_file(folder, "conv1").read_bytes()

    def broken() -> object:
        yield from list(statistics.items())[:1]
        raise ArtefactError("the images ended")

    with pytest.raises(ArtefactError):
        write_statistics(folder, TAPS, {}, broken())
    assert tap_file(folder, "conv1").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert [path.name for path in folder.iterdir()] == ["taps"]


@pytest.mark.parametrize("tap", ["../../outside", "/etc/outside", "..", "a/b"])
def test_a_tap_name_cannot_lead_out_of_the_folder(tmp_path: Path, tap: str) -> None:
    assert tap_file(tmp_path, tap).resolve().parent == (tmp_path / "taps").resolve()
