"""What do networks see in a run's pictures, and are they like photographs?

    python -m experiments.picture_evidence RUN... [--unseen CLASS ...] [--out FOLDER]

Each RUN is a folder in which the pipeline has made images and judges; the runs have one data set.
Printed, and with --out written as evidence.md, are for each method of each run, and for as many
held-out photographs: top-1 in percent and the mean probability of the class, among all classes of
the studied network and of each judge, of all images and of the classes that are ``unseen``; the
diversity of seeds in each judge's features; how near the nearest reference image is in the first
judge's features, over how near two of one class are to each other at the least; and, over those of
the photographs, the power of the waves by octave, from one wave an image up. With
--out there is a picture per run and method, too: a row per class, a column per seed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from experiments.contact_sheets import contact_sheet_of
from experiments.score_tables import MISSING, markdown_table
from vital.artefacts.columns import NAME, SEED
from vital.artefacts.project import Project
from vital.artefacts.reference_images import read_references
from vital.images.files import read_image, write_png
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.images.tensors import from_image
from vital.params.base import read_block, read_params, read_seed
from vital.params.methods import read_methods
from vital.params.score import ScoreParams
from vital.runtime.files import write_text
from vital.runtime.partial_results import partial_results_until_done
from vital.scoring.metrics.diversity import distances_within
from vital.scoring.observer import OWN, ObservedSet, look_at
from vital.scoring.score import Scoring, find_observers, read_scoring
from vital.scoring.scored_images import image_sets
from vital.scoring.seen import Seen

OCTAVES = 7


@dataclass(frozen=True)
class Row:
    """What is said of one method's images, or of photographs: cells by the names of columns."""

    name: str
    cells: Mapping[str, str]


def main(
    run: Annotated[list[Path], typer.Argument(help="Folders of finished pipelines")],
    unseen: Annotated[list[str] | None, typer.Option(help="Classes that no setting saw")] = None,
    out: Annotated[Path | None, typer.Option(help="Table and pictures go here")] = None,
) -> None:
    """Compare the runs' methods with photographs."""
    rows = [row for folder in run for row in rows_of(Project(folder), unseen or ())]
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    cells = [[row.name, *(row.cells.get(name, MISSING) for name in columns)] for row in rows]
    table = markdown_table(["", *columns], cells)
    typer.echo(table)
    if out is None:
        return
    write_text(out / "evidence.md", table)
    for folder in run:
        project = Project(folder)
        for method in read_methods(read_params(project.params)):
            sheet = contact_sheet_of(project.visualizations(method))
            write_png(out / f"{folder.name}-{method}.png", sheet)


def rows_of(project: Project, unseen: Collection[str]) -> Iterator[Row]:
    """A row per method, and one of photographs."""
    content = read_params(project.params)
    folders = {method: project.visualizations(method) for method in read_methods(content)}
    scoring = read_scoring(
        project, folders, read_block(content, "score", ScoreParams), read_seed(content)
    )
    preprocessing = scoring.model.preprocessing
    sets, photographs = image_sets(scoring.methods, scoring.held_out, scoring.seed)
    wanted = octave_powers(pictures(photographs, preprocessing))
    seen, references = look_at_all(scoring, sets, references_of(project))
    for name, images in seen.items():
        powers = octave_powers(pictures(images.images, preprocessing))
        cells = dict(recognised(images, unseen)) | dict(likeness(images, references))
        octaves = {f"octave {i}": f"{ratio:.2f}" for i, ratio in enumerate(powers / wanted)}
        yield Row(f"{project.root.name}: {name}", cells | octaves)


def references_of(project: Project) -> ImageSet:
    """The images that the classes' statistics are of."""
    return ImageSet(project.images, read_references(project.statistics).assign(**{SEED: -1}))


def look_at_all(
    scoring: Scoring, sets: Mapping[str, ImageSet], references: ImageSet
) -> tuple[dict[str, ObservedSet], ObservedSet]:
    """What each network sees in each set of images, and in the references."""
    observers = find_observers(scoring)[0]
    crop, batch = scoring.model.preprocessing, scoring.params.batch
    with partial_results_until_done(None, None, __name__) as parts:
        look = partial(look_at, observers, crop, batch, parts)
        return {name: look(name, one) for name, one in sets.items()}, look("", references)


def recognised(images: ObservedSet, unseen: Collection[str]) -> Iterator[tuple[str, str]]:
    """Top-1 in percent with the mean probability, by network: of all, and of the unseen."""
    is_unseen = torch.tensor([name in unseen for name in images.images.rows[NAME]])
    for name, seen in images.seen.items():
        yield name, top1(seen, torch.ones_like(is_unseen))
        if is_unseen.any():
            yield f"{name}, unseen", top1(seen, is_unseen)


def top1(seen: Seen, which: torch.Tensor) -> str:
    """``87 (0.54)``: percent and probability."""
    labels, logits = seen.labels[which], seen.logits[which].double()
    right = (logits.argmax(dim=1) == labels).double().mean()
    probability = logits.softmax(dim=1)[torch.arange(len(labels)), labels].mean()
    return f"{100 * float(right):.0f} ({float(probability):.2f})"


def likeness(images: ObservedSet, references: ObservedSet) -> Iterator[tuple[str, str]]:
    """Diversity in each judge's features, and how near the nearest reference is."""
    judges = [name for name in images.seen if name != OWN]
    for name in judges:
        seen = images.seen[name]
        distances = distances_within(seen.features, seen.labels)
        yield f"{name}: diversity", f"{float(distances.nanmean()):.2f}"
    if judges:
        mine, theirs = images.seen[judges[0]], references.seen[judges[0]]
        yield "nearest reference", f"{nearest_over_least(mine, theirs):.2f}"


def nearest_over_least(seen: Seen, references: Seen) -> float:
    """The least distance of an image to a reference of its class, over that of two of these.

    It is the smallest of all classes' ratios: below 1, an image is nearer to a photograph than
    photographs of its class are to each other.
    """
    ratios = []
    for label in sorted(set(seen.labels.tolist())):
        real = references.features[references.labels == label].double()
        mine = seen.features[seen.labels == label].double()
        least = torch.pdist(real).min()
        ratios.append(float(torch.cdist(mine, real).min() / least))
    return min(ratios, default=math.nan)


def pictures(images: ImageSet, preprocessing: Preprocessing) -> Iterator[torch.Tensor]:
    """The images (3, H, W) in 0..1, cropped as the studied network sees them."""
    for path in images.files:
        yield from_image(preprocessing.crop(read_image(path)))


def octave_powers(images: Iterable[torch.Tensor]) -> torch.Tensor:
    """The mean power of the waves of an image of 2^i to 2^(i+1) waves a side, (OCTAVES,)."""
    total, count = torch.zeros(OCTAVES, dtype=torch.float64), 0
    for image in images:
        height, width = image.shape[-2:]
        power = torch.fft.fft2(image.double()).abs().square().mean(dim=0) / (height * width)
        down, right = torch.fft.fftfreq(height) * height, torch.fft.fftfreq(width) * width
        waves = (down[:, None].square() + right.square()).sqrt()
        for i in range(OCTAVES):
            total[i] += power[(waves >= 2**i) & (waves < 2 ** (i + 1))].mean()
        count += 1
    return total / count


if __name__ == "__main__":
    typer.run(main)
