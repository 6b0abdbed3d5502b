"""Block ``units``: which inner units are studied, besides the classes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vital.params.base import Block, Natural, Positive


class ListedUnits(Block):
    """Channels of one tap, by number."""

    tap: str
    channels: Annotated[tuple[Natural, ...], Field(min_length=1)]


class TopUnits(Block):
    """The ``count`` channels of ``tap`` that are most relevant to each of ``classes``."""

    tap: str
    classes: tuple[str | int, ...]
    count: Positive


class RandomUnits(Block):
    """``count`` channels of each of ``taps``, drawn with the run's seed."""

    taps: tuple[str, ...]
    count: Positive


class CircuitUnits(Block):
    """The ``count`` units of a tap that are most relevant to each of ``classes``.

    ``tap`` is the last of ``extract.taps`` unless another is named (paper section 5).
    """

    classes: tuple[str | int, ...]
    count: Positive = 3
    tap: str | None = None


class UnitsParams(Block):
    """The inner units of a run; with every part left out there are none.

    ``images`` of a class are those of the train split that its relevance is averaged over.
    """

    listed: tuple[ListedUnits, ...] = ()
    top: tuple[TopUnits, ...] = ()
    random: RandomUnits | None = None
    circuit: CircuitUnits | None = None
    images: Positive = 20
    batch: Positive = 10
    device: str = "auto"

    @property
    def asks_for_any(self) -> bool:
        """Whether there is anything to choose."""
        return any((self.listed, self.top, self.random, self.circuit))
