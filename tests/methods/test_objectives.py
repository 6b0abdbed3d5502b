"""The loss and its gradient against a slow definition in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from helpers.small_networks import CPU, TAPS
from vital.errors import ParamsError
from vital.methods.objectives import (
    l2_norm,
    mmd_matching,
    moment_matching,
    sort_matching,
    total_variation,
)
from vital.methods.vital import Match, MatchingObjective, read_all, tap_weights
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader, opponent_colours
from vital.params.visualize import MethodParams
from vital.references.quantiles import TapStatistics, UnitStatistics
from vital.references.reference_sets import ReferenceSet


def slow_sort_matching(values: np.ndarray, target: np.ndarray, importance: np.ndarray) -> float:
    """Mean over channels and positions of importance * (sorted value - target)^2, one by one."""
    channels, positions = values.shape
    total = 0.0
    for channel in range(channels):
        for value, wanted in zip(sorted(values[channel]), target[channel], strict=True):
            total += importance[channel] * (value - wanted) ** 2
    return total / (channels * positions)


def slow_total_variation(image: np.ndarray) -> float:
    """The four unsquared norms of finite differences, pixel by pixel."""
    _, height, width = image.shape
    total = 0.0
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        squares = 0.0
        for y in range(height - down):
            for x in range(max(0, -right), width - max(0, right)):
                squares += float(np.sum((image[:, y + down, x + right] - image[:, y, x]) ** 2))
        total += squares**0.5
    return total


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (4, 2, 17), (3, 7, 64)])
def test_sort_matching_equals_its_definition(shape: tuple[int, int, int]) -> None:
    draws = torch.Generator().manual_seed(sum(shape))
    values = torch.randn(shape, generator=draws)
    target = torch.randn(shape, generator=draws).sort(dim=-1).values
    importance = torch.rand(shape[:2], generator=draws)
    expected = [
        slow_sort_matching(v.double().numpy(), t.double().numpy(), w.double().numpy())
        for v, t, w in zip(values, target, importance, strict=True)
    ]
    assert sort_matching(values, target, importance).tolist() == pytest.approx(expected, rel=1e-5)


def test_sort_matching_does_not_depend_on_the_order_of_positions() -> None:
    values = torch.randn(2, 3, 20)
    target = torch.randn(2, 3, 20).sort(dim=-1).values
    shuffled = values[..., torch.randperm(20)]
    assert torch.equal(sort_matching(values, target), sort_matching(shuffled, target))


def slow_mmd_matching(values: np.ndarray, target: np.ndarray, importance: np.ndarray) -> float:
    """The energy distance of each channel from all pairs of values, times the target's scale."""

    def mean_distance(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.mean([abs(a - b) for a in first for b in second]))

    energies = [
        2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)
        for x, y in zip(values, target, strict=True)
    ]
    return float(np.std(target)) * float(np.mean(importance * energies))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (3, 2, 17)])
def test_mmd_matching_equals_its_definition(shape: tuple[int, int, int]) -> None:
    draws = torch.Generator().manual_seed(sum(shape))
    values = torch.randn(shape, generator=draws).relu()  # with ties, as after a ReLU
    target = torch.randn(shape, generator=draws).relu().sort(dim=-1).values + 0.25
    importance = torch.rand(shape[:2], generator=draws)
    expected = [
        slow_mmd_matching(v.double().numpy(), t.double().numpy(), w.double().numpy())
        for v, t, w in zip(values, target, importance, strict=True)
    ]
    found = mmd_matching(values, target, importance).tolist()
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_the_gradient_of_mmd_matching_equals_finite_differences() -> None:
    draws = torch.Generator().manual_seed(3)
    values = torch.randn(2, 3, 6, generator=draws, dtype=torch.float64, requires_grad=True)
    target = torch.randn(2, 3, 6, generator=draws, dtype=torch.float64).sort(dim=-1).values
    assert torch.autograd.gradcheck(lambda given: mmd_matching(given, target), (values,))


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.5), (2.0, 0.0), (0.3, -1.0)])
def test_of_scaled_and_shifted_values_moments_and_sorted_values_say_the_same(
    scale: float, shift: float
) -> None:
    """Then the squared 2-Wasserstein distance is that of the moments, whatever the values."""
    draws = torch.Generator().manual_seed(4)
    target = torch.rand(2, 3, 50, generator=draws, dtype=torch.float64).sort(dim=-1).values
    values = (scale * target + shift)[..., torch.randperm(50, generator=draws)]
    mean, deviation = target.numpy().mean(-1), target.numpy().std(-1)
    distances = ((scale - 1) * mean + shift) ** 2 + ((scale - 1) * deviation) ** 2
    expected = distances.mean(axis=1).tolist()
    assert moment_matching(values, target).tolist() == pytest.approx(expected)
    assert sort_matching(values, target).tolist() == pytest.approx(expected)


