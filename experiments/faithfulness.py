"""Does relevance find the part of an image that a network's answer rests on?

    python -m experiments.faithfulness [--composite NAME] [--images 100] [--seed 0] [--data FOLDER]

A trained MobileNetV2 sees photographs of ImageNet whose 16 x 16 pixel cells are replaced by the
photograph's mean colour in 20 steps, in the order of a ranking. The score of a ranking is the area
under the logit of the photograph's class: its mean over the 21 images from the whole to the blank
one. The lower, the better the ranking. Three rankings: by relevance summed over a cell's pixels, by
size of the logit's gradient summed over them, and by chance. One line of JSON per composite has the
mean areas, and what relevance has beyond each of the others with its 95 % interval over photographs
(paired bootstrap): below 0 is better. ``relevance_kept`` is the share of the logit that arrives at
the input. The folder of real networks and images is --data or the variable VITAL_REAL_DATA.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer
from torch import nn
from torchvision.datasets import ImageFolder

from experiments.options import RealData, asked_for, real_data
from vital.images.files import read_image
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.reader import INPUT_TAP
from vital.relevance import (
    Composite,
    RelevanceReader,
    canonical_composite,
    class_start,
    vital_composite,
)
from vital.runtime.files import read_json
from vital.runtime.generators import generator
from vital.runtime.seeds import derive_seed

NETWORK = "mobilenetv2_100"
PHOTOGRAPHS = "imagenet-sample"

CELL = 16
STEPS = 20
DRAWS = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Candidate:
    """A composite, and what it does in the first layer."""

    make: Callable[[], Composite]
    first_layer: str


CANDIDATES: Mapping[str, Candidate] = {
    "canonical": Candidate(canonical_composite, "gamma"),
    "canonical_epsilon": Candidate(partial(canonical_composite, "epsilon"), "epsilon"),
    "canonical_alpha_beta": Candidate(partial(canonical_composite, "alpha_beta"), "alpha_beta"),
    "canonical_z_plus": Candidate(partial(canonical_composite, "z_plus"), "z_plus"),
    "vital": Candidate(vital_composite, "z_plus, pixels count as ones"),
}
"""Names beyond ``canonical`` say the rule of convolutions; the others have it from the library."""

DEFAULT = "canonical"


@dataclass(frozen=True)
class Photograph:
    """A network's input (3, H, W), and the class that it is of."""

    name: str
    image: torch.Tensor
    label: int


Ranking = Callable[[Photograph], torch.Tensor]
"""A score for each cell, (cells,) row by row; the highest is replaced first."""

Areas = npt.NDArray[np.float64]
"""The area under the logit of each photograph."""


def main(
    composite: Annotated[list[str] | None, typer.Option(help="; ".join(CANDIDATES))] = None,
    images: Annotated[int, typer.Option(min=2)] = 100,
    seed: int = 0,
    data: RealData = None,
) -> None:
    """Score the composites asked for, or the default one."""
    source = real_data(data)
    names = asked_for(composite, CANDIDATES, [DEFAULT], "--composite")
    studied = open_network(source)
    photographs = draw(source / PHOTOGRAPHS, studied, images, seed)
    baselines = {
        "random": areas(studied.network, photographs, by_chance(seed)),
        "gradient": areas(studied.network, photographs, by_gradient(studied.network)),
    }
    for name in names:
        figures = _figures(studied.network, photographs, CANDIDATES[name], baselines, seed)
        typer.echo(json.dumps({"composite": name, "images": images, "seed": seed, **figures}))


def open_network(data: Path) -> StudiedModel:
    """The trained network, with the preprocessing that the file next to it describes."""
    facts = read_json(data / f"{NETWORK}.json")
    return open_model(
        f"timm/{facts['timm']['model_name']}",
        checkpoint=data / facts["file"],
        kwargs={"pad_type": facts["timm"]["kwargs"]["pad_type"]},
        preprocessing={key: facts[key] for key in ("mean", "std", "interpolation", "crop_pct")},
    )


def draw(folder: Path, studied: StudiedModel, count: int, seed: int) -> list[Photograph]:
    """Photographs drawn from a folder whose subfolders, sorted, are the network's classes.

    Exits with an error where there are fewer than ``count``.
    """
    found = ImageFolder(str(folder)).samples
    if count > len(found):
        raise typer.BadParameter(f"{folder} has {len(found)}", param_hint="--images")
    drawn = torch.randperm(len(found), generator=generator(seed, "photographs"))[:count]
    chosen = [(Path(found[index][0]), found[index][1]) for index in drawn.tolist()]
    return [
        Photograph(path.name, studied.preprocessing(read_image(path)), label)
        for path, label in chosen
    ]


