"""VITAL for inner units: match what is relevant to the unit, not all that is active (section 4)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import torch

from vital.methods.base import MethodInputs, Setup
from vital.methods.image_spaces import ImageSpace, space_of
from vital.methods.record import MethodRecord
from vital.methods.vital import Read, VitalMethod
from vital.networks.model import StudiedModel
from vital.networks.taps.module_outputs import tap_order
from vital.networks.taps.reader import TapReader
from vital.params.relevance import MaskParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import MethodParams, VisualizeParams
from vital.references.pooling import at_pool
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.relevance import (
    RelevanceReader,
    Start,
    composite,
    position_masks,
    shared_over_colours,
)
from vital.relevance.starts import start_of
from vital.units import Target

log = logging.getLogger(__name__)


class InnerMethod(VitalMethod):
    """As :class:`VitalMethod`, for units that are all channels of one tap.

    ``masks`` says how the relevance of the images being made is computed.
    """

    def __init__(
        self,
        setup: Setup,
        statistics: Mapping[ReferenceSet, UnitStatistics],
        params: VisualizeParams,
        masks: MaskParams,
        space: ImageSpace,
    ) -> None:
        # The hooks of activations and of relevance come and go: there is nothing to compile.
        setup = replace(setup, compiled=False)
        super().__init__(setup, statistics, _applicable(params, statistics, setup.model), space)
        self._masks = masks
        self.hold = params.inner.masks_every

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the blocks ``visualize`` and ``relevance`` ask for."""
        params = run.visualize.for_inner().method()
        space = space_of(params, run.setup.model.preprocessing, run.image_statistics)
        return cls(run.setup, run.statistics(), run.visualize, run.masks, space)

    def facts(self) -> dict[str, Any]:
        """As of classes, with how masks are computed."""
        return {
            **super().facts(),
            "method": "vital, inner units",
            "masks": self._masks.model_dump(mode="json"),
            "masks_every": self.hold,
        }

    @contextmanager
    def reading(self, targets: Sequence[Target]) -> Iterator[Read]:
        """Activations times their masks, if there is a composite for them."""
        if self._masks.composite is None:
            with super().reading(targets) as read:
                yield read
            return
        starts = [start_of(target.unit, self._masks) for target in targets]
        rules = composite(self._masks.composite)
        with RelevanceReader(self.setup.model.network, self.taps, rules) as relevant:
            yield MaskedRead(self._reader, relevant, starts, self.hold)


class MaskedRead:
    """Reads activations times masks, as :data:`vital.methods.vital.Read` says.

    The images' masks are computed anew every ``every`` steps and are constants in the gradient;
    ``starts`` says where each image's relevance starts. Where a unit does not respond to an image,
    what would feed it counts. Were it all that is active, it would be matched to what is relevant
    alone, which is less, and the image would fade until nothing could wake the unit.
    """

    def __init__(
        self, reader: TapReader, relevance: RelevanceReader, starts: Sequence[Start], every: int
    ) -> None:
        self._reader = reader
        self._relevance = relevance
        self._starts = starts
        self._every = every
        self._masks: dict[str, torch.Tensor] = {}

    def __call__(self, images: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        if step % self._every == 0:
            with torch.autocast(images.device.type, enabled=False):  # its rules divide
                reading = self._relevance(images, self._starts, silent=True)
            self._masks = {
                tap: _masks(shared_over_colours(tap, relevance))
                for tap, relevance in reading.relevance.items()
            }
            activations = reading.activations
        else:
            with self._reader:
                activations = self._reader(images)
        return {tap: value * self._masks[tap] for tap, value in activations.items()}


def _applicable(
    params: VisualizeParams, statistics: Mapping[ReferenceSet, UnitStatistics], model: StudiedModel
) -> MethodParams:
    """The settings without the weights of taps that the units cannot have."""
    method, kept = params.for_inner().method(), at_pool(next(iter(statistics.values())), 1)
    given = method.tap_weights or {}
    if given.keys() <= kept.keys():
        return method
    order = tap_order(model.network, model.preprocessing.size)
    own = next(iter(statistics)).unit.rpartition("/")[0]
    ignored = ignored_weights(params, kept, own, order)
    if ignored:
        log.info(
            "visualize.tap_weights: those of %s are ignored for the units of %s, whose images do "
            "not use these taps",
            ", ".join(ignored),
            own,
        )
    weights = {tap: weight for tap, weight in given.items() if tap not in ignored}
    return method.model_copy(update={"tap_weights": weights})


def ignored_weights(
    params: VisualizeParams, kept: Collection[str], own: str, order: Sequence[str]
) -> list[str]:
    """The taps with a weight that units of the tap ``own`` cannot have, with statistics of others.

    Such a tap runs after the units' own, in the ``order`` of all that can be read, or the weights
    are those of classes' images, which may have taps of their own.
    """
    beyond = order if params.inner.tap_weights is None else order[order.index(own) + 1 :]
    given = params.for_inner().tap_weights or {}
    return [tap for tap in given if tap not in kept and tap in beyond]


def _masks(relevance: torch.Tensor) -> torch.Tensor:
    """The masks of a tap's relevance (B, C, D); ones for an image that has none there even so."""
    any_relevant = (relevance != 0).flatten(1).any(dim=1)[:, None, None]
    return torch.where(any_relevant, position_masks(relevance), 1.0)


METHOD = MethodRecord(STUDIED, VisualizeParams, VitalMethod.of_run, InnerMethod.of_run)
"""The method under study: classes as in :mod:`vital.methods.vital`, inner units as here."""
