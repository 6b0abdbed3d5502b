"""What does a step of an inner unit's optimisation cost, with new masks at every step?

    python -m benchmarks.relevance_step [--model torchvision/resnet50] [--batch 2] [--repeats 5]

A step reads activations and relevance of the images at four taps, weighs the activations with the
masks, and takes the gradient of sort matching to the images. The baseline is the same batch's
forward pass to the network's end and the gradient of the output's mean to the images. The network
is a ResNet with random weights, at 224 pixels. Baseline and steps take turns in one run; times are
medians, in seconds. One line of JSON per composite and start: ``ratio`` is step over baseline.
"""

from __future__ import annotations

import copy
import json
from contextlib import ExitStack
from functools import partial
from itertools import product
from typing import Annotated

import torch
import typer
from torch import nn

from benchmarks.timing import take_turns
from vital.methods.objectives import sort_matching
from vital.networks.build import build_network, freeze
from vital.relevance import (
    ChannelStart,
    RelevanceReader,
    channel_importance,
    composite,
    position_masks,
)
from vital.runtime.generators import generator

COMPOSITES = ("vital", "canonical")
TAPS = ("conv1", "layer1", "layer2", "layer3")
STARTS = ("layer3", "layer4")
SIDE = 224


def main(
    model: str = "torchvision/resnet50",
    batch: Annotated[int, typer.Option(min=1)] = 2,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    seed: int = 0,
) -> None:
    """Time all composites and starts."""
    torch.manual_seed(seed)  # networks take their initial weights from the global stream
    network = freeze(build_network(model, {}))
    images = torch.randn(batch, 3, SIDE, SIDE, generator=generator(seed, "images"))
    with ExitStack() as opened:
        # A reader is open for a whole optimisation. Each has a network of its own here, so that
        # its hooks are in nobody else's way.
        readers = {
            name: opened.enter_context(
                RelevanceReader(copy.deepcopy(network), TAPS, composite(name))
            )
            for name in COMPOSITES
        }
        cases = list(product(COMPOSITES, STARTS))
        steps = [partial(step, readers[name], images, start) for name, start in cases]
        works = [partial(baseline, network, images), *steps]
        for work in works:
            work()  # what is done but once
        base, *seconds = take_turns(works, repeats)
    for (name, start), taken in zip(cases, seconds, strict=True):
        line = {
            "composite": name,
            "start": start,
            "model": model,
            "batch": batch,
            "ratio": round(taken / base, 2),
            "seconds": round(taken, 3),
            "baseline_seconds": round(base, 3),
        }
        typer.echo(json.dumps(line))


def step(read: RelevanceReader, images: torch.Tensor, start: str) -> torch.Tensor:
    """The gradient to the images (B, 3, H, W) of one step; image i is of channel i."""
    images = images.detach().requires_grad_()
    reading = read(images, [ChannelStart(start, channel) for channel in range(len(images))])
    losses = []
    for tap, activations in reading.activations.items():
        relevance = reading.relevance[tap]
        weighed = activations * position_masks(relevance)
        blank = torch.zeros_like(activations)
        losses.append(sort_matching(weighed, blank, channel_importance(relevance)))
    (gradient,) = torch.autograd.grad(torch.stack(losses).sum(), images)
    return gradient


def baseline(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The gradient to the images (B, 3, H, W) of the mean of the network's output."""
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(network(images).mean(), images)
    return gradient


if __name__ == "__main__":
    typer.run(main)
