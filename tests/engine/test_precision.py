"""Reduced precision changes the network's products, and nothing that must stay exact."""

from __future__ import annotations

import pytest
import torch

from helpers.small_networks import CPU, TAPS, lively_model, small_model
from vital.engine.precision import gpu_arithmetic, in_precision
from vital.networks.taps.reader import TapReader


def test_bfloat16_reaches_the_network_but_neither_colours_nor_losses() -> None:
    model = small_model(list(TAPS))
    images = torch.randn(2, 3, 32, 32)
    with TapReader(model.network, TAPS) as read:
        exact = read(images)

        def objective(
            views: torch.Tensor, _step: int
        ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            values = read(views)
            return values["input"].mean(dim=(1, 2)), values

        totals, coarse = in_precision(objective, "bfloat16", CPU)(images, 0)
        plain = in_precision(objective, "tf32", CPU)
    assert plain is objective
    assert totals.dtype == torch.float32
    assert torch.equal(coarse["input"], exact["input"])
    assert coarse["layer2"].dtype == torch.bfloat16
    torch.testing.assert_close(coarse["layer2"].float(), exact["layer2"], rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("precision", "allowed"), [("float32", False), ("tf32", True), ("bfloat16", True)]
)
def test_a_gpus_arithmetic_is_as_it_was_afterwards(precision: str, allowed: bool) -> None:
    before = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
    with gpu_arithmetic(precision):  # type: ignore[arg-type]
        assert torch.backends.cuda.matmul.allow_tf32 is allowed
        assert torch.backends.cudnn.allow_tf32 is allowed
        assert torch.backends.cudnn.benchmark
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
    assert not torch.backends.cudnn.benchmark


@pytest.mark.slow
def test_a_compiled_pass_reads_what_a_plain_one_does() -> None:
    model = lively_model(TAPS)
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    slopes, readings = [], []
    for compiled in (False, True):
        with TapReader(model.network, TAPS, compiled=compiled) as read:
            read(images)  # the first batch is read plainly in any case
            values = read(images)
            total = torch.stack([value.square().mean() for value in values.values()]).sum()
            slopes += torch.autograd.grad(total, images)
            readings.append(values)
    for tap in TAPS:
        torch.testing.assert_close(readings[1][tap], readings[0][tap], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-3, atol=1e-6)
