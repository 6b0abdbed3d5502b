"""Statistics of classes' reference images, for a call without a pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch

from vital.images.files import to_rgb
from vital.images.preprocessing import Preprocessing
from vital.images.sources.base import Candidate
from vital.images.statistics import ImageStatistics, measure_images
from vital.images.tensors import from_image
from vital.methods.base import Setup
from vital.methods.schedule import phases
from vital.params.data import ReferenceParams
from vital.params.visualize import VisualizeParams
from vital.references.extract import Batch, extract_statistics
from vital.references.from_source import References, draw_measured_images
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet


def class_statistics(
    setup: Setup, references: References, params: VisualizeParams
) -> dict[ReferenceSet, UnitStatistics]:
    """Those of each set of each class, at the sizes that the images are shown in."""
    model = setup.model
    images = _batches(references.dealt(setup.seed), model.preprocessing, params.batch)
    pools = pools_of(params)
    return dict(extract_statistics(model, list(model.taps), images, setup.device, pools))


def pools_of(params: VisualizeParams) -> tuple[int, ...]:
    """By how much images are pooled besides the full size, in the phases that are asked for."""
    return tuple(phase.pool for phase in phases(params.method()) if phase.pool > 1)


def measured_images(
    references: ReferenceParams, preprocessing: Preprocessing, seed: int
) -> ImageStatistics:
    """What the source's images have in common, as the network sees them."""
    images = (to_rgb(one.read(), one.origin) for one in draw_measured_images(references, seed))
    return measure_images(from_image(preprocessing.crop(image))[None] for image in images)


def _batches(
    dealt: Iterable[tuple[ReferenceSet, Sequence[Candidate]]],
    preprocessing: Preprocessing,
    size: int,
) -> Iterator[Batch]:
    """The images of each set in turn, ``size`` at a time."""
    for one_set, candidates in dealt:
        for first in range(0, len(candidates), size):
            part = candidates[first : first + size]
            images = [preprocessing(to_rgb(one.read(), one.origin)) for one in part]
            yield [one_set] * len(part), torch.stack(images)
