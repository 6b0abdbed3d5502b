"""Which inner units are chosen, and by what share of a class's relevance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from helpers.small_networks import small_model, write_noise
from vital.artefacts.chosen_units import distinct_units, read_units, write_units
from vital.artefacts.relevance import CIRCUITS, write_circuits
from vital.errors import DataError, ParamsError
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel
from vital.params.base import check_block
from vital.params.units import UnitsParams
from vital.references.choose_units import UnitChooser
from vital.relevance import RelevanceReader, class_start, composite
from vital.units import inner_unit

CLASSES = ["ant", "bee", "cat", "dog"]
TAPS = ["layer1", "layer4"]


@pytest.fixture(scope="module")
def model() -> StudiedModel:
    return small_model(TAPS, CLASSES)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_noise(folder, 6)
    return folder


MANIFEST = pd.DataFrame(
    {
        "path": [f"{number}.png" for number in range(6)],
        "label": [1, 1, 1, 2, 2, 3],
        "class_name": ["bee", "bee", "bee", "cat", "cat", "dog"],
        "split": ["train", "train", "validation", "train", "train", "heldout"],
    }
)


def choose(
    model: StudiedModel, images: Path, taps: Sequence[str] = TAPS, **params: object
) -> pd.DataFrame:
    block = check_block(params, "units", UnitsParams)
    device = torch.device("cpu")
    searched = ImageSet(images, MANIFEST)
    return UnitChooser(model, searched, block, taps, composite("vital"), 0, device).choose()


def test_shares_are_those_of_the_classs_training_images(model: StudiedModel, images: Path) -> None:
    top = {"tap": "layer2", "classes": ["bee"], "count": 8}
    table = choose(model, images, top=[top], batch=1)
    pixels = [np.array(Image.open(images / f"{n}.png")) for n in (0, 1)]
    batch = torch.stack([torch.from_numpy(one).permute(2, 0, 1) / 255 for one in pixels])
    with RelevanceReader(model.network, ["layer2"], composite("vital")) as read:
        normalised = model.preprocessing.normalize(batch)
        relevance = read(normalised, [class_start(1)] * 2).relevance["layer2"]
    summed = relevance.double().sum((0, 2))
    expected = (summed / summed.sum())[table["channel"].tolist()]
    np.testing.assert_allclose(table["share"], expected, atol=1e-6)
    assert table["share"].sum() == pytest.approx(1.0, abs=1e-5)
    assert table["share"].is_monotonic_decreasing
    assert set(table["why"]) == {"top-of-class"}
    assert set(table["class"]) == {1}
    assert set(table["class_name"]) == {"bee"}


def test_a_circuit_is_of_the_last_tap_that_is_read(
    model: StudiedModel, images: Path, tmp_path: Path
) -> None:
    table = choose(model, images, circuit={"classes": [2, "bee"], "count": 2})
    write_units(tmp_path, table)
    pd.testing.assert_frame_equal(read_units(tmp_path), table, check_dtype=False)
    write_circuits(tmp_path, table)
    circuits = CIRCUITS.read(tmp_path)
    assert list(circuits["class_name"]) == ["cat", "cat", "bee", "bee"]
    assert list(circuits["rank"]) == [0, 1, 0, 1]
    assert set(circuits["tap"]) == {"layer4"}
    read = choose(model, images, taps=["conv1", "layer2"], circuit={"classes": [2], "count": 1})
    assert list(read["tap"]) == ["layer2"]
    named = choose(model, images, circuit={"classes": [2], "count": 1, "tap": "layer3"})
    assert list(named["tap"]) == ["layer3"]


def test_listed_and_drawn_units(model: StudiedModel, images: Path) -> None:
    listed = [{"tap": "layer1", "channels": [7, 0]}]
    random = {"taps": ["layer1", "layer4"], "count": 3}
    table = choose(model, images, listed=listed, random=random)
    assert distinct_units(table)[:2] == [inner_unit("layer1", 7), inner_unit("layer1", 0)]
    assert (table["why"] == "random").sum() == 6
    pd.testing.assert_frame_equal(table, choose(model, images, listed=listed, random=random))
    alone = choose(model, images, random={"taps": ["layer4"], "count": 3})
    together = table[(table["why"] == "random") & (table["tap"] == "layer4")]
    assert list(alone["channel"]) == list(together["channel"])


def test_without_a_wish_there_are_none(model: StudiedModel, images: Path) -> None:
    assert choose(model, images).empty


def test_what_cannot_be_chosen_is_an_error(model: StudiedModel, images: Path) -> None:
    with pytest.raises(ParamsError, match="no channel 8; legal here: 0 to 7"):
        choose(model, images, listed=[{"tap": "layer1", "channels": [8]}])
    with pytest.raises(DataError, match="'dog' has no images in the train split"):
        choose(model, images, circuit={"classes": ["dog"]})
    with pytest.raises(ParamsError, match="unknown parameter"):
        choose(model, images, circuits={})
