"""DeepInversion: a likely class whose activations match running statistics (Yin et al. 2020)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch.nn import functional

from vital.methods.base import JitteredMethod, MethodInputs, Setup
from vital.methods.batch_norm import BatchNormDistances
from vital.methods.image_spaces import PixelSpace
from vital.methods.objectives import Objective, l2_norm, total_variation
from vital.methods.record import MethodRecord
from vital.methods.schedule import phases
from vital.networks.model import StudiedModel
from vital.networks.probe import run_blank
from vital.params.peers import DeepInversionParams
from vital.params.visualize import ScheduleParams
from vital.references.pooling import pooled_size
from vital.units import Target

log = logging.getLogger(__name__)


def check_network(model: StudiedModel, schedule: ScheduleParams) -> BatchNormDistances:
    """The distances that are matched.

    Raises ModelError for a network without batch norm, or one that refuses images of a phase.
    """
    distances = BatchNormDistances(model.network, model.name)
    for phase in phases(schedule):
        run_blank(model.network, pooled_size(model.preprocessing.size, phase.pool))
    return distances


class DeepInversionMethod(JitteredMethod):
    """Cross-entropy, the image priors, and the distance to the running statistics; classes only.

    Each image is matched by itself: the authors match the statistics of a whole batch of images,
    here an image must not depend on its neighbours. Raises ModelError for a network without batch
    norm, or one that refuses images of half its size.
    """

    def __init__(self, setup: Setup, params: DeepInversionParams, steps: int) -> None:
        schedule = params.schedule(steps)
        pixels = PixelSpace(setup.model.preprocessing, schedule.clamp)
        super().__init__(setup, schedule, pixels, ("cross_entropy", "statistics", "tv", "l2"))
        self._weights = params
        model = setup.model
        self._distances = check_network(model, self.params)
        if self._distances.is_initial:
            log.warning(
                "all running means and variances of %s are 0 and 1: matching them says nothing of "
                "the images that it was trained on",
                model.name,
            )

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``peers`` asks for."""
        return cls(run.setup, run.peers.deepinversion, run.peer_steps("deepinversion"))

    def facts(self) -> dict[str, Any]:
        """The settings without the budget."""
        return {
            "method": "deepinversion",
            "params": self._weights.model_dump(mode="json", exclude={"steps"}),
        }

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """The same sum at each resolution."""
        labels = torch.tensor([one.unit.index for one in targets], device=self.setup.device)

        def objective(
            shown: torch.Tensor,
            step: int,  # noqa: ARG001 (the same at every step)
        ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            logits, (first, *others) = self._distances(shown)
            parts = {
                "cross_entropy": functional.cross_entropy(logits.float(), labels, reduction="none"),
                "statistics": torch.stack([self._weights.first * first, *others]).sum(dim=0),
                "tv": total_variation(shown),
                "l2": l2_norm(shown),
            }
            total = parts["cross_entropy"] + self._weights.statistics * parts["statistics"]
            return total + self.params.tv * parts["tv"] + self.params.l2 * parts["l2"], parts

        with self._distances:
            yield dict.fromkeys((one.pool for one in phases(self.params)), objective)


METHOD = MethodRecord("deepinversion", DeepInversionParams, DeepInversionMethod.of_run, None)
