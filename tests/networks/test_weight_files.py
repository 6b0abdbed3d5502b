"""Which table of a file is taken, and what is said of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vital.errors import ModelError
from vital.networks.weight_files import WRAPPERS, read_state, why_unreadable, why_unusable

ONE, TWO = {"a": torch.ones(1)}, {"a": torch.zeros(1)}


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        (ONE, None, ONE),
        ({"state_dict": ONE, "lr": torch.tensor(0.1)}, None, ONE),
        ({"state_dict_ema": TWO, "state_dict": ONE}, None, ONE),
        ({"state_dict_ema": TWO, "state_dict": ONE}, "state_dict_ema", TWO),
        ({"model_ema": TWO, "model": ONE, "optimizer": {"state": {0: TWO}}}, None, ONE),
        ({"model_ema": TWO, "epoch": 3}, None, TWO),
        ({"state_dict": {"model": ONE}}, None, ONE),
        ({"model": {"state_dict": ONE}}, None, ONE),
        ({"state_dict": {}, "model": ONE}, None, ONE),
        ({"weights": ONE, "epoch": 3}, None, ONE),
        ({"state_dict": ONE, "ema": {"shadow": TWO}}, "ema.shadow", TWO),
    ],
)
def test_the_table_that_is_meant(
    tmp_path: Path, content: object, key: str | None, expected: dict[str, torch.Tensor]
) -> None:
    torch.save(content, tmp_path / "a.pt")
    read = read_state(tmp_path / "a.pt", key)
    assert read.keys() == expected.keys()
    assert torch.equal(read["a"], expected["a"])


def test_a_choice_that_nobody_made_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "both.pt"
    torch.save({"state_dict": ONE, "state_dict_ema": TWO}, path)
    read_state(path)
    assert caplog.messages == [
        f"checkpoint {path}: the weights under 'state_dict' are taken; "
        "weights_key chooses others: 'state_dict_ema'"
    ]
    caplog.clear()
    read_state(path, "state_dict_ema")
    torch.save({"state_dict": ONE, "epoch": 3}, path)
    with caplog.at_level(logging.DEBUG):
        read_state(path)
    assert caplog.messages == []


def test_every_usual_place_is_taken_by_itself(tmp_path: Path) -> None:
    for name in WRAPPERS:
        torch.save({name: ONE, "epoch": 1}, tmp_path / "a.pt")
        assert read_state(tmp_path / "a.pt").keys() == {"a"}


def test_safetensors_are_known_by_what_they_hold(tmp_path: Path) -> None:
    save_file(ONE, tmp_path / "a.bin")
    assert torch.equal(read_state(tmp_path / "a.bin")["a"], ONE["a"])


def test_a_file_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(ONE, tmp_path / "a.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_state(tmp_path / "a.pt").keys() == {"a"}


def test_a_file_that_may_not_be_opened_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.pt").touch()
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match=r"a\.pt cannot be read: Permission denied$"):
        read_state(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionError("There is no net. Please check it."), "There is no net"),
        (FileNotFoundError(2, "No such file"), "No such file"),
        (
            RuntimeError("weights_only=True blocked it. Unsupported globals: a.B."),
            "it holds Python objects (a.B), which may run code; "
            "save the weights alone, as torch.save(network.state_dict(), FILE) does",
        ),
        (MemoryError(), "there is not enough memory for what it says it holds"),
        (RuntimeError("miniz"), "it is damaged, or no file of weights"),
    ],
)
def test_loaders_errors_are_told_without_their_advice(error: Exception, expected: str) -> None:
    assert why_unreadable(error) == expected


def test_plain_tensors_only() -> None:
    assert why_unusable(torch.ones(2)) == ""
    assert why_unusable(torch.ones(2, dtype=torch.bool)) == ""
    assert "not a tensor" in why_unusable("text")
    assert "no shape yet" in why_unusable(torch.nn.UninitializedParameter())
    assert "nested" in why_unusable(torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]))
