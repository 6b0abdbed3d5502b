"""Fréchet distance between two sets of features (FID where they are Inception-v3's)."""

from __future__ import annotations

import torch


def frechet_distance(features: torch.Tensor, reference: torch.Tensor) -> float | None:
    """Fréchet distance of two Gaussians fitted to (N, D) and (M, D) features.

    With A and B the centred features over the roots of N - 1 and M - 1, the trace of the root of
    the covariances' product is the sum of the singular values of A B^T. That of the triangles of
    their QR decompositions has the same ones and is small whether rows are few or many.

    It depends on N and M, so compare values of equal N and M only. None with fewer than two rows.
    """
    if len(features) < 2 or len(reference) < 2:
        return None
    ours, theirs = features.detach().cpu().double(), reference.detach().cpu().double()
    shift = (ours.mean(dim=0) - theirs.mean(dim=0)).square().sum()
    first, second = _triangle(ours), _triangle(theirs)
    spreads = first.square().sum() + second.square().sum()
    return float(shift + spreads - 2 * torch.linalg.svdvals(first @ second.T).sum())


def _triangle(features: torch.Tensor) -> torch.Tensor:
    """R (min(N, D), D), for which R^T R is the covariance of the features (N, D)."""
    centred = (features - features.mean(dim=0)) / (len(features) - 1) ** 0.5
    triangle: torch.Tensor = torch.linalg.qr(centred, mode="r").R
    return triangle
