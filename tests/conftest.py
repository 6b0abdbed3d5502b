"""Small networks and artefacts that several tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.coloured_images import MEASURED
from helpers.small_networks import CPU, TAPS, redraw, tiny, write_weights
from helpers.tracked_project import make_empty_store
from vital.engine.local import Engine
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.base import Setup
from vital.methods.image_spaces import space_of
from vital.methods.vital import VitalMethod
from vital.networks.build import freeze
from vital.networks.model import StudiedModel
from vital.params.base import check_block
from vital.params.visualize import VisualizeParams
from vital.references.extract import extract_statistics
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.store import WorkStore
from vital.units import Unit, class_units


@pytest.fixture(scope="session")
def studied() -> StudiedModel:
    """A ResNet of a few channels with four classes, for images of 32 x 32 pixels."""
    network = freeze(redraw(tiny(), seed=1))
    return StudiedModel(
        name="timm/resnet10t",
        network=network,
        preprocessing=Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        classes=("one", "two", "three", "four"),
        taps=dict.fromkeys(TAPS, 1.0),
        sha256="0" * 64,
    )


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for `timm/resnet10t` of few channels with four classes."""
    return write_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and nothing in them."""
    return make_empty_store(tmp_path_factory.mktemp("store") / "mlflow.db")


@pytest.fixture(scope="session")
def units(studied: StudiedModel) -> list[Unit]:
    """The network's class units."""
    return class_units(studied.classes)


@pytest.fixture(scope="session")
def references() -> torch.Tensor:
    """Eight images for each of the four classes, (32, 3, 32, 32), sorted by class."""
    return torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="session")
def statistics(
    studied: StudiedModel, units: list[Unit], references: torch.Tensor
) -> dict[ReferenceSet, UnitStatistics]:
    """The statistics of every class at every tap."""
    names = [ReferenceSet(unit.id) for unit in units for _ in range(8)]
    return dict(extract_statistics(studied, TAPS, [(names, references)], CPU))


@pytest.fixture
def engine(
    studied: StudiedModel, statistics: dict[ReferenceSet, UnitStatistics], tmp_path: Path
) -> Callable[..., Engine]:
    """Build an engine with few steps; keywords override the visualize block."""

    def build(
        store: str = "work",
        seed: int = 0,
        measured: ImageStatistics = MEASURED,
        **changes: object,
    ) -> Engine:
        block = {"steps": 12, "lr": 0.2, "jitter": 4, "batch": 3, "tv": 1e-3, "l2": 1e-3}
        cadence = {"checkpoint_every": 4, "history_every": 4, "weighting": "inverse_variance"}
        params = check_block({**block, **cadence, **changes}, "visualize", VisualizeParams)
        space = space_of(params, studied.preprocessing, lambda: measured)
        setup = Setup(studied, seed, CPU, params.precision)
        method = VitalMethod(setup, statistics, params.method(), space)
        return Engine(method, params, WorkStore(tmp_path / store))

    return build
