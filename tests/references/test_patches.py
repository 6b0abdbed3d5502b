"""Reference patches of inner units against a search by brute force."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from helpers.small_networks import KWARGS, small_model, write_noise
from vital.artefacts.chosen_units import distinct_units
from vital.artefacts.patches import DEAD, patches_of, read_patches
from vital.errors import DataError, ModelError, ParamsError
from vital.images.files import read_image
from vital.images.image_set import ImageSet
from vital.networks.model import StudiedModel
from vital.params.references import ReferencesParams
from vital.references.criteria import ActivationCriterion, RelevanceCriterion, make_criterion
from vital.references.patches import PatchFinder, write_patches
from vital.relevance import composite
from vital.units import inner_unit

UNITS = [inner_unit("layer2", 3), inner_unit("layer1", 1)]
PARAMS = ReferencesParams(count=3, shortlist=5, patch=16, stride=0.5, batch=4)


@pytest.fixture(scope="module")
def model() -> StudiedModel:
    return small_model(["layer1"])


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_noise(folder, 7)
    return folder


def rows_of(images: Path) -> pd.DataFrame:
    return pd.DataFrame({"path": sorted(path.name for path in images.iterdir())})


def finder(model: StudiedModel, images: Path, params: ReferencesParams = PARAMS) -> PatchFinder:
    searched = ImageSet(images, rows_of(images))
    return PatchFinder(model, ActivationCriterion(model, UNITS), searched, params)


def channel_map(model: StudiedModel, unit: object, pixels: torch.Tensor) -> torch.Tensor:
    """The unit's map for one image, by a hook of its own."""
    seen = []
    module = model.network.get_submodule(unit.tap)
    handle = module.register_forward_hook(lambda _m, _i, output: seen.append(output))
    with torch.no_grad():
        model.network(pixels)
    handle.remove()
    return seen[0][0, unit.index].double()


def by_brute_force(
    model: StudiedModel, images: Path, unit: object
) -> list[tuple[str, tuple, float]]:
    """Path, box and score of the best patches, one image and one patch at a time."""
    loaded = {path: model.preprocessing(read_image(images / path)) for path in rows_of(images).path}
    ranked = sorted(
        loaded, key=lambda path: -float(channel_map(model, unit, loaded[path][None]).max())
    )
    best = []
    for path in ranked[: PARAMS.shortlist]:
        scored = []
        for top, left in product((0, 8, 16), repeat=2):
            part = loaded[path][None, :, top : top + 16, left : left + 16]
            whole = functional.interpolate(part, size=(32, 32), mode="bilinear", antialias=True)
            score = float(channel_map(model, unit, whole).mean())
            scored.append((score, (left, top, left + 16, top + 16)))
        score, box = max(scored, key=lambda one: one[0])
        best.append((path, box, score))
    return sorted(best, key=lambda one: -one[2])[: PARAMS.count]


def test_patches_are_those_of_a_search_by_brute_force(model: StudiedModel, images: Path) -> None:
    paths = list(rows_of(images).path)
    found = finder(model, images).find()
    for unit in UNITS:
        expected = by_brute_force(model, images, unit)
        assert [(paths[one.row], one.box) for one in found[unit]] == [one[:2] for one in expected]
        scores = [one.score for one in found[unit]]
        assert scores == pytest.approx([one[2] for one in expected], rel=1e-4)


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_the_batch_changes_nothing(model: StudiedModel, images: Path, batch: int) -> None:
    other = finder(model, images, PARAMS.model_copy(update={"batch": batch})).find()
    for unit, patches in finder(model, images).find().items():
        assert [(one.row, one.box) for one in other[unit]] == [
            (one.row, one.box) for one in patches
        ]


