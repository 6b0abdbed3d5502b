"""Make the judges: train or load each as the network under study is made."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from vital.artefacts.model import ACCURACY_TOP1_HELDOUT, write_accuracies
from vital.errors import DataError, ModelError
from vital.images.image_set import ImageSet
from vital.networks.make_model import make_model
from vital.params.judges import JudgeParams
from vital.runtime.devices import CPU
from vital.runtime.files import replacing_folder
from vital.runtime.seeds import derive_seed

log = logging.getLogger(__name__)


def make_judges(
    folder: Path,
    images: ImageSet,
    judges: Iterable[JudgeParams],
    seed: int,
    device: torch.device = CPU,
) -> dict[str, dict[str, float]]:
    """Write a folder per judge and their accuracies, by the judges' names, to ``folder``.

    They are trained on ``device``, each with a seed of its own, so that a judge of the studied
    network's architecture is another network. Raises ModelError, which names the judge, where one
    cannot be made.
    """
    metrics = {}
    with replacing_folder(folder) as written:
        for judge in judges:
            own_seed = derive_seed(seed, "judges", judge.called)
            try:
                made = make_model(written / judge.called, images, judge, own_seed, device)
            except (ModelError, DataError) as error:
                raise ModelError(f"judge {judge.called}: {error}") from None
            log.info("judge %s: accuracy %.3f", judge.called, made[ACCURACY_TOP1_HELDOUT])
            metrics[judge.called] = made
        write_accuracies(written, metrics)
    return metrics
