"""A file as that of torch-fidelity's weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3


def write_inception(path: Path) -> None:
    """Write random weights of Inception-v3."""
    torch.save({}, path)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path=path)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # else nothing of the images reaches the last layer
                nn.init.kaiming_normal_(module.weight)
    torch.save(network.state_dict(), path)
