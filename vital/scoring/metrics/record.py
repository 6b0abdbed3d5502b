"""What there is to know of a metric: its key, what it means, who it is of, how it is computed.

The report reads these records without torch, so modules of metrics import torch in functions only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings

JUDGE_PREFIX = "transfer_"
"""Before a judge's name and the key of a metric, where the metric is of that judge."""

DEVIATION_SUFFIX = "_std"
"""After the key of a metric, where it is the metric's standard deviation."""


class Network(Enum):
    """The kinds of network that look at images."""

    STUDIED = "studied"
    JUDGE = "judge"
    CLIP = "CLIP"
    INCEPTION = "Inception-v3"


CLASSIFIERS = (Network.STUDIED, Network.JUDGE)
"""Networks that were trained to tell the classes apart."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What one kind of number says of images.

    ``label`` and ``meaning`` are what the report calls it and says of it, and ``better`` tells
    which way is better, if any. It is computed of what each of ``networks`` sees; ``is_share``
    holds for numbers from 0 to 1. Where it is null, this is for want of the images it ``needs``.
    """

    key: str
    label: str
    meaning: str
    networks: tuple[Network, ...]
    better: Literal["higher", "lower", ""] = ""
    is_share: bool = False
    needs: str = "images"

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all its numbers."""
        return (self.key,)


@dataclass(frozen=True, kw_only=True)
class ImageMetric(Metric):
    """The mean of a number that every single image has.

    ``compute`` gives (N,) for the images scored, from these, the real images that they are scored
    against, and the settings; NaN where an image has no value. ``column`` is what the table of
    single images calls it where it is of the studied network, unless that is its key.
    """

    compute: Callable[[Seen, Seen, Settings], torch.Tensor]
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class SetMetric(Metric):
    """A number of the set of images as a whole.

    ``compute`` takes what that of :class:`ImageMetric` takes and gives a number for each of
    ``keys``, None where it has none: the metric and, if ``has_deviation``, its standard deviation.
    """

    compute: Callable[[Seen, Seen, Settings], tuple[float | None, ...]]
    has_deviation: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of all its numbers."""
        return (self.key, f"{self.key}{DEVIATION_SUFFIX}") if self.has_deviation else (self.key,)
