"""Entries are found by key and kind, and what artefacts use of them by the artefacts' content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from vital.artefacts.project import Project
from vital.pipeline.prune import keys_in_use
from vital.runtime.store import WorkStore
from vital.runtime.table_files import write_parquet

ONE = {"x": torch.ones(2)}
WORDS = {"step": "3", "record": '{"loss": 0.5}'}


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


def test_every_kind_of_tensor_comes_back(tmp_path: Path) -> None:
    tensors = {
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "whole": torch.arange(6).reshape(2, 3),
        "half": torch.tensor([1.0, float("nan")], dtype=torch.bfloat16),
        "truth": torch.tensor([True, False]),
        "turned": torch.arange(6.0).reshape(2, 3).T,
        "": torch.tensor([-0.0]),
    }
    store = WorkStore(tmp_path)
    store.write("abc", "finished", tensors, {"": "nothing", "sign": "ä"})
    entry = store.read("abc", "finished")
    assert entry is not None
    assert entry[1] == {"": "nothing", "sign": "ä"}
    assert entry[0].keys() == tensors.keys()
    for name, value in tensors.items():
        assert entry[0][name].dtype == value.dtype
        torch.testing.assert_close(entry[0][name], value, rtol=0, atol=0, equal_nan=True)


def test_no_flipped_bit_and_no_truncation_goes_unseen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it is: in the header's length, names, types, shapes, words, or in the numbers."""
    store = WorkStore(tmp_path)
    store.write("abc", "finished", {"x": torch.tensor([1.0, -2.0]), "n": torch.tensor(3)}, WORDS)
    path = store.path("abc", "finished")
    whole = path.read_bytes()
    wanted = store.read("abc", "finished")
    unseen = []
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            if store.read("abc", "finished") is not None:
                unseen.append((place, bit))
            assert not path.exists()
    assert unseen == []
    caplog.clear()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert store.read("abc", "finished") is None
    assert len(caplog.messages) == len(whole)
    assert all(line.startswith(f"{path} is damaged (") for line in caplog.messages)
    path.write_bytes(whole)
    again = store.read("abc", "finished")
    assert wanted is not None
    assert again is not None
    assert again[1] == wanted[1] == WORDS


def test_what_the_reader_lacks_counts_as_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", ONE)
    assert store.read_as("abc", "finished", lambda tensors, _: tensors["y"]) is None
    assert "damaged" in caplog.text
    assert not store.path("abc", "finished").exists()


def test_an_entry_under_another_name_is_damaged(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", ONE)
    store.path("abc", "finished").rename(store.path("abd", "finished"))
    assert store.read("abd", "finished") is None


def test_a_store_that_can_only_be_read_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", ONE)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    assert store.read("abc", "finished") is not None


def test_pruning_takes_whatever_has_an_entrys_name(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    store.path("abc", "finished").mkdir(parents=True)
    store.path("abd", "finished").symlink_to(tmp_path / "nowhere")
    assert store.prune([], older_than_days=0)[0] == 2
    assert list(tmp_path.glob("ab/*")) == []


def test_what_visualizations_use_is_known_by_their_index_wherever_it_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    store = WorkStore(project.work)
    for key in ("aa", "bb", "cc", "dd"):
        store.write(key, "finished", ONE)
    first, second = (project.visualizations(name) / "index.parquet" for name in ("vital", "maco"))
    write_parquet(first, pd.DataFrame({"unit": [0]}))
    write_parquet(second, pd.DataFrame({"unit": [1]}))
    store.note_use(first, ["bb", "aa"])
    store.note_use(second, ["cc"])
    assert keys_in_use(project) == {"aa", "bb", "cc"}
    assert store.prune(keys_in_use(project), older_than_days=0)[0] == 1
    shutil.copytree(first.parent, tmp_path / "elsewhere")  # as DVC's cache keeps it
    write_parquet(first, pd.DataFrame({"unit": [2]}))  # of another revision
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
