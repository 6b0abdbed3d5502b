"""Choose the inner units of a run: listed, relevant to a class, drawn, or a class's circuit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import torch

from vital.artefacts.chosen_units import CIRCUIT, LISTED, RANDOM, TOP, units_table
from vital.artefacts.columns import LABEL
from vital.artefacts.manifest import TRAIN, split_rows
from vital.errors import DataError, ParamsError
from vital.images.image_set import ImageSet
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import tap_shapes
from vital.params.units import CircuitUnits, ListedUnits, RandomUnits, TopUnits, UnitsParams
from vital.relevance import Composite, class_shares
from vital.runtime.generators import generator

Row = tuple[str, int, str, int | None, str | None, float | None]


def check_channels(listed: ListedUnits, count: int) -> None:
    """Raise ParamsError, a line for each, for channels that a tap of ``count`` does not have."""
    faults = [
        f"units.listed: tap {listed.tap!r} has no channel {channel}; legal here: 0 to {count - 1}"
        for channel in listed.channels
        if channel >= count
    ]
    if faults:
        raise ParamsError("\n".join(faults))


@dataclass(frozen=True)
class UnitChooser:
    """Chooses units of one network.

    ``taps`` are those that are read, of the last of which circuits are; ``composite`` says how
    relevance to a class is computed.
    """

    model: StudiedModel
    images: ImageSet
    params: UnitsParams
    taps: Sequence[str]
    composite: Composite
    seed: int
    device: torch.device

    def choose(self) -> pd.DataFrame:
        """A row per unit and reason: tap, channel, why, class, class_name, share.

        Raises ParamsError for a channel or class that the network does not have, ModelError for
        such a tap, and DataError for a class without images.
        """
        rows: list[Row] = []
        for listed in self.params.listed:
            rows += self._listed(listed)
        for top in self.params.top:
            rows += self._most_relevant(top, top.tap, TOP)
        if self.params.random is not None:
            rows += self._drawn(self.params.random)
        if self.params.circuit is not None:
            tap = self.params.circuit.tap or self.taps[-1]
            rows += self._most_relevant(self.params.circuit, tap, CIRCUIT)
        return units_table(rows)

    def _listed(self, listed: ListedUnits) -> Iterator[Row]:
        check_channels(listed, self._channels(listed.tap))
        for channel in listed.channels:
            yield listed.tap, channel, LISTED, None, None, None

    def _drawn(self, random: RandomUnits) -> Iterator[Row]:
        for tap in random.taps:
            order = torch.randperm(
                self._channels(tap), generator=generator(self.seed, "units", "random", tap)
            )
            for channel in sorted(order[: random.count].tolist()):
                yield tap, channel, RANDOM, None, None, None

    def _most_relevant(self, wanted: TopUnits | CircuitUnits, tap: str, why: str) -> Iterator[Row]:
        for index in dict.fromkeys(self._known.find(str(name)) for name in wanted.classes):
            shares = self._shares(tap, index)
            order = torch.argsort(shares, descending=True, stable=True)
            for channel in order[: wanted.count].tolist():
                share = round(float(shares[channel]), 6)
                yield tap, channel, why, index, self._known.names[index], share

    def _shares(self, tap: str, index: int) -> torch.Tensor:
        self._channels(tap)
        rows = self._train[self._train[LABEL] == index].head(self.params.images)
        if rows.empty:
            raise DataError(
                f"class {self._known.names[index]!r} has no images in the {TRAIN} split, "
                "which its units are chosen by"
            )
        return class_shares(
            self.model.to(self.device).network, tap, self._loaded(rows), index, self.composite
        )

    def _loaded(self, rows: pd.DataFrame) -> Iterable[torch.Tensor]:
        chosen = self.images.with_rows(rows)
        loaded = chosen.batches(self.model.preprocessing, self.params.batch)
        return (pixels.to(self.device) for _, pixels in loaded)

    def _channels(self, tap: str) -> int:
        shapes = tap_shapes(self.model.network, [tap], self.model.preprocessing.size)
        return shapes[tap][0]

    @cached_property
    def _known(self) -> ClassMap:
        return ClassMap(self.model.classes, self.model.outputs)

    @cached_property
    def _train(self) -> pd.DataFrame:
        return split_rows(resolve_labels(self.images.rows, self._known), TRAIN)
