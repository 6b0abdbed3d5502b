"""What does a step of sort matching cost?

    python -m benchmarks.step --against bare [--model torchvision/resnet50] [--batch 8]
    python -m benchmarks.step --against naive [--agreement 20]
    python -m benchmarks.step --parametrization fourier --against pixels

A step shows the network a batch of jittered images, matches the sorted activations of its five
default taps to those of 50 references, and lets Adam change the images: the loop that makes every
image. It is timed against none, some or all of three baselines, turn by turn in one run:

- ``bare``: the forward pass to the network's end and the gradient of its outputs' mean to the same
  batch of images, in the same precision. What any method has to pay.
- ``naive``: the step written down as plainly as it can be: one image at a time, the activations of
  all 50 references sorted again in every step, and gradients for the weights as well.
- ``pixels``: the same step where what is changed is pixels, as it is by default.

The network has random weights, pictures are of noise, and times are medians, in seconds per image
and step. Each baseline ends in a line of JSON: ``ratio`` is baseline over step for ``naive`` (how
many times faster), step over baseline for the others; ``sorting`` is the share of a step that sort
matching takes. With ``--agreement`` VITAL's and the naive loop are also run for so many steps from
the same start, and ``loss_difference`` is that of their last losses, relative to the naive one.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import torch
import typer

from benchmarks.loops import BareLoop, Loop, NaiveLoop, SortingLoop, Subject, VitalLoop
from benchmarks.timing import take_turns
from vital.params.visualize import Parametrization, Precision

ENOUGH = 100
"""Steps of whatever is not the loop itself: it may be run for thousands."""


class Against(StrEnum):
    """What a step is timed against."""

    BARE = "bare"
    NAIVE = "naive"
    PIXELS = "pixels"


def main(
    against: Annotated[list[Against] | None, typer.Option()] = None,
    model: str = "torchvision/resnet50",
    batch: Annotated[int, typer.Option(min=1)] = 8,
    device: str = "cpu",
    precision: Precision = "tf32",
    parametrization: Parametrization = "pixels",
    compiled: Annotated[bool, typer.Option("--compiled")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Of each turn.")] = 2,
    warm_up: Annotated[int, typer.Option(min=1, help="Steps before the first turn.")] = 1,
    turns: Annotated[int, typer.Option(min=1)] = 3,
    agreement: Annotated[int, typer.Option(min=0, help="Steps of both loops.")] = 0,
    seed: int = 0,
) -> None:
    """Time the step against each baseline."""
    subject = Subject.of(model, torch.device(device), precision, seed)
    images = subject.images(batch)
    if agreement and parametrization != "pixels":
        raise typer.BadParameter("only loops over pixels start from the same images")
    with (
        VitalLoop(subject, batch, compiled, parametrization) as ours,
        NaiveLoop(subject) as plain,
        VitalLoop(subject, batch, compiled) as pixels,
    ):
        baselines: dict[Against, Loop] = {
            Against.BARE: BareLoop(subject),
            Against.NAIVE: plain,
            Against.PIXELS: pixels,
        }
        compared = list(against or ())
        loops = [ours, SortingLoop(subject, batch), *(baselines[name] for name in compared)]
        for loop in loops:
            loop.run(images, warm_up)
        counts = [steps, *(min(steps, ENOUGH) for _ in loops[1:])]
        works = [partial(loop.run, images, n) for loop, n in zip(loops, counts, strict=True)]
        seconds = take_turns(works, turns, subject.wait)
        taken = [total / count for total, count in zip(seconds, counts, strict=True)]
        agreed = _agreement(ours, plain, images, agreement) if agreement else {}
    step, sorting, *others = taken
    facts: dict[str, Any] = {
        "benchmark": "step",
        "model": model,
        "batch": batch,
        "device": subject.device_name(),
        "precision": precision,
        "parametrization": parametrization,
        "compiled": compiled,
        "threads": torch.get_num_threads(),
        "seconds": step / batch,
        "images_per_second": batch / step,
        "sorting": sorting / step,
        **subject.peak_memory(),
        **agreed,
    }
    pairs = zip(compared, others, strict=True) if compared else [("none", float("nan"))]
    for name, other in pairs:
        typer.echo(
            json.dumps({**facts, "against": name, **_compared(name, step / batch, other, batch)})
        )


def _compared(against: str, step: float, baseline: float, batch: int) -> dict[str, float]:
    """A baseline's seconds per image, and its ratio to ours."""
    if against == "naive":
        return {"baseline_seconds": baseline, "ratio": baseline / step}
    if against in ("bare", "pixels"):
        return {"baseline_seconds": baseline / batch, "ratio": step / (baseline / batch)}
    return {}


def _agreement(ours: Loop, plain: Loop, images: torch.Tensor, steps: int) -> dict[str, float]:
    """How far apart the last losses are after so many steps; all images are alike."""
    last, expected = ours.run(images, steps), plain.run(images, steps)
    return {"loss": last, "naive_loss": expected, "loss_difference": abs(last / expected - 1)}


if __name__ == "__main__":
    typer.run(main)
