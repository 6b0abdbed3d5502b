"""Squared 2-Wasserstein distances and their gradients against plain sorting, and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vital.methods import wasserstein
from vital.methods.wasserstein import squared_wasserstein

SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 3.4e38, -3.4e38, 1e-3, -7.25]


def by_autograd(
    samples: torch.Tensor, quantiles: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances and gradient of their sum, as PyTorch's own stable sort gives them."""
    samples = samples.detach().requires_grad_()
    ordered = torch.sort(samples, dim=-1, stable=True).values
    distances = (ordered - quantiles).square().mean(dim=-1)
    (gradient,) = torch.autograd.grad(distances.sum(), samples)
    return distances.detach(), gradient


def by_vital(samples: torch.Tensor, quantiles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    samples = samples.detach().requires_grad_()
    distances = squared_wasserstein(samples, quantiles)
    (gradient,) = torch.autograd.grad(distances.sum(), samples)
    return distances.detach(), gradient


def drawn(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    draws = torch.Generator().manual_seed(sum(shape))
    samples = torch.randn(shape, generator=draws, dtype=dtype)
    return [samples, torch.randn(shape, generator=draws, dtype=dtype).sort(dim=-1).values]


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 1), (2, 3, 50), (2, 5, 4099)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distance_and_gradient_are_those_of_plain_sorting(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    samples, quantiles = drawn(shape, dtype)
    for values in (samples, samples.relu()):  # the second is full of ties
        expected, slope = by_autograd(values, quantiles)
        distances, gradient = by_vital(values, quantiles)
        torch.testing.assert_close(distances, expected)
        torch.testing.assert_close(gradient, slope)


@given(
    arrays.arrays(np.float32, (2, 9), elements=st.sampled_from(SPECIAL)),
)
def test_values_of_all_signs_and_sizes_are_ordered(values: np.ndarray) -> None:
    samples = torch.from_numpy(values)
    wanted = samples.sort(dim=-1).values
    assert squared_wasserstein(samples, wanted).tolist() == [0.0, 0.0]


def test_is_the_square_of_scipys_order_two_distance() -> None:
    samples, quantiles = drawn((400,), torch.float64)
    ours = float(squared_wasserstein(samples, quantiles))
    # In one dimension the cheapest plan moves rank to rank; every other plan costs more.
    from scipy.optimize import linear_sum_assignment

    costs = (samples[:, None] - quantiles[None, :]).square().numpy()
    assert ours == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-9)


def test_does_not_depend_on_how_rows_are_cut_into_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, quantiles = drawn((6, 31))
    whole = by_vital(samples, quantiles)
    monkeypatch.setattr(wasserstein, "_CHUNK", 70)
    parts = by_vital(samples, quantiles)
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_reads_any_memory_layout() -> None:
    samples, quantiles = drawn((2, 4, 6))
    turned = samples.transpose(1, 2).contiguous().transpose(1, 2)
    assert not turned.is_contiguous()
    for one, other in zip(by_vital(samples, quantiles), by_vital(turned, quantiles), strict=True):
        assert torch.equal(one, other)


def test_half_precision_samples_are_compared_in_the_type_of_the_quantiles() -> None:
    samples, quantiles = drawn((3, 40))
    coarse = samples.bfloat16()
    distances, gradient = by_vital(coarse, quantiles)
    expected, slope = by_autograd(coarse.float(), quantiles)
    torch.testing.assert_close(distances, expected)
    assert distances.dtype == torch.float32
    assert gradient.dtype == torch.bfloat16
    torch.testing.assert_close(gradient.float(), slope, rtol=1e-2, atol=1e-3)
    exact, _ = by_vital(coarse.float(), quantiles)
    assert torch.equal(distances, exact), "sorting and distance are those of float32"


def test_a_sample_with_nan_has_no_distance() -> None:
    samples, quantiles = drawn((2, 8))
    samples[0, 3] = float("nan")
    samples[1, 5] = -float("nan")
    assert squared_wasserstein(samples, quantiles).isnan().all()
