"""Zero-shot classification: does a model of images and text name an image by its class?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional


def class_embeddings(
    embed: Callable[[list[str]], torch.Tensor], names: Sequence[str], templates: Sequence[str]
) -> torch.Tensor:
    """One unit vector per class (classes, D): the mean of its prompts' unit vectors.

    ``embed`` turns texts into vectors (texts, D). Each template holds one ``{}`` for the name.
    """
    prompts = ([template.format(name) for template in templates] for name in names)
    means = [functional.normalize(embed(texts), dim=1).mean(dim=0) for texts in prompts]
    return functional.normalize(torch.stack(means), dim=1)


def zero_shot_logits(features: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Cosine similarity of images (N, D) to classes (classes, D), (N, classes)."""
    return functional.normalize(features, dim=1) @ functional.normalize(classes, dim=1).T
