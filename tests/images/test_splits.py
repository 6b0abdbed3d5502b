"""Which images of a source make up the splits: disjoint, and refused where there are too few."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.own_images import broken_files, contents, encoded, noise, write_files
from helpers.prepared_images import COUNTS, data_params, prepare
from vital.artefacts.manifest import SPLITS, read_skipped
from vital.errors import DataError, ParamsError
from vital.images.splits import count_classes

CLASSES = ("ant", "bee", "cow")


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
    assert count_classes(data_params(photos)) == 3
    assert count_classes(data_params(photos, classes=["ant"])) == 1
    assert count_classes(data_params("photographs", size=16)) == 12
    (tmp_path / "a.tar").touch()
    with pytest.raises(ParamsError, match=r"data\.classes: name them"):
        count_classes(data_params(f"wds/{tmp_path}"))
