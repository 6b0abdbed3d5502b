"""The embedded source: regions that do not overlap, and crops that repeat."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from vital.artefacts.manifest import SPLITS, read_manifest, read_skipped
from vital.errors import ParamsError
from vital.images.photographs import PHOTOGRAPHS, Box, Photograph, cut
from vital.images.prepare import prepare_images
from vital.params.base import check_block
from vital.params.data import DataParams
from vital.runtime.files import digest_file

COUNTS = {"train": 6, "validation": 4, "heldout": 4}


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_regions_of_different_splits_do_not_overlap(name: str) -> None:
    source = PHOTOGRAPHS[name]
    width, height = source.open().size
    for first, second in combinations(SPLITS, 2):
        for box in source.regions(first):
            assert not any(overlap(box, other) for other in source.regions(second))
    for box in (box for split in SPLITS for box in source.regions(split)):
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= height


def test_crops_take_no_pixel_of_another_split(monkeypatch: pytest.MonkeyPatch) -> None:
    colours = {"train": (255, 0, 0), "validation": (0, 255, 0), "heldout": (0, 0, 255)}

    def painted(source: Photograph) -> Image.Image:
        picture = Image.new("RGB", (2000, 2000), "white")
        for split, colour in colours.items():
            for box in source.regions(split):
                picture.paste(colour, box)
        return picture

    monkeypatch.setattr(Photograph, "open", painted)
    for crop in cut(list(PHOTOGRAPHS), COUNTS, 16, seed=0):
        assert crop.image.getcolors() == [(256, colours[crop.split])], crop.class_name


def params(**changes: object) -> DataParams:
    block = {"source": "photographs", "size": 24, "per_class": COUNTS, "classes": ["cat", "coins"]}
    return check_block({**block, **changes}, "data", DataParams)


def test_the_manifest_says_what_there_is(tmp_path: Path) -> None:
    assert prepare_images(tmp_path / "images", params(), seed=0) == 28
    manifest = read_manifest(tmp_path / "images")
    assert manifest.groupby(["split", "class_name"]).size().to_dict() == {
        (split, name): COUNTS[split] for split in COUNTS for name in ("cat", "coins")
    }
    for row in manifest.itertuples():
        path = tmp_path / "images" / row.path
        assert digest_file(path) == row.sha256
        assert Image.open(path).size == (row.width, row.height) == (24, 24)


def test_images_repeat_with_the_seed_and_do_not_depend_on_other_classes(tmp_path: Path) -> None:
    prepare_images(tmp_path / "one", params(), seed=0)
    prepare_images(tmp_path / "two", params(), seed=0)
    prepare_images(tmp_path / "cat", params(classes=["cat"]), seed=0)
    prepare_images(tmp_path / "other", params(), seed=1)
    tables = {path.name: read_manifest(path) for path in tmp_path.iterdir()}
    digests = {
        name: set(table[table["class_name"] == "cat"]["sha256"]) for name, table in tables.items()
    }
    assert digests["one"] == digests["two"] == digests["cat"]
    assert not digests["one"] & digests["other"]
    one, two = (tmp_path / name / "manifest.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_an_unknown_photograph_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"no class 'coin'; did you mean 'coins'"):
        prepare_images(tmp_path / "images", params(classes=["coin"]), seed=0)
    assert not list(tmp_path.iterdir())


def test_photographs_can_be_given_the_names_of_a_network(tmp_path: Path) -> None:
    prepare_images(tmp_path / "images", params(class_map={"cat": "tabby"}), seed=0)
    manifest = read_manifest(tmp_path / "images")
    assert set(manifest["class_name"]) == {"tabby", "coins"}
    assert set(manifest["source"]) == {"skimage/chelsea.png", "skimage/coins.png"}
    assert read_skipped(tmp_path / "images").empty


def test_crops_are_written_without_loss(tmp_path: Path) -> None:
    prepare_images(tmp_path / "images", params(), seed=0)
    for crop in cut(["coins", "cat"], COUNTS, 24, seed=0):
        path = tmp_path / "images" / crop.split / f"{crop.label:03d}" / f"{crop.number:04d}.png"
        assert Image.open(path).tobytes() == crop.image.tobytes()
