"""Images that wait on disk."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from helpers.own_images import encoded, noise
from vital.images.files import EncodedImage, UndecodableImageError, encode_image
from vital.images.shelf import Shelf


def image(seed: int) -> EncodedImage:
    return encode_image(encoded(noise(seed)), "a.png")


def test_an_image_is_what_was_put_there_until_it_is_discarded(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first, second = shelf.put(image(1)), shelf.put(image(2))
    assert (first.read(), second.read()) == (image(1).content, image(2).content)
    assert (first.width, first.height, first.sha256) == (12, 10, image(1).sha256)
    first.discard()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [image(2).content]
    with pytest.raises(UndecodableImageError, match="does not exist"):
        first.read()


def test_a_shelf_of_its_own_lasts_as_long_as_its_images() -> None:
    one = Shelf().put(image(1))
    folder = one.path.parent
    gc.collect()
    assert one.read() == image(1).content
    del one
    gc.collect()
    assert not folder.exists()
