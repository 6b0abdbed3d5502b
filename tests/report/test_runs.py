"""Finished pipelines are found, named and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.report_artefacts import write_artefacts
from vital.errors import ArtefactError, ParamsError
from vital.report.runs import find_runs
from vital.runtime.files import write_json

CLASSES = ("cat", "dog")


def test_runs_are_found_below_folders_but_not_in_hidden_ones(tmp_path: Path) -> None:
    for name in ("a/run", "b/run", ".dvc/tmp/run"):
        write_artefacts(tmp_path / name, CLASSES, seeds=1)
    found = find_runs([tmp_path, tmp_path / "a" / "run"])
    assert [run.name for run in found] == ["a/run", "b/run"]
    assert found[0].network == "timm/resnet10t"
    assert [unit.name for unit in found[0].classes] == list(CLASSES)
    assert found[0].seed == 0


def test_a_single_run_is_called_like_its_folder(tmp_path: Path) -> None:
    write_artefacts(tmp_path / "mine", CLASSES, seeds=1)
    assert [run.name for run in find_runs([tmp_path / "mine"])] == ["mine"]


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"nothing.*metrics\.json"):
        find_runs([tmp_path / "nothing"])


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    project = write_artefacts(tmp_path / "run", CLASSES, seeds=1)
    write_json(project.model / "model.json", {"classes": []})
    write_json(project.scores / "metrics.json", [1])
    (run,) = find_runs([tmp_path])
    with pytest.raises(ArtefactError, match="architecture"):
        _ = run.network
    with pytest.raises(ArtefactError, match=r"metrics\.json is damaged"):
        _ = run.metrics


def test_classes_are_picked_by_name_or_index_and_images_by_the_lowest_seed(tmp_path: Path) -> None:
    write_artefacts(tmp_path / "run", CLASSES, seeds=2)
    (run,) = find_runs([tmp_path / "run"])
    (dog,) = run.pick_classes(["dog"])
    assert run.pick_classes(["1"]) == [dog]
    image = run.first_image(dog.id, "vital")
    assert image is not None
    assert image.name == "class-0001-seed-0.png"
    assert run.first_image(dog.id, "maco") is None
    with pytest.raises(ParamsError, match="did you mean 'dog'"):
        run.pick_classes(["dgo"])
    with pytest.raises(ParamsError, match="no images by method 'vitl'; did you mean 'vital'"):
        run.check_method("vitl")
