"""Images as they are written."""

from __future__ import annotations

import numpy as np
import torch

from vital.engine.output import transparent_array


def test_transparency_follows_the_gradient() -> None:
    sensitivity = torch.linspace(0, 1, 100).view(10, 10)
    array = transparent_array(torch.rand(3, 10, 10, generator=torch.manual_seed(0)), sensitivity)
    assert array.shape == (10, 10, 4)
    alpha = array[..., 3].reshape(-1).astype(int)
    assert (np.diff(alpha) >= 0).all()
    assert alpha[0] == 0
    assert (alpha[-2:] == 255).all()  # what lies above the 98th percentile
    assert alpha[96] < 255
    assert array[..., :3].min() == 0
    assert array[..., :3].max() == 255
