"""The block ``model``: the preprocessing that it sets."""

from __future__ import annotations

import pytest

from vital.errors import ParamsError
from vital.params.base import check_block
from vital.params.model import ModelParams


def block(**preprocessing: object) -> dict[str, object]:
    values = {"name": "timm/resnet18", "preprocessing": preprocessing}
    return check_block(values, "model", ModelParams).preprocessing.given()


def test_the_block_gives_what_is_set() -> None:
    assert block() == {}
    assert block(size=96, crop_pct=0.9) == {"size": (96, 96), "crop_pct": 0.9}
    assert block(size=[96, 128]) == {"size": (96, 128)}
    assert block(mean=[0, 0.5, 1]) == {"mean": (0.0, 0.5, 1.0)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 8),
        ("size", [96, 96, 96]),
        ("mean", [0.5]),
        ("std", [0.5, 0.5, 0.0]),
        ("interpolation", "cubic"),
        ("crop_pct", 0),
        ("crop_pct", 1.5),
        ("crop", 0.5),
    ],
)
def test_a_bad_value_names_its_key(field: str, value: object) -> None:
    with pytest.raises(ParamsError, match=rf"model\.preprocessing\.{field}"):
        block(**{field: value})


def test_a_key_chooses_from_a_checkpoint() -> None:
    values = {"name": "timm/resnet18", "checkpoint": "a.pt", "weights_key": "ema"}
    assert check_block(values, "model", ModelParams).weights_key == "ema"
    del values["checkpoint"]
    with pytest.raises(ParamsError, match=r"^model has weights_key 'ema', but no checkpoint$"):
        check_block(values, "model", ModelParams)
    with pytest.raises(ParamsError, match=r"model\.weights_key"):
        check_block({**values, "checkpoint": "a.pt", "weights_key": ""}, "model", ModelParams)
