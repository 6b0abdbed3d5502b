"""What does a step of sort matching cost?

    python -m benchmarks.step --against bare [--model torchvision/resnet50] [--batch 8]
    python -m benchmarks.step --against naive [--agreement 20]

A step shows the network a batch of jittered images, matches the sorted activations of its five
default taps to those of 50 references, and lets Adam change the images: the loop that makes every
image. It is timed against one of two baselines, turn by turn in one run:

- ``bare``: the forward pass to the network's end and the gradient of its outputs' mean to the same
  batch of images, in the same precision. What any method has to pay.
- ``naive``: the step written down as plainly as it can be: one image at a time, the activations of
  all 50 references sorted again in every step, and gradients for the weights as well.

The network has random weights, pictures are of noise, and times are medians, in seconds per image
and step. The last line is JSON: ``ratio`` is baseline over step for ``naive`` (how many times
faster), step over baseline for ``bare``; ``sorting`` is the share of a step that sort matching
takes. With ``--agreement`` both loops are also run for so many steps from the same start, and
``loss_difference`` is that of their last losses, relative to the naive one.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any, Literal

import torch
import typer

from benchmarks.loops import BareLoop, NaiveLoop, SortingLoop, Subject, VitalLoop
from benchmarks.timing import take_turns
from vital.params.visualize import Precision

Against = Literal["bare", "naive"]


def main(
    against: Annotated[Against, typer.Option()],
    model: str = "torchvision/resnet50",
    batch: Annotated[int, typer.Option(min=1)] = 8,
    device: str = "cpu",
    precision: Precision = "tf32",
    compiled: Annotated[bool, typer.Option("--compiled")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Of each turn.")] = 2,
    warm_up: Annotated[int, typer.Option(min=1, help="Steps before the first turn.")] = 1,
    turns: Annotated[int, typer.Option(min=1)] = 3,
    agreement: Annotated[int, typer.Option(min=0)] = 0,
    seed: int = 0,
) -> None:
    """Time the step against one baseline."""
    subject = Subject.of(model, torch.device(device), precision, seed)
    images, naive = subject.images(batch), against == "naive"
    with VitalLoop(subject, batch, compiled) as ours, NaiveLoop(subject) as plain:
        ours.run(images, warm_up)
        works = [
            partial(ours.run, images, steps),
            partial(plain.run, images[:1], steps)
            if naive
            else partial(BareLoop(subject).run, images, steps),
            partial(SortingLoop(subject, batch).run, images, steps),
        ]
        step, base, sort = (taken / steps for taken in take_turns(works, turns, subject.wait))
        agreed = _agreement(ours, plain, images, agreement) if agreement else {}
    of_image, of_base = step / batch, base / (1 if naive else batch)
    line: dict[str, Any] = {
        "benchmark": "step",
        "model": model,
        "against": against,
        "batch": batch,
        "device": subject.device_name(),
        "precision": precision,
        "compiled": compiled,
        "threads": torch.get_num_threads(),
        "ratio": round(of_base / of_image if naive else of_image / of_base, 3),
        "seconds": round(of_image, 6),
        "baseline_seconds": round(of_base, 6),
        "images_per_second": round(1 / of_image, 2),
        "sorting": round(sort / step, 3),
        **agreed,
    }
    typer.echo(json.dumps(line))


def _agreement(
    ours: VitalLoop, plain: NaiveLoop, images: torch.Tensor, steps: int
) -> dict[str, float]:
    """How far apart the last losses of the first image are, after so many steps."""
    last, expected = ours.run(images, steps), plain.run(images[:1], steps)
    return {"loss": last, "naive_loss": expected, "loss_difference": abs(last / expected - 1)}


if __name__ == "__main__":
    typer.run(main)
