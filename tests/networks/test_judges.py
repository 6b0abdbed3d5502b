"""Judges: found again by name, and the classes that they know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.judges import TRAINED, judges_of
from helpers.own_images import CLASSES
from vital.errors import ArtefactError, DataError
from vital.images.image_set import ImageSet
from vital.networks.judges import match_classes, read_judges
from vital.networks.make_judges import make_judges
from vital.networks.model import StudiedModel, load_model
from vital.runtime.files import read_json, write_json


def named(studied: StudiedModel, *classes: str) -> StudiedModel:
    return replace(studied, classes=classes)


def test_judges_are_made_and_found_again(
    images: ImageSet, studied: StudiedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "judges"
    wanted = judges_of(TRAINED, {**TRAINED, "alias": "second"})
    accuracies = make_judges(folder, images, wanted, seed=0)
    assert accuracies == read_json(folder / "metrics.json")
    assert set(accuracies) == {"resnet10t", "second"}
    found = read_judges(folder, named(studied, "cow", "dog", "bee", "ant"), images.rows)
    assert {name: judge.indices for name, judge in found.items()} == {
        name: {3: 0, 2: 1, 0: 2} for name in accuracies
    }
    one, other = (judge.model.network.state_dict()["fc.weight"] for judge in found.values())
    assert not torch.equal(one, other), "each judge has a seed of its own"
    make_judges(tmp_path / "again", images, wanted, seed=0)
    again = load_model(tmp_path / "again" / "second").network.state_dict()
    assert torch.equal(again["fc.weight"], other)


def test_there_may_be_no_judge(images: ImageSet, studied: StudiedModel, tmp_path: Path) -> None:
    assert make_judges(tmp_path / "judges", images, (), seed=0) == {}
    assert read_judges(tmp_path / "judges", studied, images.rows) == {}


def test_a_class_that_one_of_them_lacks_is_an_error(
    images: ImageSet, studied: StudiedModel
) -> None:
    whole, lacking = named(studied, *CLASSES, "dog"), named(studied, "ant", "bee", "hen", "dog")
    assert match_classes(whole, named(studied, "dog", "cow", "bee", "ant"), images.rows) == {
        0: 3, 1: 2, 2: 1,
    }  # fmt: skip
    for pair in ((whole, lacking), (lacking, whole)):
        with pytest.raises(DataError, match="does not know 1 of the 3 classes"):
            match_classes(*pair, images.rows)


def test_no_name_leads_out_of_the_folder(
    images: ImageSet, studied: StudiedModel, tmp_path: Path
) -> None:
    write_json(tmp_path / "judges" / "metrics.json", {"../model": {}})
    with pytest.raises(ArtefactError, match="lies outside"):
        read_judges(tmp_path / "judges", studied, images.rows)
