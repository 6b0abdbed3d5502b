"""How a file's names and shapes become a network's own."""

from __future__ import annotations

import itertools
import sys
from types import ModuleType
from typing import Any

import pytest
import timm
import torch
from timm.models import load_pretrained
from torch import nn

from helpers.small_networks import redraw
from vital.networks.layouts import PREFIXES, readings
from vital.networks.weights import load_state

State = dict[str, torch.Tensor]


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def layers() -> nn.Module:
    return redraw(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), seed=1)


@pytest.mark.parametrize(
    "prefix", ["".join(parts) for n in (1, 2, 3) for parts in itertools.product(PREFIXES, repeat=n)]
)
def test_every_row_of_prefixes_is_taken_off_and_told(prefix: str) -> None:
    state = dict(layers().state_dict())
    found = list(readings(layers(), {prefix + name: value for name, value in state.items()}))
    assert same(dict(found[-1].state), state)
    assert found[-1].how == f"{prefix!r} is left out before every name"
    assert found[0].how == ""


def test_no_other_prefix_is_taken_off() -> None:
    state = {f"net.{name}": value for name, value in layers().state_dict().items()}
    assert [dict(each.state).keys() for each in readings(layers(), state)] == [state.keys()]


def test_what_makes_a_network_s_own_names_stays(caplog: pytest.LogCaptureFixture) -> None:
    """A network whose one child is called ``model``, around another of that name."""
    inner = nn.Sequential()
    inner.add_module("model", nn.Linear(2, 2))
    network = nn.Sequential()
    network.add_module("model", inner)
    load_state(network, dict(redraw(network, seed=2).state_dict()), "it")
    load_state(
        network, {"model.model." + n: v for n, v in nn.Linear(2, 2).state_dict().items()}, "it"
    )
    assert caplog.messages == []


@pytest.mark.parametrize("source", ["", "local-dir", "hf-hub"])
def test_positions_are_resized_as_timm_does_it(
    source: str, caplog: pytest.LogCaptureFixture
) -> None:
    small = redraw(timm.create_model("test_vit", img_size=96), seed=3)
    ours, theirs = (timm.create_model("test_vit", img_size=128) for _ in range(2))
    given = {**theirs.pretrained_cfg, "state_dict": dict(small.state_dict())}
    load_pretrained(
        theirs, given, filter_fn=sys.modules[type(theirs).__module__].checkpoint_filter_fn
    )
    ours.pretrained_cfg.update(source=source, file="nowhere")
    with caplog.at_level("INFO", logger="vital"):
        load_state(ours, small.state_dict(), "it")
    assert same(ours.state_dict(), theirs.state_dict())
    assert ours.pos_embed.shape != small.pos_embed.shape
    count = len(small.state_dict())
    assert caplog.messages[-1] == (
        f"it: timm converts its {count} tensors to the network's {count}, and resizes 'pos_embed'"
    )


def test_the_class_of_the_background_goes() -> None:
    network = timm.create_model("test_resnet", num_classes=4)
    network.pretrained_cfg.update(label_offset=1)
    state = dict(redraw(timm.create_model("test_resnet", num_classes=5), seed=4).state_dict())
    load_state(network, state, "it")
    assert torch.equal(network.fc.weight, state["fc.weight"][1:])
    assert torch.equal(network.fc.bias, state["fc.bias"][1:])


class Published(nn.Module):
    """A network with two layers alike, as timm would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)
        self.pretrained_cfg = {"num_classes": 2}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of such a network, for a converter to be put into."""
    module = ModuleType("timm.models.made_up")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(Published, "__module__", module.__name__)
    return module


def by_order(state: State, model: nn.Module) -> State:
    return dict(zip(model.state_dict(), state.values(), strict=True))


def test_a_converter_that_goes_by_order_takes_a_name_from_none(published: Any) -> None:
    """In the order of the alphabet, as safetensors have it, other weights would get the names."""
    published.checkpoint_filter_fn = by_order
    own = redraw(Published(), seed=5).state_dict()
    foreign = {f"layers.{name}": value for name, value in own.items()}
    assert same(dict(list(readings(Published(), foreign))[-1].state), dict(own))
    mixed = {"zero.weight": own["one.weight"], **dict(reversed(list(own.items())[1:]))}
    assert len(list(readings(Published(), mixed))) == 1


def test_a_converter_that_fails_or_gives_no_tensors_is_not_used(published: Any) -> None:
    state = dict(Published().state_dict())
    for converter in (lambda s, m: {}["none"], lambda s, m: {**s, "a": 3}, lambda s, m: None):
        published.checkpoint_filter_fn = converter
        assert len(list(readings(Published(), state))) == 1


def test_a_converter_may_change_what_it_is_given(published: Any) -> None:
    def change(state: State, _model: nn.Module) -> State:
        state["one.weight"] += 1
        return state

    published.checkpoint_filter_fn = change
    state = dict(redraw(Published(), seed=6).state_dict())
    before = state["one.weight"].clone()
    converted = list(readings(Published(), state))[-1].state
    assert torch.equal(state["one.weight"], before)
    assert torch.equal(converted["one.weight"], before + 1)
