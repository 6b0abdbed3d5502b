"""What a method of making images is, and what the methods have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from vital.artefacts.columns import PROBABILITY
from vital.artefacts.visualizations import ACTIVATION
from vital.methods.image_spaces import ImageSpace, MeasureImages
from vital.methods.objectives import Objective
from vital.methods.parametrizations import Parametrization
from vital.methods.schedule import total_steps
from vital.methods.transforms import Draws, Jitter, Transform
from vital.networks.model import StudiedModel
from vital.networks.taps.responses import unit_responses
from vital.params.peers import PeersParams
from vital.params.relevance import MaskParams
from vital.params.visualize import PixelParams, Precision, ScheduleParams, VisualizeParams
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.generators import generator
from vital.units import CLASS_TAP, Target, Unit


@dataclass(frozen=True)
class Setup:
    """What every method works with: the network and how it is run, the run's seed.

    ``compiled``: see :class:`vital.networks.taps.reader.TapReader`.
    """

    model: StudiedModel
    seed: int
    device: torch.device
    precision: Precision = "tf32"
    compiled: bool = False


@dataclass(frozen=True)
class MethodInputs:
    """What a run gives a method for its images of units of one tap.

    ``visualize`` is the block as it holds for these units. ``statistics`` reads those of the
    units, of all their reference sets; it takes its time, as ``image_statistics`` does, and methods
    call what they need.
    """

    setup: Setup
    visualize: VisualizeParams
    peers: PeersParams
    masks: MaskParams
    statistics: Callable[[], Mapping[ReferenceSet, UnitStatistics]]
    image_statistics: MeasureImages

    def peer_steps(self, name: str) -> int:
        """The steps of a peer; VITAL makes one network pass per step."""
        return self.peers.steps(name, total_steps(self.visualize.method()))


class Method(ABC):
    """Makes images for units of one tap: a parametrization, an objective and a schedule.

    ``space`` is the parametrization. ``parts`` names what an objective gives besides the total, in
    its order. What a step draws or computes is kept for ``hold`` steps.
    """

    hold = 1

    def __init__(
        self, setup: Setup, schedule: ScheduleParams, space: ImageSpace, parts: Sequence[str] = ()
    ) -> None:
        self.setup = setup
        self.schedule = schedule
        self.space = space
        self.parts = tuple(parts)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What determines all images besides what :class:`Method` holds, seed and target.

        It is plain data.
        """

    def target_facts(self, target: Target) -> Any:  # noqa: ARG002 (of most methods there are none)
        """What determines a target's image besides that, as plain data."""
        return None

    def start(self, target: Target) -> torch.Tensor:
        """The numbers that a target's optimisation starts from."""
        return self.space.start(generator(self.setup.seed, target.id, self.space.purpose))

    def parametrize(self, latents: torch.Tensor, step: int) -> Parametrization:  # noqa: ARG002
        """The images that numbers (B, ...) with ``step`` steps behind them stand for.

        They are in the numbers of the next step.
        """
        return self.space.parametrize(latents)

    @abstractmethod
    def transform(self, targets: Sequence[Target]) -> Transform:
        """How the targets' images are shown to the network."""

    @abstractmethod
    def objectives(
        self, targets: Sequence[Target]
    ) -> AbstractContextManager[Mapping[int, Objective]]:
        """What is minimised, for each phase's pool, and for 1 in any case."""

    def followed(self, unit: Unit) -> list[str]:
        """The taps whose gradient the unit's images follow."""
        return [unit.tap]

    def image(self, latent: torch.Tensor, step: int) -> torch.Tensor:
        """The image (3, H, W) in normalised units of a target with ``step`` steps behind it."""
        with torch.no_grad():
            return self.parametrize(latent.unsqueeze(0), step).images()[0].detach()

    def responses(self, targets: Sequence[Target], shown: torch.Tensor) -> list[dict[str, Any]]:
        """How each target's unit responds to its image: the activation, a class's probability."""
        network, units = self.setup.model.network, [target.unit for target in targets]
        with torch.no_grad():
            if units[0].tap == CLASS_TAP:
                logits = network(shown)
                probabilities = logits.softmax(dim=1)
                places = [(i, unit.index) for i, unit in enumerate(units)]
                values = [(float(logits[at]), float(probabilities[at])) for at in places]
            else:
                means = unit_responses(network, units, shown)
                values = [(float(mean), float("nan")) for mean in means[:, 0]]
        return [
            {ACTIVATION: response, PROBABILITY: probability} for response, probability in values
        ]


class JitteredMethod(Method):
    """A method that shows its images jittered."""

    def __init__(
        self, setup: Setup, params: PixelParams, space: ImageSpace, parts: Sequence[str] = ()
    ) -> None:
        super().__init__(setup, params, space, parts)
        self.params = params

    def transform(self, targets: Sequence[Target]) -> Jitter:
        """Each image, shifted, and scaled or flipped where that is asked for."""
        seed = self.setup.seed
        return Jitter([Draws.of(seed, one.id, self.params, self.hold) for one in targets])
