"""Generators of random tensors, each from the run's seed and a name.

Apart from :mod:`vital.runtime.seeds`: a stage that draws no tensors need not load torch.
"""

from __future__ import annotations

import torch

from vital.runtime.seeds import derive_seed


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded with :func:`derive_seed`, which draws on ``device``."""
    return torch.Generator(device).manual_seed(derive_seed(seed, *names))
