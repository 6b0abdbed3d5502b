"""What the prepare stage writes: kept bytes, plain names, and a record of what is left out."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.files import files_below
from helpers.own_images import contents, encoded, noise, write_files
from helpers.prepared_images import NUMBERS, prepare, write_twelve
from vital.artefacts.manifest import read_skipped
from vital.errors import DataError
from vital.images.files import read_image
from vital.networks.classes import ClassMap, resolve_labels

log = logging.getLogger(__name__)

SEED = 1
"""With this one both broken files come up in the draw."""


def test_large_images_are_shrunk_without_loss_and_small_ones_kept(tmp_path: Path) -> None:
    files = {f"ant/{n}.jpg": encoded(noise(n, width=90, height=60), "JPEG") for n in range(8)}
    small = {"ant/8.jpg": encoded(noise(8, width=90, height=20), "JPEG")}
    photos = write_files(tmp_path / "photos", {**files, **small})
    for row in prepare(photos, tmp_path / "images", size=20).itertuples():
        written = tmp_path / "images" / row.path
        if row.source == "ant/8.jpg":
            assert written.read_bytes() == small[row.source]
            assert (row.width, row.height) == (90, 20)
        else:
            assert written.suffix == ".png"
            assert Image.open(written).size == (row.width, row.height) == (30, 20)
            shrunk = read_image(photos / row.source).resize((30, 20), Image.Resampling.BICUBIC)
            np.testing.assert_array_equal(np.asarray(Image.open(written)), np.asarray(shrunk))


def test_a_file_gets_the_ending_of_what_it_is(tmp_path: Path) -> None:
    kinds = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "GIF": ".gif"}
    files = {f"ant/{kind}-{n}.jpg": encoded(noise(n, 1), kind) for n in range(2) for kind in kinds}
    manifest = prepare(write_files(tmp_path / "photos", files), tmp_path / "images")
    for row in manifest.itertuples():
        assert Path(row.path).suffix == kinds[Path(row.source).name.partition("-")[0]]


def test_turned_images_have_the_size_that_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "photos" / "ant"
    folder.mkdir(parents=True)
    for number in range(9):
        image = noise(number, width=30, height=20)
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(folder / f"{number}.jpg", exif=exif)
    manifest = prepare(tmp_path / "photos", tmp_path / "images")
    assert set(zip(manifest["width"], manifest["height"], strict=True)) == {(20, 30)}


HOSTILE = (
    "<b>bold",
    "NA",
    "-1",
    "007",
    "猫 é",
    "$(rm -rf x)",
    "a\nb",
    "'quoted' \"twice\"",
    "x..",
)


def test_hostile_names_are_names(tmp_path: Path) -> None:
    photos = write_files(tmp_path / "photos", contents(HOSTILE, 9))
    manifest = prepare(photos, tmp_path / "images")
    assert set(manifest["class_name"]) == set(HOSTILE)
    assert all(
        set(path) <= set("abcdefghijklmnopqrstuvwxyz/0123456789.") for path in manifest["path"]
    )
    names = list(manifest.drop_duplicates("label").sort_values("label")["class_name"])
    resolved = resolve_labels(manifest, ClassMap(names, len(names)))
    assert resolved["label"].equals(manifest["label"])


def test_twelve_classes_one_unknown_one_empty_one_with_broken_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With ``pytest -rP`` the messages are shown."""
    twelve, images = write_twelve(tmp_path / "twelve"), tmp_path / "images"
    caplog.set_level(logging.INFO)
    with pytest.raises(DataError) as empty:
        prepare(twelve, images)
    log.info("prepare: %s", empty.value)
    assert str(empty.value) == (
        "too few images: data.per_class asks for 9 (4 heldout + 2 validation + 3 train) of each "
        "class, but\n  'seven' has no images\nask for fewer, or leave classes out (data.classes)"
    )

    (twelve / "seven").rmdir()
    manifest = prepare(twelve, images, seed=SEED)
    assert (manifest.groupby("class_name").size() == 9).all()
    skipped = read_skipped(images)
    assert set(skipped["source"]) == {"three/10.jpg", "three/11.jpg"}
    reasons = dict(zip(skipped["source"], skipped["reason"], strict=True))
    assert reasons["three/11.jpg"] == "not an image of a format that is read"
    assert reasons["three/10.jpg"].startswith("cannot be decoded (it is damaged")
    assert [f"{source} is left out: {reason}" for source, reason in reasons.items()] == [
        message for message in caplog.messages if "left out" in message
    ]

    known = ClassMap((*NUMBERS, "eleven"), 12)
    with pytest.raises(DataError) as unknown:
        resolve_labels(manifest, known)
    log.info("model: %s", unknown.value)
    lines = str(unknown.value).splitlines()
    assert lines[0] == "the network does not know 1 of the 11 classes of the images:"
    assert lines[1].startswith("  'elven': did you mean 'eleven' or")
    assert lines[2].startswith("its classes are 'zero', 'one',")
    assert "data.class_map: {'elven': 'eleven'}" in lines[3]
    mapped = prepare(twelve, tmp_path / "mapped", class_map={"elven": "eleven"})
    assert set(resolve_labels(mapped, known)["label"]) == {*range(12)} - {7}


def test_nothing_of_an_earlier_run_stays(tmp_path: Path) -> None:
    """DVC leaves the folder where it is, so that the stage alone can refuse before any loss."""
    source = write_files(tmp_path / "photos", contents())
    target = tmp_path / "images"
    write_files(target, {"train/099/0099.png": b"old", "notes/mine.txt": b"old"})
    listed = set(prepare(source, target)["path"])
    assert {name for name in files_below(target) if name.endswith((".png", ".txt"))} == listed
