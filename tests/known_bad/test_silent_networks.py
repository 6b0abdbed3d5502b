"""Networks that would give noise, no numbers or an old answer without a word: each is told."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vital
from helpers.own_networks import CLASSES, QUICK, SEEN, Change, Net
from helpers.small_networks import write_references
from vital.errors import ModelError
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.gradients import check_gradients
from vital.networks.training import LabelledImages, accuracy


def without_gradient(value: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return value * 2


def inference(value: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return value * 2


class Lost(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, value: torch.Tensor) -> torch.Tensor:
        return value * 2

    @staticmethod
    def backward(_context: Any, *_gradients: torch.Tensor) -> None:
        return None


def overwritten(value: torch.Tensor) -> torch.Tensor:
    value = torch.sigmoid(value)
    return value.mul_(value)


CUT: dict[str, Change] = {
    "no_grad": without_gradient,
    "inference_mode": inference,
    "detach": torch.detach,
    "data": lambda value: value.data,
    "numpy": lambda value: torch.from_numpy(value.detach().numpy()),
    "detached anew": lambda value: value.detach().requires_grad_(),
    "rounding": torch.round,
    "rounding to 255": lambda value: (value * 255).floor() / 255,
    "sign": torch.sign,
    "threshold": lambda value: (value > 0).float(),
    "function without a gradient": Lost.apply,
}


@pytest.mark.parametrize("cut", CUT)
def test_a_network_that_cuts_gradients_off_makes_no_noise(cut: str, tmp_path: Path) -> None:
    references = write_references(tmp_path / "references")
    network = Net(between=CUT[cut])
    options = {"classes": CLASSES, "units": ["b"], "params": QUICK, "out": tmp_path / "out"}
    with pytest.raises(ModelError, match=r"tap 'body' has no gradient .* detach"):
        vital.visualize(network, references, **options, **SEEN)
    assert not list((tmp_path / "out").rglob("*.safetensors"))
    vital.visualize(network, references, **options, **{**SEEN, "taps": ["stem"]})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (overwritten, "tap 'body': its gradient .* changes in place"),
        (lambda value: torch.from_numpy(value.numpy()), "where a gradient .* is asked for"),
        (lambda value: value / 0 * 0, "tap 'body' gives values that are not finite"),
    ],
)
def test_a_gradient_that_cannot_be_computed_is_refused(change: Change, expected: str) -> None:
    network = Net(between=change).eval().requires_grad_(False)
    with pytest.raises(ModelError, match=expected):
        check_gradients(network, ["stem", "body"], torch.randn(1, 3, 32, 32))


def test_a_gradient_that_happens_to_be_zero_is_one() -> None:
    network = Net(between=lambda value: torch.relu(value - 1e6)).eval().requires_grad_(False)
    check_gradients(network, ["stem", "body", "class"], torch.randn(1, 3, 32, 32))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_logits_that_are_no_numbers_are_no_answer(bad: float) -> None:
    def spoiled(logits: torch.Tensor) -> torch.Tensor:
        return logits.index_put((torch.tensor(2), torch.tensor(0)), torch.tensor(bad))

    labelled = LabelledImages(torch.randn(8, 3, 32, 32), torch.arange(8).remainder(4))
    with pytest.raises(ModelError, match="logits of an image of class 2 are not finite"):
        accuracy(Net(after=spoiled), [labelled])
    accuracy(Net(after=lambda x: x.index_fill(1, torch.tensor(0), -torch.inf)), [labelled])


def opened(network: nn.Module) -> StudiedModel:
    return open_model(network, classes=CLASSES, **SEEN)  # type: ignore[arg-type]


def test_a_changed_attribute_is_not_answered_from_the_store(tmp_path: Path) -> None:
    references = write_references(tmp_path / "references")
    torch.manual_seed(0)
    network = Net()

    def response() -> float:
        made = vital.visualize(
            network, references, classes=CLASSES, units=["b"], params=QUICK,
            out=tmp_path / "out", **SEEN,
        )  # fmt: skip
        return float(made.table["activation"].iloc[0])

    first = response()
    assert response() == first
    network.after = lambda logits: 3 * logits
    assert response() != first


class Sealed:
    """Tells nobody what it holds."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Sealed:
        return self

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError


def test_what_cannot_be_described_is_computed_anew_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Net()
    network.sealed = Sealed()  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING):
        assert opened(network).sha256 != opened(network).sha256
        assert len(caplog.records) == 2
    assert "computed anew: 'the network.sealed (Sealed)'" in caplog.text
    caplog.clear()
    plain = Net()
    assert opened(plain).sha256 == opened(plain).sha256
    assert not caplog.text
