"""Which units a call means, and that channels and other methods are made as in a run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import vital
from helpers.library_calls import QUICK, make
from helpers.small_networks import KWARGS, small_model, write_noise
from vital.api.units import AskedUnits, find_units, may_ask_for_channels
from vital.errors import DataError, ParamsError, VitalError
from vital.methods.registry import METHODS
from vital.networks.classes import ClassMap
from vital.networks.model import open_model
from vital.networks.taps.reader import TapReader
from vital.units import inner_unit


def found(*units: str | int, method: str = "vital", classes: list[str] | None = None) -> object:
    model = small_model(["conv1"], classes)
    return find_units(units, ClassMap(model.classes, model.outputs), model, method)


def test_classes_and_channels_are_told_apart() -> None:
    asked = found("2", 1, "layer2:3", "layer2:3", "1", "layer1.0.conv1:0")
    assert asked.classes == (2, 1)
    assert asked.channels == (inner_unit("layer2", 3), inner_unit("layer1.0.conv1", 0))
    assert found() == AskedUnits((), ())


def test_a_class_may_be_called_like_a_channel() -> None:
    asked = found("layer2:3", classes=["a", "layer2:3", "c", "d"])
    assert (asked.classes, asked.channels) == ((1,), ())


def test_what_may_be_a_channel_is_seen_by_its_form() -> None:
    assert may_ask_for_channels(["tench", "blocks.4:12"])
    assert not may_ask_for_channels(["tench", 3, "a:b", ":3", "x:"])
    assert not may_ask_for_channels(None)


@pytest.mark.parametrize(
    ("unit", "error", "expected"),
    [
        ("layer7:0", ParamsError, "units: 'layer7:0': the network has no tap 'layer7'; did you"),
        ("layer2:16", ParamsError, "units: tap 'layer2' has no channel 16; legal here: 0 to"),
        ("layer2", ParamsError, "units: 'layer2' is a tap: say which channel, as in 'layer2:0'"),
        ("layr2", DataError, "'layr2' is no class of the network"),
        ("layer2:x", DataError, "'layer2:x' is no class of the network"),
    ],
)
def test_what_the_network_does_not_have(unit: str, error: type[Exception], expected: str) -> None:
    with pytest.raises(error) as caught:
        found(unit if unit != "layer2:16" else "layer2:9999")
    assert str(caught.value).replace("9999", "16").startswith(expected)
    assert "\n" not in str(caught.value)


def test_a_method_of_classes_makes_no_channels() -> None:
    with pytest.raises(ParamsError) as caught:
        found("layer2:3", method="deepinversion")
    expected = (
        "method: deepinversion makes images of classes only, not of 'layer2:3'; for channels there "
        "are vital, maco, fourier, activation"
    )
    assert str(caught.value) == expected


def test_channels_have_files_and_no_probability(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    made = make(checkpoint, references, units=["1", "layer2:3", "layer1:1"], out=tmp_path / "out")
    assert list(made.table["name"]) == ["1", "layer1/1", "layer2/3"]
    assert made.table["probability"].isna().tolist() == [False, True, True]
    for path in made.table["image"]:
        assert Image.open(path).size == (32, 32)
    for path in made.table["transparent"].dropna():
        assert Image.open(path).mode == "RGBA"
    assert made.table["transparent"].isna().tolist() == [True, False, False]


def test_a_channel_alone_is_the_same_as_with_others(checkpoint: Path, references: Path) -> None:
    together = make(checkpoint, references, units=["1", "layer2:3", "layer1:1"], seeds=2)
    alone = make(checkpoint, references, units=["layer2:3"])
    place = list(together.table["name"]).index("layer2/3")
    assert torch.equal(alone.images[0], together.images[place])


def patches_of(out: Path) -> pd.DataFrame:
    (path,) = (out / ".work" / "patches").glob("*/patches.parquet")
    return pd.read_parquet(path)


def test_patches_come_from_the_images_that_excite_the_channel_most(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    """With a shortlist twice as long as there are patches, no image beyond it has one."""
    out = tmp_path / "out"
    make(checkpoint, references, units=["layer1:1"], per_class=2, out=out)
    model = open_model(
        "timm/resnet10t", checkpoint=checkpoint, kwargs=KWARGS, preprocessing={"size": (32, 32)}
    )
    responses: dict[bytes, float] = {}
    with torch.no_grad(), TapReader(model.network, ["layer1"]) as read:
        for path in references.rglob("*.png"):
            with Image.open(path) as image:
                crop = model.preprocessing.crop(image.convert("RGB"))
                shown = model.preprocessing(image.convert("RGB"))[None]
            responses[crop.tobytes()] = float(read(shown)["layer1"][0, 1].max())
    best = sorted(responses, key=responses.__getitem__, reverse=True)[:4]
    table = patches_of(out)
    assert len(table) == 2 and table["image"].nunique() == 2
    (folder,) = (out / ".work" / "patches").iterdir()
    side = round(32 * 64 / 224)
    boxes = [tuple(box) for box in table["box"]]
    assert {(right - left, low - top) for left, top, right, low in boxes} == {(side, side)}
    allowed = [Image.frombytes("RGB", (32, 32), content) for content in best]
    for patch, box in zip(table["patch"], boxes, strict=True):
        shown = Image.open(folder / patch).resize((side, side), Image.Resampling.BOX)
        distances = [_distance(shown, image.crop(box)) for image in allowed]
        others = [
            _distance(shown, Image.frombytes("RGB", (32, 32), content).crop(box))
            for content in responses.keys() - set(best)
        ]
        assert min(distances) < min(others)


def _distance(one: Image.Image, other: Image.Image) -> float:
    pairs = zip(one.tobytes(), other.tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs)


def test_what_was_found_is_kept_for_the_next_call(
    checkpoint: Path, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = make(checkpoint, references, units=["layer1:1"], out=out)
    with monkeypatch.context() as broken:
        broken.delattr("vital.api.channel_statistics.write_reference_patches")
        broken.delattr("vital.api.channel_statistics.write_relevance")
        again = make(checkpoint, references, units=["layer1:1"], seeds=2, out=out)
        assert torch.equal(again.images[0], first.images[0])
        write_noise(references / "0", 6, seed=9, shape=(40, 36))
        with pytest.raises(NameError):
            make(checkpoint, references, units=["layer1:1"], out=out)


def test_a_flat_folder_is_enough_for_channels(checkpoint: Path, references: Path) -> None:
    assert list(make(checkpoint, references / "0", units=["layer1:1"]).table["unit"]) == [1]
    with pytest.raises(DataError, match="holds no images"):
        (references / "empty").mkdir()
        make(checkpoint, references / "empty", units=["layer1:1"])


def with_a_dead_channel() -> nn.Module:
    """A network whose first channel nothing excites."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 2, 3)
    first.bias.data = torch.tensor([-1e6, 1.0])
    layers = (first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4))
    return nn.Sequential(*layers)


