"""Reduced precision changes the network's products, and nothing that must stay exact."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from helpers.small_networks import CPU, TAPS, lively_model, small_model
from vital.engine.local import Engine
from vital.engine.precision import check_precision, gpu_arithmetic, in_precision
from vital.errors import ParamsError
from vital.methods.objectives import mmd_matching, moment_matching, sort_matching
from vital.methods.response import ResponseObjective
from vital.networks.taps.reader import TapReader
from vital.units import Target, Unit, inner_unit

Match = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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


@pytest.mark.parametrize("match", [sort_matching, moment_matching, mmd_matching])
def test_losses_of_bfloat16_maps_are_those_of_the_same_maps_in_float32(match: Match) -> None:
    draws = torch.Generator().manual_seed(0)
    quantiles = torch.randn(2, 4, 60, generator=draws).sort(dim=-1).values
    coarse = torch.randn(2, 4, 60, generator=draws).bfloat16().requires_grad_()
    losses = match(coarse, quantiles)
    assert torch.equal(losses, match(coarse.detach().float(), quantiles))
    (gradient,) = torch.autograd.grad(losses.sum(), coarse)
    assert gradient.isfinite().all()


def test_responses_in_bfloat16_are_averaged_and_told_in_float32() -> None:
    network, images = small_model(list(TAPS)).network, torch.randn(2, 3, 32, 32)
    objective = ResponseObjective(network, [inner_unit("layer2", 1)] * 2, redirected=0)
    coarse, _ = in_precision(objective, "bfloat16", CPU)(images, 0)
    with torch.autocast("cpu", dtype=torch.bfloat16), TapReader(network, ["layer2"]) as read:
        maps = read(images)["layer2"]
    assert maps.dtype == torch.bfloat16
    assert torch.equal(coarse, -maps[:, 1].float().mean(dim=1))


@pytest.mark.parametrize("has_it", [False, True])
def test_bfloat16_is_refused_on_a_cpu_without_it(
    has_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.engine.precision.multiplies_bfloat16", lambda: has_it)
    for precision in ("float32", "tf32"):
        check_precision(precision, CPU)  # type: ignore[arg-type]
    check_precision("bfloat16", torch.device("cuda"))
    if has_it:
        check_precision("bfloat16", CPU)
        return
    with pytest.raises(ParamsError, match=r"precision: bfloat16 needs .* amx_bf16 or avx512_bf16"):
        check_precision("bfloat16", CPU)


def test_bfloat16_makes_nearly_the_same_image_and_only_where_it_is_multiplied(
    engine: Callable[..., Engine], units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(units[0], 0)
    monkeypatch.setattr("vital.engine.precision.multiplies_bfloat16", lambda: False)
    with pytest.raises(ParamsError, match="precision: bfloat16 needs"):
        engine(precision="bfloat16")
    monkeypatch.setattr("vital.engine.precision.multiplies_bfloat16", lambda: True)
    (exact,) = engine(precision="float32").run([target])
    (coarse,) = engine(precision="bfloat16").run([target])
    assert coarse.image.dtype == torch.float32
    assert not torch.equal(coarse.image, exact.image)
    losses = torch.tensor([row[1] for row in coarse.history])
    expected = torch.tensor([row[1] for row in exact.history])
    torch.testing.assert_close(losses, expected, rtol=5e-2, atol=0)


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
