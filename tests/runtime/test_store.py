"""Entries are found by key and kind, and what artefacts use of them by the artefacts' content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from vital.artefacts.project import Project
from vital.pipeline.prune import keys_in_use
from vital.runtime.files import write_text
from vital.runtime.store import WorkStore
from vital.runtime.table_files import write_parquet

ONE = {"x": torch.ones(2)}


def test_kinds_of_a_key_are_apart(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", ONE, {"step": "3"})
    assert store.read("abc", "checkpoint") is None
    entry = WorkStore(tmp_path).read("abc", "finished")
    assert entry is not None
    assert torch.equal(entry[0]["x"], ONE["x"])
    assert entry[1] == {"step": "3"}
    store.remove("abc", "finished")
    store.remove("abc", "finished")
    assert store.read("abc", "finished") is None


def test_a_damaged_entry_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", ONE)
    path = store.path("abc", "finished")
    path.write_bytes(path.read_bytes()[:-3])
    assert store.read("abc", "finished") is None
    assert "damaged" in caplog.text


def test_what_visualizations_use_is_known_by_their_index_wherever_it_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    store = WorkStore(project.work)
    for key in ("aa", "bb", "cc", "dd"):
        store.write(key, "finished", ONE)
    first, second = (project.visualizations(name) / "index.parquet" for name in ("vital", "maco"))
    write_text(first, "an index")
    write_text(second, "another")
    store.note_use(first, ["bb", "aa"])
    store.note_use(second, ["cc"])
    assert keys_in_use(project) == {"aa", "bb", "cc"}
    assert store.prune(keys_in_use(project), older_than_days=0)[0] == 1
    shutil.copytree(first.parent, tmp_path / "elsewhere")  # as DVC's cache keeps it
    write_text(first, "the index of another revision")
    assert keys_in_use(project) == {"cc"}
    shutil.rmtree(first.parent)
    shutil.copytree(tmp_path / "elsewhere", first.parent)
    assert keys_in_use(project) == {"aa", "bb", "cc"}
    assert store.prune(keys_in_use(project), older_than_days=0)[0] == 0


def test_keys_of_older_indexes_and_of_equal_ones_are_in_use(tmp_path: Path) -> None:
    project = Project(tmp_path)
    store = WorkStore(project.work)
    older, later = (project.visualizations(name) / "index.parquet" for name in ("maco", "vital"))
    write_parquet(older, pd.DataFrame({"unit": [0, 1], "key": ["aa", "bb"]}))
    write_parquet(later, pd.DataFrame({"unit": [0]}))
    store.note_use(later, ["cc"])
    store.note_use(later, ["dd"])  # the same index, made of other entries
    assert keys_in_use(project) == {"aa", "bb", "cc", "dd"}
