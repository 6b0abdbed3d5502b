"""Heat maps: where in an image relevance lies."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

_CLIPPED = 99.0
"""Heat maps are scaled by this percentile of their own values, so that no pixel outshines all."""


@dataclass
class FirstHeatMaps:
    """Collects the heat maps of the first ``wanted`` images, over batches."""

    wanted: int
    kept: list[torch.Tensor] = field(default_factory=list)

    def add(self, relevance: torch.Tensor, size: tuple[int, int]) -> None:
        """Take in what is missing of a batch, as :func:`heat_maps` does."""
        missing = self.wanted - sum(len(part) for part in self.kept)
        if missing > 0:
            self.kept.append(heat_maps(relevance[:missing], size))

    def maps(self) -> torch.Tensor:
        """All of them (count, H, W), of which there may be none."""
        return torch.cat(self.kept) if self.kept else torch.empty(0, 0, 0)


def heat_maps(relevance: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Positive relevance of pixels (B, 3, H * W) as maps (B, H, W) in 0..1, summed over colours.

    ``size`` is (height, width).
    """
    summed = relevance.sum(dim=1).clamp(min=0.0)
    top = torch.quantile(summed, _CLIPPED / 100, dim=1, keepdim=True)
    scaled = (summed / top.where(top > 0, 1.0)).clamp(0.0, 1.0)
    return scaled.view(len(relevance), *size)
