"""What the network is shown: shifts, crops and turns, each target's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from vital.methods.resizing import resized
from vital.methods.transforms import Crops, Draws, Jitter, RandomAffine
from vital.params.visualize import CoarseParams, MethodParams
from vital.runtime.generators import generator

GREY = torch.full((3, 1, 1), 0.25)


@pytest.mark.parametrize("flip", [False, True])
def test_jitter_moves_pixels_and_its_gradient_moves_them_back(flip: bool) -> None:
    params = MethodParams(steps=20, lr=1.0, jitter=3, flip=flip)
    jitter = Jitter([Draws.of(0, name, params) for name in ("a", "b")])
    images = torch.randn(2, 3, 6, 5, requires_grad=True)
    for step in range(20):
        shown = jitter(images, step)
        (back,) = torch.autograd.grad(shown, images, shown.detach())
        assert torch.equal(back, images)


def test_jitter_shifts_each_image_by_its_own_draw() -> None:
    draws = Draws(torch.tensor([[1, 2]]), torch.tensor([False]), torch.tensor([1.0]))
    image = torch.arange(30.0).view(1, 1, 6, 5)
    moved = Jitter([draws])(image, 0)
    assert float(moved[0, 0, 1, 2]) == float(image[0, 0, 0, 0])
    assert float(moved[0, 0, 0, 0]) == float(image[0, 0, 5, 3])


def test_draws_depend_on_seed_and_target_only() -> None:
    params = MethodParams(steps=50, lr=1.0, jitter=5, flip=True)
    one, again = Draws.of(3, "class/1/0", params), Draws.of(3, "class/1/0", params)
    other = Draws.of(3, "class/1/1", params)
    assert torch.equal(one.shifts, again.shifts)
    assert torch.equal(one.flips, again.flips)
    assert not torch.equal(one.shifts, other.shifts)
    assert int(one.shifts.abs().max()) == 5
    assert 0 < int(one.flips.sum()) < 50
    assert (one.scales == 1).all()


def test_sizes_are_drawn_evenly_and_apart_from_shifts() -> None:
    params = MethodParams(steps=4000, lr=1.0, jitter=5, flip=True)
    scaled = params.model_copy(update={"scale": 0.1})
    still, draws = Draws.of(3, "class/1/0", params), Draws.of(3, "class/1/0", scaled)
    assert torch.equal(draws.shifts, still.shifts)
    assert torch.equal(draws.flips, still.flips)
    counts = torch.histc(draws.scales, bins=10, min=0.9, max=1.1)
    assert float(counts.sum()) == 4000
    assert float((counts - 400).abs().max()) < 5 * 400**0.5
    assert not torch.equal(Draws.of(3, "class/1/1", scaled).scales, draws.scales)
    held = Draws.of(3, "class/1/0", scaled, hold=4).scales
    assert torch.equal(held.view(-1, 4), draws.scales[::4, None].expand(-1, 4))


@pytest.mark.parametrize("scale", [0.7, 0.95, 1.08, 1.4])
def test_an_image_is_scaled_about_its_middle_before_it_is_moved(scale: float) -> None:
    images = torch.randn(2, 3, 9, 12, generator=torch.Generator().manual_seed(5))
    draws = [
        Draws(torch.tensor([[2, -3]]), torch.tensor([True]), torch.tensor([scale])),
        Draws(torch.tensor([[0, 1]]), torch.tensor([False]), torch.tensor([1.0])),
    ]
    shown = Jitter(draws)(images, 0)
    expected = resized(images[:1], torch.tensor([scale]))[0]
    assert torch.equal(shown[0], expected.flip(-1).roll((2, -3), dims=(1, 2)))
    unscaled = images[1].roll(1, dims=-1)
    assert torch.equal(shown[1], unscaled)


def test_a_coarse_phase_has_less_jitter() -> None:
    params = MethodParams(steps=200, coarse=CoarseParams(steps=200), lr=1.0, jitter=9)
    shifts = Draws.of(0, "t", params).shifts.abs()
    assert (int(shifts[:200].max()), int(shifts[200:].max())) == (4, 9)


def crops(targets: list[str], **changes: object) -> Crops:
    return Crops(
        **{"seed": 0, "targets": targets, "count": 3, "box": (0.25, 0.5), "noise": 0.0, **changes}
    )  # type: ignore[arg-type]


def affine(targets: list[str], **changes: object) -> RandomAffine:
    settings = {"pad": 2, "shifts": (4, 2), "scale": 0.1, "degrees": 10.0, "grey": GREY}
    return RandomAffine(**{"seed": 0, "targets": targets, **settings, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("build", [crops, affine])
def test_what_is_shown_is_each_targets_own_and_differs_by_step(build: type) -> None:
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    both = build(["a", "b"])(image.expand(2, -1, -1, -1), 3)
    alone = build(["b"])(image, 3)
    assert torch.equal(both[len(alone) :], alone)
    assert not torch.equal(both[: len(alone)], alone)
    assert not torch.equal(build(["b"])(image, 4), alone)
    assert not torch.equal(build(["b"], seed=1)(image, 3), alone)


def test_crops_are_parts_of_the_image_of_the_asked_size() -> None:
    """Where a pixel's value is its place, a crop tells where it was taken."""
    size = 64
    across = torch.linspace(-1 + 1 / size, 1 - 1 / size, size)
    image = torch.stack([across.expand(size, size), across[:, None].expand(size, size)] * 2)[:3]
    sides = []
    for step in range(40):
        for crop in crops(["a"])(image[None], step):
            right, down = crop[0], crop[1]
            width = float(right[32, 48] - right[32, 16]) / 32 * size / 2
            height = float(down[48, 32] - down[16, 32]) / 32 * size / 2
            assert width == pytest.approx(height, abs=1e-4)
            assert float(crop.abs().max()) <= 1
            sides.append(width)
    assert 0.25 <= min(sides) < 0.28
    assert 0.47 < max(sides) <= 0.5 + 1e-4


