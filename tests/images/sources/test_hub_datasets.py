"""Hugging Face data sets, from local files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.image_sources import found, pool_of, write_parquet_dataset
from helpers.own_images import contents, encoded, noise, write_files
from vital.errors import DataError
from vital.images.sampling import sample_images

datasets = pytest.importorskip("datasets")

pytestmark = pytest.mark.usefixtures("stay_at_home")


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


@pytest.mark.parametrize("kind", ["hfds", "hfids"])
@pytest.mark.parametrize(
    ("content", "split", "words"),
    [
        ({}, None, "if it is a folder, is its path right"),
        ({"train.parquet": b"PAR1 garbage"}, None, "damaged, or of a kind"),
        ({"a.json": b"{"}, None, "damaged, or of a kind"),
        ({"ant/1.png": b"", "bee/1.png": b""}, "nope", "at split 'nope': it has no split"),
    ],
)
def test_what_is_wrong_is_said_in_our_own_words(
    kind: str, content: dict[str, bytes], split: str | None, words: str, tmp_path: Path
) -> None:
    write_files(tmp_path / "d", content).mkdir(exist_ok=True)
    with pytest.raises(DataError, match=words) as error:
        found(pool_of(f"{kind}/{tmp_path / 'd'}", split))
    assert str(error.value).startswith(f"the data set '{tmp_path}/d' cannot be read at split")
