"""Every random draw comes from the run's seed and a name, so that streams never coincide."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose, from the run's ``seed`` and the purpose's ``names``.

    Different names give independent streams, and a stream never depends on what else is drawn.
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded with :func:`derive_seed`, which draws on ``device``."""
    import torch  # a stage that draws no tensors need not load it

    return torch.Generator(device).manual_seed(derive_seed(seed, *names))
