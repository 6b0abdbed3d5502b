"""Damaged entries of the work store are dropped, said in one line, and made again as they were."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch

from vital.artefacts.project import Project
from vital.engine.local import Engine
from vital.engine.optimize import TargetState
from vital.engine.target_store import TargetStore
from vital.pipeline.prune import prune_work_store
from vital.runtime import tensors as reading
from vital.runtime.files import write_bytes
from vital.runtime.partial_results import PartialResults
from vital.runtime.store import WorkStore
from vital.runtime.table_files import write_parquet
from vital.units import Target, Unit

Harm = Callable[[Path], object]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"not what it was" * 100)


def flip_in_numbers(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def flip_in_header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"dtype")] ^= 1
    path.write_bytes(content)


def huge_header(path: Path) -> None:
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def folder(path: Path) -> None:
    path.unlink()
    (path / "inner").mkdir(parents=True)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def rewrite(
    change: Callable[[dict[str, torch.Tensor], dict[str, str]], object],
) -> Harm:
    """The same file with other tensors or words, and the checksum that it had."""

    def harm(path: Path) -> None:
        with safetensors.safe_open(path, framework="pt") as entry:
            words = entry.metadata()
        tensors = safetensors.torch.load(path.read_bytes())
        change(tensors, words)
        write_bytes(path, safetensors.torch.save(tensors, words))

    return harm


def lose_a_tensor(tensors: dict[str, torch.Tensor], _: dict[str, str]) -> None:
    del tensors[max(tensors)]


def rename_a_tensor(tensors: dict[str, torch.Tensor], _: dict[str, str]) -> None:
    tensors["another"] = tensors.pop(max(tensors))


def reshape(tensors: dict[str, torch.Tensor], _: dict[str, str]) -> None:
    name = max(tensors, key=lambda name: tensors[name].numel())
    tensors[name] = tensors[name].reshape(-1)


def retype(tensors: dict[str, torch.Tensor], _: dict[str, str]) -> None:
    name = max(tensors)
    tensors[name] = tensors[name].contiguous().view(torch.uint8)


HARMS: dict[str, Harm] = {
    "truncated": truncate,
    "empty": empty,
    "overwritten": overwrite,
    "a bit of its numbers": flip_in_numbers,
    "a bit of its header": flip_in_header,
    "a header without end": huge_header,
    "a byte too much": append,
    "a folder": folder,
    "a pipe": pipe,
    "a link to itself": loop,
    "a tensor is missing": rewrite(lose_a_tensor),
    "a tensor has another name": rewrite(rename_a_tensor),
    "another shape": rewrite(reshape),
    "another type": rewrite(retype),
    "a word too much": rewrite(lambda _, words: words.update(more="")),
    "an older version's": rewrite(lambda _, words: words.pop("sha256")),
    "another checksum": rewrite(lambda _, words: words.update(sha256="0" * 64)),
}
"""What may have become of a file."""


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [entry.message for entry in caplog.records if entry.levelno == logging.WARNING]


@pytest.mark.parametrize("harm", [flip_in_numbers, truncate, folder])
def test_a_damaged_image_is_made_again_with_the_same_bytes(
    engine: Callable[..., Engine],
    units: list[Unit],
    harm: Harm,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    targets = [Target(units[0], 0), Target(units[1], 0)]
    wanted = {one.target: one for one in engine(steps=4).run(targets)}
    path = WorkStore(tmp_path / "work").path(wanted[targets[1]].key, "finished")
    harm(path)
    again = {one.target: one for one in engine(steps=4).run(targets)}
    for target in targets:
        assert torch.equal(again[target].image, wanted[target].image)
        assert again[target].record == wanted[target].record
        assert again[target].history == wanted[target].history
    [line] = warnings_of(caplog)
    assert line.startswith(f"{path} is damaged (")
    assert line.endswith("): it is dropped and made again")
    caplog.clear()
    list(engine(steps=4).run(targets))
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_damaged_partial_result_is_made_again(
    harm: Harm, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    made = {"best": torch.arange(6.0).reshape(2, 3), "places": torch.arange(6).reshape(2, 3)}
    PartialResults(tmp_path, "facts", "vital.units").make("first", lambda: made)
    harm(
        WorkStore(tmp_path).path(
            PartialResults(tmp_path, "facts", "vital.units").key("first"), "partial"
        )
    )
    calls = []
    found = PartialResults(tmp_path, "facts", "vital.units").get(
        "first", lambda: calls.append(1) or made
    )
    assert calls == [1]
    assert torch.equal(found["best"], made["best"])
    assert len(warnings_of(caplog)) == 1
    kept = PartialResults(tmp_path, "facts", "vital.units").kept("first")
    assert torch.equal(kept["places"], made["places"])


STATE = TargetState(
    step=3,
    latent=torch.ones(3, 4, 4),
    first=torch.zeros(3, 4, 4),
    second=torch.zeros(3, 4, 4),
    sensitivity=torch.zeros(4, 4),
    history=((0.0, 1.0), (1.0, 0.5)),
)
PARTS = {
    "latent": STATE.latent,
    "first": STATE.first,
    "second": STATE.second,
    "sensitivity": STATE.sensitivity,
    "history": torch.tensor(STATE.history, dtype=torch.float64),
}
SAID = {"step": "3", "record": '{"loss": 0.5}'}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        *[({name: part for name, part in PARTS.items() if name != lost}, SAID) for lost in PARTS],
        (PARTS | {"third": torch.ones(1)}, SAID),
        (PARTS | {"first": torch.zeros(3, 4, 5)}, SAID),
        (PARTS | {"history": torch.zeros(4)}, SAID),
        (PARTS, {"step": "3"}),
        (PARTS, {"record": "{}"}),
        (PARTS, SAID | {"step": "three"}),
        (PARTS, SAID | {"record": "{'loss': 0.5}"}),
        (PARTS, SAID | {"record": "[]"}),
    ],
)
def test_an_image_that_was_written_otherwise_is_damaged(
    parts: dict[str, torch.Tensor],
    said: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", PARTS, SAID)
    assert TargetStore(store).load("abc") is not None
    store.write("abc", "finished", parts, said)
    assert TargetStore(store).load("abc") is None
    assert not store.path("abc", "finished").exists()
    assert "does not hold what it should" in caplog.text


def test_an_entry_that_may_not_be_read_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", PARTS)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # the tests' user may read everything
        patch.setattr(reading.safetensors, "safe_open", refuse)
        assert store.read("abc", "finished") is None
    assert "(Permission denied)" in caplog.text
    store.write("abc", "finished", PARTS)
    assert store.read("abc", "finished") is not None


def test_an_entry_that_vanishes_while_it_is_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = WorkStore(tmp_path)
    store.write("abc", "finished", PARTS)

    def opened_then_mapped(path: Path, **_: object) -> None:
        path.unlink()
        raise RuntimeError(f"unable to open file <{path}>: No such file or directory (2)")

    monkeypatch.setattr(reading.safetensors, "safe_open", opened_then_mapped)
    assert store.read("abc", "finished") is None
    assert not caplog.text


def test_a_file_in_place_of_a_folder_gives_way(tmp_path: Path) -> None:
    store = WorkStore(tmp_path)
    (tmp_path / "ab").write_text("a file")
    (tmp_path / "uses").write_text("a file")
    assert store.read("abc", "finished") is None
    store.write("abc", "finished", PARTS)
    assert store.read("abc", "finished") is not None
    assert store.used_by(tmp_path / "ab" / "abc.finished.safetensors") == set()
    store.note_use(tmp_path / "ab" / "abc.finished.safetensors", ["abc"])
    assert store.used_by(tmp_path / "ab" / "abc.finished.safetensors") == {"abc"}


NOTES: dict[str, Harm] = {
    "empty": empty,
    "no JSON": lambda path: path.write_text('["aa", '),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "no list": lambda path: path.write_text('{"aa": 1}'),
    "no keys": lambda path: path.write_text("[1, null]"),
    "a folder": folder,
}


def noted_project(root: Path) -> tuple[Project, Path, Path]:
    """A project of one image, the index that uses it, and the note of that."""
    project = Project(root)
    store = WorkStore(project.work)
    for key in ("aa", "bb"):
        store.write(key, "finished", PARTS)
    index = project.visualizations("vital") / "index.parquet"
    write_parquet(index, pd.DataFrame({"unit": [0]}))
    store.note_use(index, ["aa"])
    [note] = (project.work / "uses").iterdir()
    return project, index, note


@pytest.mark.parametrize("harm", NOTES.values(), ids=NOTES)
def test_a_damaged_note_of_uses_keeps_everything(
    harm: Harm, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project, index, note = noted_project(tmp_path)
    harm(note)
    assert prune_work_store(project, days=0) == (0, 0)
    [line] = warnings_of(caplog)
    assert f"{note}, the note of what {index} uses, is damaged" in line
    assert "none is deleted" in line
    assert "--force" in line
    # The stage that has assembled the index writes it anew.
    WorkStore(project.work).note_use(index, ["aa"])
    assert prune_work_store(project, days=0)[0] == 1
    assert WorkStore(project.work).read("aa", "finished") is not None


def test_a_damaged_index_keeps_everything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project, index, _ = noted_project(tmp_path)
    truncate(index)
    assert prune_work_store(project, days=0) == (0, 0)
    assert f"{index} is damaged" in caplog.text
