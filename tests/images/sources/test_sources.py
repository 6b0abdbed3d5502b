"""Every source on local files: what it finds, and what it says when it cannot."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from timm.data.readers import get_img_extensions
from torchvision.datasets import CIFAR10

from helpers.own_images import (
    CLASSES,
    PER_CLASS,
    broken_files,
    contents,
    encoded,
    noise,
    write_files,
    write_mnist,
    write_shards,
    write_tar,
)
from vital.artefacts.manifest import read_manifest, read_skipped
from vital.errors import DataError
from vital.images.prepare import prepare_images
from vital.images.sampling import Sample, sample_images
from vital.images.sources import open_pool
from vital.images.sources.base import IndexedPool, StreamedPool
from vital.params.base import check_block
from vital.params.data import DataParams, ReferenceParams

datasets = pytest.importorskip("datasets")
pytest.importorskip("webdataset")

COUNTS = {"train": 3, "validation": 1, "heldout": 4}
FILES = contents()


@pytest.fixture(autouse=True)
def _stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache outside of the test, and no attempt to reach a hub."""
    for name in ("HF_CACHE_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setattr(f"datasets.config.{name}", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def pool_of(
    source: object, split: str | None = None, **options: object
) -> IndexedPool | StreamedPool:
    return open_pool(check_block({"source": source, **options}, "t", ReferenceParams), split)


def found(pool: IndexedPool | StreamedPool) -> dict[str, list[bytes | Image.Image]]:
    """The content of all images by class, in the order of the pool."""
    if isinstance(pool, IndexedPool):
        return {
            name: [pool.candidate(place).read() for place in places]
            for name, places in pool.members.items()
        }
    classes: dict[str, list[bytes | Image.Image]] = {}
    for name, candidate in pool.stream():
        classes.setdefault(name, []).append(candidate.read())
    return classes


EXPECTED = {
    name: [FILES[f"{name}/{number}.png"] for number in range(PER_CLASS)] for name in CLASSES
}


def write_parquet_dataset(folder: Path, files: dict[str, bytes], image: str, label: str) -> Path:
    """Write files as the Parquet of a Hugging Face data set with named classes."""
    features = datasets.Features(
        {image: datasets.Image(), label: datasets.ClassLabel(names=list(CLASSES))}
    )
    rows = {
        image: [{"bytes": content, "path": None} for content in files.values()],
        label: [name.partition("/")[0] for name in files],
    }
    folder.mkdir(parents=True)
    table = datasets.Dataset.from_dict(rows, features=features)
    table.to_parquet(folder / "train-00000-of-00001.parquet")
    return folder


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
        return path
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def folder(root: Path) -> dict[str, object]:
    return {"source": str(write_files(root / "photos", FILES))}


def tar(root: Path) -> dict[str, object]:
    return {"source": str(write_tar(root / "photos.tar", FILES))}


def tar_of_tars(root: Path) -> dict[str, object]:
    inner = {
        f"{name}.tar": write_tar(
            root / f"{name}.tar", {f"{i}.png": content for i, content in enumerate(EXPECTED[name])}
        ).read_bytes()
        for name in CLASSES
    }
    return {"source": str(write_tar(root / "outer" / "photos.tar", inner))}


def csv_table(root: Path) -> dict[str, object]:
    write_files(root / "photos", FILES)
    rows = [{"path": f"photos/{name}", "label": name.partition("/")[0]} for name in FILES]
    return {"source": str(write_table(root / "images.csv", rows))}


def parquet_table(root: Path) -> dict[str, object]:
    write_files(root / "photos", FILES)
    rows = [{"file": name, "class": name.partition("/")[0]} for name in FILES]
    table = write_table(root / "elsewhere" / "images.parquet", rows)
    columns = {"image": "file", "label": "class"}
    return {"source": str(table), "root": str(root / "photos"), "columns": columns}


def torch_folder(root: Path) -> dict[str, object]:
    return {"source": "torch/image_folder", "root": str(write_files(root / "photos", FILES))}


def torch_imagenet(root: Path) -> dict[str, object]:
    write_files(root / "train", FILES)
    meta = {name: (f"the {name}", "an animal") for name in CLASSES}, ["n"]
    torch.save(meta, root / "meta.bin")
    return {"source": "torch/imagenet", "root": str(root)}


