"""How images are shown to the network at each step: moved, scaled, cut or turned, and with noise.

Every draw comes from the run's seed and the target's key, never from the batch, so that a target
sees the same whatever its neighbours are, and wherever it is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch.nn import functional

from vital.methods.resizing import resized
from vital.methods.schedule import phases, total_steps
from vital.params.visualize import PixelParams
from vital.runtime.generators import generator


class Transform(Protocol):
    """What the network is shown of images (B, 3, H, W) at a step: (B * V, 3, H, W), image by image.

    A transform shows each image V times, V being the same at every step.
    """

    def __call__(self, images: torch.Tensor, step: int) -> torch.Tensor: ...


@dataclass(frozen=True)
class Draws:
    """All random moves of one target, made before its first step.

    ``shifts`` (steps, 2): circular offsets in pixels, down and right; ``flips`` (steps,);
    ``scales`` (steps,): how many times as large the image is shown.
    """

    shifts: torch.Tensor
    flips: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, seed: int, target: str, params: PixelParams, hold: int = 1) -> Draws:
        """Draw from the run's seed and the target's key; each draw is kept for ``hold`` steps."""
        draws = generator(seed, target, "jitter")
        shifts = []
        for phase in phases(params):
            most = params.jitter // phase.pool
            size = (phase.end - phase.first, 2)
            shifts.append(torch.randint(-most, most + 1, size, generator=draws))
        steps = total_steps(params)
        coins = torch.rand(steps, generator=generator(seed, target, "flip"))
        flips = (coins < 0.5) & params.flip
        changes = 2 * torch.rand(steps, generator=generator(seed, target, "scale")) - 1
        scales = 1 + params.scale * changes
        held = torch.arange(steps) // hold * hold
        return cls(torch.cat(shifts)[held], flips[held], scales[held])


class Jitter:
    """Shows each image once: scaled, flipped, then rolled by its own draw of the step.

    What lies outside of an image that is shown smaller mirrors it.
    """

    def __init__(self, draws: Sequence[Draws]) -> None:
        self._shifts = torch.stack([draw.shifts for draw in draws], dim=1)  # (steps, B, 2)
        self._flips = torch.stack([draw.flips for draw in draws], dim=1)  # (steps, B)
        self._scales = torch.stack([draw.scales for draw in draws], dim=1)  # (steps, B)
        self._keeps_size = bool((self._scales == 1).all())

    def __call__(self, images: torch.Tensor, step: int) -> torch.Tensor:
        """What is shown, (B, 3, H, W), of images (B, 3, H, W)."""
        if not self._keeps_size:
            images = resized(images, self._scales[step])
        if self._shifts.device != images.device:
            # All steps' draws at once: each copy to a GPU would wait for the work before it.
            self._shifts = self._shifts.to(images.device)
            self._flips = self._flips.to(images.device)
        height, width = images.shape[-2:]
        rows = _rolled_places(height, self._shifts[step, :, 0])
        columns = _rolled_places(width, self._shifts[step, :, 1])
        flipped = self._flips[step].unsqueeze(1)
        columns = torch.where(flipped, width - 1 - columns, columns)
        moved: torch.Tensor = _Moved.apply(images, rows, columns)
        return moved


def _rolled_places(count: int, shifts: torch.Tensor) -> torch.Tensor:
    """Which of ``count`` places each shows when they are rolled by shifts (B,): (B, count)."""
    return (torch.arange(count, device=shifts.device) - shifts.unsqueeze(1)) % count


class _Moved(torch.autograd.Function):
    """Rows and columns (B, H) and (B, W) of images (B, 3, H, W), each of which appears once."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        images: torch.Tensor,
        rows: torch.Tensor,
        columns: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(rows, columns)
        return _picked(images, rows, columns)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: torch.autograd.function.FunctionCtx, outer: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        rows, columns = ctx.saved_tensors  # type: ignore[attr-defined]
        return _picked(outer, rows.argsort(dim=1), columns.argsort(dim=1)), None, None


