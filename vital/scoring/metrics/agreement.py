"""Does a network see in an image what the image was made for?"""

from __future__ import annotations

import torch


def top_k_agreement(logits: torch.Tensor, labels: torch.Tensor, k: int) -> torch.Tensor:
    """Whether each label is among its image's ``k`` highest logits: (N, classes) to (N,) of bool.

    With fewer than ``k`` classes, all of them count.
    """
    highest = logits.topk(min(k, logits.shape[1]), dim=1).indices
    return (highest == labels[:, None]).any(dim=1)
