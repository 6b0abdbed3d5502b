"""CLIP as an observer of the images: a model of open_clip that is given the classes' names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
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
from vital.runtime.process_state import ProcessState
from vital.scoring.metrics.record import Network
from vital.scoring.metrics.registry import keys_of
from vital.scoring.observer import Missing, Observer
from vital.scoring.seen import Settings
from vital.scoring.zeroshot import class_embeddings, zero_shot_logits


class ClipObserver(Observer):
    """A model of images and text that is given the names of the studied network's classes."""

    network = Network.CLIP

    def __init__(
        self,
        model: Any,
        preprocessing: Preprocessing,
        embeddings: torch.Tensor,
        settings: Settings,
        device: torch.device,
    ) -> None:
        super().__init__(settings.of("clip"), device)
        self._model = model.to(device)
        self._preprocessing = preprocessing
        self._embeddings = embeddings.to(device)

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        batch = torch.stack([self._preprocessing(image) for image in images])
        with torch.no_grad():
            features = self._model.encode_image(batch.to(self._device))
        return features.cpu(), zero_shot_logits(features, self._embeddings).cpu()


def find_clip(
    settings: Settings, names: Sequence[str], device: torch.device
) -> ClipObserver | Missing:
    """The CLIP model that the parameters name, or why there is none; ``names`` are the classes'.

    Raises ModelError for an architecture that open_clip does not know, and for a checkpoint that
    is damaged or does not fit.
    """
    params = settings.params.clip
    reason = _why_absent(params)
    if params is None or reason:
        return Missing(keys_of(Network.CLIP), reason)
    import open_clip

    if params.model not in open_clip.list_models():
        legal = nearest(params.model, open_clip.list_models())
        raise ModelError(f"score.clip.model: open_clip has no {params.model!r}; {legal}")
    with _DISABLED.holding(logging.WARNING):  # of weights that are random for a moment only
        model = open_clip.create_model(params.model, load_weights=False, pretrained_text=False)
        tokenizer = open_clip.get_tokenizer(params.model)
    load_weights(model, Path(params.checkpoint))
    freeze(model)

    def embed(texts: list[str]) -> torch.Tensor:
        with torch.no_grad():
            return model.encode_text(tokenizer(texts))  # type: ignore[no-any-return]

    embeddings = class_embeddings(embed, names, params.templates)
    return ClipObserver(model, _preprocessing(model, params), embeddings, settings, device)


def _why_absent(params: ClipParams | None) -> str:
    """Why CLIP cannot be used, or nothing."""
    if params is None:
        return "score.clip names no model"
    if find_spec("open_clip") is None:
        return "open_clip is not installed: pip install 'vital[clip]'"
    if not Path(params.checkpoint).is_file():
        return f"score.clip.checkpoint: {params.checkpoint} does not exist"
    return ""


_DISABLED = ProcessState(lambda: logging.root.manager.disable, logging.disable)
"""Up to which level the process logs nothing."""


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
