"""Makes images for the channels of one tap (paper section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from vital import relevance, relevance_statistics
from vital.activations import TapReader
from vital.engine import Engine
from vital.methods import inner as inner_method
from vital.methods.inner import MaskedRead
from vital.methods.vital import Read
from vital.models import StudiedModel
from vital.optimize import Draws
from vital.params.relevance import MaskParams
from vital.params.visualize import VisualizeParams
from vital.provenance import package_digest, source_digest
from vital.relevance import RelevanceReader, composite
from vital.relevance_statistics import start_of
from vital.statistics import UnitStatistics
from vital.units import Target
from vital.workstore import WorkStore


class InnerEngine(Engine):
    """As :class:`Engine`, for units that are all channels of one tap.

    ``masks`` says how the relevance of the images being made is computed.
    """

    def __init__(
        self,
        model: StudiedModel,
        units: Mapping[str, UnitStatistics],
        params: VisualizeParams,
        masks: MaskParams,
        seed: int,
        store: WorkStore,
        device: torch.device,
    ) -> None:
        self._masks = masks
        super().__init__(model, units, params.for_inner(), seed, store, device)

    def _facts(self) -> dict[str, Any]:
        return {
            "method": "vital, inner units",
            "masks": self._masks.model_dump(mode="json"),
            "masks_every": self._params.inner.masks_every,
            "relevance": [
                source_digest(inner_method, relevance_statistics),
                package_digest(relevance),
            ],
        }

    def _draws(self, target: Target) -> Draws:
        return Draws.of(self._seed, target.id, self._method, hold=self._params.inner.masks_every)

    @contextmanager
    def _reading(self, targets: Sequence[Target]) -> Iterator[Read]:
        if self._masks.composite is None:
            with super()._reading(targets) as read:
                yield read
            return
        starts = [start_of(target.unit, self._masks) for target in targets]
        rules = composite(self._masks.composite)
        with RelevanceReader(self._model.network, self._taps, rules) as relevant:
            yield MaskedRead(self._reader, relevant, starts, self._params.inner.masks_every)

    def _responses(self, targets: Sequence[Target], shown: torch.Tensor) -> list[dict[str, Any]]:
        """The mean over positions of each target's channel."""
        tap = targets[0].unit.tap
        with torch.no_grad(), TapReader(self._model.network, [tap]) as read:
            means = read(shown)[tap].mean(dim=2)
        return [
            {"activation": float(means[i, target.unit.index]), "probability": float("nan")}
            for i, target in enumerate(targets)
        ]
