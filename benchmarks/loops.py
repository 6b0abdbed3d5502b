"""The loop that makes images, what it is measured against, and the network they all run."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

import torch
from torch import nn

from vital.engine.optimize import Monitor, Problem, TargetState, optimize
from vital.engine.precision import gpu_arithmetic, in_precision
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.image_spaces import ImageSpace, space_of
from vital.methods.objectives import sort_matching, total_variation
from vital.methods.transforms import Draws, Jitter
from vital.methods.vital import MatchingObjective, read_all
from vital.networks.build import build_network, freeze
from vital.networks.config import network_preprocessing
from vital.networks.memory_layout import lay_out, set_layout
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import TapReader
from vital.params.visualize import MethodParams, Parametrization, Precision, SpectrumParams
from vital.references.quantiles import TapStatistics
from vital.runtime.generators import generator

REFERENCES = 50
LR = 0.005
TV = 1e-3


@dataclass(frozen=True)
class Subject:
    """A network with random weights, and its taps (50, C, D) of references of noise."""

    network: nn.Module
    preprocessing: Preprocessing
    references: Mapping[str, torch.Tensor]
    device: torch.device
    precision: Precision
    seed: int

    @classmethod
    def of(cls, model: str, device: torch.device, precision: Precision, seed: int) -> Subject:
        """Build the network, lay it out as suits the device, and read its taps."""
        torch.manual_seed(seed)  # networks take their initial weights from the global stream
        network = freeze(build_network(model, {})).to(device)
        preprocessing = network_preprocessing(network, {})
        lay_out(network, preprocessing.size)
        taps = list(default_taps(network, preprocessing.size))
        draws = generator(seed, "references")
        seen = []
        with torch.no_grad(), TapReader(network, taps) as read:
            for _ in range(REFERENCES):
                image = torch.randn(1, 3, *preprocessing.size, generator=draws)
                seen.append(read(image.to(device)))
        references = {tap: torch.cat([one[tap] for one in seen]).contiguous() for tap in taps}
        return cls(network, preprocessing, references, device, precision, seed)

    def contiguous(self) -> Subject:
        """The same with maps that lie channel by channel, whatever suits the device."""
        network = copy.deepcopy(self.network)
        set_layout(network, "contiguous")
        return replace(self, network=network)

    def statistics(self) -> dict[str, TapStatistics]:
        """What the stage ``extract`` keeps of the references."""
        return {tap: _statistics(values) for tap, values in self.references.items()}

    def images(self, batch: int) -> torch.Tensor:
        """Normal noise (B, 3, H, W) to start from; all images are alike."""
        start = torch.randn(3, *self.preprocessing.size, generator=generator(self.seed, "start"))
        return start.expand(batch, -1, -1, -1).contiguous()

    def method(self, steps: int) -> MethodParams:
        """The settings of all loops."""
        return MethodParams(steps=steps, lr=LR, jitter=30, tv=TV, warmup=0.0, anneal=False)

    def space(self, parametrization: Parametrization) -> ImageSpace:
        """What the library's own loop changes: noise of all colours, in pixels or in waves."""
        described = {"parametrization": parametrization, "fourier": SpectrumParams(start=0.5)}
        params = self.method(1).model_copy(update=described)
        images = ImageStatistics(torch.zeros(()), torch.eye(3))
        return space_of(params, self.preprocessing, lambda: images)

    def draws(self, steps: int) -> Draws:
        """The jitter of every image."""
        return Draws.of(self.seed, "step", self.method(steps))

    def wait(self) -> None:
        """Return once the device has done all that it was asked for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def peak_memory(self) -> dict[str, float]:
        """The GiB that tensors took at most on a GPU."""
        if self.device.type != "cuda":
            return {}
        return {"peak_gib": torch.cuda.max_memory_allocated(self.device) / 2**30}

    def device_name(self) -> str:
        """The GPU's name, or the kind of device."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return self.device.type


def _statistics(values: torch.Tensor) -> TapStatistics:
    quantiles = torch.sort(values, dim=-1).values.mean(dim=0).cpu().numpy()
    ones = 0 * quantiles[:, 0] + 1
    return TapStatistics(quantiles, 0 * ones, 0 * ones, ones, REFERENCES)


