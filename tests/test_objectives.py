"""The loss and its gradient against a slow definition in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from small_networks import CPU, TAPS

from vital.activations import TapReader, opponent_colours
from vital.errors import ParamsError
from vital.methods.vital import SortMatchingObjective, read_all, tap_weights
from vital.models import StudiedModel
from vital.objectives import l2_norm, sort_matching, total_variation
from vital.params.visualize import MethodParams
from vital.statistics import TapStatistics, UnitStatistics


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
    studied: StudiedModel, statistics: dict[str, UnitStatistics], count: int
) -> None:
    params = MethodParams(
        steps=1, lr=1.0, feat_dist=0.7, tv=0.02, l2=0.03, weighting="inverse_variance",
        weights={"input": 2.0},
    )  # fmt: skip
    kept = [with_importance(statistics[name], seed) for seed, name in enumerate(statistics)][:count]
    weights = [tap_weights(one, {}, params) for one in kept]
    images = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    images.requires_grad_(True)
    positions = {tap: kept[0][tap].quantiles.shape[1] for tap in TAPS}
    with TapReader(studied.network, TAPS) as reader:
        objective = SortMatchingObjective(read_all(reader), kept, weights, positions, params, CPU)
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
    statistics: dict[str, UnitStatistics],
) -> None:
    params = MethodParams(steps=1, lr=1.0, weights={"conv2": 1.0})
    with pytest.raises(ParamsError, match=r"'conv2'.*'conv1'"):
        tap_weights(statistics["class/0"], {}, params)
