"""The statistics of a run's own images, measured once."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from vital.artefacts.columns import SHA256
from vital.artefacts.manifest import TRAIN
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics, measure_images
from vital.runtime.closure import code_digest
from vital.runtime.files import digest
from vital.runtime.store import WorkStore

log = logging.getLogger(__name__)

_BATCH = 64
"""Images that are read at a time."""

_KIND = "tensors"


def image_statistics(
    folder: Path, preprocessing: Preprocessing, store: WorkStore
) -> ImageStatistics:
    """Those of the images that were trained on, from the store, or measured and kept there.

    ``folder`` is that of the manifest; the images are as the network sees them. Raises DataError
    where none were trained on.
    """
    images = ImageSet.read(folder).split(TRAIN)
    key = digest(
        [
            "image statistics",
            list(images.rows[SHA256]),
            preprocessing.to_dict(),
            torch.__version__,
            code_digest(__name__),
        ]
    )
    kept = store.read_as(key, _KIND, lambda tensors, _: ImageStatistics(**tensors))
    if kept is not None:
        return kept
    log.info("measuring spectrum and colours of %d images", len(images))
    read = images.batches(preprocessing, _BATCH)
    measured = measure_images(preprocessing.denormalize(pixels) for _, pixels in read)
    tensors = {"magnitude": measured.magnitude, "covariance": measured.covariance}
    store.write(key, _KIND, tensors)
    return measured
