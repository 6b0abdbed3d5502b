"""What a network makes of images, and what that says of them: the shape of all views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image

from vital.images.files import read_image
from vital.images.preprocessing import Preprocessing
from vital.runtime.partial_results import Parts
from vital.scoring.image_sets import ImageSet

_BATCHES = 8
"""What the networks answer is kept after so many batches of images."""


@dataclass(frozen=True)
class Seen:
    """What one network makes of N images.

    ``features`` (N, D), ``logits`` (N, classes; no column where it does not classify) and the
    class that each image stands for, ``labels`` (N,), by the network's own count.
    """

    features: torch.Tensor
    logits: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Measured:
    """Metrics by name: of each image, whose mean is the metric, and of the set as a whole.

    ``per_image`` holds (N,) each, NaN where an image has no value; None is no value for a set.
    """

    per_image: dict[str, torch.Tensor]
    per_set: dict[str, float | None]


class View(ABC):
    """One network that looks at images, and the metrics that it contributes."""

    prefix = ""
    """Stands before the metrics' names."""

    @abstractmethod
    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and logits of RGB images, as :class:`Seen` holds them."""

    @abstractmethod
    def measure(self, scored: Seen, against: Seen) -> Measured:
        """The metrics of the images ``scored``, where need be against real ones."""

    def labels(self, units: torch.Tensor) -> torch.Tensor:
        """The network's own index of each class of the studied network, (N,)."""
        return units


@dataclass(frozen=True)
class Missing:
    """Metrics that no view contributes, and why."""

    metrics: tuple[str, ...]
    reason: str


def look_at(
    views: Mapping[str, View],
    images: ImageSet,
    crop: Preprocessing,
    batch: int,
    parts: Parts,
    name: str,
) -> dict[str, Seen]:
    """Show each view the images, cropped as the studied network sees them.

    A real image is thereby shown as a visualization is: at the studied network's size.
    What they answer is kept in parts whose names begin with ``name``.
    """
    size = _BATCHES * batch
    answered = [
        parts.get(
            f"{name} from {first}",
            partial(_answers, views, _pictures(images, crop, batch, first, size)),
        )
        for first in range(0, len(images.table), size)
    ]
    answers = {key: torch.cat([one[key] for one in answered]) for key in answered[0]}
    units = torch.tensor(images.table["unit"].to_numpy())
    return {
        view: Seen(answers[f"{view}:features"], answers[f"{view}:logits"], one.labels(units))
        for view, one in views.items()
    }


def _answers(
    views: Mapping[str, View], batches: Iterator[list[Image.Image]]
) -> dict[str, torch.Tensor]:
    """Each view's features and logits of all images, by the view's name."""
    kept: dict[str, list[torch.Tensor]] = defaultdict(list)
    for pictures in batches:
        for name, view in views.items():
            features, logits = view.look(pictures)
            kept[f"{name}:features"].append(features)
            kept[f"{name}:logits"].append(logits)
    return {name: torch.cat(values) for name, values in kept.items()}


def _pictures(
    images: ImageSet, crop: Preprocessing, batch: int, start: int, count: int
) -> Iterator[list[Image.Image]]:
    paths = list(images.table["path"])[start : start + count]
    for first in range(0, len(paths), batch):
        part = paths[first : first + batch]
        yield [crop.crop(read_image(images.folder / path)) for path in part]
