"""The benchmark of a step with masks: what it times is what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmarks.relevance_step import COMPOSITES, STARTS, TAPS, main, step
from benchmarks.timing import take_turns
from helpers.commands import run_main
from vital.networks.build import build_network, freeze
from vital.networks.taps.reader import TapReader
from vital.relevance import (
    ChannelStart,
    RelevanceReader,
    channel_importance,
    composite,
    position_masks,
)


def resnet() -> nn.Module:
    torch.manual_seed(0)
    return freeze(build_network("torchvision/resnet18", {}))


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_step_has_the_gradient_of_the_masked_loss_with_masks_as_constants(name: str) -> None:
    network = resnet()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with RelevanceReader(network, TAPS, composite(name)) as read:
        found = step(read, images, "layer3")
        relevance = read(images, [ChannelStart("layer3", image) for image in range(2)]).relevance
    asked = images.clone().requires_grad_()
    with TapReader(network, TAPS) as read_taps:
        activations = read_taps(asked)
    loss = torch.zeros(())
    for tap in TAPS:
        squares = (activations[tap] * position_masks(relevance[tap])).square().mean(dim=2)
        loss = loss + (squares * channel_importance(relevance[tap])).mean(dim=1).sum()
    (expected,) = torch.autograd.grad(loss, asked)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_works_take_turns_and_the_first_turn_is_not_timed() -> None:
    done: list[str] = []

    def work(name: str, seconds: list[float]) -> Callable[[], None]:
        def run() -> None:
            done.append(name)
            time.sleep(seconds.pop(0))

        return run

    works = [work("a", [0.0, 0.0, 0.3]), work("b", [0.05, 0.05, 0.05])]
    first, second = take_turns(works, repeats=3)
    assert done == ["a", "b"] * 3
    assert first < 0.05 <= second


def test_it_says_what_it_measured() -> None:
    options = ["--model", "torchvision/resnet18", "--batch", "1", "--repeats", "1"]
    result = run_main(main, *options)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(line["composite"], line["start"]) for line in lines} == {
        (name, start) for name in COMPOSITES for start in STARTS
    }
    for line in lines:
        assert line["ratio"] == pytest.approx(line["seconds"] / line["baseline_seconds"], rel=0.05)
        assert (line["model"], line["batch"]) == ("torchvision/resnet18", 1)