def _picked(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    by_row = images.gather(2, rows[:, None, :, None].expand_as(images))
    return by_row.gather(3, columns[:, None, None, :].expand_as(images))


@dataclass(frozen=True)
class Crops:
    """Several square crops of each image, as large as the image, with noise (as MACO's).

    A crop's side is drawn evenly from ``box``, as a share of the image's, its centre normally
    around the image's (deviation 0.15) but so that no crop leaves the image. ``noise`` is the
    deviation of normal and the width of uniform noise in normalised units.
    """

    seed: int
    targets: Sequence[str]
    count: int
    box: tuple[float, float]
    noise: float

    def __call__(self, images: torch.Tensor, step: int) -> torch.Tensor:
        """What is shown, (B * count, 3, H, W), of images (B, 3, H, W), image by image."""
        theta = torch.cat([self._places(target, step) for target in self.targets])
        repeated = images[:, None].expand(-1, self.count, -1, -1, -1).flatten(0, 1)
        crops = _sample(repeated, theta, outside="border")
        return crops + self.noise * self._noise(crops, step)

    def _places(self, target: str, step: int) -> torch.Tensor:
        """The maps (count, 2, 3) from places in a target's crops to places in its image."""
        draws = generator(self.seed, target, "crops", step)
        low, high = self.box
        sides = low + (high - low) * torch.rand(self.count, generator=draws)
        centres = 0.15 * torch.randn(self.count, 2, generator=draws)  # the image's half is 0.5
        room = (1 - sides).unsqueeze(1) / 2
        centres = torch.minimum(torch.maximum(centres, -room), room)
        theta = torch.zeros(self.count, 2, 3)
        theta[:, 0, 0] = theta[:, 1, 1] = sides
        theta[:, :, 2] = 2 * centres
        return theta

    def _noise(self, crops: torch.Tensor, step: int) -> torch.Tensor:
        """Noise for crops (B * count, 3, H, W), drawn where they are: to copy it takes longer."""
        normal, uniform = torch.empty_like(crops), torch.empty_like(crops)
        for i, target in enumerate(self.targets):
            draws = generator(self.seed, target, "noise", step, device=crops.device)
            own = slice(i * self.count, (i + 1) * self.count)
            normal[own].normal_(generator=draws)
            uniform[own].uniform_(-0.5, 0.5, generator=draws)
        return normal.add_(uniform)


@dataclass(frozen=True)
class RandomAffine:
    """Shows each image once: padded, shifted, scaled, turned, shifted again (Lucid's order).

    ``pad`` and both ``shifts`` are in pixels of the image, ``scale`` is the largest change of size
    and ``degrees`` the largest turn. What lies outside of the image is ``grey`` (3, 1, 1). The
    shown is the whole padded canvas, brought to the image's size in one bilinear sampling.
    """

    seed: int
    targets: Sequence[str]
    pad: int
    shifts: tuple[int, int]
    scale: float
    degrees: float
    grey: torch.Tensor

    def __call__(self, images: torch.Tensor, step: int) -> torch.Tensor:
        """What is shown, (B, 3, H, W), of images (B, 3, H, W)."""
        grey = self.grey.to(images.device, non_blocking=True)
        theta = self.theta(step, (images.shape[-2], images.shape[-1]))
        return _sample(images - grey, theta, outside="zeros") + grey

    def theta(self, step: int, size: tuple[int, int]) -> torch.Tensor:
        """Maps (B, 2, 3) from places shown to places in the images, both from -1 to 1."""
        first, last, scale, angle = map(
            torch.stack, zip(*(self._draws(target, step) for target in self.targets), strict=True)
        )
        half = torch.tensor([size[1], size[0]]) / 2  # right, then down
        cosine, sine = angle.cos(), angle.sin()
        # The canvas shows scale * turn(image + first) + last; here it is taken back.
        back = torch.stack([cosine, sine, -sine, cosine], dim=1).view(-1, 2, 2)
        back = back / scale[:, None, None]
        linear = back * (half + self.pad)
        offset = -(back * last[:, None]).sum(dim=2) - first
        return torch.cat([linear, offset[:, :, None]], dim=2) / half[:, None]

    def _draws(self, target: str, step: int) -> tuple[torch.Tensor, ...]:
        """Both shifts (2,) in pixels, right and down, the scale and the angle in radians."""
        draws = generator(self.seed, target, "transforms", step)
        first, last = (_shift(most, draws) for most in self.shifts)
        scale, angle = 2 * torch.rand(2, generator=draws) - 1
        return first, last, 1 + self.scale * scale, math.radians(self.degrees) * angle


def _shift(most: int, draws: torch.Generator) -> torch.Tensor:
    """Whole pixels, right and down, within a range of ``most`` pixels around none."""
    return torch.randint(-(most // 2), most - most // 2 + 1, (2,), generator=draws).float()


def _sample(
    images: torch.Tensor, theta: torch.Tensor, outside: Literal["border", "zeros"]
) -> torch.Tensor:
    """Each of images (B, 3, H, W) at places mapped by its own theta (B, 2, 3), bilinear.

    What lies outside continues the border or is zero. The map is written out, as a product of
    matrices may round an image's places differently when there are others.
    """
    mapped = theta.to(images.device, non_blocking=True)[:, None, None]  # (B, 1, 1, 2, 3)
    down, right = (_middles(count, images.device) for count in images.shape[-2:])
    across = right[:, None] * mapped[..., 0]
    grid = across + down[:, None, None] * mapped[..., 1] + mapped[..., 2]
    return functional.grid_sample(images, grid, padding_mode=outside, align_corners=False)


def _middles(count: int, device: torch.device) -> torch.Tensor:
    """Where the middles of so many pixels lie between -1 and 1."""
    return (2 * torch.arange(count, device=device) + 1) / count - 1
