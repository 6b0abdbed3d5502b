"""Data sets of torchvision on local files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from helpers.own_images import (
    write_files,
    write_mnist,
)
from helpers.sources import found, pool_of
from vital.artefacts.manifest import read_manifest
from vital.errors import DataError
from vital.images.prepare import prepare_images
from vital.params.base import check_block
from vital.params.data import DataParams

COUNTS = {"train": 3, "validation": 1, "heldout": 4}


@pytest.mark.parametrize(("name", "place"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_mnist_from_local_files(tmp_path: Path, name: str, place: str) -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 28, 28))
    write_mnist(tmp_path, images, np.arange(30) % 10, place)
    classes = found(pool_of(f"torch/{name}", root=str(tmp_path)))
    assert len(classes) == 10
    for label, shown in enumerate(classes.values()):
        np.testing.assert_array_equal([np.asarray(one) for one in shown], images[label::10])


def test_mnist_is_prepared_without_loss(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (20, 28, 28))
    write_mnist(tmp_path, images, np.full(20, 3))
    block = {"source": "torch/mnist", "root": str(tmp_path), "classes": ["3 - three"]}
    block["class_map"] = {"3 - three": 3}
    params = check_block({**block, "per_class": COUNTS}, "data", DataParams)
    prepare_images(tmp_path / "images", params, seed=0)
    manifest = read_manifest(tmp_path / "images")
    assert set(manifest["class_name"]) == {"3"}
    for row in manifest.itertuples():
        number = int(row.source.partition("/")[2])
        written = np.asarray(Image.open(tmp_path / "images" / row.path))
        np.testing.assert_array_equal(written, np.stack([images[number]] * 3, axis=2))


def test_cifar_from_local_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import pickle

    pixels = np.random.default_rng(0).integers(0, 255, (4, 3072), np.uint8)
    content = {
        "batch": pickle.dumps({"data": pixels, "labels": [3, 5, 3, 9]}),
        "batches.meta": pickle.dumps({"label_names": [f"name {i}" for i in range(10)]}),
    }
    write_files(tmp_path / CIFAR10.base_folder, content)
    sums = {name: hashlib.md5(data).hexdigest() for name, data in content.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [["batch", sums["batch"]]])
    monkeypatch.setattr(CIFAR10, "test_list", [])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": sums["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    classes = found(pool_of("torch/CIFAR10", root=str(tmp_path)))
    assert {name: len(shown) for name, shown in classes.items() if shown} == {
        "name 3": 2, "name 5": 1, "name 9": 1,
    }  # fmt: skip
    expected = pixels[1].reshape(3, 32, 32).transpose(1, 2, 0)
    np.testing.assert_array_equal(np.asarray(classes["name 5"][0]), expected)


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        ("mnist", None, "mnist cannot be read from .*put its files there"),
        ("cifar10", "tset", r"no split 'tset'; did you mean 'test'"),
        ("cifar11", None, r"no data set 'torch/cifar11'; did you mean 'cifar10'"),
        ("imagenet", None, "imagenet cannot be read"),
    ],
)
def test_torchvision_that_cannot_be_used(
    tmp_path: Path, name: str, split: str | None, expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        pool_of(f"torch/{name}", split, root=str(tmp_path))