def hfds_folder(root: Path) -> dict[str, object]:
    return {"source": f"hfds/{write_files(root / 'photos', FILES)}"}


def hfds_parquet(root: Path) -> dict[str, object]:
    path = write_parquet_dataset(root / "dataset", FILES, "img", "fine_label")
    return {"source": f"hfds/{path}", "columns": {"image": "img", "label": "fine_label"}}


def hfids_parquet(root: Path) -> dict[str, object]:
    path = write_parquet_dataset(root / "dataset", FILES, "image", "label")
    return {"source": f"HFIDS/{path}", "root": str(root / "cache")}


def hfids_folder(root: Path) -> dict[str, object]:
    return {"source": f"hfids/{write_files(root / 'photos', FILES)}"}


def wds(root: Path) -> dict[str, object]:
    shards = write_shards(root / "shards", FILES, "json")
    return {"source": f"wds/{shards}", "columns": {"label": "name"}}


LAYOUTS = (
    folder, tar, tar_of_tars, csv_table, parquet_table, torch_folder, torch_imagenet, hfds_folder,
    hfds_parquet, hfids_parquet, hfids_folder, wds,
)  # fmt: skip
Layout = Callable[[Path], dict[str, object]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images(layout: Layout, tmp_path: Path) -> None:
    classes = found(pool_of(**layout(tmp_path)))
    assert list(classes) == list(CLASSES)
    for name, expected in EXPECTED.items():
        assert sorted(classes[name]) == sorted(expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_prepared(layout: Layout, tmp_path: Path) -> None:
    block = {**layout(tmp_path), "per_class": COUNTS, "classes": ["bee", "cow"]}
    params = check_block(block, "data", DataParams)
    images = tmp_path / "prepared"
    assert prepare_images(images, params, seed=0) == 2 * 8
    manifest = read_manifest(images)
    assert manifest.groupby(["split", "class_name"]).size().to_dict() == {
        (split, name): count for split, count in COUNTS.items() for name in ("bee", "cow")
    }
    assert not manifest["sha256"].duplicated().any()
    for row in manifest.itertuples():
        assert (images / row.path).read_bytes() in EXPECTED[row.class_name]
        assert not Path(row.source).is_absolute()
        assert str(tmp_path) not in row.source
    assert not manifest.duplicated(["class_name", "source"]).any()
    again = tmp_path / "again"
    prepare_images(again, params, seed=0)
    assert read_manifest(again).equals(manifest)


@pytest.mark.parametrize("layout", [hfds_parquet, hfids_parquet])
def test_whole_and_streamed_give_one_draw(layout: Layout, tmp_path: Path) -> None:
    draw = sample_images(pool_of(**layout(tmp_path)), 4, 0, "test")
    plain = sample_images(pool_of(**folder(tmp_path / "other")), 4, 0, "test")
    assert _contents(draw) == _contents(plain)


def _contents(sample: Sample) -> dict[str, list[bytes]]:
    return {
        one.class_name: [image.encoded.content for image in one.images] for one in sample.classes
    }


def with_broken(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, **{f"bee/{name}": data for name, data in broken_files().items()}}


BROKEN_LAYOUTS: dict[str, Layout] = {
    "folder": lambda root: {"source": str(write_files(root / "photos", with_broken(FILES)))},
    "tar": lambda root: {"source": str(write_tar(root / "a.tar", with_broken(FILES)))},
    "hfds": lambda root: {
        "source": f"hfds/{write_parquet_dataset(root / 'd', with_broken(FILES), 'image', 'label')}"
    },
    "hfids": lambda root: {
        "source": f"hfids/{write_parquet_dataset(root / 'd', with_broken(FILES), 'image', 'label')}"
    },
    "wds": lambda root: {
        "source": f"wds/{write_shards(root / 'd', with_broken(FILES))}",
        "class_map": {"1": "bee"},
    },
}


@pytest.mark.parametrize("kind", BROKEN_LAYOUTS)
def test_broken_images_are_replaced_and_reported(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = {"train": 4, "validation": 1, "heldout": 4}  # every whole image of the class
    bee = "1" if kind == "wds" else "bee"
    block = {**BROKEN_LAYOUTS[kind](tmp_path), "per_class": counts, "classes": [bee]}
    prepare_images(tmp_path / "images", check_block(block, "data", DataParams), seed=0)
    written = {
        (tmp_path / "images" / path).read_bytes()
        for path in read_manifest(tmp_path / "images")["path"]
    }
    assert written == set(EXPECTED["bee"])
    skipped = read_skipped(tmp_path / "images")
    assert 1 <= len(skipped) <= 4
    for row in skipped.itertuples():
        assert row.class_name == bee
        assert row.reason.startswith(("not an image", "cannot be decoded"))
        assert f"{row.source} is left out: {row.reason}" in caplog.messages


# Folders


def test_folders_are_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    names = ["10", "9", "b2", "B10", "a"]
    write_files(tmp_path, {f"{name}/x.png": encoded(noise(1)) for name in names})
    pool = pool_of(tmp_path)
    assert list(pool.members) == ["9", "10", "a", "b2", "B10"]


def test_images_of_nested_folders_are_of_the_first(tmp_path: Path) -> None:
    files = {
        "cat/day/1.PNG": b"1",
        "cat/night/2.jpeg": b"2",
        "cat/notes.txt": b"",
        "dog/3.webp": b"",
    }
    write_files(tmp_path, files)
    pool = pool_of(tmp_path)
    assert {name: len(places) for name, places in pool.members.items()} == {"cat": 2, "dog": 1}
    assert pool.candidate(0).origin == "cat/day/1.PNG"


def test_what_belongs_to_no_class_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"stray.png": b"", "cat/1.png": b"1", ".git/2.png": b"", "cat/.thumbs/3.png": b""}
    write_files(tmp_path, files)
    assert found(pool_of(tmp_path)) == {"cat": [b"1"]}
    assert "1 images lie in no folder of a class" in caplog.text


def test_a_split_is_a_subfolder(tmp_path: Path) -> None:
    write_files(tmp_path, {"train/cat/1.png": b"1", "val/cat/2.png": b"2"})
    assert found(pool_of(tmp_path, "val")) == {"cat": [b"2"]}
    with pytest.raises(DataError, match=r"no split 'vall'; did you mean 'val'"):
        pool_of(tmp_path, "vall")
    with pytest.raises(DataError, match="no split"):
        pool_of(tmp_path / "train", "..")
    with pytest.raises(
        DataError, match=r"holds the splits train, val and no classes.*data\.splits"
    ):
        pool_of(tmp_path)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        pool_of(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no subfolders; it needs one for each class"):
        pool_of(tmp_path)


def test_names_that_are_not_unicode_are_legible(tmp_path: Path) -> None:
    write_files(tmp_path, {os.fsdecode(b"caf\xe9/\xff.png"): b"1"})
    pool = pool_of(tmp_path)
    assert found(pool) == {"caf\\xe9": [b"1"]}
    assert pool.candidate(0).origin == "caf\\xe9/\\xff.png"


# Tars


def test_a_tar_gives_every_kind_of_image_and_leaves_timm_alone(tmp_path: Path) -> None:
    before = get_img_extensions()
    pool = pool_of(write_tar(tmp_path / "a.tar", {"cat/1.webp": b"1", "cat/2.png": b"2"}))
    assert found(pool) == {"cat": [b"1", b"2"]}
    assert get_img_extensions() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_tars_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DataError, match="does not exist"):
        pool_of(tmp_path / "none.tar")
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(DataError, match=r"text\.tar holds no images, or is damaged"):
        pool_of(tmp_path / "text.tar")
    write_tar(tmp_path / "flat.tar", {"1.png": b"1", "cat/2.png": b"2"})
    assert found(pool_of(tmp_path / "flat.tar")) == {"cat": [b"2"]}
    assert "1 images lie in no folder" in caplog.text
    with pytest.raises(DataError, match="a tar has none"):
        pool_of(tmp_path / "flat.tar", "train")


# Tables


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_are_names_whatever_they_look_like(tmp_path: Path, ending: str) -> None:
    labels = ["NA", "007", "1e3", "<b>", "../x", "ü,\n猫"]
    rows = [{"path": f"{i}.png", "label": label} for i, label in enumerate(labels)]
    pool = pool_of(write_table(tmp_path / f"t.{ending}", rows))
    assert set(pool.members) == set(labels)


def test_labels_of_a_parquet_table_may_be_numbers(tmp_path: Path) -> None:
    rows = [{"path": f"{i}.png", "label": label} for i, label in enumerate([10, 9, 10])]
    assert pool_of(write_table(tmp_path / "t.parquet", rows)).members == {"9": [1], "10": [0, 2]}


def test_a_table_has_the_splits_of_its_column(tmp_path: Path) -> None:
    rows = [
        {"path": f"{i}.png", "label": "a", "split": split}
        for i, split in enumerate(["x", "y", "x"])
    ]
    path = write_table(tmp_path / "t.csv", rows)
    pool = pool_of(path, "x")
    assert [pool.candidate(place).origin for place in pool.members["a"]] == ["0.png", "2.png"]
    with pytest.raises(DataError, match=r"no split 'z'; legal here: 'x', 'y'"):
        pool_of(path, "z")


@pytest.mark.parametrize("hostile", ["../secret.png", "/etc/hostname", "a/../../secret.png"])
def test_a_table_cannot_lead_out_of_its_folder(tmp_path: Path, hostile: str) -> None:
    (tmp_path / "secret.png").write_bytes(encoded(noise(1)))
    path = write_table(tmp_path / "inner" / "t.csv", [{"path": hostile, "label": "a"}])
    with pytest.raises(DataError, match="does not lie in"):
        pool_of(path)
    with pytest.raises(DataError, match="does not lie in"):
        pool_of(path, root=str(tmp_path / "inner"))


def test_absolute_paths_are_taken_within_a_root_that_was_given(tmp_path: Path) -> None:
    write_files(tmp_path / "photos", {"cat/1.png": b"1"})
    rows = [{"path": str(tmp_path / "photos" / "cat" / "1.png"), "label": "cat"}]
    path = write_table(tmp_path / "tables" / "t.csv", rows)
    pool = pool_of(path, root=str(tmp_path / "photos"))
    assert found(pool) == {"cat": [b"1"]}
    assert pool.candidate(0).origin == "cat/1.png"
    with pytest.raises(DataError, match="does not lie in"):
        pool_of(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file,label\na.png,x\n", r"no column 'path'; legal here: 'file', 'label'"),
        ("path,lable\na.png,x\n", r"no column 'label'; did you mean 'lable'"),
        ("path,label\na.png,x\nb.png,\n", "row 2 has no label"),
        ("path,label\n,x\n", "row 1 has no path"),
        ("path,label\na,b.png,x\n", "row 1 has 3 values for 2 columns"),
        ("", "no column 'path'"),
        ('path,label\n"a.png,x\n', "not a table that can be read"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected):
        pool_of(tmp_path / "t.csv")


def test_tables_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        pool_of(tmp_path / "none.csv")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="not a table that can be read"):
        pool_of(tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_bytes(b"path,label\n\xff.png,x\n")
    with pytest.raises(DataError, match="not a table that can be read"):
        pool_of(tmp_path / "t.csv")


def test_a_byte_order_mark_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("\ufeffpath,label\r\n\r\na.png,x\r\n".encode())
    assert pool_of(tmp_path / "t.csv").members == {"x": [0]}


# Torchvision


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


# Hugging Face


@pytest.mark.parametrize("kind", ["hfds", "hfids"])
def test_hugging_face_that_cannot_be_used(tmp_path: Path, kind: str) -> None:
    path = write_parquet_dataset(tmp_path / "d", contents(count=1), "img", "label")
    with pytest.raises(DataError, match=r"no column 'image' \(data\.columns\); did you mean 'img'"):
        pool_of(f"{kind}/{path}")
    columns = {"columns": {"image": "img"}}
    with pytest.raises(DataError, match="split 'nope'"):
        pool_of(f"{kind}/{path}", "nope", **columns)
    with pytest.raises(DataError, match=r"cannot be read at split 'train'.*is its path right"):
        pool_of(f"{kind}/{tmp_path}/nowhere")


@pytest.mark.parametrize("kind", ["hfds", "hfids"])
def test_rows_cannot_name_files_outside_of_the_data_set(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(noise(1)))
    (tmp_path / "d").mkdir()
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    rows = {
        "image": [
            {"bytes": None, "path": str(secret)},
            {"bytes": None, "path": f"{tmp_path}/d/../secret.png"},
            {"bytes": None, "path": "https://example.org/a.png"},
            None,
        ],
        "label": ["a"] * 4,
    }
    table = pa.Table.from_pydict(rows, schema=features.arrow_schema)
    pq.write_table(table, tmp_path / "d" / "train.parquet")
    (drawn,) = sample_images(pool_of(f"{kind}/{tmp_path / 'd'}"), 4, 0, "test").classes
    assert drawn.images == []
    assert sorted(one.reason for one in drawn.skipped) == [
        *["its file lies outside of the data set"] * 3, "there is no image in this row",
    ]  # fmt: skip


def test_labels_without_names_are_numbers(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    cell = {"bytes": encoded(noise(1)), "path": None}
    rows = {"image": [cell] * 3, "label": [7, 10, 7]}
    (tmp_path / "d").mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d/train.parquet")
    assert pool_of(f"hfds/{tmp_path / 'd'}").members == {"7": [0, 2], "10": [1]}


# WebDataset


def test_shards_have_the_splits_of_their_info_file(tmp_path: Path) -> None:
    write_shards(tmp_path, FILES)
    splits = {
        name: {"name": name, "filenames": [f"part-{i}.tar"], "shard_lengths": [1], "num_samples": 1}
        for i, name in enumerate(("train", "val"))
    }
    (tmp_path / "_info.json").write_text(json.dumps({"splits": splits}))
    every = list(FILES.values())
    shown = {
        split: {
            content
            for part in found(pool_of(f"wds/{tmp_path}", split)).values()
            for content in part
        }
        for split in (None, "val", "part-{0..1}.tar")
    }
    assert shown[None] == set(every[::2])
    assert shown["val"] == set(every[1::2])
    assert shown["part-{0..1}.tar"] == set(every)
    with pytest.raises(DataError, match="no split 'test'"):
        pool_of(f"wds/{tmp_path}", "test")


def test_shards_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        pool_of(f"wds/{tmp_path}/nowhere")
    with pytest.raises(DataError, match="holds no shards"):
        pool_of(f"wds/{tmp_path}")
    write_tar(tmp_path / "a.tar", {"1.png": encoded(noise(1))})
    with pytest.raises(DataError, match=r"a\.tar/1 has no \.cls file.*data\.columns\.label"):
        found(pool_of(f"wds/{tmp_path}"))
    with pytest.raises(DataError, match=r"a\.tar/1 has no label 'name' in its \.json"):
        found(pool_of(f"wds/{tmp_path}", columns={"label": "name"}))
    with pytest.raises(DataError, match=r"b\.tar does not exist"):
        pool_of(f"wds/{tmp_path}", "b.tar")
    with pytest.raises(DataError, match="does not lie in it"):
        pool_of(f"wds/{tmp_path}", "../x/b.tar")
    whole = write_shards(tmp_path / "more", FILES) / "part-0.tar"
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"part-0\.tar is damaged"):
        found(pool_of(f"wds/{tmp_path / 'more'}"))


def test_samples_without_an_image_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tar(tmp_path / "a.tar", {"1.cls": b"0", "2.cls": b"0", "2.png": b"2"})
    assert found(pool_of(f"wds/{tmp_path}")) == {"0": [b"2"]}
    assert "1 samples have no image" in caplog.text


# Extras


@pytest.mark.parametrize(
    ("source", "package", "extra"),
    [
        ("hfds/x", "datasets", "hfds"),
        ("hfids/x", "datasets", "hfds"),
        ("wds/x", "webdataset", "wds"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, source: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError) as caught:
        pool_of(source)
    assert f"needs the package {package}: pip install 'vital[{extra}]'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_embedded_photographs_are_no_pool() -> None:
    with pytest.raises(DataError, match=r"write './photographs' for a folder"):
        pool_of("photographs")
