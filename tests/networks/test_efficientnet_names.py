"""Names of EfficientNet-PyTorch: every weight lands where the same layer of timm's has it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.efficientnet_lite import INSTALLED, LITE, answer
from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network
from vital.networks.carried import weights_file
from vital.networks.efficientnet_names import by_timms_names
from vital.networks.weight_files import read_state
from vital.networks.weights import load_state, load_weights

needs_packages = pytest.mark.skipif(not INSTALLED, reason="the extra lite is not installed")


@needs_packages
@pytest.mark.parametrize("name", LITE)
def test_names_go_with_order_and_shape(name: str) -> None:
    """The file and the network list their layers in the order in which they run."""
    network, state = build_network(name, {}), read_state(weights_file(name))
    renamed, own = by_timms_names(network, state), network.state_dict()
    assert renamed is not None
    assert list(renamed) == list(own)
    assert [value.shape for value in renamed.values()] == [value.shape for value in own.values()]
    assert all(renamed[new] is state[old] for new, old in zip(renamed, state, strict=True))


@needs_packages
@pytest.mark.parametrize("name", LITE)
def test_the_network_answers_as_the_file_defines(name: str) -> None:
    state = read_state(weights_file(name))
    network = build_network(name, {}, pretrained=True).eval().double()
    images = torch.randn(2, 3, 90, 90, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        found, expected = network(images), answer({k: v.double() for k, v in state.items()}, images)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert expected.std() > 0.3, "the logits say something"


def made_up() -> dict[str, torch.Tensor]:
    """Weights by EfficientNet-PyTorch's names for a network of timm's."""
    own = redraw(build_network("timm/tf_efficientnet_lite0", {"num_classes": 3}), 1).state_dict()
    stages = {"1": 1, "2": 3, "3": 5, "4": 8, "5": 11, "6": 15}
    return {_old_name(name, stages): value for name, value in own.items()}


def _old_name(name: str, stages: dict[str, int]) -> str:
    around = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1",
              "classifier": "_fc"}  # fmt: skip
    inside = {"conv_pw": "_expand_conv", "conv_dw": "_depthwise_conv", "conv_pwl": "_project_conv",
              "bn1": "_bn0", "bn2": "_bn1", "bn3": "_bn2"}  # fmt: skip
    first = {**inside, "conv_pw": "_project_conv", "bn1": "_bn1", "bn2": "_bn2"}
    place, _, part = name.rpartition(".")
    if not place.startswith("blocks."):
        return f"{around[place]}.{part}"
    _, stage, number, layer = place.split(".")
    if stage == "0":
        return f"_blocks.0.{first[layer]}.{part}"
    return f"_blocks.{stages[stage] + int(number)}.{inside[layer]}.{part}"


def test_such_a_file_is_a_checkpoint_of_timms_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    network = build_network("timm/tf_efficientnet_lite0", {"num_classes": 3})
    state = made_up()
    torch.save(dict(reversed(state.items())), tmp_path / "file.pth")
    load_weights(network, tmp_path / "file.pth")
    own = network.state_dict()
    assert torch.equal(own["conv_stem.weight"], state["_conv_stem.weight"])
    assert torch.equal(own["blocks.2.1.bn3.running_var"], state["_blocks.4._bn2.running_var"])
    assert torch.equal(own["blocks.0.0.conv_pw.weight"], state["_blocks.0._project_conv.weight"])
    assert "the names of EfficientNet-PyTorch are turned into timm's" in caplog.text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"_blocks.15._project_conv.weight": None}, r"it lacks 'blocks\.6\.0\.conv_pwl\.weight'"),
        ({"_blocks.16._bn1.bias": torch.zeros(3)}, r"the network has no '_blocks\.16\._bn1\.bias'"),
        ({"_fc.bias": torch.zeros(4)}, r"'classifier\.bias' is \(4,\), the network's \(3,\)"),
        ({"_bn0.bias": torch.full((32,), torch.nan)}, r"'bn1\.bias' holds values that are not fin"),
        ({"bn1.bias": torch.zeros(32)}, "does not fit the network"),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    change: dict[str, torch.Tensor | None], expected: str
) -> None:
    changed = {**made_up(), **change}
    state = {name: value for name, value in changed.items() if value is not None}
    network = build_network("timm/tf_efficientnet_lite0", {"num_classes": 3})
    with pytest.raises(ModelError, match=expected):
        load_state(network, state, "it")


def test_other_networks_and_other_names_are_left_alone() -> None:
    state = made_up()
    assert by_timms_names(build_network("timm/resnet10t", {}), state) is None
    network = build_network("timm/tf_efficientnet_lite0", {})
    assert by_timms_names(network, network.state_dict()) is None
