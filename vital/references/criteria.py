"""What reference patches are ranked by: how strongly a unit responds to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from vital.networks.finite import check_logits
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader
from vital.relevance import Composite, RelevanceReader, class_start
from vital.units import Unit


class Criterion(ABC):
    """How strongly units respond: a map (B, D) over positions for each of ``units``."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = list(units)
        self.taps = list(dict.fromkeys(unit.tap for unit in units))

    @abstractmethod
    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """The map of each unit in turn, for images (B, 3, H, W)."""

    @abstractmethod
    def opened(self) -> AbstractContextManager[Any]:
        """What has to be open while maps are read."""

    def strongest(self, images: torch.Tensor) -> torch.Tensor:
        """The maximum over positions, (B, units): how images are ranked."""
        return torch.stack([one.amax(dim=1) for one in self.maps(images)], dim=1).cpu().double()

    def mean(self, images: torch.Tensor) -> torch.Tensor:
        """The mean over positions, (B, units): how patches are ranked."""
        return torch.stack([one.mean(dim=1) for one in self.maps(images)], dim=1).cpu().double()


class ActivationCriterion(Criterion):
    """A unit's activations (ActMax)."""

    def __init__(self, model: StudiedModel, units: Sequence[Unit]) -> None:
        super().__init__(units)
        self._reader = TapReader(model.network, self.taps)

    def opened(self) -> AbstractContextManager[Any]:
        return self._reader

    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        with torch.no_grad():
            values = self._reader(images)
        for unit in self.units:
            yield values[unit.tap][:, unit.index]


class RelevanceCriterion(Criterion):
    """A unit's relevance to the class that the network sees (RelMax)."""

    def __init__(self, model: StudiedModel, units: Sequence[Unit], composite: Composite) -> None:
        super().__init__(units)
        self._network = model.network
        self._reader = RelevanceReader(model.network, self.taps, composite)

    def opened(self) -> AbstractContextManager[Any]:
        return self._reader

    def maps(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        with torch.no_grad():
            logits = self._network(images)
        check_logits(logits, [f"image {i + 1} of a batch" for i in range(len(images))])
        seen = logits.argmax(dim=1).tolist()
        values = self._reader(images, [class_start(index) for index in seen]).relevance
        for unit in self.units:
            yield values[unit.tap][:, unit.index]


def make_criterion(
    name: str, model: StudiedModel, units: Sequence[Unit], composite: Composite
) -> Criterion:
    """How units respond by ``activation``, or by ``relevance`` under ``composite``."""
    if name == "activation":
        return ActivationCriterion(model, units)
    return RelevanceCriterion(model, units, composite)
