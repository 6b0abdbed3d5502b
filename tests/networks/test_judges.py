"""Judges: made beside the studied network, found again by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.own_images import CLASSES, contents, write_files
from helpers.pretended_device import PRETENDED, PretendedDevice
from helpers.small_networks import KWARGS, redraw
from vital.artefacts.manifest import SPLITS
from vital.errors import ArtefactError, DataError, ModelError
from vital.images.image_set import ImageSet
from vital.networks.build import build_network
from vital.networks.judges import match_classes, read_judges
from vital.networks.make_judges import make_judges
from vital.networks.model import StudiedModel, load_model
from vital.params.base import check_block
from vital.params.judges import JudgeParams, JudgesParams
from vital.runtime.files import read_json, write_json

TRAIN = {"steps": 2, "batch": 4, "lr": 1.0e-3}
NETWORK = {"name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 8, 8]}}
TRAINED = {**NETWORK, "train": TRAIN}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Images of three classes, some of each split."""
    folder = write_files(tmp_path_factory.mktemp("photos"), contents())
    rows = []
    for path in sorted(folder.glob("*/*.png")):
        Image.open(path).resize((32, 32)).save(path)
        name, split = path.parent.name, SPLITS[int(path.stem) % 3]
        relative = str(path.relative_to(folder))
        facts = {"path": relative, "label": CLASSES.index(name), "class_name": name}
        rows.append({**facts, "split": split, "width": 32, "height": 32})
    return ImageSet(folder, pd.DataFrame(rows))


def judges_of(*blocks: object) -> tuple[JudgeParams, ...]:
    return check_block(list(blocks), "judges", JudgesParams).root


def named(studied: StudiedModel, *classes: str) -> StudiedModel:
    return replace(studied, classes=classes)


def test_judges_are_trained_on_the_device_that_is_asked_for(
    images: ImageSet, tmp_path: Path
) -> None:
    make_judges(tmp_path / "here", images, judges_of(TRAINED), seed=0)
    with PretendedDevice():
        make_judges(tmp_path / "there", images, judges_of(TRAINED), seed=0, device=PRETENDED)
    one, other = (
        load_model(tmp_path / place / "resnet10t").network.state_dict()
        for place in ("here", "there")
    )
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-5)


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


def test_a_judge_may_come_from_a_checkpoint(images: ImageSet, tmp_path: Path) -> None:
    weights = redraw(build_network("timm/resnet10t", KWARGS), seed=3).state_dict()
    save_file(weights, tmp_path / "judge.safetensors")
    block = {
        "name": "timm/resnet10t",
        "kwargs": KWARGS,
        "checkpoint": str(tmp_path / "judge.safetensors"),
        "classes": ["wasp", "Cow", "BEE", "ant"],
        "preprocessing": {"size": 32},
    }
    make_judges(tmp_path / "judges", images, judges_of(block), seed=0)
    kept = load_model(tmp_path / "judges" / "resnet10t").network.state_dict()
    assert torch.equal(kept["fc.weight"], weights["fc.weight"])


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


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (NETWORK, "judge bad: give exactly one of"),
        ({**TRAINED, "name": "timm/resnet10x"}, "judge bad: .*did you mean"),
        ({**TRAINED, "classes": ["ant", "bee", "hen"]}, "judge bad: the network does not know 1"),
    ],
)
def test_a_judge_that_cannot_be_made_is_named_and_leaves_nothing(
    images: ImageSet, tmp_path: Path, block: dict[str, object], expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        make_judges(tmp_path / "j", images, judges_of({**block, "alias": "bad"}), seed=0)
    assert list(tmp_path.iterdir()) == []


def test_no_name_leads_out_of_the_folder(
    images: ImageSet, studied: StudiedModel, tmp_path: Path
) -> None:
    write_json(tmp_path / "judges" / "metrics.json", {"../model": {}})
    with pytest.raises(ArtefactError, match="lies outside"):
        read_judges(tmp_path / "judges", studied, images.rows)
