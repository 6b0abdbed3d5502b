"""The embedded image source: crops of real photographs that installed packages carry.

scikit-image and scikit-learn ship these photographs in their wheels, so that the default
experiment needs no download. Train, validation and held-out crops come from regions of each
photograph that do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from PIL import Image

from vital.artefacts.manifest import SPLITS
from vital.runtime.seeds import derive_seed

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels of the photograph."""

_FOLDERS = {"skimage": ("skimage", "data"), "sklearn": ("sklearn", "datasets/images")}


@dataclass(frozen=True)
class Photograph:
    """One class: a file, the side of its crops in pixels, and the regions of each split."""

    package: str
    file: str
    side: tuple[int, int]
    train: tuple[Box, ...]
    validation: tuple[Box, ...]
    heldout: tuple[Box, ...]
    mirror: bool = True

    def regions(self, split: str) -> tuple[Box, ...]:
        """The regions that a split's crops are cut from."""
        return {"train": self.train, "validation": self.validation, "heldout": self.heldout}[split]

    def open(self) -> Image.Image:
        """The whole photograph as RGB."""
        with self._path().open("rb") as handle, Image.open(handle) as image:
            return image.convert("RGB")

    def _path(self) -> Traversable:
        package, folder = _FOLDERS[self.package]
        return files(package) / folder / self.file


PHOTOGRAPHS: dict[str, Photograph] = {
    "brick wall": Photograph(
        "skimage", "brick.png", (120, 150),
        ((0, 0, 300, 512),), ((310, 0, 512, 250),), ((310, 260, 512, 512),),
    ),
    "gravel": Photograph(
        "skimage", "gravel.png", (130, 170),
        ((0, 0, 300, 512),), ((310, 0, 512, 250),), ((310, 260, 512, 512),),
    ),
    "coins": Photograph(
        "skimage", "coins.png", (110, 128),
        ((0, 0, 254, 303),), ((256, 0, 384, 150),), ((256, 152, 384, 303),),
    ),
    "night sky with galaxies": Photograph(
        "skimage", "hubble_deep_field.jpg", (170, 220),
        ((0, 0, 620, 872),), ((630, 0, 1000, 430),), ((630, 440, 1000, 872),),
    ),
    "stained tissue": Photograph(
        "skimage", "ihc.png", (150, 190),
        ((0, 0, 310, 512),), ((315, 0, 512, 250),), ((315, 255, 512, 512),),
    ),
    "cat": Photograph(
        "skimage", "chelsea.png", (115, 130),
        ((85, 40, 250, 190), (85, 40, 250, 190), (85, 100, 250, 300)),
        ((252, 20, 420, 165),), ((252, 166, 420, 300),),
    ),
    "printed text": Photograph(
        "skimage", "page.png", (72, 95),
        ((0, 0, 95, 191), (190, 0, 384, 110)), ((96, 0, 189, 95),), ((96, 96, 189, 191),),
        mirror=False,
    ),
    "flower petals": Photograph(
        "sklearn", "flower.jpg", (115, 140),
        ((140, 80, 305, 427),), ((306, 80, 460, 235),), ((306, 236, 460, 400),),
    ),
    "retina blood vessels": Photograph(
        "skimage", "retina.jpg", (350, 420),
        ((110, 200, 800, 1200),), ((810, 180, 1310, 690),), ((810, 700, 1310, 1230),),
    ),
    "wooden table": Photograph(
        "skimage", "coffee.png", (68, 100),
        ((0, 315, 105, 400), (480, 245, 600, 400)), ((0, 175, 82, 245),), ((0, 246, 82, 314),),
    ),
    "pagoda": Photograph(
        "sklearn", "china.jpg", (115, 135),
        ((70, 0, 215, 330),), ((216, 0, 360, 160),), ((216, 161, 360, 330),),
    ),
    "steel tower at dusk": Photograph(
        "skimage", "rocket.jpg", (110, 130),
        ((0, 0, 250, 330),), ((400, 0, 640, 160),), ((400, 162, 640, 330),),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Crop:
    """One cut image with its class and split, and the file that it is cut from."""

    image: Image.Image
    label: int
    class_name: str
    split: str
    number: int
    source: str


def cut(classes: Sequence[str], counts: Mapping[str, int], size: int, seed: int) -> Iterator[Crop]:
    """Cut ``counts[split]`` square crops of ``size`` pixels per class and split.

    A crop's place depends on the seed, the class, the split and its number only.
    """
    for label, name in enumerate(classes):
        source = PHOTOGRAPHS[name]
        picture = source.open()
        for split in SPLITS:
            for number in range(counts[split]):
                draws = np.random.default_rng(derive_seed(seed, "crop", name, split, number))
                image = _cut_one(picture, source, split, size, draws)
                yield Crop(image, label, name, split, number, f"{source.package}/{source.file}")


def _cut_one(
    picture: Image.Image, source: Photograph, split: str, size: int, draws: np.random.Generator
) -> Image.Image:
    boxes = source.regions(split)
    areas = np.array([(right - left) * (low - top) for left, top, right, low in boxes], float)
    left, top, right, low = boxes[draws.choice(len(boxes), p=areas / areas.sum())]
    side = min(draws.uniform(*source.side), right - left, low - top)
    x = draws.uniform(left, right - side)
    y = draws.uniform(top, low - side)
    # Cropping first keeps the resampling filter from reaching into another split's region.
    region = picture.crop((left, top, right, low))
    window = (x - left, y - top, x - left + side, y - top + side)
    crop = region.resize((size, size), Image.Resampling.BICUBIC, box=window)
    if source.mirror and draws.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return crop