def test_the_whole_image_is_the_largest_crop_and_noise_is_as_strong_as_asked() -> None:
    image = torch.randn(1, 3, 16, 16)
    for crop in crops(["a"], box=(1.0, 1.0))(image, 0):
        torch.testing.assert_close(crop, image[0], atol=1e-5, rtol=0)
    noisy = crops(["a"], box=(1.0, 1.0), noise=0.2, count=30)(torch.zeros(1, 3, 16, 16), 0)
    assert float(noisy.std()) == pytest.approx(0.2 * math.sqrt(1 + 1 / 12), rel=0.03)


def test_without_changes_the_view_is_the_padded_image_at_its_size() -> None:
    image = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    still = {"shifts": (0, 0), "scale": 0.0, "degrees": 0.0}
    torch.testing.assert_close(affine(["a"], pad=0, **still)(image, 0), image)
    padded = functional.pad(image - GREY, [4] * 4) + GREY
    expected = functional.interpolate(padded, size=(12, 16), mode="bilinear", align_corners=False)
    seen = affine(["a"], pad=4, **still)(image, 0)
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=0)


def test_a_place_of_the_image_is_seen_where_the_transforms_bring_it() -> None:
    """The steps one by one on coordinates in pixels, from the image to the view."""
    transform, size = affine(["a"], degrees=40.0), (12, 20)
    half = torch.tensor([10.0, 6.0])
    for step in range(5):
        (theta,) = transform.theta(step, size).double()
        draws = generator(0, "a", "transforms", step)
        first = torch.randint(-2, 3, (2,), generator=draws).double()
        last = torch.randint(-1, 2, (2,), generator=draws).double()
        scale = 1 + 0.1 * (2 * float(torch.rand((), generator=draws)) - 1)
        angle = math.radians(40.0 * (2 * float(torch.rand((), generator=draws)) - 1))
        place = torch.tensor([3.0, -2.0]).double()
        moved = (place + first) * scale
        turned = torch.stack(
            [
                math.cos(angle) * moved[0] - math.sin(angle) * moved[1],
                math.sin(angle) * moved[0] + math.cos(angle) * moved[1],
            ]
        )
        seen = (turned + last) / (half + 2)
        torch.testing.assert_close(
            theta[:, :2] @ seen + theta[:, 2], place / half, atol=1e-5, rtol=0
        )
