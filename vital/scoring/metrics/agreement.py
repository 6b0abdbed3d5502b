"""Does a network see in an image what the image was made for?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vital.artefacts import model
from vital.scoring.metrics.record import CLASSIFIERS, ImageMetric, Network

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings


def top_k_agreement(logits: torch.Tensor, labels: torch.Tensor, k: int) -> torch.Tensor:
    """Whether each label is among its image's ``k`` highest logits: (N, classes) to (N,) of bool.

    With fewer than ``k`` classes, all of them count.
    """
    highest = logits.topk(min(k, logits.shape[1]), dim=1).indices
    return (highest == labels[:, None]).any(dim=1)


def _among_highest(k: int) -> Callable[[Seen, Seen, Settings], torch.Tensor]:
    return lambda scored, _against, _settings: top_k_agreement(scored.logits, scored.labels, k)


ACCURACY_TOP1 = ImageMetric(
    key=model.ACCURACY_TOP1,
    label="Top-1",
    meaning="Share of images that the network assigns to the class they stand for.",
    networks=CLASSIFIERS,
    better="higher",
    is_share=True,
    compute=_among_highest(1),
    column="top1",
)

ACCURACY_TOP5 = ImageMetric(
    key="accuracy_top5",
    label="Top-5",
    meaning="Share of images whose class is among the network's five likeliest.",
    networks=CLASSIFIERS,
    better="higher",
    is_share=True,
    compute=_among_highest(5),
    column="top5",
)

ZEROSHOT_TOP1 = ImageMetric(
    key="zeroshot_top1",
    label="Zero-shot top-1",
    meaning="Share of images whose class name is the likeliest to CLIP, of all class names.",
    networks=(Network.CLIP,),
    better="higher",
    is_share=True,
    compute=_among_highest(1),
)

ZEROSHOT_TOP5 = ImageMetric(
    key="zeroshot_top5",
    label="Zero-shot top-5",
    meaning="Share of images whose class name is among the five likeliest to CLIP.",
    networks=(Network.CLIP,),
    better="higher",
    is_share=True,
    compute=_among_highest(5),
)