def test_moments_bound_the_distance_of_sorted_values_from_below() -> None:
    draws = torch.Generator().manual_seed(5)
    for _ in range(20):
        values = torch.randn(4, 3, 30, generator=draws, dtype=torch.float64).exp()
        target = torch.randn(4, 3, 30, generator=draws, dtype=torch.float64).sort(dim=-1).values
        importance = torch.rand(4, 3, generator=draws, dtype=torch.float64)
        lower = moment_matching(values, target, importance)
        assert (lower <= sort_matching(values, target, importance) * (1 + 1e-12)).all()


def test_other_shapes_of_equal_moments_are_told_apart_by_all_but_moments() -> None:
    uniform = torch.linspace(-1, 1, 64, dtype=torch.float64)
    two = torch.cat([-torch.ones(32, dtype=torch.float64), torch.ones(32, dtype=torch.float64)])
    target = (uniform * two.std(correction=0) / uniform.std(correction=0))[None, None]
    values = two[None, None]
    assert moment_matching(values, target).item() == pytest.approx(0, abs=1e-12)
    assert sort_matching(values, target).item() > 0.05
    assert mmd_matching(values, target).item() > 0.01


@pytest.mark.parametrize("match", [sort_matching, moment_matching, mmd_matching])
def test_matchings_are_zero_at_the_target_and_in_squared_units(match: Match) -> None:
    draws = torch.Generator().manual_seed(6)
    target = torch.randn(2, 3, 20, generator=draws, dtype=torch.float64).sort(dim=-1).values
    importance = torch.ones(2, 3, dtype=torch.float64)
    shuffled = target[..., torch.randperm(20, generator=draws)]
    assert match(shuffled, target, importance).tolist() == pytest.approx([0, 0], abs=1e-20)
    values = torch.randn(2, 3, 20, generator=draws, dtype=torch.float64)
    once, scaled = (match(s * values, s * target, importance).tolist() for s in (1, 3))
    assert scaled == pytest.approx([9 * value for value in once])


def test_a_channel_of_equal_values_has_a_finite_gradient() -> None:
    values = torch.zeros(1, 2, 8, requires_grad=True)
    target = torch.rand(1, 2, 8).sort(dim=-1).values
    for match in (moment_matching, mmd_matching):
        (gradient,) = torch.autograd.grad(match(values, target).sum(), values)
        assert gradient.isfinite().all()


def test_the_method_matches_what_its_parameter_names(
    studied: StudiedModel, statistics: dict[ReferenceSet, UnitStatistics]
) -> None:
    kept = [statistics[ReferenceSet("class/0")]]
    positions = {tap: kept[0][tap].quantiles.shape[1] for tap in TAPS}
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    by_name = {"sort": sort_matching, "moments": moment_matching, "mmd": mmd_matching}
    with TapReader(studied.network, TAPS) as reader:
        activations = reader(images)
        for name, match in by_name.items():
            params = MethodParams.model_validate({"steps": 1, "lr": 1.0, "matching": name})
            weights = [tap_weights(kept[0], {}, params)]
            objective = MatchingObjective(read_all(reader), kept, weights, positions, params, CPU)
            parts = objective(images, 0)[1]
            for tap in TAPS:
                target = torch.from_numpy(kept[0][tap].quantiles)[None]
                importance = torch.from_numpy(kept[0][tap].importance)[None]
                assert torch.equal(parts[tap], match(activations[tap], target, importance))


