"""Images that a table names."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.own_images import (
    encoded,
    noise,
    write_files,
)
from helpers.sources import found, pool_of, write_table
from vital.errors import DataError


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
