"""What the prepare stage takes from a source: disjoint splits, kept bytes, and clear refusals."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import save_file

from helpers.own_images import broken_files, contents, encoded, noise, write_files
from helpers.small_networks import redraw
from vital.artefacts.manifest import SPLITS, read_manifest, read_skipped
from vital.errors import DataError, ParamsError
from vital.images.files import read_image
from vital.images.image_set import ImageSet
from vital.images.prepare import prepare_images
from vital.images.splits import count_classes
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.make import make_model
from vital.networks.model import build_network
from vital.params.base import check_block
from vital.params.data import DataParams
from vital.params.model import ModelParams

log = logging.getLogger(__name__)

COUNTS = {"train": 3, "validation": 2, "heldout": 4}
CLASSES = ("ant", "bee", "cow")


def params(source: Path | str, **changes: object) -> DataParams:
    block = {"source": str(source), "per_class": COUNTS, **changes}
    return check_block(block, "data", DataParams)


def prepare(source: Path, target: Path, seed: int = 0, **changes: object) -> pd.DataFrame:
    prepare_images(target, params(source, **changes), seed)
    return read_manifest(target)


def taken(manifest: pd.DataFrame) -> dict[str, list[str]]:
    """Where the images of each split came from."""
    return {split: sorted(manifest[manifest["split"] == split]["source"]) for split in SPLITS}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_files(tmp_path / "photos", contents(CLASSES, 14))


def test_splits_of_one_pool_have_nothing_in_common(photos: Path, tmp_path: Path) -> None:
    manifest = prepare(photos, tmp_path / "images")
    assert manifest.groupby(["split", "class_name"]).size().to_dict() == {
        (split, name): count for split, count in COUNTS.items() for name in CLASSES
    }
    assert not manifest["source"].duplicated().any()
    assert not manifest["sha256"].duplicated().any()
    for row in manifest.itertuples():
        assert (tmp_path / "images" / row.path).read_bytes() == (photos / row.source).read_bytes()


def test_copies_of_a_file_are_one_image(tmp_path: Path) -> None:
    files = contents(("ant",), 9)
    copies = {name.replace(".png", "-copy.png"): content for name, content in files.items()}
    write_files(tmp_path / "photos", {**files, **copies})
    manifest = prepare(tmp_path / "photos", tmp_path / "images")
    assert not manifest["sha256"].duplicated().any()
    assert len(read_skipped(tmp_path / "images")) > 0


def test_more_references_leave_the_other_splits_alone(photos: Path, tmp_path: Path) -> None:
    few = taken(prepare(photos, tmp_path / "few"))
    many = taken(prepare(photos, tmp_path / "many", per_class={**COUNTS, "train": 8}))
    assert many["heldout"] == few["heldout"]
    assert many["validation"] == few["validation"]
    assert set(few["train"]) < set(many["train"])


def test_a_draw_depends_on_the_seed_and_on_no_other_class(photos: Path, tmp_path: Path) -> None:
    every = prepare(photos, tmp_path / "every")
    alone = prepare(photos, tmp_path / "alone", classes=["cow"])
    other = prepare(photos, tmp_path / "other", seed=1, classes=["cow"])
    assert taken(every[every["class_name"] == "cow"]) == taken(alone)
    assert taken(other) != taken(alone)
    assert set(alone["label"]) == {0}


def test_splits_of_the_source_are_used_as_told(tmp_path: Path) -> None:
    for split, count in (("train", 9), ("val", 5)):
        files = {
            f"{split}/{name}/{n}.png": encoded(noise(n, place, count))
            for place, name in enumerate(CLASSES)
            for n in range(count)
        }
        write_files(tmp_path / "photos", files)
    splits = {"train": "train", "heldout": "val"}
    sources = taken(prepare(tmp_path / "photos", tmp_path / "images", splits=splits))
    assert {source.partition("/")[0] for source in sources["heldout"]} == {"val"}
    for split in ("train", "validation"):
        assert {source.partition("/")[0] for source in sources[split]} == {"train"}
    assert not set(sources["train"]) & set(sources["validation"])


def test_a_class_that_one_split_lacks(tmp_path: Path) -> None:
    write_files(tmp_path / "photos" / "train", contents(("ant", "bee"), 9))
    write_files(tmp_path / "photos" / "val", contents(("ant", "extra"), 9))
    splits = {"train": "train", "heldout": "val"}
    expected = r"too few images in the split 'val'.*4 heldout of each.*\n  'bee' has no images\n"
    with pytest.raises(DataError, match=expected):
        prepare(tmp_path / "photos", tmp_path / "images", splits=splits)
    images = tmp_path / "images"
    manifest = prepare(tmp_path / "photos", images, splits=splits, classes=["ant"])
    assert set(manifest["class_name"]) == {"ant"}


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


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        (
            {"classes": ["bea"]},
            ParamsError,
            r"data\.classes: .* no class 'bea'; did you mean 'bee'",
        ),
        (
            {"class_map": {"aunt": 3}},
            ParamsError,
            r"data\.class_map: .* 'aunt'; did you mean 'ant'",
        ),
        ({"class_map": {"ant": "bee"}}, ParamsError, "'ant' and 'bee' would both be 'bee'"),
        ({"splits": {"train": "nope"}}, DataError, "has no split 'nope'"),
        (
            {"per_class": {"train": 9, "validation": 2, "heldout": 4}},
            DataError,
            r"asks for 15 \(4 heldout \+ 2 validation \+ 9 train\) of each class, but\n"
            r"  'ant' has 14\n  'bee' has 14\n  'cow' has 14\n",
        ),
    ],
)
def test_what_the_source_does_not_have_is_named(
    photos: Path, tmp_path: Path, changes: dict[str, object], error: type[Exception], expected: str
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "kept").touch()
    with pytest.raises(error, match=expected):
        prepare(photos, tmp_path / "images", **changes)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["kept"]


def test_too_few_readable_images_are_counted_and_named(tmp_path: Path) -> None:
    files = {**contents(("ant",), 7), **{f"ant/{k}": v for k, v in broken_files().items()}}
    photos = write_files(tmp_path / "photos", files)
    with pytest.raises(DataError) as caught:
        prepare(photos, tmp_path / "images")
    message = str(caught.value)
    assert (
        "class 'ant' has 11 images, of which 7 can be used, but data.per_class asks for 9"
        in message
    )
    for name in broken_files():
        assert f"\n  ant/{name}: " in message


def test_classes_are_counted_without_reading(photos: Path, tmp_path: Path) -> None:
    assert count_classes(params(photos)) == 3
    assert count_classes(params(photos, classes=["ant"])) == 1
    assert count_classes(params("photographs", size=16)) == 12
    (tmp_path / "a.tar").touch()
    with pytest.raises(ParamsError, match=r"data\.classes: name them"):
        count_classes(params(f"wds/{tmp_path}"))


# A folder of twelve classes, of which one is unknown to the network, one is empty, and one has two
# broken files. With `pytest -rP` the messages are shown.

SEED = 1
"""With this one both broken files come up in the draw."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@pytest.fixture
def twelve(tmp_path: Path) -> Path:
    files = contents((*NUMBERS, "elven"), 9)
    files = {name: content for name, content in files.items() if not name.startswith("seven/")}
    broken = broken_files()
    files["three/10.jpg"] = broken["truncated.jpg"]
    files["three/11.jpg"] = broken["text.jpg"]
    folder = write_files(tmp_path / "twelve", files)
    (folder / "seven").mkdir()
    return folder


def test_twelve_classes_one_unknown_one_empty_one_with_broken_files(
    twelve: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = tmp_path / "images"
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
    assert reasons["three/11.jpg"] == "not an image"
    assert reasons["three/10.jpg"].startswith("cannot be decoded (image file is truncated")
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


def test_the_model_stage_refuses_classes_that_it_cannot_place(twelve: Path, tmp_path: Path) -> None:
    (twelve / "seven").rmdir()
    images = ImageSet(tmp_path / "images", prepare(twelve, tmp_path / "images"))
    kwargs = {"channels": [8, 8, 8, 8], "num_classes": 12}
    weights = redraw(build_network("timm/resnet10t", kwargs), seed=1).state_dict()
    save_file(weights, tmp_path / "tiny.safetensors")
    block = {
        "name": "timm/resnet10t",
        "kwargs": kwargs,
        "checkpoint": str(tmp_path / "tiny.safetensors"),
    }
    model = check_block(block, "model", ModelParams)
    with pytest.raises(DataError, match="does not know 11 of the 11 classes"):
        make_model(tmp_path / "model", images, model, 0)
    assert not (tmp_path / "model").exists()
