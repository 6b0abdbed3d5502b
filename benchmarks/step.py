"""What does a step of sort matching cost?

    python -m benchmarks.step --against bare [--model torchvision/resnet50] [--batch 8]
    python -m benchmarks.step --against naive [--agreement 20]
    python -m benchmarks.step --parametrization fourier --against pixels
    python -m benchmarks.step --against bare --against bare-contiguous --against bfloat16 \
        --against naive --model timm/convnext_tiny --batch 8

A step shows the network a batch of jittered images, matches the sorted activations of its five
default taps to those of 50 references, and lets Adam change the images: the loop that makes every
image. It is timed against none, some or all of these baselines, turn by turn in one run:

- ``bare``: the forward pass to the network's end and the gradient of its outputs' mean to the same
  batch of images, in the same precision. What any method has to pay.
- ``naive``: the step written down as plainly as it can be: one image at a time, the activations of
  all 50 references sorted again in every step, and gradients for the weights as well.
- ``pixels``: the same step where what is changed is pixels, as it is by default.
- ``bfloat16``: the same step in this precision.
- ``contiguous``, ``bare-contiguous``: the step and what any method has to pay, with maps that lie
  channel by channel, as the naive loop's do. All else is laid out as the engine does it.

The network has random weights, pictures are of noise, and times are medians, in seconds per image
and step. Each baseline ends in a line of JSON: ``ratio`` is baseline over step for ``naive`` (how
many times faster), step over baseline for the others; ``sorting`` is the share of a step that sort
matching takes. With ``--agreement`` VITAL's and the naive loop are also run for so many steps from
the same start, and ``loss_difference`` is that of their last losses, relative to the naive one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import torch
import typer

from benchmarks.loops import BareLoop, Loop, NaiveLoop, SortingLoop, Subject, VitalLoop
from benchmarks.timing import take_turns
from vital.engine.precision import check_precision
from vital.params.visualize import Parametrization, Precision

ENOUGH = 100
"""Steps of whatever is not the loop itself: it may be run for thousands."""


class Against(StrEnum):
    """What a step is timed against."""

    BARE = "bare"
    NAIVE = "naive"
    PIXELS = "pixels"
    BFLOAT16 = "bfloat16"
    CONTIGUOUS = "contiguous"
    BARE_CONTIGUOUS = "bare-contiguous"


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
    compared = list(against or ())
    if "bfloat16" in (precision, *compared):
        check_precision("bfloat16", torch.device(device))
    subject = Subject.of(model, torch.device(device), precision, seed)
    images = subject.images(batch)
    if agreement and parametrization != "pixels":
        raise typer.BadParameter("only loops over pixels start from the same images")
    step_of = partial(VitalLoop, batch=batch, compiled=compiled)
    with ExitStack() as opened:
        ours = opened.enter_context(step_of(subject, parametrization=parametrization))
        others = [_baseline(one, subject, step_of, parametrization) for one in compared]
        loops = [ours, SortingLoop(subject, batch), *map(opened.enter_context, others)]
        for loop in loops:
            loop.run(images, warm_up)
        counts = [steps, *(min(steps, ENOUGH) for _ in loops[1:])]
        works = [partial(loop.run, images, n) for loop, n in zip(loops, counts, strict=True)]
        seconds = take_turns(works, turns, subject.wait)
        taken = [total / count for total, count in zip(seconds, counts, strict=True)]
        agreed = _agreement(ours, subject, images, agreement) if agreement else {}
    step, sorting, *baselines = taken
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
    pairs = zip(compared, baselines, strict=True) if compared else [("none", float("nan"))]
    for name, other in pairs:
        typer.echo(
            json.dumps({**facts, "against": name, **_compared(name, step / batch, other, batch)})
        )


def _baseline(
    against: Against,
    subject: Subject,
    step_of: Callable[..., VitalLoop],
    parametrization: Parametrization,
) -> Loop:
    """What the step is timed against; ``step_of`` makes the step of a subject."""
    match against:
        case Against.BARE:
            return BareLoop(subject)
        case Against.BARE_CONTIGUOUS:
            return BareLoop(subject.contiguous())
        case Against.NAIVE:
            return NaiveLoop(subject.contiguous())
        case Against.PIXELS:
            return step_of(subject)
        case Against.CONTIGUOUS:
            return step_of(subject.contiguous(), parametrization=parametrization)
        case Against.BFLOAT16:
            return step_of(replace(subject, precision="bfloat16"), parametrization=parametrization)


def _compared(against: str, step: float, baseline: float, batch: int) -> dict[str, float]:
    """A baseline's seconds per image, and its ratio to ours."""
    if against == "naive":
        return {"baseline_seconds": baseline, "ratio": baseline / step}
    if against == "none":
        return {}
    return {"baseline_seconds": baseline / batch, "ratio": step / (baseline / batch)}


def _agreement(ours: Loop, subject: Subject, images: torch.Tensor, steps: int) -> dict[str, float]:
    """How far apart the last losses are after so many steps; all images are alike."""
    with NaiveLoop(subject.contiguous()) as plain:
        last, expected = ours.run(images, steps), plain.run(images, steps)
    return {"loss": last, "naive_loss": expected, "loss_difference": abs(last / expected - 1)}


if __name__ == "__main__":
    typer.run(main)
