"""Train the small default network so that its gradients, and its visualizations, are clean.

Noise of random strength, random circular shifts and mixed images make a network's input gradients
follow what is seen rather than single pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vital.errors import ModelError
from vital.networks.finite import check_logits
from vital.networks.probe import run_at
from vital.params.model import TrainParams
from vital.runtime.devices import device_of
from vital.runtime.generators import generator
from vital.runtime.progress import progress_bar
from vital.runtime.seeds import derive_seed


@dataclass(frozen=True)
class LabelledImages:
    """Normalised images (N, 3, H, W) and their labels (N,)."""

    images: torch.Tensor
    labels: torch.Tensor


def train(network: nn.Module, data: LabelledImages, params: TrainParams, seed: int) -> nn.Module:
    """Train ``network`` in place, where its weights are, and return it in inference mode.

    Raises ModelError for a network that does not have as many logits as the images have classes,
    and when the loss stops being finite.
    """
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
    for step in bar:
        images, targets = (one.to(device) for one in augment.batch(data))
        loss = functional.cross_entropy(_logits(network, images, targets), targets)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if not math.isfinite(value := float(loss.detach())):
            raise ModelError(
                f"the training loss is no longer finite at step {step}; a lower learning rate may "
                "help (train.lr)"
            )
        bar.set_postfix_str(f"loss {value:.3f}", refresh=False)
    return network.eval()


def _logits(network: nn.Module, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with run_at(network, (images.shape[-2], images.shape[-1])):
        logits = network(images)
    if not isinstance(logits, torch.Tensor) or logits.shape != targets.shape:
        shape = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ModelError(
            f"to be trained on {targets.shape[1]} classes, the network must give "
            f"{list(targets.shape)} for {len(images)} images and gives {shape}: leave the number "
            "of classes (num_classes) out of its keyword arguments, or set it to the images' own"
        )
    return logits


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
    """The share of images, part after part, whose highest logit is their label.

    Raises ModelError where logits are not finite.
    """
    right, count, device = 0, 0, device_of(network)
    with torch.no_grad():
        for part in parts:
            logits = network(part.images.to(device)).cpu()
            check_logits(logits, [f"an image of class {int(label)}" for label in part.labels])
            right += int((logits.argmax(dim=1) == part.labels).sum())
            count += len(part.labels)
    return right / count
