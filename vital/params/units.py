"""Block ``units``: which inner units are studied, besides the classes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from vital.params.base import BatchSize, Block, Classes, Names, Natural, Positive, Text, all_differ


class ListedUnits(Block):
    """Channels of one tap, by number."""

    tap: Text
    channels: Annotated[tuple[Natural, ...], Field(min_length=1), AfterValidator(all_differ)]


class TopUnits(Block):
    """The ``count`` channels of ``tap`` that are most relevant to each of ``classes``."""

    tap: Text
    classes: Classes
    count: Positive


class RandomUnits(Block):
    """``count`` channels of each of ``taps``, drawn with the run's seed."""

    taps: Names
    count: Positive


class CircuitUnits(Block):
    """The ``count`` units of a tap that are most relevant to each of ``classes``.

    ``tap`` is the last of ``extract.taps`` unless another is named (paper section 5).
    """

    classes: Classes
    count: Positive = 3
    tap: Text | None = None


class UnitsParams(Block):
    """The inner units of a run; with every part left out there are none.

    ``images`` of a class are those of the train split that its relevance is averaged over.
    """

    listed: tuple[ListedUnits, ...] = ()
    top: tuple[TopUnits, ...] = ()
    random: RandomUnits | None = None
    circuit: CircuitUnits | None = None
    images: Positive = 20
    batch: BatchSize = 10
    device: str = "auto"

    @property
    def asks_for_any(self) -> bool:
        """Whether there is anything to choose."""
        return any((self.listed, self.top, self.random, self.circuit))
