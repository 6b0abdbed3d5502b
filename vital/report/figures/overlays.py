"""Grounds and heat maps: pictures laid over one another."""

from __future__ import annotations

import matplotlib
import numpy as np
from PIL import Image

_HEAT = "inferno"
_STRONGEST = 0.8
"""The opacity of the heat where relevance is greatest, so that the picture stays visible."""

_GREY_LEVEL = 0.75
_SQUARES = 12
"""Squares of a checkered ground along the shorter side."""

_SQUARE_OPACITY = 128
"""Of 255: squares are to be seen through, not looked at."""


def lay_relevance(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture in grey with heat where the mask is bright; the mask is scaled to fit.

    Heat grows more opaque with relevance: where there is none, the picture is grey alone.
    """
    relevance = np.asarray(mask.convert("L").resize(picture.size), dtype=np.float64) / 255.0
    grey = np.asarray(picture.convert("L"), dtype=np.float64)[..., None] / 255.0 * _GREY_LEVEL
    heat = matplotlib.colormaps[_HEAT](relevance)[..., :3]
    opacity = _STRONGEST * relevance[..., None]
    mixed = (1.0 - opacity) * grey + opacity * heat
    return Image.fromarray(np.rint(255.0 * mixed).astype(np.uint8))


def lay_on_squares(picture: Image.Image, colours: tuple[str, str]) -> Image.Image:
    """An RGBA picture, as RGB, over a ground of the first colour, checkered with the second."""
    side = max(1, min(picture.size) // _SQUARES)
    across, down = np.meshgrid(np.arange(picture.width), np.arange(picture.height))
    squares = ((across // side + down // side) % 2 * _SQUARE_OPACITY).astype(np.uint8)
    ground = Image.new("RGBA", picture.size, colours[0])
    ground.paste(Image.new("RGBA", picture.size, colours[1]), mask=Image.fromarray(squares))
    return Image.alpha_composite(ground, picture).convert("RGB")
