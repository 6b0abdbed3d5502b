"""Judges are made beside the studied network, like it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from helpers.judges import NETWORK, TRAINED, judges_of
from helpers.pretended_device import PRETENDED, PretendedDevice
from helpers.small_networks import KWARGS, write_weights
from vital.errors import ModelError
from vital.images.image_set import ImageSet
from vital.networks.make_judges import make_judges
from vital.networks.model import load_model


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


def test_a_judge_may_come_from_a_checkpoint(images: ImageSet, tmp_path: Path) -> None:
    file = write_weights(tmp_path / "judge.safetensors", seed=3)
    block = {
        "name": "timm/resnet10t",
        "kwargs": KWARGS,
        "checkpoint": str(file),
        "classes": ["wasp", "Cow", "BEE", "ant"],
        "preprocessing": {"size": 32},
    }
    make_judges(tmp_path / "judges", images, judges_of(block), seed=0)
    kept = load_model(tmp_path / "judges" / "resnet10t").network.state_dict()
    assert torch.equal(kept["fc.weight"], load_file(file)["fc.weight"])


def test_a_judge_s_table_is_chosen_as_the_networks_is(images: ImageSet, tmp_path: Path) -> None:
    state = load_file(write_weights(tmp_path / "a.safetensors", seed=3))
    torch.save({"model": {}, "old": {}, "best": {"net": state}}, tmp_path / "judge.pt")
    block = {**NETWORK, "kwargs": KWARGS, "checkpoint": str(tmp_path / "judge.pt"), "alias": "one"}
    with pytest.raises(ModelError, match=r"judge one: .*judge\.pt .*there are 'best\.net'"):
        make_judges(tmp_path / "j", images, judges_of({**block, "weights_key": "net"}), seed=0)


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
