"""Average-pooled images, and the names of what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch.nn import functional

from vital.errors import ModelError, ParamsError
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import tap_shapes

Kept = TypeVar("Kept")

_MARK = "~"
"""In no module's name, and not the mark of a tap that reads a module's later run."""


def pooled(images: torch.Tensor, pool: int) -> torch.Tensor:
    """Average over squares of ``pool`` pixels: (B, 3, H, W) to (B, 3, H // pool, W // pool)."""
    return images if pool == 1 else functional.avg_pool2d(images, pool)


def pooled_size(size: tuple[int, int], pool: int) -> tuple[int, int]:
    """(height, width) of images of this size once they are pooled.

    Raises ParamsError for a pool that is larger than the images.
    """
    if pool > min(size):
        raise ParamsError(
            f"a pool of {pool} pixels is larger than the network's images of {size[0]} x {size[1]} "
            f"(visualize.coarse.pool, extract.pools); legal here: 1 to {min(size)}"
        )
    return size[0] // pool, size[1] // pool


def pooled_shapes(
    model: StudiedModel, taps: Iterable[str], pool: int
) -> dict[str, tuple[int, int]]:
    """(channels, positions) of each tap for one image that is pooled so.

    Raises ParamsError as :func:`pooled_size` does, and ModelError for a network that does not run
    on images of that size.
    """
    size = pooled_size(model.preprocessing.size, pool)
    try:
        return tap_shapes(model.network, taps, size)
    except ModelError as error:
        pooling = "" if pool == 1 else f", images pooled by {pool}"
        raise ModelError(f"{model.name}{pooling}: {error}") from None


def pooled_tap(tap: str, pool: int) -> str:
    """The name of a tap that reads images average-pooled by ``pool``: ``layer1~2``."""
    return tap if pool == 1 else f"{tap}{_MARK}{pool}"


def pooled_taps(taps: Iterable[str], pools: Iterable[int]) -> list[str]:
    """The names of all taps at full size, then at each of ``pools``."""
    names = list(taps)
    return [pooled_tap(tap, pool) for pool in (1, *pools) for tap in names]


def at_pool(named: Mapping[str, Kept], pool: int) -> dict[str, Kept]:
    """What is kept under the names of one pool, under the plain names of its taps."""
    plain = [name for name in named if _MARK not in name]
    names = {tap: pooled_tap(tap, pool) for tap in plain}
    return {tap: named[name] for tap, name in names.items() if name in named}
