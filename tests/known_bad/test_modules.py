"""Networks that people give and that cannot work: each is refused by name, before anything is made.

Those that can work in spite of how they are made are taken as they are.
"""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vital
from helpers.own_networks import CLASSES, QUICK, SEEN, Net, Output
from helpers.small_networks import write_references
from vital.errors import ModelError, ParamsError
from vital.networks.build import build_network
from vital.networks.model import open_model
from vital.networks.probe import run_blank
from vital.networks.training import LabelledImages, train
from vital.params.base import check_block
from vital.params.model import ModelParams, TrainParams


def sequential(*stem: nn.Module) -> nn.Sequential:
    return nn.Sequential(*stem, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4))


def in_place(images: torch.Tensor) -> torch.Tensor:
    return images.mul_(2)


def quantised() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(Net(), {nn.Linear}, dtype=torch.qint8)


def with_values(value: float) -> nn.Module:
    network = Net()
    nn.init.constant_(network.body.weight, value)
    return network


class Locked(Net):
    def __init__(self) -> None:
        super().__init__()
        self.generator = (number for number in range(3))


class Sparse(Net):
    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(3).to_sparse(), requires_grad=False)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "scripted": (lambda: torch.jit.script(sequential(nn.Conv2d(3, 4, 3))), "scripted or traced"),
    "traced": (
        lambda: torch.jit.trace(sequential(nn.Conv2d(3, 4, 3)), torch.zeros(1, 3, 32, 32)),
        "scripted or traced",
    ),
    "quantised": (quantised, "'head' is quantised"),
    "lazy": (lambda: sequential(nn.LazyConv2d(4, 3)), "'0' is lazy .* no weights yet"),
    "without values": (lambda: Net().to("meta"), "'stem.weight' has no values"),
    "NaN in weights": (lambda: with_values(float("nan")), "'body.weight' .* not finite"),
    "infinite weights": (lambda: with_values(float("inf")), "'body.weight' .* not finite"),
    "sparse weights": (Sparse, "'matrix' of 'the network' .* sparse"),
    "half precision": (lambda: Net().half(), "its weights are float16"),
    "double precision": (lambda: Net().double(), "its weights are float64"),
    "writes over its images": (lambda: Net(before=in_place), "writes over the images"),
    "cannot be copied": (Locked, "Locked cannot be copied .* name a function that makes it"),
    "no module": (lambda: 3, "model: 3 is neither a name nor a torch.nn.Module"),
    "pair": (lambda: Net(after=lambda x: (x, x)), "gives tuple .* output .*: 0, 1"),
    "table": (lambda: Net(after=lambda x: {"out": x, "aux": 1}), "gives dict .* output .*: 'out'"),
    "map": (lambda: Net(after=lambda x: x[:, :, None, None]), r"gives \(1, 4, 1, 1\)"),
    "number": (lambda: Net(after=torch.sum), r"gives \(\) for one image"),
    "nothing": (lambda: Net(after=lambda _: None), "gives NoneType .* no tensors"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_a_module_that_cannot_be_read_is_refused(case: str) -> None:
    make, expected = REFUSED[case]
    with pytest.raises(ModelError, match=expected) as refused:
        _ = open_model(make(), **SEEN).outputs
    assert "\n" not in str(refused.value)


Named = namedtuple("Named", "other logits")


@dataclass
class Record:
    other: int
    logits: torch.Tensor


WRONG_OUTPUT: dict[str, tuple[Output, str | int, str]] = {
    "one tensor": (torch.clone, 0, "gives one tensor"),
    "index": (lambda x: (x, x), 2, "output 2: .* tuple, which has only 0, 1"),
    "key": (lambda x: {"out": x}, "logits", "output 'logits': .* dict, which has only 'out'"),
    "attribute": (lambda x: Record(0, x), "logit", "Record, which has only 'logits'"),
    "no tensor": (lambda x: Record(0, x), "other", "output 'other': the network gives int there"),
}


@pytest.mark.parametrize("case", WRONG_OUTPUT)
def test_an_output_that_is_not_there_is_refused(case: str) -> None:
    after, place, expected = WRONG_OUTPUT[case]
    with pytest.raises(ModelError, match=expected):
        open_model(Net(after=after), output=place, **SEEN)


RIGHT_OUTPUT: dict[str, tuple[Output, str | int]] = {
    "index": (lambda x: [x + 1, x], 1),
    "last": (lambda x: (x + 1, x + 2, x), -1),
    "key": (lambda x: OrderedDict(aux=x + 1, out=x), "out"),
    "numbered key": (lambda x: {1: x, 0: x + 1}, 1),
    "named tuple": (lambda x: Named(x + 1, x), "logits"),
    "attribute": (lambda x: Record(0, x), "logits"),
}


@pytest.mark.parametrize("case", RIGHT_OUTPUT)
def test_one_of_several_outputs_is_taken(case: str) -> None:
    after, place = RIGHT_OUTPUT[case]
    torch.manual_seed(0)
    plain = Net()
    torch.manual_seed(0)
    opened = open_model(Net(after=after), output=place, **SEEN)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(opened.network(images), plain(images))
    assert opened.outputs == len(CLASSES)


@pytest.mark.parametrize("output", [True, 1.5, [0], {"key": 0}])
def test_an_output_in_params_is_a_name_or_a_whole_number(output: object) -> None:
    with pytest.raises(ParamsError, match=r"model\.output"):
        check_block({"name": "timm/resnet18", "output": output}, "model", ModelParams)


def weight_normed(kind: Callable[[nn.Module], nn.Module]) -> nn.Module:
    network = Net()
    network.stem = kind(network.stem)  # type: ignore[assignment]
    network(torch.zeros(1, 3, 32, 32))
    return network


class Remembering(Net):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.last = [super().forward(images)]
        return self.last[0]


def used() -> nn.Module:
    network = Remembering()
    network(torch.zeros(1, 3, 32, 32))
    return network


def compiled_inside() -> nn.Module:
    network = Net()
    network.body = torch.compile(network.body)  # type: ignore[assignment]
    network.stem.compile()
    return network


TAKEN: dict[str, Callable[[], nn.Module]] = {
    "compiled": lambda: torch.compile(Net()),
    "compiled inside": compiled_inside,
    "data parallel": lambda: nn.DataParallel(Net()),
    "both": lambda: torch.compile(nn.DataParallel(Net())),
    "old weight norm": lambda: weight_normed(nn.utils.weight_norm),
    "old spectral norm": lambda: weight_normed(nn.utils.spectral_norm),
    "weight norm": lambda: weight_normed(nn.utils.parametrizations.weight_norm),
    "spectral norm": lambda: weight_normed(nn.utils.parametrizations.spectral_norm),
    "what it gave last": used,
    "in place inside": lambda: Net(between=torch.relu_),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", TAKEN)
def test_a_module_that_only_looks_unusual_works(case: str, tmp_path: Path) -> None:
    network = TAKEN[case]().eval()
    made = vital.visualize(
        network, write_references(tmp_path / "references"), classes=CLASSES, units=["b"],
        params=QUICK, **SEEN,
    )  # fmt: skip
    assert list(made.table["name"]) == ["b"]
    assert float(made.table["loss_body"].iloc[0]) > 0


def test_a_pool_larger_than_the_images_is_refused(tmp_path: Path) -> None:
    references = write_references(tmp_path / "references")
    coarse = {"coarse": {"pool": 33, "steps": 1}}
    with pytest.raises(ParamsError, match=r"pool of 33 pixels .* 32 x 32 .* legal here: 1 to 32"):
        vital.visualize(
            Net(), references, classes=CLASSES, units=["b"], params={**QUICK, **coarse}, **SEEN
        )


def test_a_pool_for_which_the_network_is_too_deep_is_refused(tmp_path: Path) -> None:
    references = write_references(tmp_path / "references")
    coarse = {"coarse": {"pool": 16, "steps": 1}}
    with pytest.raises(ModelError, match="does not run on an image of 2 x 2 pixels"):
        vital.visualize(
            Net(), references, classes=CLASSES, units=["b"], params={**QUICK, **coarse}, **SEEN
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm/test_vit", r"built for 160 x 160; .* img_size: 64"),
        ("torchvision/vit_b_32", r"built for 224 x 224; .* image_size: 64"),
    ],
)
def test_a_transformer_at_another_size_is_refused_with_a_hint(name: str, expected: str) -> None:
    kwargs = {"dynamic_img_size": False} if name.startswith("timm") else {}
    with pytest.raises(ModelError, match=expected):
        run_blank(build_network(name, kwargs), (64, 64))


TRAIN = TrainParams(steps=2, batch=4, lr=0.01)


def labelled(classes: int = 4) -> LabelledImages:
    draws = torch.Generator().manual_seed(0)
    return LabelledImages(
        torch.randn(8, 3, 32, 32, generator=draws), torch.arange(8).remainder(classes)
    )


@pytest.mark.parametrize(
    ("network", "classes", "expected"),
    [
        (Net(), 5, r"trained on 5 classes, .* gives \[4, 4\]: .*num_classes"),
        (Net(), 3, r"trained on 3 classes, .* gives \[4, 4\]"),
        (Net(after=lambda x: (x, x)), 4, "gives tuple"),
        (Net(after=lambda x: x * torch.nan), 4, "loss is no longer finite at step 0"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 4)), 4, "does not run on an image of 32 x 32"),
    ],
)
def test_a_network_that_cannot_be_trained_on_the_classes_is_refused(
    network: nn.Module, classes: int, expected: str
) -> None:
    with pytest.raises(ModelError, match=expected):
        train(network, labelled(classes), TRAIN, seed=0)
