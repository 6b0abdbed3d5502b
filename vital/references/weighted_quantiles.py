"""Statistics of activations that relevance weighs (paper section 4)."""

from __future__ import annotations

from dataclasses import replace

import torch

from vital.errors import ArtefactError
from vital.references.quantiles import Accumulator, TapStatistics
from vital.relevance import channel_importance, position_masks


class RelevanceAccumulator:
    """A unit's relevance-weighted statistics at one tap, over batches of its reference images.

    Their ``quantiles`` are the mean over images of sort(activations * masks), their ``importance``
    is the mean over images of the channels'. Memory does not grow with the number of images.
    """

    def __init__(self) -> None:
        self._weighted = Accumulator()
        self._importance: torch.Tensor | None = None
        self._count = 0

    def add(self, activations: torch.Tensor, relevance: torch.Tensor) -> None:
        """Take in a batch of images: activations and raw relevance, both (B, C, D)."""
        self._weighted.add(activations.detach() * position_masks(relevance))
        importance = channel_importance(relevance).to("cpu", torch.float64).sum(dim=0)
        known = self._importance
        self._importance = importance if known is None else known + importance
        self._count += len(relevance)

    def finish(self, where: str = "") -> TapStatistics:
        """The statistics of all images seen.

        Raises ArtefactError, which says ``where``, when there was none, or a value is not finite.
        """
        place = f"{where}: " if where else ""
        if self._importance is not None and not bool(self._importance.isfinite().all()):
            raise ArtefactError(f"{place}relevance of the reference images is not finite")
        kept = self._weighted.finish(where)
        if self._importance is None:
            raise ArtefactError("no images were accumulated")
        importance = (self._importance / self._count).to(torch.float32)
        return replace(kept, importance=importance.numpy())
