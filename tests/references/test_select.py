"""Which images stand for a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.own_images import encoded, noise, write_files
from helpers.small_networks import CPU, KWARGS
from vital.artefacts.manifest import SPLITS
from vital.errors import DataError, ModelError
from vital.images.files import read_image
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel, build_network, freeze
from vital.params.base import check_block
from vital.params.extract import ExtractParams
from vital.references.select import confident_references, select_references
from vital.runtime.generators import generator

PER_CLASS = 7

OWN_LABEL = {0: 1, 2: 0, 3: 2}
"""The images' own label of each class, by its index in the network."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    files = {
        f"{label}-{number}.png": encoded(noise(label, number, width=32, height=32))
        for label in range(3)
        for number in range(PER_CLASS)
    }
    return write_files(tmp_path / "images", files)


@pytest.fixture
def manifest() -> pd.DataFrame:
    """Three of the network's four classes, not in its order, and held-out rows besides."""
    rows = [
        {
            "path": f"{label}-{number}.png",
            "label": label,
            "class_name": name,
            "split": split,
            "sha256": f"{label}{number}",
        }
        for split in (SPLITS[0], SPLITS[2])
        for label, name in enumerate(("three", "one", "four"))
        for number in range(PER_CLASS)
    ]
    return pd.DataFrame(rows)


def select(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame, seed: int = 0, **changes: object
) -> pd.DataFrame:
    block = {"references": 3, "batch": 4, **changes}
    params = check_block(block, "extract", ExtractParams)
    chosen = select_references(studied, ImageSet(images, manifest), params, seed, CPU)
    return chosen.rows


def test_random_references_are_the_seeded_draw(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame
) -> None:
    rows = select(studied, images, manifest, seed=4)
    assert list(rows["label"]) == [0] * 3 + [2] * 3 + [3] * 3
    for index, own in OWN_LABEL.items():
        order = torch.randperm(PER_CLASS, generator=generator(4, "references", str(index)))
        expected = [f"{own}-{number}.png" for number in sorted(order[:3].tolist())]
        assert list(rows[rows["label"] == index]["path"]) == expected
    assert rows["probability"].isna().all()


def test_references_are_dealt_into_sets(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame
) -> None:
    whole = select(studied, images, manifest, references=7)
    rows = select(studied, images, manifest, references=7, sets=3)
    assert set(whole["reference_set"]) == {0}
    assert set(rows["path"]) == set(whole["path"])
    assert list(rows["label"]) == sorted(rows["label"])
    for _, group in rows.groupby("label"):
        assert list(group["reference_set"]) == [0, 0, 0, 1, 1, 2, 2]


def test_confident_references_are_those_of_the_highest_probability(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = freeze(build_network(studied.name, KWARGS))
    # The shared network is wholly sure of one class, whatever it sees.
    rows = select(replace(studied, network=network), images, manifest, select="confident")
    for index, own in OWN_LABEL.items():
        scores = []
        for number in range(PER_CLASS):
            pixels = studied.preprocessing(read_image(images / f"{own}-{number}.png"))
            with torch.no_grad():
                logits = network(pixels[None]).double().numpy()[0]
            exponents = np.exp(logits - logits.max())
            scores.append(float(exponents[index] / exponents.sum()))
        assert len({round(score, 9) for score in scores}) == PER_CLASS
        best = sorted(np.argsort(scores)[-3:].tolist())
        chosen = rows[rows["label"] == index]
        assert list(chosen["path"]) == [f"{own}-{number}.png" for number in best]
        np.testing.assert_allclose(chosen["probability"], [scores[n] for n in best], rtol=1e-4)


def test_equals_are_taken_in_the_order_of_the_manifest() -> None:
    rows = pd.DataFrame({"label": [1] * 5 + [0] * 2, "path": list("abcdefg"), "class_name": "x"})
    rows = rows.assign(probability=[0.5, 0.9, 0.5, 0.9, 0.5, 1.0, 1.0])
    assert "".join(confident_references(rows, 2)["path"]) == "fgbd"
    assert "".join(confident_references(rows[rows["label"] == 1], 3)["path"]) == "abd"


@pytest.mark.parametrize("how", ["random", "confident"])
def test_more_references_than_there_are(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame, how: str
) -> None:
    expected = r"class 'one' has 7 training images, but extract\.references asks for 8"
    with pytest.raises(DataError, match=expected):
        select(studied, images, manifest, references=8, select=how)


def test_a_class_that_the_network_does_not_have(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame
) -> None:
    unknown = manifest.replace({"class_name": {"four": "fore"}})
    with pytest.raises(DataError, match=r"'fore': did you mean 'four'"):
        select(studied, images, unknown)


def test_logits_that_are_not_finite_rank_nothing(
    studied: StudiedModel, images: Path, manifest: pd.DataFrame
) -> None:
    def spoil(_module: object, given: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        bad = given[0].mean((1, 2, 3)) == given[0].mean((1, 2, 3)).max()
        return output.masked_fill(bad[:, None], torch.nan)

    handle = studied.network.register_forward_hook(spoil)
    try:
        with pytest.raises(ModelError, match=r"the network's logits of \d-\d\.png are not finite"):
            select(studied, images, manifest, select="confident", batch=100)
    finally:
        handle.remove()
