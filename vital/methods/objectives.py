"""What is minimised, per image: how features are matched, and the two image priors.

Sort matching is the paper's (section 2); moment and MMD matching are what it is compared with. All
three take the same target, are 0 where the distributions are equal, and are in squared units of the
activations, so that the weights of taps mean the same to each.
"""

from __future__ import annotations

from typing import Protocol

import torch

from vital.methods.wasserstein import squared_wasserstein


class Objective(Protocol):
    """What is minimised: the total per target (B,), and its named parts, each (B,).

    ``shown`` (B * V, 3, H, W) is what a transform shows of the B images, image by image. ``step``
    counts from 0 through all phases.
    """

    def __call__(
        self, shown: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]: ...


def sort_matching(
    activations: torch.Tensor, quantiles: torch.Tensor, importance: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared 2-Wasserstein distance to target quantile functions, averaged over channels.

    Shapes: ``activations`` and ``quantiles`` (B, C, D), optional ``importance`` (B, C); returns
    (B,). Per image it is the mean over channels and positions of
    ``importance * (sort(activations) - quantiles)^2``.
    """
    return _mean_of_channels(squared_wasserstein(activations, quantiles), importance)


def moment_matching(
    activations: torch.Tensor, quantiles: torch.Tensor, importance: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared differences of means and of standard deviations, averaged over channels.

    Shapes as in :func:`sort_matching`. It is the squared 2-Wasserstein distance between the normal
    distributions with these moments, and at most that of sort matching.
    """
    exact = activations.to(quantiles.dtype)
    means = exact.mean(dim=-1) - quantiles.mean(dim=-1)
    deviations = _deviation(exact) - _deviation(quantiles)
    return _mean_of_channels(means.square() + deviations.square(), importance)


def mmd_matching(
    activations: torch.Tensor, quantiles: torch.Tensor, importance: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared maximum mean discrepancy to the quantiles as a sample, averaged over channels.

    Shapes as in :func:`sort_matching`. The kernel is minus the distance of two values, so that it
    is the energy distance ``2 E|x - y| - E|x - x'| - E|y - y'|`` over all positions. In one
    dimension that is twice the integral of the squared difference of the two distribution
    functions (Szekely & Rizzo 2013), which one sort gives. Each image's is multiplied by the
    standard deviation of all its ``quantiles``, which makes it a squared quantity.
    """
    positions, exact = quantiles.shape[-1], activations.to(quantiles.dtype)
    ordered, order = torch.sort(torch.cat([exact, quantiles], dim=-1), dim=-1)
    steps = torch.where(order < positions, 1.0, -1.0).to(ordered.dtype)
    difference = steps.cumsum(dim=-1)[..., :-1] / positions
    energy = 2 * (difference.square() * ordered.diff(dim=-1)).sum(dim=-1)
    return quantiles.flatten(1).std(dim=1, correction=0) * _mean_of_channels(energy, importance)


def total_variation(images: torch.Tensor) -> torch.Tensor:
    """Sum of the L2 norms of four finite differences of each image, (B, 3, H, W) to (B,).

    The differences are horizontal, vertical and along both diagonals; each norm is over the whole
    image, and is not squared.
    """
    differences = (
        images[..., :, 1:] - images[..., :, :-1],
        images[..., 1:, :] - images[..., :-1, :],
        images[..., 1:, 1:] - images[..., :-1, :-1],
        images[..., 1:, :-1] - images[..., :-1, 1:],
    )
    return torch.stack([_norm(difference) for difference in differences]).sum(dim=0)


def l2_norm(images: torch.Tensor) -> torch.Tensor:
    """The L2 norm of each image, (B, 3, H, W) to (B,)."""
    return _norm(images)


def _mean_of_channels(losses: torch.Tensor, importance: torch.Tensor | None) -> torch.Tensor:
    """The mean of (B, C) losses over channels, weighed by their importance, (B,)."""
    weighed = losses if importance is None else losses * importance
    return weighed.mean(dim=-1)


def _deviation(values: torch.Tensor) -> torch.Tensor:
    """The standard deviation over positions, with a gradient of 0 where all values are equal."""
    centred = values - values.mean(dim=-1, keepdim=True)
    deviations: torch.Tensor = torch.linalg.vector_norm(centred, dim=-1) / values.shape[-1] ** 0.5
    return deviations


def _norm(values: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms
