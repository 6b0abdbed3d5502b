"""What is minimised, per image: sort matching and the two image priors (paper section 3)."""

from __future__ import annotations

import torch


def sort_matching(
    activations: torch.Tensor, quantiles: torch.Tensor, importance: torch.Tensor | None = None
) -> torch.Tensor:
    """Squared 2-Wasserstein distance to target quantile functions, averaged over channels.

    Shapes: ``activations`` and ``quantiles`` (B, C, D), optional ``importance`` (B, C); returns
    (B,). Per image it is the mean over channels and positions of
    ``importance * (sort(activations) - quantiles)^2``.
    """
    ordered = torch.sort(activations, dim=-1).values
    squared = (ordered - quantiles).square().mean(dim=-1)
    if importance is not None:
        squared = squared * importance
    return squared.mean(dim=-1)


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


def _norm(values: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms
