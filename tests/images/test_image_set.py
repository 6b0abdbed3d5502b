"""A set of images gives the same batches however many threads decode them."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from helpers.loaded import pixels_of
from helpers.own_images import encoded, noise, write_files
from vital.images.files import UndecodableImageError, read_image
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing

PREPROCESSING = Preprocessing((24, 20), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
COUNT = 23


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Of sizes that differ, so that some take longer than those behind them."""
    files = {
        f"{number}.png": encoded(noise(0, number, width=500 if number % 5 == 0 else 30, height=28))
        for number in range(COUNT)
    }
    folder = write_files(tmp_path_factory.mktemp("images"), files)
    rows = pd.DataFrame({"path": list(files), "label": range(COUNT)})
    return ImageSet(folder, rows)


def one_by_one(images: ImageSet) -> torch.Tensor:
    return torch.stack([PREPROCESSING(read_image(path)) for path in images.files])


@pytest.mark.parametrize("workers", [None, 1, 2, 5])
@pytest.mark.parametrize("size", [1, 4, COUNT, 50])
def test_order_and_bytes_are_those_of_one_image_after_the_other(
    images: ImageSet, size: int, workers: int | None
) -> None:
    parts = list(images.batches(PREPROCESSING, size, workers))
    assert [len(part) for part, _ in parts] == [len(pixels) for _, pixels in parts]
    assert {len(part) for part, _ in parts[:-1]} <= {size}
    assert torch.cat([part.labels for part, _ in parts]).tolist() == list(range(COUNT))
    assert torch.equal(torch.cat([pixels for _, pixels in parts]), one_by_one(images))
    assert torch.equal(images.load(PREPROCESSING), one_by_one(images))


def test_crops_are_what_the_network_sees(images: ImageSet) -> None:
    crops = [crop for _, part in images.crops(PREPROCESSING, 4, 3) for crop in part]
    for crop, path in zip(crops, images.files, strict=True):
        np.testing.assert_array_equal(crop, PREPROCESSING.crop(Image.open(path)))


def test_no_images_are_no_batches(images: ImageSet) -> None:
    assert list(images.part(0, 0).batches(PREPROCESSING, 4)) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_a_file_that_cannot_be_read_is_named_when_its_batch_comes(
    tmp_path: Path, workers: int
) -> None:
    good = encoded(noise(0, 0))
    write_files(tmp_path, {f"{n}.png": good if n != 5 else good[:60] for n in range(12)})
    broken = ImageSet(tmp_path, pd.DataFrame({"path": [f"{n}.png" for n in range(12)]}))
    loaded = broken.batches(PREPROCESSING, 4, workers)
    assert len(next(loaded)[0]) == 4
    with pytest.raises(UndecodableImageError, match=r"5\.png"):
        next(loaded)


def test_a_daemonic_process_may_load_images(images: ImageSet) -> None:
    """As those of a pool are: it can have no processes of its own."""
    with get_context("spawn").Pool(1) as pool:
        asked = pool.apply_async(pixels_of, (images, PREPROCESSING))
        assert torch.equal(asked.get(timeout=120), one_by_one(images))
    pool.join()
