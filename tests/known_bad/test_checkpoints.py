"""Files of weights, and ways to name networks, that are refused: each with what it must say."""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from helpers.fuzzed_networks import fault_of
from helpers.small_networks import KWARGS, redraw, tiny
from vital.errors import ModelError
from vital.networks.build import build_network
from vital.networks.weights import load_weights

State = dict[str, torch.Tensor]


def weights(seed: int = 1) -> State:
    return dict(redraw(tiny(), seed).state_dict())


def changed(**changes: object) -> dict[str, object]:
    """A good table but for some entries; ``fc__bias`` stands for ``fc.bias``."""
    return {**weights(), **{name.replace("__", "."): value for name, value in changes.items()}}


def without(*names: str) -> State:
    return {name: value for name, value in weights().items() if name not in names}


def shared(prefix: str) -> State:
    return {prefix + name: value for name, value in weights().items()}


def nan() -> torch.Tensor:
    return torch.full((4,), float("nan"))


TABLES: dict[str, tuple[Callable[[], object], str]] = {
    "empty": (dict, "holds no table of weights: it is empty"),
    "empty entry": (lambda: {"state_dict": {}}, "no table of weights; its entries are 'state_dict"),
    "list": (lambda: [torch.ones(2)], "no table of weights, but one list"),
    "tensor": (lambda: torch.ones(2), "no table of weights, but one Tensor"),
    "numbers": (lambda: {"a": 1}, "no table of weights; its entries are 'a'"),
    "without a weight": (lambda: without("fc.bias"), "it lacks 'fc.bias'"),
    "without many": (
        lambda: dict(list(weights().items())[:9]), r"it lacks '.*', '.*', '.*' and \d+ more",
    ),
    "with more": (lambda: changed(extra=torch.ones(1)), "the network has no 'extra'"),
    "of another shape": (
        lambda: changed(fc__bias=torch.ones(7)), r"'fc\.bias' is \(7,\), the network's \(4,\)",
    ),
    "of no fractions": (
        lambda: changed(fc__bias=torch.arange(4)),
        r"'fc\.bias' is torch\.int64, the network's torch\.float32",
    ),
    "of bits": (lambda: changed(fc__bias=torch.ones(4) > 0), r"'fc\.bias' is torch\.bool"),
    "complex": (lambda: changed(fc__bias=torch.ones(4) * 1j), r"'fc\.bias' is torch\.complex64"),
    "fractions for numbers": (
        lambda: {**weights(), "bn1.num_batches_tracked": torch.tensor(0.5)},
        r"does not take 'bn1\.num_batches_tracked' as given",
    ),
    "an axis more": (
        lambda: {**weights(), "bn1.num_batches_tracked": torch.tensor([1, 2])},
        r"'bn1\.num_batches_tracked' is \(2,\), the network's \(\)",
    ),
    "not a number": (lambda: changed(fc__bias=nan()), "'fc.bias' holds values that are not finite"),
    "too large": (
        lambda: changed(fc__bias=torch.full((4,), 1e300, dtype=torch.float64)),
        "'fc.bias' holds values that are not finite",
    ),
    "a number": (lambda: changed(fc__bias=3), "'fc.bias' is not a tensor, but one int"),
    "a list": (lambda: changed(fc__bias=[0.5] * 4), "'fc.bias' is not a tensor, but one list"),
    "sparse": (lambda: changed(fc__bias=torch.ones(4).to_sparse()), "'fc.bias' is a sparse"),
    "quantised": (
        lambda: changed(fc__bias=torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)),
        "'fc.bias' is quantised",
    ),
    "without values": (lambda: changed(fc__bias=torch.ones(4, device="meta")), "but no values"),
    "a name that is none": (lambda: {**weights(), 3: torch.ones(1)}, "3 is not a name"),
    "several tables": (
        lambda: {"teacher": weights(), "student": weights()},
        "several tables of weights, 'teacher', 'student': choose by weights_key",
    ),
    "another's prefix": (lambda: shared("backbone."), "the network has no 'backbone.conv1"),
    "prefixes in part": (
        lambda: {**shared("module."), "fc.bias": torch.ones(4)}, "does not fit the network",
    ),
    "another's file": (
        lambda: build_network("timm/test_vit", {}).state_dict(), "does not fit the network",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_tables_that_do_not_hold_the_networks_weights(tmp_path: Path, case: str) -> None:
    content, expected = TABLES[case]
    torch.save(content(), tmp_path / "bad.pt")
    assert_refused(tmp_path / "bad.pt", expected)


def assert_refused(path: Path, expected: str, key: str | None = None) -> None:
    with pytest.raises(ModelError, match=expected) as caught:
        load_weights(tiny(), path, key)
    assert not fault_of(str(caught.value), path)


def torch_bytes(content: object, folder: Path, **how: object) -> bytes:
    torch.save(content, folder / "whole", **how)  # type: ignore[arg-type]
    return (folder / "whole").read_bytes()


def with_a_flipped_weight(folder: Path) -> bytes:
    content = bytearray(torch_bytes(weights(), folder))
    content[content.index(weights()["fc.weight"].numpy().tobytes()) + 40] ^= 64
    return bytes(content)


def script(folder: Path) -> bytes:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), folder / "script")
    return (folder / "script").read_bytes()


def safetensors_bytes(folder: Path) -> bytes:
    save_file(weights(), folder / "whole")
    return (folder / "whole").read_bytes()


FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "nothing.pt": (lambda _: b"", "it is damaged, or no file of weights"),
    "nothing.safetensors": (lambda _: b"", "it is damaged, or no file of weights"),
    "junk.pt": (lambda _: b"<html>404</html>", "it is damaged, or no file of weights"),
    "cut.pt": (lambda folder: torch_bytes(weights(), folder)[:-100], "it is damaged"),
    "flipped.pt": (with_a_flipped_weight, "it is damaged"),
    "cut.safetensors": (lambda folder: safetensors_bytes(folder)[:-9], "it is damaged"),
    "torch.safetensors": (lambda folder: torch_bytes(weights(), folder), "it is damaged, or no"),
    "old.pth": (
        lambda folder: torch_bytes(weights(), folder, _use_new_zipfile_serialization=False)[:-50],
        "it is damaged",
    ),
    "arguments.pt": (
        lambda folder: torch_bytes({"args": argparse.Namespace(), **weights()}, folder),
        r"holds Python objects \(argparse\.Namespace\), which may run code; save the weights alone",
    ),
    "arrays.pt": (
        lambda folder: torch_bytes({"a": torch.ones(2).numpy()}, folder),
        r"holds Python objects \(numpy",
    ),
    "module.pt": (lambda folder: torch_bytes(tiny(), folder), r"objects \(timm\.models\.resnet"),
    "pickle.pt": (lambda _: pickle.dumps({"a": [1]}), "it is a pickle of Python, which may run"),
    "script.pt": (script, "it holds a program of TorchScript; save the weights alone"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_hold_no_weights(tmp_path: Path, name: str) -> None:
    write, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(write(tmp_path))
    assert_refused(path, rf"checkpoint .*{name} cannot be read: .*{expected}")


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.pt")
    assert_refused(tmp_path / "fifo.pt", "is not a file")
    assert_refused(tmp_path, "is not a file")
    assert_refused(tmp_path / "none.pt", "does not exist")
    assert_refused(tmp_path / ("x" * 300), "cannot be read: File name too long")


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        (lambda: {"state_dict": weights(), "ema": {"shadow": weights()}}, "shadow",
         "no weights under weights_key 'shadow'; there are 'state_dict', 'ema.shadow'"),
        (lambda: {"state_dict": weights(), "epoch": 3}, "epoch", "there are 'state_dict'"),
        (weights, "state_dict", "under weights_key 'state_dict'; its weights have no key"),
        (weights, "", "its weights have no key"),
    ],
)  # fmt: skip
def test_keys_that_are_not_there(
    tmp_path: Path, content: Callable[[], object], key: str, expected: str
) -> None:
    torch.save(content(), tmp_path / "keys.pt")
    assert_refused(tmp_path / "keys.pt", expected, key)


@pytest.mark.parametrize("source", ["local-dir", "hf-hub"])
def test_a_network_from_elsewhere_does_not_take_any_file(tmp_path: Path, source: str) -> None:
    """timm gives such a network the weights of its own source, whatever it is asked to load."""
    published = timm.create_model("test_vit", num_classes=4)
    published.pretrained_cfg.update(source=source, file=str(tmp_path), hf_hub_id="timm/test_vit")
    save_file(published.state_dict(), tmp_path / "model.safetensors")
    for name, state in {
        "other.pt": weights(),
        "part.pt": dict([*published.state_dict().items()][:3]),
    }.items():
        torch.save(state, tmp_path / name)
        with pytest.raises(ModelError, match=rf"{name} does not fit"):
            load_weights(published, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        ("timm/resnet10t", {"channels": 3}, "timm/resnet10t cannot be built with {'channels': 3}"),
        ("timm/resnet10t", {"chanels": 3}, "unexpected keyword argument 'chanels'"),
        ("timm/test_vit", {"img_size": "big"}, "timm/test_vit cannot be built with"),
        ("timm/test_vit", {"img_size": [64, 64, 64]}, "timm/test_vit cannot be built with"),
        ("timm/resnet10t", {"checkpoint_path": "a.pt"}, "takes no argument 'checkpoint_path' here"),
        ("timm/resnet10t", {"pretrained": True}, "takes no argument 'pretrained' here"),
        ("torchvision/resnet18", {"weights": "DEFAULT"}, "takes no argument 'weights' here"),
        ("torchvision/resnet18", {"pretrained": True}, "takes no argument 'pretrained' here"),
        ("python:leaving_of_tests:leave", {}, "leave failed with {}: SystemExit: 3"),
        ("python:leaving_of_tests.at_once:leave", {}, "cannot be imported: SystemExit: 2"),
    ],
)
def test_networks_that_cannot_be_built(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kwargs: dict[str, object],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "leaving_of_tests"
    package.mkdir()
    (package / "__init__.py").write_text("def leave():\n    raise SystemExit(3)\n")
    (package / "at_once.py").write_text("import sys\n\nsys.exit(2)\n")
    with pytest.raises(ModelError, match=expected) as caught:
        build_network(name, kwargs)
    assert not fault_of(str(caught.value))
    for module in [each for each in sys.modules if each.startswith("leaving_of_tests")]:
        del sys.modules[module]


def test_the_table_that_all_these_change_is_good(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "good.pt")
    assert build_network("timm/resnet10t", KWARGS).fc.bias.shape == (4,)
    load_weights(tiny(), tmp_path / "good.pt")
