"""How much memory does extracting take, against images and against classes?

    python -m benchmarks.memory main [--few 10] [--many 1000] [--images 100] [--all-images 10000]

Generated images of 64 pixels go through a small network, class by class, and the statistics of
its five taps are written to a scratch folder, as the stage ``extract`` does. Each size runs in a
process of its own; what counts is its greatest resident memory. Two lines of JSON: images of one
class, and classes of ten images; ``growth`` is the larger size's over the smaller's, less one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer

from vital.networks.build import build_network
from vital.networks.model import open_model
from vital.references.extract import Batch, extract_statistics
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import write_statistics
from vital.runtime.generators import generator

BATCH = 50
PER_CLASS = 10
SIDE = 64

app = typer.Typer()


@app.command()
def main(
    few: Annotated[int, typer.Option(min=1)] = 10,
    many: Annotated[int, typer.Option(min=1)] = 1000,
    images: Annotated[int, typer.Option(min=1)] = 100,
    all_images: Annotated[int, typer.Option(min=1)] = 10_000,
) -> None:
    """Measure both kinds of growth."""
    for what, sizes in (
        ("images", [(1, images), (1, all_images)]),
        ("classes", [(few, PER_CLASS), (many, PER_CLASS)]),
    ):
        small, large = (_in_a_process(classes, per_class) for classes, per_class in sizes)
        line = {
            "benchmark": "memory",
            "against": what,
            "sizes": [max(size) if what == "images" else size[0] for size in sizes],
            "peak_mib": [round(small / 2**20, 1), round(large / 2**20, 1)],
            "growth": round(large / small - 1, 4),
        }
        typer.echo(json.dumps(line))


@app.command()
def extract(classes: int, per_class: int) -> None:
    """Extract so many images and print the process's greatest resident memory in bytes."""
    network = build_network("timm/resnet10t", {"channels": [16, 32, 64, 128], "num_classes": 10})
    model = open_model(network, preprocessing={"size": (SIDE, SIDE)})
    taps = list(model.taps)
    kept = extract_statistics(model, taps, _images(classes, per_class), torch.device("cpu"))
    with tempfile.TemporaryDirectory() as scratch:
        write_statistics(Path(scratch), taps, {}, kept)
    typer.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _images(classes: int, per_class: int) -> Iterator[Batch]:
    draws = generator(0, "images")
    for number in range(classes):
        for first in range(0, per_class, BATCH):
            count = min(BATCH, per_class - first)
            images = torch.randn(count, 3, SIDE, SIDE, generator=draws)
            yield [ReferenceSet(f"class/{number}")] * count, images


def _in_a_process(classes: int, per_class: int) -> int:
    command = [sys.executable, "-m", "benchmarks.memory", "extract", str(classes), str(per_class)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    app()
