"""Inception-v3 as an observer: its features are those that FID and KID are named after."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vital.errors import ModelError
from vital.networks.weight_files import read_state
from vital.networks.weights import load_state
from vital.runtime.files import holds
from vital.scoring.metrics.record import Network
from vital.scoring.metrics.registry import keys_of
from vital.scoring.observer import Missing, Observer
from vital.scoring.seen import Settings

LAYER = "2048"
"""The pooled features that FID and KID are taken of."""


class InceptionObserver(Observer):
    """torch-fidelity's Inception-v3, which resizes images itself and does not classify them."""

    network = Network.INCEPTION

    def __init__(
        self, extractor: torch.nn.Module, settings: Settings, device: torch.device
    ) -> None:
        super().__init__(settings.of("inception"), device)
        self._extractor = extractor.to(device)

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.from_numpy(np.stack([np.array(image, np.uint8) for image in images]))
        (features,) = self._extractor(pixels.permute(0, 3, 1, 2).to(self._device))
        return features.cpu(), torch.empty(len(images), 0)


def find_inception(settings: Settings, device: torch.device) -> InceptionObserver | Missing:
    """The network with the weights that the parameters name, or why there is none.

    Raises ModelError for a damaged file.
    """
    weights = settings.params.inception
    if weights is None:
        return Missing(keys_of(Network.INCEPTION), "score.inception names no weights")
    if not holds(Path(weights).is_file):
        return Missing(keys_of(Network.INCEPTION), f"score.inception: {weights} does not exist")
    return InceptionObserver(load_inception(Path(weights)), settings, device)


def load_inception(path: Path) -> torch.nn.Module:
    """The extractor of images (B, 3, H, W) of bytes; it answers with a tuple of (B, 2048) features.

    Raises ModelError when the file is missing, damaged or holds other weights.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles whatever it is given, so it is given what was read with care.
    state, checked = read_state(path), io.BytesIO()
    torch.save(dict(state), checked)
    checked.seek(0)
    try:
        extractor: torch.nn.Module = FeatureExtractorInceptionV3(
            "inception-v3-compat", [LAYER], feature_extractor_weights_path=checked
        )
    except RuntimeError:
        raise ModelError(
            f"{path} does not hold the weights of torch-fidelity's Inception-v3"
        ) from None
    load_state(extractor, state, f"checkpoint {path}")  # it compares them, which the above does not
    return extractor
