"""The methods that VITAL is compared with, made from the block ``peers`` and the run's images."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path

import torch

from vital.artefacts.manifest import SPLITS
from vital.images import statistics as image_statistics
from vital.images.image_set import ImageSet
from vital.images.statistics import ImageStatistics, measure_images
from vital.methods.activation import ActivationMethod
from vital.methods.base import Method, Setup
from vital.methods.deepinversion import DeepInversionMethod
from vital.methods.fourier import FourierMethod
from vital.methods.maco import MacoMethod
from vital.params.peers import PeersParams
from vital.runtime.files import digest
from vital.runtime.provenance import source_digest
from vital.runtime.store import WorkStore

log = logging.getLogger(__name__)

CLASSES_ONLY = frozenset({"deepinversion"})
"""Methods that make no images of inner units."""

_BATCH = 64
"""Images that are read at a time."""


class RealImages:
    """The statistics of the images that were trained on, kept in the work store.

    ``folder`` is that of the manifest; the images are as the network sees them.
    """

    def __init__(self, folder: Path, setup: Setup, store: WorkStore) -> None:
        self._folder = folder
        self._preprocessing = setup.model.preprocessing
        self._store = store

    @cached_property
    def statistics(self) -> ImageStatistics:
        """Read from the store, or measured over the whole split.

        Raises DataError where there is no such split.
        """
        trained_on = ImageSet.read(self._folder).split(SPLITS[0])
        key = digest(
            [
                "image statistics",
                list(trained_on.rows["sha256"]),
                self._preprocessing.to_dict(),
                torch.__version__,
                source_digest(image_statistics),
            ]
        )
        kept = self._store.load_tensors(key)
        if kept is None:
            log.info("measuring spectrum and colours of %d images", len(trained_on))
            read = trained_on.batches(self._preprocessing, _BATCH)
            measured = measure_images(self._preprocessing.denormalize(images) for _, images in read)
            kept = {"magnitude": measured.magnitude, "covariance": measured.covariance}
            self._store.save_tensors(key, kept)
        return ImageStatistics(**kept)


def peer_method(
    name: str, setup: Setup, params: PeersParams, passes: int, images: RealImages
) -> Method:
    """The peer of this name, where VITAL makes ``passes`` network passes per image.

    Raises ModelError where the network does not allow the method.
    """
    steps = params.steps(name, passes)
    if name == "maco":
        return MacoMethod(setup, params.maco, steps, images.statistics, params.redirected)
    if name == "fourier":
        return FourierMethod(setup, params.fourier, steps, images.statistics, params.redirected)
    if name == "deepinversion":
        return DeepInversionMethod(setup, params.deepinversion, steps)
    if name == "activation":
        return ActivationMethod(setup, params.activation.schedule(steps), params.redirected)
    raise ValueError(f"{name!r} is no peer")
