"""Networks whose weights packages carry: real ones, and files that are refused."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image

from helpers.efficientnet_lite import INSTALLED, LITE, carry_by, write_package
from vital.errors import ModelError
from vital.networks.build import build_network, check_published
from vital.networks.carried import weights_file
from vital.networks.classes import ClassMap
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.defaults import default_taps

needs_packages = pytest.mark.skipif(not INSTALLED, reason="the extra lite is not installed")

NAME, PACKAGE = "lite/efficientnet_lite0", "made-up-weights"
SIZES = {"lite/efficientnet_lite0": 224, "lite/efficientnet_lite1": 240,
         "lite/efficientnet_lite2": 260}  # fmt: skip
REAL = os.environ.get("VITAL_REAL_DATA")


def seen(model: StudiedModel, images: list[Image.Image]) -> torch.Tensor:
    """The class that the network gives to each image."""
    batch = torch.stack([model.preprocessing(image) for image in images])
    with torch.no_grad():
        return model.network(batch).argmax(1)


@needs_packages
@pytest.mark.parametrize("name", LITE)
def test_it_is_a_real_network_of_imagenet(name: str) -> None:
    """It names what photographs in scikit-image show, at its own size."""
    model = open_model(name)
    assert model.preprocessing.size == (SIZES[name], SIZES[name])
    assert model.outputs == 1000
    known = ClassMap(model.classes, model.outputs)
    cats = {known.find(one) for one in ("tabby", "tiger cat", "Egyptian cat")}
    cups = {known.find(one) for one in ("espresso", "cup", "coffee mug")}
    photographs = (skimage.data.chelsea(), skimage.data.coffee())
    cat, cup = seen(model, [Image.fromarray(one) for one in photographs]).tolist()
    assert cat in cats and cup in cups


@needs_packages
@pytest.mark.skipif(REAL is None, reason="VITAL_REAL_DATA is not set")
@pytest.mark.parametrize("name", LITE)
def test_it_knows_imagenette(name: str) -> None:
    """Of 60 photographs the published networks know three of four, among 1000 classes."""
    model = open_model(name)
    known = ClassMap(model.classes, model.outputs)
    folders = sorted(Path(str(REAL), "imagenette", "val").iterdir())
    files = [path for folder in folders for path in sorted(folder.iterdir())[:6]]
    labels = torch.tensor([known.find(path.parent.name) for path in files])
    found = seen(model, [Image.open(path).convert("RGB") for path in files])
    assert (found == labels).float().mean() > 0.6


@needs_packages
@pytest.mark.parametrize("name", LITE)
def test_every_weight_is_the_files(name: str) -> None:
    """Both list their layers in the order in which they run."""
    own = build_network(name, {}, pretrained=True).state_dict()
    file = torch.load(weights_file(name), weights_only=True)
    for value, given in zip(own.values(), file.values(), strict=True):
        assert torch.equal(value, given)


@pytest.mark.parametrize("name", LITE)
def test_the_default_taps_are_those_of_timms_network(name: str) -> None:
    plain = f"timm/tf_{name.partition('/')[2]}"
    assert list(default_taps(build_network(name, {}).eval(), (64, 64))) == [
        "conv_stem", "blocks.1", "blocks.2", "blocks.4", "blocks.6",
    ] == list(default_taps(build_network(plain, {}).eval(), (64, 64)))  # fmt: skip


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"no weights", "cannot be read: it is damaged, or no file of weights"),
        (saved({"conv": object}), r"it holds Python objects \(.*\), which may run code"),
        (saved({"_conv_stem.weight": torch.zeros(3)}), "does not fit the network: it lacks "),
    ],
)
def test_what_a_package_should_not_carry_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str
) -> None:
    carry_by(monkeypatch, PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    write_package(tmp_path, PACKAGE, "weights.pth", content)
    with pytest.raises(ModelError, match=expected):
        build_network(NAME, {}, pretrained=True)


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        ("lite/efficientnet_lite4", {}, "carry 'efficientnet_lite4'; did you mean 'efficientnet"),
        (NAME, {"num_classes": 10}, "in the package efficientnet-lite0-.* have 1000 classes, not"),
        (NAME, {"num_clases": 3}, "tf_efficientnet_lite0 cannot be built .*num_clases"),
        ("lite/", {}, "unknown origin; write timm/.* lite/<architecture> or python:"),
    ],
)
def test_what_cannot_be_built_is_explained(
    name: str, kwargs: dict[str, int], expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        build_network(name, kwargs, pretrained=True)


def test_the_number_of_classes_is_checked_before_a_run() -> None:
    check_published(NAME, {})
    check_published("python:any:thing", {"num_classes": 10})
    for name in (NAME, "timm/resnet18"):
        with pytest.raises(ModelError, match="1000 classes, not 10"):
            check_published(name, {"num_classes": 10})