class Loop(AbstractContextManager["Loop"], ABC):
    """A way of spending steps on images; open while it is used."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._opened = ExitStack()

    def __exit__(self, *_raised: object) -> None:
        self._opened.close()

    @abstractmethod
    def run(self, images: torch.Tensor, steps: int) -> float:
        """So many steps from images (B, 3, H, W); gives the mean loss before the last one."""


class VitalLoop(Loop):
    """The library's own, for a fixed number of images.

    All are alike: with ``fourier`` they are those of the space's own start, not the given ones.
    """

    def __init__(
        self,
        subject: Subject,
        batch: int,
        compiled: bool = False,
        parametrization: Parametrization = "pixels",
    ) -> None:
        super().__init__(subject)
        self._space = subject.space(parametrization)
        self._is_given = parametrization == "pixels"
        taps = list(subject.references)
        network = copy.deepcopy(subject.network)  # each loop has its own hooks
        read = self._opened.enter_context(TapReader(network, taps, compiled=compiled))
        statistics = subject.statistics()
        objective = MatchingObjective(
            read_all(read),
            [statistics] * batch,
            [dict.fromkeys(taps, 1.0)] * batch,
            {tap: values.shape[-1] for tap, values in subject.references.items()},
            subject.method(1),
            subject.device,
        )
        self._objective = in_precision(objective, subject.precision, subject.device)

    def run(self, images: torch.Tensor, steps: int) -> float:
        """As of any loop."""
        subject, method = self.subject, self.subject.method(steps)
        losses: list[float] = []
        latents = images if self._is_given else [self._start()] * len(images)
        with gpu_arithmetic(subject.precision):
            optimize(
                [TargetState.initial(one, subject.preprocessing.size) for one in latents],
                Problem(
                    lambda latents, _step: self._space.parametrize(latents.to(subject.device)),
                    Jitter([subject.draws(steps)] * len(images)),
                    {1: self._objective},
                    method,
                ),
                Monitor(
                    history_every=steps,
                    checkpoint_every=steps,
                    checkpoint=lambda _states: None,
                    report=lambda _steps, loss: losses.append(loss),
                ),
            )
        return losses[-1]

    def _start(self) -> torch.Tensor:
        return self._space.start(generator(self.subject.seed, "start"))


class NaiveLoop(Loop):
    """One image, the first; references are sorted in every step, and weights get gradients, too."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._network = copy.deepcopy(subject.network).requires_grad_(True)
        read = TapReader(self._network, list(subject.references))
        self._read = self._opened.enter_context(read)

    def run(self, images: torch.Tensor, steps: int) -> float:
        """As of any loop."""
        subject, method = self.subject, self.subject.method(steps)
        image = images[:1].detach().to(subject.device, copy=True).requires_grad_()
        adam = torch.optim.Adam([image], lr=method.lr, betas=method.betas, eps=method.eps)
        low, high = (bound.to(subject.device) for bound in subject.preprocessing.bounds())
        shifts = subject.draws(steps).shifts.tolist()
        loss = torch.zeros(())
        for shift in shifts:
            adam.zero_grad()
            self._network.zero_grad()
            moved = image.roll(shift, dims=(-2, -1))
            loss = self._matching(moved) + method.tv * total_variation(moved).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            with torch.no_grad():
                image.clamp_(low, high)
        return float(loss.detach())

    def _matching(self, image: torch.Tensor) -> torch.Tensor:
        losses = []
        for tap, values in self._read(image).items():
            wanted = torch.sort(self.subject.references[tap], dim=-1).values.mean(dim=0)
            ordered = torch.sort(values.contiguous(), dim=-1).values
            losses.append((ordered[0] - wanted).square().mean())
        return torch.stack(losses).sum()


class BareLoop(Loop):
    """The network's whole pass, and the gradient to the images: nothing is changed."""

    def run(self, images: torch.Tensor, steps: int) -> float:
        """As of any loop."""
        images = images.detach().to(self.subject.device).requires_grad_()
        forward = in_precision(self._forward, self.subject.precision, self.subject.device)
        total = torch.zeros(())
        with gpu_arithmetic(self.subject.precision):
            for step in range(steps):
                total, _ = forward(images, step)
                torch.autograd.grad(total, images)
        return float(total)

    def _forward(
        self,
        shown: torch.Tensor,
        step: int,  # noqa: ARG002 (the names are an objective's)
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.subject.network(shown).float().mean(), {}


class SortingLoop(Loop):
    """Sort matching alone, and its gradient to activations, which are those of references."""

    def __init__(self, subject: Subject, batch: int) -> None:
        super().__init__(subject)
        kept = torch.bfloat16 if subject.precision == "bfloat16" else torch.float32
        rows = [place % REFERENCES for place in range(batch)]
        self._pairs = [
            (
                values[rows].to(kept).requires_grad_(),
                torch.sort(values, dim=-1).values.mean(dim=0).expand(batch, -1, -1),
            )
            for values in subject.references.values()
        ]

    def run(self, images: torch.Tensor, steps: int) -> float:  # noqa: ARG002 (activations are held)
        """As of any loop."""
        total = torch.zeros(())
        for _ in range(steps):
            for activations, wanted in self._pairs:
                total = sort_matching(activations, wanted).sum()
                torch.autograd.grad(total, activations)
        return float(total)
