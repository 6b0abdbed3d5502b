"""Nothing is left on the CPU where a device is asked for, and a device changes no result.

The device is pretended; what only real ones do is not seen here. The CPU's networks lie in memory
as a GPU's do, so that both round alike.
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from helpers.pretended_device import PRETENDED, PretendedDevice
from helpers.small_networks import CPU, lively_model
from vital.engine.local import Engine, Finished
from vital.images.statistics import measure_images
from vital.methods.base import Method, MethodInputs, Setup
from vital.methods.registry import METHODS
from vital.params.base import check_block
from vital.params.peers import PeersParams
from vital.params.relevance import MaskParams
from vital.params.visualize import VisualizeParams
from vital.references.extract import extract_statistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.devices import resolve_device
from vital.runtime.store import WorkStore
from vital.units import class_units, targets_of

MODEL = lively_model(["layer2", "input"])
UNITS = class_units(["one", "two", "three", "four"])
IMAGES = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BLOCK = {
    "steps": 3,
    "lr": 0.1,
    "jitter": 2,
    "tv": 1e-3,
    "batch": 3,
    "checkpoint_every": 2,
    "coarse": {"steps": 2},
}


PEERS = check_block(
    {
        "redirected": 1,
        "maco": {"steps": 2},
        "fourier": {"steps": 12},
        "deepinversion": {"steps": 12},
        "activation": {"steps": 12},
    },
    "peers",
    PeersParams,
)


FOURIER = {
    "parametrization": "fourier",
    "lr": 0.05,
    "scale": 0.1,
    "polish": {"steps": 2, "lr": 0.1},
}
CASES = [*((name, {}) for name in METHODS), ("vital", FOURIER)]


def method_on(name: str, params: VisualizeParams, device: torch.device) -> Method:
    setup = Setup(copy.deepcopy(MODEL), 0, device)
    names = [ReferenceSet(unit.id) for unit in UNITS for _ in range(2)]
    found = extract_statistics(setup.model, ["layer2", "input"], [(names, IMAGES)], device, [2])
    inputs = MethodInputs(
        setup,
        params,
        PEERS,
        MaskParams(),
        statistics=lambda: dict(found),
        image_statistics=lambda: measure_images([IMAGES]),
    )
    return METHODS[name].of_classes(inputs)


def made_on(
    name: str, changes: dict[str, object], device: torch.device, store: Path
) -> list[Finished]:
    params = check_block({**BLOCK, **changes}, "visualize", VisualizeParams)
    engine = Engine(method_on(name, params, device), params, WorkStore(store))
    return list(engine.run(targets_of(UNITS, 1)))


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_images_are_made_on_the_device(
    name: str, changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.networks.memory_layout._gains", lambda _network: False)
    expected = made_on(name, changes, CPU, tmp_path / "here")
    with PretendedDevice():
        assert resolve_device("cuda") == PRETENDED
        made = made_on(name, changes, PRETENDED, tmp_path / "there")
    for one, other in zip(made, expected, strict=True):
        assert one.key != other.key
        torch.testing.assert_close(one.image, other.image, rtol=1e-4, atol=1e-5)
        assert one.record == pytest.approx(other.record, rel=1e-3, nan_ok=True)
