"""Train the small default network so that its gradients, and its visualizations, are clean.

Noise of random strength, random circular shifts and mixed images make a network's input gradients
follow what is seen rather than single pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vital.params.model import TrainParams
from vital.runtime.devices import device_of
from vital.runtime.progress import progress_bar
from vital.runtime.seeds import derive_seed, generator


@dataclass(frozen=True)
class LabelledImages:
    """Normalised images (N, 3, H, W) and their labels (N,)."""

    images: torch.Tensor
    labels: torch.Tensor


def train(network: nn.Module, data: LabelledImages, params: TrainParams, seed: int) -> nn.Module:
    """Train ``network`` in place, where its weights are, and return it in inference mode."""
    device = device_of(network)
    augment = _Augmentation(params, int(data.labels.max()) + 1, seed)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=params.lr, weight_decay=params.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, params.lr, total_steps=params.steps, pct_start=0.2
    )
    network.train()
    bar = progress_bar(range(params.steps), label="train", unit="steps")
    for _ in bar:
        images, targets = (one.to(device) for one in augment.batch(data))
        loss = functional.cross_entropy(network(images), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        bar.set_postfix_str(f"loss {float(loss.detach()):.3f}", refresh=False)
    return network.eval()


class _Augmentation:
    """Draws batches of changed images with soft targets."""

    def __init__(self, params: TrainParams, classes: int, seed: int) -> None:
        self._params = params
        self._classes = classes
        self._draws = generator(seed, "train", "augmentation")
        self._beta = np.random.default_rng(derive_seed(seed, "train", "mixup"))

    def batch(self, data: LabelledImages) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (B, 3, H, W) and target distributions (B, classes)."""
        chosen = torch.randint(len(data.labels), (self._params.batch,), generator=self._draws)
        images = self._shift(self._contrast(self._grey(data.images[chosen])))
        images, targets = self._mix(images, self._soft(data.labels[chosen]))
        return self._noise(images), targets

    def _soft(self, labels: torch.Tensor) -> torch.Tensor:
        smoothing = self._params.label_smoothing
        hard = functional.one_hot(labels, self._classes).float()
        return hard * (1 - smoothing) + smoothing / self._classes

    def _grey(self, images: torch.Tensor) -> torch.Tensor:
        if self._params.grey == 0:
            return images
        coins = torch.rand(len(images), 1, 1, 1, generator=self._draws)
        return torch.where(coins < self._params.grey, images.mean(1, keepdim=True), images)

    def _contrast(self, images: torch.Tensor) -> torch.Tensor:
        largest = self._params.contrast
        if largest == 0:
            return images
        return images * (1 + largest * self._signed(len(images))) + largest * self._signed(
            len(images)
        )

    def _shift(self, images: torch.Tensor) -> torch.Tensor:
        if not self._params.shift:
            return images
        down, right = (int(self._integer(size)) for size in images.shape[-2:])
        return images.roll((down, right), dims=(-2, -1))

    def _mix(
        self, images: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._params.mixup == 0:
            return images, targets
        share = float(self._beta.beta(self._params.mixup, self._params.mixup))
        partner = torch.randperm(len(images), generator=self._draws)
        return (
            share * images + (1 - share) * images[partner],
            share * targets + (1 - share) * targets[partner],
        )

    def _noise(self, images: torch.Tensor) -> torch.Tensor:
        if self._params.noise == 0:
            return images
        strength = self._params.noise * torch.rand(len(images), 1, 1, 1, generator=self._draws)
        return images + strength * torch.randn(images.shape, generator=self._draws)

    def _signed(self, count: int) -> torch.Tensor:
        return 2 * torch.rand(count, 1, 1, 1, generator=self._draws) - 1

    def _integer(self, bound: int) -> torch.Tensor:
        return torch.randint(bound, (1,), generator=self._draws)


def accuracy(network: nn.Module, parts: Iterable[LabelledImages]) -> float:
    """The share of images, part after part, whose highest logit is their label."""
    right, count, device = 0, 0, device_of(network)
    with torch.no_grad():
        for part in parts:
            predicted = network(part.images.to(device)).argmax(dim=1)
            right += int((predicted.cpu() == part.labels).sum())
            count += len(part.labels)
    return right / count
