"""CLIP's view of the images: zero-shot accuracy and CMMD, with a model of open_clip."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from vital.errors import ModelError, nearest
from vital.images.preprocessing import Preprocessing
from vital.networks.build import freeze
from vital.networks.weights import load_weights
from vital.params.score import ClipParams
from vital.scoring.metrics.agreement import top_k_agreement
from vital.scoring.metrics.cmmd import cmmd
from vital.scoring.observer import Measured, Missing, Seen, View
from vital.scoring.zeroshot import class_embeddings, zero_shot_logits

METRICS = ("zeroshot_top1", "zeroshot_top5", "cmmd")


class ClipView(View):
    """A model of images and text that is given the names of the studied network's classes."""

    def __init__(
        self,
        model: Any,
        preprocessing: Preprocessing,
        embeddings: torch.Tensor,
        device: torch.device,
    ) -> None:
        self._model = model.to(device)
        self._preprocessing = preprocessing
        self._embeddings = embeddings.to(device)
        self._device = device

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        batch = torch.stack([self._preprocessing(image) for image in images])
        with torch.no_grad():
            features = self._model.encode_image(batch.to(self._device))
        return features.cpu(), zero_shot_logits(features, self._embeddings).cpu()

    def measure(self, scored: Seen, against: Seen) -> Measured:
        per_image = {
            "zeroshot_top1": top_k_agreement(scored.logits, scored.labels, 1),
            "zeroshot_top5": top_k_agreement(scored.logits, scored.labels, 5),
        }
        return Measured(per_image, {"cmmd": cmmd(scored.features, against.features)})


def find_clip_view(
    params: ClipParams | None, names: Sequence[str], device: torch.device
) -> ClipView | Missing:
    """The view of the CLIP model that the parameters name, or why there is none.

    Raises ModelError for an architecture that open_clip does not know, and for a checkpoint that
    is damaged or does not fit.
    """
    reason = _why_absent(params)
    if params is None or reason:
        return Missing(METRICS, reason)
    import open_clip

    if params.model not in open_clip.list_models():
        legal = nearest(params.model, open_clip.list_models())
        raise ModelError(f"score.clip.model: open_clip has no {params.model!r}; {legal}")
    with _without_warnings():  # of weights that are random, which they are for a moment only
        model = open_clip.create_model(params.model, load_weights=False, pretrained_text=False)
        tokenizer = open_clip.get_tokenizer(params.model)
    load_weights(model, Path(params.checkpoint))
    freeze(model)

    def embed(texts: list[str]) -> torch.Tensor:
        with torch.no_grad():
            return model.encode_text(tokenizer(texts))  # type: ignore[no-any-return]

    embeddings = class_embeddings(embed, names, params.templates)
    return ClipView(model, _preprocessing(model, params), embeddings, device)


def _why_absent(params: ClipParams | None) -> str:
    """Why CLIP cannot be used, or nothing."""
    if params is None:
        return "score.clip names no model"
    if find_spec("open_clip") is None:
        return "open_clip is not installed: pip install 'vital[clip]'"
    if not Path(params.checkpoint).is_file():
        return f"score.clip.checkpoint: {params.checkpoint} does not exist"
    return ""


@contextmanager
def _without_warnings() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _preprocessing(model: Any, params: ClipParams) -> Preprocessing:
    own = model.visual.preprocess_cfg
    side = own["size"]
    fields = {
        "size": (side, side) if isinstance(side, int) else side,
        "mean": own["mean"],
        "std": own["std"],
        "interpolation": own["interpolation"],
        **(params.preprocessing.given() if params.preprocessing else {}),
    }
    return Preprocessing.from_dict(fields)
