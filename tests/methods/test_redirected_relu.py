"""Redirected rectifiers: silent units have a gradient, others keep theirs, nothing stays behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.small_networks import CPU
from vital.engine.local import Engine
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import measure_images
from vital.methods.activation import ActivationMethod
from vital.methods.base import Method, Setup
from vital.methods.fourier import FourierMethod
from vital.methods.redirected_relu import RedirectedReluGradients, redirecting_clamp
from vital.methods.response import ResponseObjective
from vital.networks.build import freeze
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader
from vital.params.base import check_block
from vital.params.peers import ActivationParams, FourierParams
from vital.params.visualize import VisualizeParams
from vital.runtime.store import WorkStore
from vital.units import Target, inner_unit

STEPS = 16
INF = float("inf")


def gradient_of(values: list[list[float]], upstream: list[list[float]], top: float) -> Any:
    given = torch.tensor(values, requires_grad=True)
    (gradient,) = torch.autograd.grad(redirecting_clamp(given, top), given, torch.tensor(upstream))
    return gradient.tolist()


def test_where_nothing_gets_through_only_the_way_back_does() -> None:
    """Descent with a negative gradient raises a value; 0 is out of the range, as in torch."""
    silent = [[-1.0, -2.0, 0.0, 0.0]]
    assert gradient_of(silent, [[-3.0, 4.0, -5.0, 6.0]], INF) == [[-3.0, 0.0, -5.0, 0.0]]
    beyond = [[-1.0, -2.0, 7.0, 6.0, 9.0]]
    expected = [[-3.0, 0.0, 5.0, 6.0, 0.0]]
    assert gradient_of(beyond, [[-3.0, 4.0, 5.0, 6.0, -7.0]], 6.0) == expected


def test_each_image_is_judged_by_itself() -> None:
    """The second has a plain gradient; the third responds, but not to what is asked for."""
    values = [[-1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]]
    upstream = [[-2.0, 3.0], [-2.0, 3.0], [-2.0, 0.0]]
    assert gradient_of(values, upstream, INF) == [[-2.0, 0.0], [0.0, 3.0], [-2.0, 0.0]]


@pytest.mark.parametrize("rectifier", [nn.ReLU, nn.ReLU6])
def test_a_gradient_that_gets_through_is_the_plain_one(rectifier: type[nn.Module]) -> None:
    values = (8 * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))).requires_grad_()
    upstream = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    plain, other = (
        rectifier()(values),
        redirecting_clamp(values, 6.0 if rectifier is nn.ReLU6 else INF),
    )
    assert torch.equal(plain, other)
    (expected,) = torch.autograd.grad(plain, values, upstream)
    (found,) = torch.autograd.grad(other, values, upstream)
    assert torch.equal(found, expected)


def network(rectifier: nn.Module, bias: float) -> nn.Module:
    """Four channels that respond to colours, all shifted by ``bias``, and two logits of them."""
    made = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), rectifier, nn.Flatten(), nn.Linear(256, 2))
    draws = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for value in made.parameters():
            value.normal_(0.0, 0.5, generator=draws)
        made[0].bias.fill_(bias)
    return freeze(made)


def studied(rectifier: nn.Module, bias: float) -> StudiedModel:
    preprocessing = Preprocessing((8, 8), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return StudiedModel("small", network(rectifier, bias), preprocessing, (), {}, "0")


def activation(model: StudiedModel, steps: int) -> Method:
    params = ActivationParams().schedule(30)
    return ActivationMethod(Setup(model, 0, CPU), params, steps)


def fourier(model: StudiedModel, steps: int) -> Method:
    images = measure_images([torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(3))])
    params = FourierParams(pad=0, shifts=(0, 0), scale=0.0, degrees=0.0)
    return FourierMethod(Setup(model, 0, CPU), params, 30, images, steps)


@pytest.mark.parametrize("method", [activation, fourier])
@pytest.mark.parametrize(
    ("rectifier", "bias"),
    [(nn.ReLU(), -1.0), (nn.ReLU(inplace=True), -1.0), (nn.ReLU6(inplace=True), -1.0)],
)
def test_a_silent_unit_starts_to_respond(
    method: Any, rectifier: nn.Module, bias: float, tmp_path: Path
) -> None:
    model = studied(rectifier, bias)
    block = {"steps": 1, "lr": 1.0, "batch": 2, "checkpoint_every": 50, "history_every": 1}
    params = check_block(block, "visualize", VisualizeParams)
    targets = [Target(inner_unit("1", channel), 0) for channel in (1, 2)]
    reached = {}
    for steps in (0, STEPS):
        engine = Engine(method(model, steps), params, WorkStore(tmp_path))
        reached[steps] = [made.record["activation"] for made in engine.run(targets)]
    assert reached[0] == [0.0, 0.0]
    assert min(reached[STEPS]) > 0.1


def test_only_the_first_steps_are_redirected_and_no_hook_stays() -> None:
    model = studied(nn.ReLU(inplace=True), -3.0)
    units = [inner_unit("1", 1), inner_unit("1", 2)]
    views = torch.zeros(2, 3, 8, 8, requires_grad=True)
    respond = ResponseObjective(model.network, units, redirected=2)
    moved = []
    for step in range(4):
        totals, _ = respond(views, step)
        (gradient,) = torch.autograd.grad(totals.sum(), views)
        moved.append(bool(gradient.any()))
    assert moved == [True, True, False, False]
    rectifier = model.network.get_submodule("1")
    assert not rectifier._forward_hooks
    assert not rectifier._forward_pre_hooks


def test_hooks_go_after_an_exception_and_answers_stay_the_same() -> None:
    made = network(nn.ReLU6(inplace=True), 0.5)
    images = 4 * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    with TapReader(made, ["0", "1"]) as read:
        expected = read(images)
        with RedirectedReluGradients(made):
            answered = read(images)
    assert all(torch.equal(answered[tap], expected[tap]) for tap in expected)
    with pytest.raises(RuntimeError), RedirectedReluGradients(made):
        made(torch.zeros(1, 5, 8, 8))
    assert not made.get_submodule("1")._forward_hooks
    assert not made.get_submodule("1")._forward_pre_hooks
