"""The studied network as an observer of the images, and a judge as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from PIL import Image

from vital.networks.judges import Judge
from vital.networks.model import StudiedModel
from vital.networks.taps.penultimate import features_and_logits
from vital.scoring.metrics.record import JUDGE_PREFIX, Network
from vital.scoring.observer import Observer
from vital.scoring.seen import Settings


class ClassifierObserver(Observer):
    """A classifier: its features are those that its last layer sees."""

    def __init__(self, model: StudiedModel, settings: Settings, device: torch.device) -> None:
        super().__init__(settings, device)
        self._model = model.to(device)

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        batch = torch.stack([self._model.preprocessing(image) for image in images])
        features, logits = features_and_logits(self._model.network, batch.to(self._device))
        return features.cpu(), logits.cpu()


class StudiedObserver(ClassifierObserver):
    """The network under study."""

    network = Network.STUDIED


class JudgeObserver(ClassifierObserver):
    """A network that no method optimised, which tells what transfers to it.

    It is shown whole what the studied network sees, resized to its own size: of a photograph, it
    would crop the centre, but the images are crops already.
    """

    network = Network.JUDGE

    def __init__(self, name: str, judge: Judge, settings: Settings, device: torch.device) -> None:
        whole = replace(judge.model.preprocessing, crop_pct=1.0)
        model = replace(judge.model, preprocessing=whole)
        super().__init__(model, settings.of(name), device)
        self.prefix = f"{JUDGE_PREFIX}{name}_"
        self._indices = judge.indices

    def labels(self, units: torch.Tensor) -> torch.Tensor:
        return torch.tensor([self._indices[int(unit)] for unit in units])
