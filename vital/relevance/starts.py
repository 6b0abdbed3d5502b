"""Where relevance starts: a unit's activation at a tap of one image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vital.errors import ParamsError
from vital.params.relevance import MaskParams
from vital.units import CLASS_TAP, Unit


class Start(ABC):
    """What relevance starts from: the activations at ``tap`` times :meth:`weights`."""

    tap: str

    @abstractmethod
    def weights(self, activations: torch.Tensor) -> torch.Tensor:
        """How much each of one image's activations (C, D) counts, in the same shape.

        Raises ParamsError where the tap does not have what is asked for.
        """


@dataclass(frozen=True)
class ChannelStart(Start):
    """A channel's whole map ("LRP" in the paper), or a class logit at the tap ``class``."""

    tap: str
    channel: int

    def weights(self, activations: torch.Tensor) -> torch.Tensor:
        _check_channel(self.tap, self.channel, len(activations))
        weights = torch.zeros_like(activations)
        weights[self.channel] = 1.0
        return weights


@dataclass(frozen=True)
class PositionStart(Start):
    """A channel at the one position whose activation vector points most in its direction.

    The paper's "restricted" LRP; of equally good positions the first.
    """

    tap: str
    channel: int

    def weights(self, activations: torch.Tensor) -> torch.Tensor:
        _check_channel(self.tap, self.channel, len(activations))
        lengths = torch.linalg.vector_norm(activations, dim=0)
        cosines = activations[self.channel] / lengths.where(lengths > 0, 1.0)
        weights = torch.zeros_like(activations)
        weights[self.channel, cosines.argmax()] = 1.0
        return weights


@dataclass(frozen=True)
class DirectionStart(Start):
    """The projection on a direction in the tap's channels, at every position."""

    tap: str
    direction: Sequence[float]

    def weights(self, activations: torch.Tensor) -> torch.Tensor:
        if len(self.direction) != len(activations):
            raise ParamsError(
                f"the direction has {len(self.direction)} components, tap {self.tap!r} "
                f"{len(activations)} channels"
            )
        return activations.new_tensor(self.direction).unsqueeze(1).expand_as(activations)


def start_of(unit: Unit, params: MaskParams) -> Start:
    """Where a unit's relevance starts."""
    kind = PositionStart if params.start == "position" else ChannelStart
    return kind(unit.tap, unit.index)


def class_start(index: int) -> ChannelStart:
    """Start at a class logit."""
    return ChannelStart(CLASS_TAP, index)


def _check_channel(tap: str, channel: int, channels: int) -> None:
    if not 0 <= channel < channels:
        raise ParamsError(f"tap {tap!r} has no channel {channel}; legal here: 0 to {channels - 1}")
