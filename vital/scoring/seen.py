"""What metrics are computed from: what a network sees in images, and the run's settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from vital.params.score import ScoreParams
from vital.runtime.seeds import derive_seed


@dataclass(frozen=True)
class Seen:
    """What one network makes of N images.

    ``features`` (N, D), ``logits`` (N, classes; no column where it does not classify) and the
    class that each image stands for, ``labels`` (N,), by the network's own count.
    """

    features: torch.Tensor
    logits: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Settings:
    """The run's parameters and seed; random draws are those of one network, ``drawn_for``."""

    params: ScoreParams
    seed: int
    drawn_for: tuple[str, ...] = ()

    def of(self, network: str) -> Settings:
        """The same with random draws of the network's own."""
        return replace(self, drawn_for=(network,))

    def derive_seed(self, purpose: str) -> int:
        """A seed for one purpose of one network."""
        return derive_seed(self.seed, "score", purpose, *self.drawn_for)
