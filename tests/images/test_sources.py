"""Every source on local files gives the same images, and reports those that are broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.image_sources import (
    EXPECTED,
    FILES,
    found,
    pool_of,
    write_parquet_dataset,
    write_table,
)
from helpers.own_images import CLASSES, broken_files, write_files, write_shards, write_tar
from vital.artefacts.manifest import read_manifest, read_skipped
from vital.errors import DataError
from vital.images.prepare import prepare_images
from vital.images.sampling import Sample, sample_images
from vital.params.base import check_block
from vital.params.data import DataParams

pytest.importorskip("datasets")
pytest.importorskip("webdataset")

pytestmark = pytest.mark.usefixtures("stay_at_home")

COUNTS = {"train": 3, "validation": 1, "heldout": 4}


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
        one.class_name: [image.candidate.read() for image in one.images] for one in sample.classes
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


def test_the_embedded_photographs_are_no_pool() -> None:
    with pytest.raises(DataError, match=r"write './photographs' for a folder"):
        pool_of("photographs")
