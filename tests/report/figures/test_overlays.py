"""Pictures laid over one another."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vital.report.figures.overlays import lay_on_squares, lay_relevance


def test_without_relevance_a_picture_is_grey_and_with_it_hot() -> None:
    draws = np.random.default_rng(0)
    picture = Image.fromarray(draws.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2, 5] = 255
    laid = np.asarray(lay_relevance(picture, Image.fromarray(mask))).astype(int)
    assert laid.shape == (6, 8, 3)
    cold = np.delete(laid.reshape(-1, 3), 2 * 8 + 5, axis=0)
    assert (cold == cold[:, :1]).all()
    red, _, blue = laid[2, 5]
    assert red > 200 and red > blue


def test_more_relevance_is_brighter_on_the_same_picture() -> None:
    mask = Image.fromarray(np.arange(0, 256, dtype=np.uint8)[None])
    laid = np.asarray(lay_relevance(Image.new("RGB", (256, 1), "black"), mask)).sum(axis=-1)[0]
    assert (np.diff(laid.astype(int)) >= -3).all()
    assert laid[-1] > 400 and laid[0] == 0


def test_a_mask_of_another_size_is_scaled_to_the_picture() -> None:
    laid = lay_relevance(Image.new("RGB", (8, 8)), Image.new("L", (4, 4), 255))
    assert laid.size == (8, 8)


def test_transparent_pixels_show_both_colours_and_opaque_ones_the_picture() -> None:
    picture = Image.new("RGBA", (48, 24), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 24, 24))
    laid = np.asarray(lay_on_squares(picture, ("#ffffff", "#000000")))
    assert (laid[:, :24] == (0, 0, 255)).all()
    assert sorted(map(tuple, np.unique(laid[:, 24:].reshape(-1, 3), axis=0).tolist())) == [
        (127, 127, 127),
        (255, 255, 255),
    ]
    assert (laid[0, 24] != laid[0, 26]).any() and (laid[0, 24] == laid[2, 26]).all()
