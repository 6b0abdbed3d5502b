"""How much faster are two Ray workers than one, on targets that do not depend on each other?

    python -m benchmarks.engine [--targets 8] [--steps 300] [--turns 2]

Each target is a batch of its own, made with one torch thread: a ResNet-10 of 32 channels at 64 x 64
pixels with random weights, matched to features of noise. Both counts of workers make the same
targets anew, in turns, on a cluster of their own whose workers are warm, as the start of a
cluster (some seconds, once a run) is not what is measured. Work that other processes do at the
same time takes from two workers more than from one: the load average before the first turn and
after the last is printed beside the figures.

Ends in a line of JSON: ``seconds`` of two workers, ``baseline_seconds`` of one, both medians, and
``ratio``, how many times faster two are.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from vital.engine.on_ray import engines
from vital.methods.base import Setup
from vital.methods.image_spaces import PixelSpace
from vital.methods.vital import VitalMethod
from vital.networks.build import build_network
from vital.networks.model import StudiedModel, open_model
from vital.params.base import check_block
from vital.params.visualize import VisualizeParams
from vital.references.extract import extract_statistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.store import WorkStore
from vital.units import Target, class_units

CPU = torch.device("cpu")
SIDE = 64
WIDTHS = {"channels": [32, 64, 64, 128], "num_classes": 4}


def main(
    targets: Annotated[int, typer.Option(min=2)] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Of each target.")] = 300,
    turns: Annotated[int, typer.Option(min=1)] = 2,
    seed: int = 0,
) -> None:
    """Time two workers against one."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = build_network("timm/resnet10t", WIDTHS)
    names = [f"class {number}" for number in range(4)]
    model = open_model(network, preprocessing={"size": (SIDE, SIDE)}, classes=names)
    load = os.getloadavg()[0]
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(turns):
        for workers, seconds in taken.items():
            seconds.append(_seconds(model, workers, targets, steps, seed))
    one, two = (statistics.median(taken[workers]) for workers in (1, 2))
    facts = {
        "benchmark": "engine",
        "targets": targets,
        "steps": steps,
        "cores": os.cpu_count(),
        "load_average": [round(load, 2), round(os.getloadavg()[0], 2)],
        "seconds": two,
        "baseline_seconds": one,
        "ratio": one / two,
    }
    typer.echo(json.dumps(facts))


def _seconds(model: StudiedModel, workers: int, count: int, steps: int, seed: int) -> float:
    """What all targets take on so many workers that have been used before."""
    units = class_units(model.classes)
    images = torch.randn(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    labels = [ReferenceSet(unit.id) for unit in units for _ in range(2)]
    kept = dict(extract_statistics(model, list(model.taps), [(labels, images)], CPU))
    block = {
        "steps": steps, "lr": 0.2, "batch": 1, "engine": "ray",
        "ray": {"workers": workers, "threads": 1},
    }  # fmt: skip
    params = check_block(block, "visualize", VisualizeParams)
    targets = [Target(units[number % len(units)], number) for number in range(count)]
    warm = [Target(units[0], count + number) for number in range(workers)]
    with engines(params) as make, tempfile.TemporaryDirectory() as folder:
        pixels = PixelSpace(model.preprocessing, params.clamp)
        method = VitalMethod(Setup(model, seed, CPU), kept, params.method(), pixels)
        engine = make(method, params, WorkStore(Path(folder)))
        list(engine.run(warm))
        began = time.perf_counter()
        list(engine.run(targets))
        return time.perf_counter() - began


if __name__ == "__main__":
    typer.run(main)