def test_a_channel_that_nothing_excites_is_named(
    references: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {
        "preprocessing": {"size": 32, "mean": [0.5] * 3, "std": [0.5] * 3},
        "taps": ["input", "0"], "params": QUICK,
    }  # fmt: skip
    expected = r"units: none of the 12 images of .* excites '1/0'"
    with pytest.raises(DataError, match=expected):
        vital.visualize(with_a_dead_channel(), references, units=["1:0"], **options)
    made = vital.visualize(with_a_dead_channel(), references, units=["1:0", "1:1"], **options)
    assert list(made.table["name"]) == ["1/1"]
    assert "unit 1/0 never fires" in caplog.text


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_classes(checkpoint: Path, references: Path, method: str) -> None:
    params = {**QUICK, "steps": 2}
    made = make(checkpoint, references, units=["1", 2], method=method, params=params)
    assert list(made.table["method"]) == [method] * 2
    assert list(made.table["name"]) == ["1", "2"]
    assert list(made.table["steps"]) == [2, 2]
    assert bool(made.images.isfinite().all())


@pytest.mark.parametrize("method", ["maco", "fourier", "activation"])
def test_a_peer_makes_channels_without_patches(
    checkpoint: Path, references: Path, tmp_path: Path, method: str
) -> None:
    out = tmp_path / "out"
    made = make(checkpoint, references, units=["layer2:3"], method=method, out=out)
    assert list(made.table["name"]) == ["layer2/3"]
    assert not (out / ".work" / "patches").exists()


def test_methods_make_different_images(checkpoint: Path, references: Path) -> None:
    made = [make(checkpoint, references, units=["1"], method=one).images for one in METHODS]
    assert all(not torch.equal(one, other) for one, other in pairwise(made))


def test_a_peer_makes_the_sources_classes_where_none_is_named(
    checkpoint: Path, references: Path
) -> None:
    made = make(checkpoint, references, method="activation")
    assert list(made.table["unit"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "maco", "sets": 1}, "sets: it has no effect: images by maco"),
        ({"method": "maco", "per_class": 1}, "per_class: it has no effect: images by maco"),
        ({"units": ["layer2:3"], "sets": 1}, "sets: it has no effect: patches of a channel"),
        ({"units": ["conv1:3"], "taps": ["layer2"]}, "none of layer2 runs before 'conv1'"),
    ],
)
def test_what_has_no_effect_is_said(
    checkpoint: Path, references: Path, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(VitalError, match=expected):
        make(checkpoint, references, **changes)
