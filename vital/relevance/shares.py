"""Which channels a class's score is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from vital.errors import ModelError
from vital.relevance.composites import Composite
from vital.relevance.reader import RelevanceReader
from vital.relevance.starts import class_start


def class_shares(
    network: nn.Module,
    tap: str,
    batches: Iterable[torch.Tensor],
    class_index: int,
    composite: Composite,
) -> torch.Tensor:
    """Each channel's share in a class's relevance at ``tap``, over batches of its images, (C,).

    The shares sum to one: relevance of the class's logit, summed over positions and images, over
    that of all channels together. Raises ModelError where that is nothing, or not finite.
    """
    total: torch.Tensor | None = None
    with RelevanceReader(network, [tap], composite) as read:
        for images in batches:
            relevance = read(images, [class_start(class_index)] * len(images)).relevance[tap]
            summed = relevance.to("cpu", torch.float64).sum(dim=(0, 2))
            total = summed if total is None else total + summed
    if total is None:
        raise ValueError("there are no images to compute shares of")
    whole = float(total.sum())
    if not math.isfinite(whole) or whole == 0:
        raise ModelError(
            f"the relevance to class {class_index} at tap {tap!r} is {whole:g} in all: its units "
            "have no shares in that"
        )
    return total / total.sum()
