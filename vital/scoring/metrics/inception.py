"""Inception-v3 as FID and KID are defined with it, from a file of torch-fidelity's weights."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from vital.errors import ModelError
from vital.networks.weights import read_state

LAYER = "2048"
"""The pooled features that FID and KID are taken of."""


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
