"""What does extracting statistics cost, beside the forward pass that it needs?

    python -m benchmarks.extract [--model torchvision/resnet50] [--batch 8] [--repeats 5]

One batch of a class's references: the pass that stops after the last of five taps, and its sorted
activations taken into the running sums; decoding images is not in it. The baseline is the bare
forward pass of the same batch, to the network's end. The network has random weights; times are
medians, in seconds per image. One line of JSON: ``ratio`` is extracting over the baseline.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import torch
import typer

from benchmarks.timing import take_turns
from vital.networks.build import build_network, freeze
from vital.networks.config import network_preprocessing
from vital.networks.memory_layout import lay_out
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import TapReader
from vital.references.quantiles import Accumulator
from vital.runtime.generators import generator


def main(
    model: str = "torchvision/resnet50",
    batch: Annotated[int, typer.Option(min=1)] = 8,
    repeats: Annotated[int, typer.Option(min=1)] = 5,
    device: str = "cpu",
    seed: int = 0,
) -> None:
    """Time both."""
    torch.manual_seed(seed)  # networks take their initial weights from the global stream
    network = freeze(build_network(model, {})).to(device)
    size = network_preprocessing(network, {}).size
    lay_out(network, size)
    taps = list(default_taps(network, size))
    images = torch.randn(batch, 3, *size, generator=generator(seed, "images")).to(device)
    sums = {tap: Accumulator() for tap in taps}
    wait = torch.cuda.synchronize if images.is_cuda else (lambda: None)
    with torch.no_grad(), TapReader(network, taps) as read:
        works = [partial(_extract, read, sums, images), partial(network, images)]
        for work in works:
            work()  # what is done but once
        ours, base = (seconds / batch for seconds in take_turns(works, repeats, wait))
    line = {
        "benchmark": "extract",
        "model": model,
        "batch": batch,
        "device": images.device.type,
        "threads": torch.get_num_threads(),
        "ratio": ours / base,
        "seconds": ours,
        "baseline_seconds": base,
    }
    typer.echo(json.dumps(line))


def _extract(read: TapReader, sums: dict[str, Accumulator], images: torch.Tensor) -> None:
    for tap, activations in read(images).items():
        sums[tap].add(activations)


if __name__ == "__main__":
    typer.run(main)