def _figures(
    network: nn.Module,
    photographs: Sequence[Photograph],
    candidate: Candidate,
    baselines: Mapping[str, Areas],
    seed: int,
) -> dict[str, object]:
    with RelevanceReader(network, [INPUT_TAP], candidate.make()) as read:
        ranking = RelevanceRanking(read)
        found = areas(network, photographs, ranking)
    compared = {
        f"beyond_{name}": interval(found - baseline, seed) for name, baseline in baselines.items()
    }
    means = {
        f"area_{name}": round(float(values.mean()), 3)
        for name, values in {"relevance": found, **baselines}.items()
    }
    return {
        "first_layer": candidate.first_layer,
        **means,
        **compared,
        "relevance_kept": float(f"{ranking.kept:.3g}"),
    }


class RelevanceRanking:
    """Ranks cells by the relevance of their pixels for the logit of the photograph's class."""

    def __init__(self, read: RelevanceReader) -> None:
        self._read = read
        self._started = 0.0
        self._arrived = 0.0

    @property
    def kept(self) -> float:
        """The share of all logits ranked for so far that arrived at the input."""
        return self._arrived / self._started

    def __call__(self, photograph: Photograph) -> torch.Tensor:
        reading = self._read(photograph.image.unsqueeze(0), [class_start(photograph.label)])
        relevance = reading.relevance[INPUT_TAP][0].view_as(photograph.image)
        self._started += float(reading.starts)
        self._arrived += float(relevance.sum())
        return cell_totals(relevance)


def by_gradient(network: nn.Module) -> Ranking:
    """Rank cells by the summed magnitude of the gradient of the photograph's logit."""

    def rank(photograph: Photograph) -> torch.Tensor:
        image = photograph.image.unsqueeze(0).requires_grad_()
        (gradient,) = torch.autograd.grad(network(image)[0, photograph.label], image)
        return cell_totals(gradient[0].abs())

    return rank


def by_chance(seed: int) -> Ranking:
    """Rank cells at random, each photograph's by a stream of its own."""

    def rank(photograph: Photograph) -> torch.Tensor:
        cells = len(cell_totals(photograph.image))
        return torch.rand(cells, generator=generator(seed, "order", photograph.name))

    return rank


def areas(network: nn.Module, photographs: Sequence[Photograph], rank: Ranking) -> Areas:
    """The area under each photograph's logit while its cells are replaced in a ranking's order."""
    found = []
    for photograph in photographs:
        images = replaced(photograph.image, rank(photograph))
        with torch.no_grad():
            logits = network(images)[:, photograph.label]
        found.append(float(logits.mean()))
    return np.array(found)


def cell_totals(values: torch.Tensor) -> torch.Tensor:
    """Sum values (3, H, W) over the colours and pixels of each cell: (cells,), row by row.

    H and W are multiples of CELL.
    """
    _, height, width = values.shape
    cells = values.sum(dim=0).view(height // CELL, CELL, width // CELL, CELL)
    return cells.sum(dim=(1, 3)).flatten()


def replaced(image: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """An image (3, H, W) with ever more cells in its mean colour: (STEPS + 1, 3, H, W).

    The first is the image itself, the last is blank. Cells of equal score go row by row.
    """
    _, height, width = image.shape
    order = scores.argsort(descending=True, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    counts = torch.linspace(0, len(order), STEPS + 1).round()
    gone = (place < counts.unsqueeze(1)).view(-1, 1, height // CELL, width // CELL)
    gone = gone.repeat_interleave(CELL, dim=2).repeat_interleave(CELL, dim=3)
    return torch.where(gone, image.mean(dim=(1, 2), keepdim=True), image)


def interval(differences: Areas, seed: int) -> dict[str, float]:
    """Mean of paired differences, and the ends of its bootstrap interval over photographs."""
    draws = np.random.default_rng(derive_seed(seed, "bootstrap"))
    count = len(differences)
    means = differences[draws.integers(count, size=(DRAWS, count))].mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    named = {"mean": differences.mean(), "low": low, "high": high}
    return {name: round(float(value), 3) for name, value in named.items()}


if __name__ == "__main__":
    typer.run(main)
