"""Fréchet distance between two sets of features (FID where they are Inception-v3's)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital.scoring.metrics.record import CLASSIFIERS, Network, SetMetric

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings


def frechet_distance(features: torch.Tensor, reference: torch.Tensor) -> float | None:
    """Fréchet distance of two Gaussians fitted to (N, D) and (M, D) features.

    With A and B the centred features over the roots of N - 1 and M - 1, the trace of the root of
    the covariances' product is the sum of the singular values of A B^T. That of the triangles of
    their QR decompositions has the same ones and is small whether rows are few or many.

    It depends on N and M, so compare values of equal N and M only. None with fewer than two rows.
    """
    import torch

    if len(features) < 2 or len(reference) < 2:
        return None
    ours, theirs = features.detach().cpu().double(), reference.detach().cpu().double()
    shift = (ours.mean(dim=0) - theirs.mean(dim=0)).square().sum()
    first, second = _triangle(ours), _triangle(theirs)
    spreads = first.square().sum() + second.square().sum()
    return float(shift + spreads - 2 * torch.linalg.svdvals(first @ second.T).sum())


def _triangle(features: torch.Tensor) -> torch.Tensor:
    """R (min(N, D), D), for which R^T R is the covariance of the features (N, D)."""
    import torch

    centred = (features - features.mean(dim=0)) / (len(features) - 1) ** 0.5
    triangle: torch.Tensor = torch.linalg.qr(centred, mode="r").R
    return triangle


def _of_features(scored: Seen, against: Seen, _: Settings) -> tuple[float | None]:
    return (frechet_distance(scored.features, against.features),)


FRECHET = SetMetric(
    key="frechet",
    label="Fréchet distance",
    meaning="Distance between two Gaussians, one fitted to the network's features of these N "
    "images and one to those of M held-out photographs. It falls with N, so compare sets of equal "
    "N only.",
    networks=CLASSIFIERS,
    better="lower",
    needs="two images",
    compute=_of_features,
)

FID = SetMetric(
    key="fid",
    label="FID",
    meaning="The Fréchet distance in Inception-v3's features.",
    networks=(Network.INCEPTION,),
    better="lower",
    needs="two images",
    compute=_of_features,
)
