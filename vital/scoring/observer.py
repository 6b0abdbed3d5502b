"""What looks at images, and what it sees in them: the shape of all observers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from PIL import Image

from vital.artefacts.columns import PATH, UNIT
from vital.images.files import read_image
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.networks.finite import check_finite, check_logits
from vital.runtime.partial_results import PartialResults
from vital.scoring.metrics.record import Network
from vital.scoring.metrics.registry import image_metrics, set_metrics
from vital.scoring.seen import Seen, Settings

OWN = "own"
"""The studied network's name among the observers."""

_BATCHES = 8
"""What the networks answer is kept after so many batches of images."""


@dataclass(frozen=True)
class Measured:
    """Numbers by name: of each image, whose mean is the metric, and of the set as a whole.

    ``per_image`` holds (N,) each, NaN where an image has no value; None is no value for a set.
    ``reasons`` says of each metric why it is null, if it is.
    """

    per_image: dict[str, torch.Tensor]
    per_set: dict[str, float | None]
    reasons: dict[str, str]


class Observer(ABC):
    """One network that looks at images, of which all metrics for its kind are computed."""

    network: ClassVar[Network]

    prefix = ""
    """Stands before the metrics' names."""

    def __init__(self, settings: Settings, device: torch.device) -> None:
        self.settings = settings
        self._device = device

    @abstractmethod
    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and logits of RGB images, as :class:`Seen` holds them."""

    def labels(self, units: torch.Tensor) -> torch.Tensor:
        """The network's own index of each class of the studied network, (N,)."""
        return units

    def measure(self, scored: Seen, against: Seen) -> Measured:
        """The metrics of the images ``scored``, where need be against real ones."""
        of_images, of_sets = image_metrics(self.network), set_metrics(self.network)
        given = (scored, against, self.settings)
        per_image = {self.prefix + metric.key: metric.compute(*given) for metric in of_images}
        per_set = {
            self.prefix + key: value
            for metric in of_sets
            for key, value in zip(metric.keys, metric.compute(*given), strict=True)
        }
        reasons = {
            self.prefix + key: f"it needs {metric.needs}"
            for metric in (*of_images, *of_sets)
            for key in metric.keys
        }
        return Measured(per_image, per_set, reasons)

    def measure_nothing(self, count: int, reason: str) -> Measured:
        """As :meth:`measure` of so many images, where there is a ``reason`` not to."""
        of_images = [self.prefix + metric.key for metric in image_metrics(self.network)]
        of_sets = [self.prefix + key for one in set_metrics(self.network) for key in one.keys]
        return Measured(
            {name: torch.full((count,), torch.nan) for name in of_images},
            dict.fromkeys(of_sets),
            dict.fromkeys((*of_images, *of_sets), reason),
        )


@dataclass(frozen=True)
class Missing:
    """Metrics that no observer contributes, and why."""

    metrics: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ObservedSet:
    """A set of images, and what each observer sees in it."""

    images: ImageSet
    seen: dict[str, Seen]

    @property
    def own(self) -> Seen:
        """What the studied network sees."""
        return self.seen[OWN]

    def check(self, name: str) -> None:
        """Raise ModelError that names an image in which observer ``name`` sees nothing finite."""
        seen, images = self.seen[name], list(self.images.rows[PATH])
        whose = "the studied network's" if name == OWN else f"{name}'s"
        check_finite(seen.features, f"{whose} features", images)
        if seen.logits.shape[1]:
            check_logits(seen.logits, images, whose)


def look_at(
    observers: Mapping[str, Observer],
    crop: Preprocessing,
    batch: int,
    parts: PartialResults,
    name: str,
    images: ImageSet,
) -> ObservedSet:
    """Show each observer the images, cropped as the studied network sees them.

    A real image is thereby shown as a visualization is: at the studied network's size.
    What they answer is kept in parts whose names begin with ``name``.
    """
    paths, size = images.files, _BATCHES * batch
    answered = [
        parts.get(
            f"{name} from {first}",
            partial(_answers, observers, _pictures(paths[first : first + size], crop, batch)),
        )
        for first in range(0, len(paths), size)
    ]
    answers = {key: torch.cat([one[key] for one in answered]) for key in answered[0]}
    units = torch.tensor(images.rows[UNIT].to_numpy())
    seen = {
        key: Seen(answers[f"{key}:features"], answers[f"{key}:logits"], observer.labels(units))
        for key, observer in observers.items()
    }
    return ObservedSet(images, seen)


def _answers(
    observers: Mapping[str, Observer], batches: Iterator[list[Image.Image]]
) -> dict[str, torch.Tensor]:
    """Each observer's features and logits of all images, by the observer's name."""
    kept: dict[str, list[torch.Tensor]] = defaultdict(list)
    for pictures in batches:
        for name, observer in observers.items():
            features, logits = observer.look(pictures)
            kept[f"{name}:features"].append(features)
            kept[f"{name}:logits"].append(logits)
    return {name: torch.cat(values) for name, values in kept.items()}


def _pictures(
    paths: Sequence[Path], crop: Preprocessing, batch: int
) -> Iterator[list[Image.Image]]:
    for first in range(0, len(paths), batch):
        yield [crop.crop(read_image(path)) for path in paths[first : first + batch]]
