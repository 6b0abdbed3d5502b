"""CMMD: squared maximum mean discrepancy with a Gaussian kernel on unit vectors (arXiv 2401.09603).

The paper takes CLIP's image features; any others can be compared alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital.scoring.metrics.record import Network, SetMetric

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings

SIGMA = 10.0
SCALE = 1000.0
_ROWS = 1024
"""How many rows of a kernel matrix are in memory at once."""


def cmmd(features: torch.Tensor, reference: torch.Tensor) -> float | None:
    """A thousand times the unbiased squared MMD of (N, D) and (M, D) features scaled to length 1.

    Being unbiased, it can fall below zero. None with fewer than two rows.
    """
    from torch.nn import functional

    if len(features) < 2 or len(reference) < 2:
        return None
    ours, theirs = (
        functional.normalize(values.detach().cpu().double(), dim=1)
        for values in (features, reference)
    )
    across = _kernel_sum(ours, theirs) / (len(ours) * len(theirs))
    return SCALE * (_mean_within(ours) + _mean_within(theirs) - 2 * across)


def _mean_within(rows: torch.Tensor) -> float:
    """The kernel's mean over pairs of different rows; with itself, each row's kernel is 1."""
    count = len(rows)
    return (_kernel_sum(rows, rows) - count) / (count * (count - 1))


def _kernel_sum(ones: torch.Tensor, others: torch.Tensor) -> float:
    """The sum of exp(-|a - b|^2 / (2 sigma^2)); of unit vectors, |a - b|^2 = 2 - 2 a.b."""
    parts = (ones[first : first + _ROWS] for first in range(0, len(ones), _ROWS))
    return sum(float(((part @ others.T - 1) / SIGMA**2).exp().sum()) for part in parts)


def _of_features(scored: Seen, against: Seen, _: Settings) -> tuple[float | None]:
    return (cmmd(scored.features, against.features),)


CMMD = SetMetric(
    key="cmmd",
    label="CMMD",
    meaning="Kernel distance between the two sets in CLIP's features, times 1000.",
    networks=(Network.CLIP,),
    better="lower",
    needs="two images",
    compute=_of_features,
)