@pytest.mark.parametrize("size", [(2, 2), (5, 4), (9, 12)])
def test_priors_equal_their_definitions(size: tuple[int, int]) -> None:
    images = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(5))
    expected = [slow_total_variation(image.double().numpy()) for image in images]
    assert total_variation(images).tolist() == pytest.approx(expected, rel=1e-5)
    norms = [float(np.sqrt(np.sum(image.double().numpy() ** 2))) for image in images]
    assert l2_norm(images).tolist() == pytest.approx(norms, rel=1e-5)


def brute_force(
    studied: StudiedModel,
    images: torch.Tensor,
    kept: list[UnitStatistics],
    weights: list[dict[str, float]],
    params: MethodParams,
) -> torch.Tensor:
    """The loss of each image alone in float64, with explicit hooks and indices."""
    network = copy.deepcopy(studied.network).double()
    seen: dict[str, torch.Tensor] = {}
    for tap in TAPS[1:]:
        network.get_submodule(tap).register_forward_hook(
            lambda _m, _i, output, tap=tap: seen.__setitem__(tap, output)
        )
    losses = []
    for index in range(len(images)):
        image = images[index : index + 1]
        network(image)
        seen["input"] = opponent_colours(image)
        loss = image.new_zeros(())
        for tap in TAPS:
            rows = seen[tap][0].flatten(1)
            target = torch.from_numpy(kept[index][tap].quantiles).double()
            order = rows.detach().argsort(dim=1)
            distance = (rows.gather(1, order) - target) ** 2
            importance = torch.from_numpy(kept[index][tap].importance).double()
            loss = loss + weights[index][tap] * (distance.mean(1) * importance).mean()
        loss = params.feat_dist * loss
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            moved = image[..., down:, max(0, right) :]
            still = image[..., : image.shape[-2] - down, : image.shape[-1] - max(0, right)]
            if right < 0:
                moved, still = image[..., down:, :right], image[..., :-down, -right:]
            loss = loss + params.tv * (moved - still).square().sum().sqrt()
        losses.append(loss + params.l2 * image.square().sum().sqrt())
    return torch.stack(losses)


@pytest.mark.parametrize("count", [1, 3])
def test_the_batched_loss_and_its_gradient_equal_a_brute_force(
    studied: StudiedModel, statistics: dict[ReferenceSet, UnitStatistics], count: int
) -> None:
    params = MethodParams(
        steps=1, lr=1.0, feat_dist=0.7, tv=0.02, l2=0.03, weighting="inverse_variance",
        tap_weights={"input": 2.0},
    )  # fmt: skip
    kept = [with_importance(statistics[name], seed) for seed, name in enumerate(statistics)][:count]
    weights = [tap_weights(one, {}, params) for one in kept]
    images = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    images.requires_grad_(True)
    positions = {tap: kept[0][tap].quantiles.shape[1] for tap in TAPS}
    with TapReader(studied.network, TAPS) as reader:
        objective = MatchingObjective(read_all(reader), kept, weights, positions, params, CPU)
        totals, _ = objective(images, 0)
        (gradient,) = torch.autograd.grad(totals.sum(), images)
    exact_images = images.detach().double().requires_grad_(True)
    exact = brute_force(studied, exact_images, kept, weights, params)
    (exact_gradient,) = torch.autograd.grad(exact.sum(), exact_images)
    assert totals.tolist() == pytest.approx(exact.tolist(), rel=1e-5)
    difference = (gradient.double() - exact_gradient).norm() / exact_gradient.norm()
    assert float(difference) < 1e-5


def with_importance(kept: UnitStatistics, seed: int) -> UnitStatistics:
    """The same statistics with channels that matter differently."""
    draws = np.random.default_rng(seed)
    return {
        tap: TapStatistics(
            one.quantiles, one.mean, one.std,
            draws.uniform(0.1, 1.0, len(one.quantiles)).astype(np.float32), one.n_images,
        )
        for tap, one in kept.items()
    }  # fmt: skip


def test_a_weight_for_an_unknown_tap_names_the_nearest(
    statistics: dict[ReferenceSet, UnitStatistics],
) -> None:
    params = MethodParams(steps=1, lr=1.0, tap_weights={"conv2": 1.0})
    with pytest.raises(ParamsError, match=r"'conv2'.*'conv1'"):
        tap_weights(statistics[ReferenceSet("class/0")], {}, params)
