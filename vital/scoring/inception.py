"""Inception-v3's view of the images: FID and KID in the features that they are named after."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vital.errors import ModelError
from vital.networks.weights import read_state
from vital.runtime.seeds import derive_seed
from vital.scoring.metrics.frechet import frechet_distance
from vital.scoring.metrics.kernel import kernel_distance
from vital.scoring.observer import Measured, Missing, Seen, View

LAYER = "2048"
"""The pooled features that FID and KID are taken of."""

METRICS = ("fid", "inception_kid", "inception_kid_std")


class InceptionView(View):
    """torch-fidelity's Inception-v3, which resizes images itself and does not classify them."""

    def __init__(
        self, network: torch.nn.Module, kid_subsets: int, seed: int, device: torch.device
    ) -> None:
        self._network = network.to(device)
        self._kid_subsets = kid_subsets
        self._kid_seed = derive_seed(seed, "score", "kid", "inception")
        self._device = device

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.from_numpy(np.stack([np.array(image, np.uint8) for image in images]))
        (features,) = self._network(pixels.permute(0, 3, 1, 2).to(self._device))
        return features.cpu(), torch.empty(len(images), 0)

    def measure(self, scored: Seen, against: Seen) -> Measured:
        kid, deviation = kernel_distance(
            scored.features, against.features, self._kid_subsets, self._kid_seed
        )
        fid = frechet_distance(scored.features, against.features)
        return Measured({}, {"fid": fid, "inception_kid": kid, "inception_kid_std": deviation})


def find_inception_view(
    weights: str | None, kid_subsets: int, seed: int, device: torch.device
) -> InceptionView | Missing:
    """The view with these weights, or why there is none. Raises ModelError for a damaged file."""
    if weights is None:
        return Missing(METRICS, "score.inception names no weights")
    if not Path(weights).is_file():
        return Missing(METRICS, f"score.inception: {weights} does not exist")
    return InceptionView(load_inception(Path(weights)), kid_subsets, seed, device)


def load_inception(path: Path) -> torch.nn.Module:
    """The extractor of images (B, 3, H, W) of bytes; it answers with a tuple of (B, 2048) features.

    Raises ModelError when the file is missing, damaged or holds other weights.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles whatever it is given, so it is given what was read with care.
    checked = io.BytesIO()
    torch.save(dict(read_state(path)), checked)
    checked.seek(0)
    try:
        return FeatureExtractorInceptionV3(  # type: ignore[no-any-return]
            "inception-v3-compat", [LAYER], feature_extractor_weights_path=checked
        )
    except RuntimeError:
        raise ModelError(
            f"{path} does not hold the weights of torch-fidelity's Inception-v3"
        ) from None
