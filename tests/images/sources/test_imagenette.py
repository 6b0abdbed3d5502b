"""Imagenette: from the folder that is there, or fetched as torchvision publishes it."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from torchvision.datasets import Imagenette

from helpers.image_sources import found, pool_of
from helpers.own_images import encoded, noise, write_files
from helpers.params import complaint
from vital.artefacts.manifest import read_manifest
from vital.errors import DataError
from vital.images.prepare import prepare_images
from vital.images.sources.imagenette import SIZES, SYNSETS
from vital.images.splits import count_classes, listed_classes
from vital.networks.classes import ClassMap
from vital.params.base import check_block
from vital.params.data import DataParams

SOURCE, FOLDER = "torch/imagenette-160px", "imagenette2-160"
PER_CLASS = {"train": 1, "validation": 1, "heldout": 4}


def contents(synsets: tuple[str, ...] = SYNSETS) -> dict[str, bytes]:
    """What the archive holds, but for the number and size of the images."""
    files = {
        f"{split}/{synset}/{split}_{number}.JPEG": encoded(
            noise(place, number, width=12, height=10), "JPEG"
        )
        for split, count in (("train", 2), ("val", 5))
        for place, synset in enumerate(synsets)
        for number in range(count)
    }
    return {**files, "noisy_imagenette.csv": b"path,noisy_labels_0\n"}


def block(root: Path, **more: object) -> DataParams:
    splits = {"train": "train", "validation": "val", "heldout": "val"}
    given = {"source": SOURCE, "root": str(root), "splits": splits, "per_class": PER_CLASS}
    return check_block({**given, **more}, "data", DataParams)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small archive of the same layout, where torchvision looks for the real one."""
    write_files(tmp_path / "made" / FOLDER, contents())
    path = tmp_path / "served" / f"{FOLDER}.tgz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as file:
        file.add(tmp_path / "made" / FOLDER, FOLDER)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=path.parent)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        published = (f"http://localhost:{server.server_port}/{path.name}", md5)
        monkeypatch.setattr(Imagenette, "_ARCHIVES", {"160px": published})
        yield path
        server.shutdown()


def test_sizes_and_synsets_are_torchvisions() -> None:
    assert tuple(Imagenette._WNID_TO_CLASS) == SYNSETS
    for size in SIZES.values():
        url, _ = Imagenette._ARCHIVES[size.name]
        assert url.endswith(f"/{size.folder}.tgz")


def test_a_folder_that_is_there_is_read_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Imagenette, "_ARCHIVES", {})
    files = contents()
    write_files(tmp_path / FOLDER, files)
    for given, split in ((None, "train"), ("train", "train"), ("val", "val")):
        expected = {
            synset: [files[name] for name in files if name.startswith(f"{split}/{synset}/")]
            for synset in SYNSETS
        }
        assert found(pool_of(SOURCE, given, root=str(tmp_path))) == expected
    with pytest.raises(DataError, match="has no split 'test'"):
        pool_of(SOURCE, "test", root=str(tmp_path))


def test_it_is_prepared_with_the_names_that_imagenet_networks_know(tmp_path: Path) -> None:
    write_files(tmp_path / FOLDER, contents())
    assert prepare_images(tmp_path / "images", block(tmp_path), seed=0) == 10 * 6
    manifest = read_manifest(tmp_path / "images")
    known = ClassMap((), 1000)
    indices = {known.find(name) for name in manifest["class_name"]}
    assert indices == {0, 217, 482, 491, 497, 566, 569, 571, 574, 701}
    origins = {row.source.split("/")[0] for row in manifest.itertuples()}
    assert origins == {"train", "val"}


def test_a_folder_that_is_not_there_is_fetched_once(archive: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    first = found(pool_of(SOURCE, "val", root=str(root)))
    assert {name: len(shown) for name, shown in first.items()} == dict.fromkeys(SYNSETS, 5)
    assert [path.name for path in root.iterdir()] == [FOLDER], "no archive, nothing half done"
    archive.unlink()
    assert found(pool_of(SOURCE, "val", root=str(root))) == first


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_what_cannot_be_fetched_is_asked_for(archive: Path, tmp_path: Path, how: str) -> None:
    if how == "gone":
        archive.unlink()
    else:
        archive.write_bytes(archive.read_bytes()[:-9])
    root = tmp_path / "photos"
    asked = f"cannot be fetched \\(.+\\): put its folder {FOLDER} there"
    with pytest.raises(DataError, match=asked) as caught:
        pool_of(SOURCE, root=str(root))
    assert "\n" not in str(caught.value)
    assert list(root.iterdir()) == []


def test_its_classes_are_known_before_it_is_there(tmp_path: Path) -> None:
    nowhere = block(tmp_path / "nowhere")
    assert listed_classes(nowhere, tmp_path) == {synset: synset for synset in SYNSETS}
    assert count_classes(nowhere) == 10
    some = block(tmp_path, classes=["n01440764"], class_map={"n01440764": "tench"})
    assert listed_classes(some, tmp_path) == {"n01440764": "tench"}
    assert not (tmp_path / "nowhere").exists()


def test_the_classes_of_a_folder_that_is_there_are_its_own(tmp_path: Path) -> None:
    write_files(tmp_path / FOLDER, contents(SYNSETS[:3]))
    assert list(listed_classes(block(tmp_path), tmp_path) or ()) == list(SYNSETS[:3])
    with pytest.raises(DataError, match="has no split 'training'"):
        count_classes(block(tmp_path, splits={"train": "training"}))


def test_it_cannot_do_without_a_root() -> None:
    given = {"source": SOURCE, "per_class": PER_CLASS}
    assert "data.root is missing" in complaint(given, "data", DataParams)
    with pytest.raises(DataError, match=r"did you mean .*'imagenette"):
        pool_of("torch/imagenete", root="photos")
