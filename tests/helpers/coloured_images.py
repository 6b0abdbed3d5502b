"""Images whose colours go together, and what they have in common."""

from __future__ import annotations

import torch

from vital.images.statistics import measure_images


def coloured_images(size: int = 32) -> torch.Tensor:
    """Pictures of strong contrast, (6, 3, size, size) in 0..1."""
    draws = torch.Generator().manual_seed(4)
    waves = torch.randn(6, 3, size, size, generator=draws)
    mixed = torch.einsum("oc,bchw->bohw", torch.tensor([[3.0, 1, 0], [3, 0, 1], [2, -1, 0]]), waves)
    return torch.sigmoid(2 * mixed)


MEASURED = measure_images([coloured_images()])
