"""Small images on disk in every layout that a source may have."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cow")
PER_CLASS = 9


def noise(*seed: int, width: int = 12, height: int = 10) -> Image.Image:
    """An image unlike any of another seed."""
    draws = np.random.default_rng(seed)
    return Image.fromarray(draws.integers(0, 255, (height, width, 3), np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The image as a file's content."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind)
    return buffer.getvalue()


def contents(classes: tuple[str, ...] = CLASSES, count: int = PER_CLASS) -> dict[str, bytes]:
    """Files as ``class/number.png``, each another image."""
    return {
        f"{name}/{number}.png": encoded(noise(place, number))
        for place, name in enumerate(classes)
        for number in range(count)
    }


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder, which is returned."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a tar, whose path is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_shards(folder: Path, files: Mapping[str, bytes], labels: str = "cls") -> Path:
    """Write files as two WebDataset shards; labels in ``.cls`` files, or as ``name`` in ``.json``.

    A file's class is its folder, by its number among CLASSES where the label is a ``.cls`` file.
    """
    samples = []
    for key, (name, content) in enumerate(files.items()):
        class_name = name.partition("/")[0]
        label = (
            str(CLASSES.index(class_name)) if labels == "cls" else json.dumps({"name": class_name})
        )
        ending = Path(name).suffix.lstrip(".")
        samples.append({f"{key:04d}.{ending}": content, f"{key:04d}.{labels}": label.encode()})
    for shard, part in enumerate((samples[::2], samples[1::2])):
        merged = {name: content for sample in part for name, content in sample.items()}
        write_tar(folder / f"part-{shard}.tar", merged)
    return folder


def write_mnist(root: Path, images: np.ndarray, labels: np.ndarray, dataset: str = "MNIST") -> Path:
    """Write (N, 28, 28) bytes and (N,) labels as the train split of an MNIST-like data set."""
    folder = root / dataset / "raw"
    folder.mkdir(parents=True)
    header = np.array([0x0803, *images.shape], ">i4").tobytes()
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.astype(np.uint8).tobytes())
    header = np.array([0x0801, len(labels)], ">i4").tobytes()
    (folder / "train-labels-idx1-ubyte").write_bytes(header + labels.astype(np.uint8).tobytes())
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / name).touch()
    return root


def broken_files() -> dict[str, bytes]:
    """Files that are called images and are none, by what is wrong with them."""
    whole = encoded(noise(99, width=64, height=64), "JPEG")
    return {
        "truncated.jpg": whole[: len(whole) // 2],
        "text.jpg": b"this is no image",
        "empty.png": b"",
        "head.png": encoded(noise(98))[:40],
    }
