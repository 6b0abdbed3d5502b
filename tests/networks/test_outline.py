"""What is known of a network without weights is what is so once it has some."""

from __future__ import annotations

from typing import Any

import pytest

from vital.errors import ModelError
from vital.networks.outline import Outline, outline_model
from vital.networks.taps.reader import INPUT_TAP, tap_shapes
from vital.networks.untrained import untrained_model
from vital.params.base import check_block
from vital.params.model import ModelParams

TRAIN = {"steps": 1, "batch": 1, "lr": 0.1}
TINY = {"name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 16, 16]}}
CLASSES = ("ant", "bee", "cow")


def params(**keys: Any) -> ModelParams:
    return check_block({**TINY, **keys}, "model", ModelParams)


def outline(
    classes: tuple[str, ...] | None = CLASSES, cut: tuple[int, int] | None = None, **keys: Any
) -> Outline:
    return outline_model(params(**keys), classes, cut)


def test_it_agrees_with_the_network_itself() -> None:
    found = outline(cut=(32, 32), train=TRAIN)
    built = untrained_model(params(train=TRAIN), 3, (32, 32))
    assert found.model.preprocessing == built.preprocessing
    assert found.model.taps == built.taps
    assert found.model.classes == CLASSES
    assert next(found.model.network.parameters()).is_meta
    assert next(iter(found.shapes)) == INPUT_TAP
    assert dict(found.shapes) == tap_shapes(built.network, found.shapes, (32, 32))


@pytest.mark.parametrize(
    ("keys", "classes", "cut", "known"),
    [
        ({"train": TRAIN}, CLASSES, (32, 32), (True, True)),
        ({"train": TRAIN}, None, (32, 32), (False, True)),
        ({"train": TRAIN}, CLASSES, None, (True, False)),
        ({"train": TRAIN, "preprocessing": {"size": 64}}, CLASSES, None, (True, True)),
        ({"train": TRAIN, "classes": ["a", "b"]}, None, None, (True, False)),
        ({"checkpoint": "absent.pt"}, None, None, (True, True)),
        ({"pretrained": True}, CLASSES, None, (True, True)),
        ({}, CLASSES, (32, 32), (False, False)),
    ],
)
def test_what_is_a_stand_in_is_said(
    keys: dict[str, Any],
    classes: tuple[str, ...] | None,
    cut: tuple[int, int] | None,
    known: tuple[bool, bool],
) -> None:
    found = outline_model(params(**keys), classes, cut)
    assert (found.has_classes, found.has_size) == known


def test_a_size_that_only_images_could_tell_is_no_fault_of_the_network() -> None:
    factory = {"name": "timm/vit_tiny_patch16_224", "kwargs": {}, "train": TRAIN}
    with pytest.raises(ModelError, match="32 x 32"):
        outline(cut=(32, 32), **factory)
    assert outline(**factory).model.preprocessing.size == (224, 224)


def test_taps_that_cannot_be_read() -> None:
    found = outline(cut=(32, 32), train=TRAIN)
    found.check_tap("conv1")
    with pytest.raises(ModelError, match="no tap 'conv9'; did you mean"):
        found.check_tap("conv9")
    with pytest.raises(ModelError, match="'conv1@2' is never run"):
        found.check_tap("conv1@2")