def test_a_patch_of_the_whole_image_is_the_image(model: StudiedModel, images: Path) -> None:
    whole = finder(model, images, PARAMS.model_copy(update={"patch": 32}))
    (best, *_) = whole.find()[UNITS[0]]
    path = rows_of(images).path[best.row]
    pixels = np.asarray(read_image(images / path))
    np.testing.assert_allclose(whole.pixels(best).permute(1, 2, 0) * 255, pixels, atol=0.01)


def test_a_unit_that_never_fires_is_dead(
    model: StudiedModel, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    handle = model.network.layer1[-1].register_forward_hook(
        lambda _m, _i, output: output * (torch.arange(output.shape[1]) != 1).view(1, -1, 1, 1)
    )
    try:
        search = finder(model, images)
        found = search.find()
        assert found[UNITS[1]] == []
        counts = write_patches(tmp_path, search, found)
    finally:
        handle.remove()
    assert counts == {"units": 1, "dead_units": 1, "patches": 3}
    assert "layer1/1 never fires" in caplog.text
    assert DEAD.read(tmp_path).to_dict("records") == [{"tap": "layer1", "channel": 1}]
    patches = read_patches(tmp_path)
    assert distinct_units(patches) == [UNITS[0]]
    written = patches_of(patches, UNITS[0])
    assert list(written["rank"]) == [0, 1, 2]
    assert all((tmp_path / path).is_file() for path in written["patch"])
    assert all(len(box) == 4 for box in written["box"])


def test_relevance_ranks_by_the_class_that_is_seen(model: StudiedModel, images: Path) -> None:
    """Between the logits and a tap whose rules pass all on, a unit's relevance adds up to them."""
    criterion = make_criterion("relevance", model, UNITS[:1], composite("vital"))
    assert isinstance(criterion, RelevanceCriterion)
    everything = [inner_unit("layer2", channel) for channel in range(KWARGS["channels"][1])]
    whole = RelevanceCriterion(model, everything, composite("vital"))
    pixels = torch.stack([model.preprocessing(read_image(images / f"{n}.png")) for n in range(3)])
    with whole.opened():
        total = sum(one.sum(dim=1) for one in whole.maps(pixels))
    with torch.no_grad():
        logits = model.network(pixels).max(dim=1).values
    assert torch.sign(total).tolist() == torch.sign(logits).tolist()


def test_what_cannot_be_searched_is_an_error(model: StudiedModel, images: Path) -> None:
    with pytest.raises(ParamsError, match=r"references\.patch: 33"):
        finder(model, images, PARAMS.model_copy(update={"patch": 33})).find()
    everything = ImageSet(images, rows_of(images))
    none = everything.part(0, 0)
    nothing = PatchFinder(model, ActivationCriterion(model, UNITS), none, PARAMS)
    with pytest.raises(DataError, match="no images"):
        nothing.find()
    of_no_unit = PatchFinder(model, ActivationCriterion(model, []), everything, PARAMS)
    assert of_no_unit.find() == {}


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_responses_that_are_not_finite_are_named(
    model: StudiedModel, images: Path, bad: float
) -> None:
    """A unit that gives NaN is not dead, and does not win either."""
    spoiled = torch.arange(KWARGS["channels"][1]) == UNITS[0].index
    handle = model.network.layer2.register_forward_hook(
        lambda _m, _i, output: output.masked_fill(spoiled.view(1, -1, 1, 1), bad)
    )
    try:
        expected = r"responses of unit layer2/3 to parts of 0\.png and \d more are not finite"
        with pytest.raises(ModelError, match=expected):
            finder(model, images).find()
    finally:
        handle.remove()


def test_logits_that_are_not_finite_name_no_class(model: StudiedModel) -> None:
    criterion = RelevanceCriterion(model, UNITS[:1], composite("vital"))
    handle = model.network.register_forward_hook(lambda _m, _i, output: output * torch.nan)
    try:
        with criterion.opened(), pytest.raises(ModelError, match="logits of image 1 of a batch"):
            list(criterion.maps(torch.zeros(2, 3, 32, 32)))
    finally:
        handle.remove()
