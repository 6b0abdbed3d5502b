"""The peers: each keeps what its definition keeps, and no neighbour or interruption shows."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ray import cloudpickle
from torch import nn

from helpers.coloured_images import MEASURED, coloured_images
from helpers.small_networks import CPU, lively_model, redraw
from vital.engine.local import Engine, Finished
from vital.engine.target_store import TargetStore
from vital.errors import DataError, ModelError, ParamsError
from vital.images.statistics import ImageStatistics, measure_images, mixing_matrix
from vital.methods.activation import ActivationMethod
from vital.methods.base import Method, Setup
from vital.methods.batch_norm import distance_of_statistics
from vital.methods.deepinversion import DeepInversionMethod
from vital.methods.fourier import FourierMethod
from vital.methods.maco import MacoMethod
from vital.networks.build import build_network, freeze
from vital.networks.model import StudiedModel
from vital.params.base import check_block
from vital.params.methods import METHODS, read_methods
from vital.params.peers import (
    ActivationParams,
    DeepInversionParams,
    FourierParams,
    MacoParams,
    PeersParams,
)
from vital.params.visualize import VisualizeParams
from vital.runtime.store import WorkStore
from vital.units import Target, Unit, class_units, inner_unit

STEPS = 6
Build = Callable[[StudiedModel], Method]


@pytest.fixture(scope="module")
def studied() -> StudiedModel:
    """A network with four classes, all of which depend on the image."""
    return lively_model(["layer2"])


@pytest.fixture(scope="module")
def units() -> list[Unit]:
    """Its classes."""
    return class_units(["one", "two", "three", "four"])


def maco(model: StudiedModel, redirected: int = STEPS) -> MacoMethod:
    params = MacoParams(crops=2, box=(0.4, 0.8), lr=0.3)
    return MacoMethod(Setup(model, 0, CPU), params, STEPS, MEASURED, redirected)


def fourier(model: StudiedModel, redirected: int = STEPS) -> FourierMethod:
    params = FourierParams(pad=3, shifts=(4, 2))
    return FourierMethod(Setup(model, 0, CPU), params, STEPS, MEASURED, redirected)


def deepinversion(model: StudiedModel) -> DeepInversionMethod:
    return DeepInversionMethod(Setup(model, 0, CPU), DeepInversionParams(jitter=4), STEPS)


def activation(model: StudiedModel, redirected: int = STEPS) -> ActivationMethod:
    params = ActivationParams(jitter=2, tv=1e-5).schedule(STEPS)
    return ActivationMethod(Setup(model, 0, CPU), params, redirected)


PEERS: dict[str, Build] = {
    "maco": maco,
    "fourier": fourier,
    "deepinversion": deepinversion,
    "activation": activation,
}


def run(method: Method, store: Path, targets: list[Target]) -> dict[Target, Finished]:
    block = {"steps": 1, "lr": 1.0, "batch": 3, "checkpoint_every": 2, "history_every": 1}
    params = check_block(block, "visualize", VisualizeParams)
    engine = Engine(method, params, WorkStore(store))
    return {finished.target: finished for finished in engine.run(targets)}


def targets_for(units: list[Unit]) -> list[Target]:
    return [Target(unit, 0) for unit in units]


@pytest.mark.parametrize("name", PEERS)
def test_a_worker_of_a_cluster_makes_the_same_bytes(
    name: str, studied: StudiedModel, units: list[Unit], tmp_path: Path
) -> None:
    """Ray sends a method as its cloudpickle writes it."""
    method, targets = PEERS[name](studied), targets_for(units)
    here = run(method, tmp_path / "here", targets)
    there = run(cloudpickle.loads(cloudpickle.dumps(method)), tmp_path / "there", targets)
    assert {target: one.key for target, one in there.items()} == {
        target: one.key for target, one in here.items()
    }
    for target, finished in there.items():
        assert torch.equal(finished.image, here[target].image)


@pytest.mark.parametrize("name", PEERS)
def test_neighbours_and_interruptions_change_no_byte(
    name: str,
    studied: StudiedModel,
    units: list[Unit],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, targets = PEERS[name](studied), targets_for(units)
    together = run(method, tmp_path / "together", targets)
    turned = run(method, tmp_path / "turned", targets[::-1])
    alone = run(method, tmp_path / "alone", targets[2:3])
    save, written = TargetStore.save_checkpoint, []

    def save_some(store: TargetStore, key: str, state: object) -> None:
        if len(written) == 4:
            raise InterruptedError
        written.append(key)
        save(store, key, state)  # type: ignore[arg-type]

    monkeypatch.setattr(TargetStore, "save_checkpoint", save_some)
    with pytest.raises(InterruptedError):
        run(method, tmp_path / "resumed", targets)
    monkeypatch.undo()
    resumed = run(PEERS[name](studied), tmp_path / "resumed", targets)
    stored = run(PEERS[name](studied), tmp_path / "together", targets)
    for others in (turned, alone, resumed, stored):
        for target, finished in others.items():
            assert torch.equal(finished.image, together[target].image)
            assert torch.equal(finished.sensitivity, together[target].sensitivity)
            assert finished.history == together[target].history
            assert finished.record == together[target].record
    pictures = {finished.image.numpy().tobytes() for finished in together.values()}
    assert len(pictures) == len(targets)


@pytest.mark.parametrize("name", ["maco", "fourier", "activation"])
def test_inner_units_respond_more_at_the_end(name: str, tmp_path: Path) -> None:
    model = lively_model(["layer2"])
    for finished in run(
        PEERS[name](model),
        tmp_path,
        targets_for([inner_unit("layer2", 3), inner_unit("layer2", 5)]),
    ).values():
        assert finished.history[-1][1] < finished.history[0][1]
        assert finished.record["loss"] == pytest.approx(
            -finished.record["activation"] + 1e-5 * finished.record.get("loss_tv", 0.0)
            if name == "activation"
            else -finished.record["activation"],
            rel=1e-5,
        )


def test_macos_magnitude_is_kept_exactly(
    studied: StudiedModel, units: list[Unit], tmp_path: Path
) -> None:
    method = maco(studied)
    (finished,) = run(method, tmp_path, targets_for(units[:1])).values()
    start = method.image(method.start(finished.target), step=0)
    assert not torch.allclose(finished.image, start, atol=1e-2)
    pixels = studied.preprocessing.denormalize(finished.image.double())
    kept = torch.fft.rfft2(pixels).abs()
    error = (kept - MEASURED.magnitude).abs()
    assert float(error.max()) < 3e-6 * float(MEASURED.magnitude.max())
    whole = torch.fft.fft2(coloured_images().double()).abs().mean(0)[..., :17]
    torch.testing.assert_close(MEASURED.magnitude.double(), whole, rtol=1e-6, atol=1e-6)


def test_fouriers_colours_vary_as_those_of_the_images() -> None:
    pixels = coloured_images().double().movedim(1, 0).flatten(1).numpy()
    expected = np.cov(pixels, bias=True)
    np.testing.assert_allclose(MEASURED.covariance.numpy(), expected, rtol=1e-5)
    matrix = mixing_matrix(MEASURED.covariance).double().numpy()
    mixed = matrix @ np.eye(3) @ matrix.T
    factor = np.trace(expected) / np.trace(mixed)
    np.testing.assert_allclose(factor * mixed, expected, rtol=1e-4, atol=1e-7)
    assert np.linalg.norm(matrix, axis=0).max() == pytest.approx(1.0)


def slow_distance(maps: np.ndarray, means: np.ndarray, variances: np.ndarray) -> float:
    """Two norms of differences, channel by channel and value by value."""
    of_means = of_variances = 0.0
    for channel, mean, variance in zip(maps, means, variances, strict=True):
        values = [float(value) for value in channel.ravel()]
        own = sum(values) / len(values)
        of_means += (own - mean) ** 2
        of_variances += (sum((value - own) ** 2 for value in values) / len(values) - variance) ** 2
    return float(of_means**0.5 + of_variances**0.5)


def test_the_distance_to_batch_norm_is_that_of_its_definition_and_zero_for_its_own() -> None:
    draws = torch.Generator().manual_seed(3)
    maps = torch.randn(3, 4, 5, 6, generator=draws)
    means, variances = torch.randn(4, generator=draws), torch.rand(4, generator=draws)
    expected = [
        slow_distance(one.double().numpy(), means.double().numpy(), variances.double().numpy())
        for one in maps
    ]
    assert distance_of_statistics(maps, means, variances).tolist() == pytest.approx(
        expected, rel=1e-5
    )
    own = maps[1].double()
    exact = distance_of_statistics(maps.double(), own.mean((1, 2)), own.var((1, 2), correction=0))
    assert float(exact[1]) < 1e-12
    assert float(exact[0]) > 0.1


def test_deepinversions_loss_is_the_sum_of_its_parts(
    studied: StudiedModel, units: list[Unit]
) -> None:
    method = deepinversion(studied)
    units = units[1:3]
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    with method.objectives(targets_for(units)) as by_pool:
        totals, parts = by_pool[1](images, 0)
    network, seen = copy.deepcopy(studied.network).double(), []
    layers = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    for layer in layers:
        layer.register_forward_pre_hook(lambda one, given: seen.append((one, given[0])))
    for i, unit in enumerate(units):
        seen.clear()
        logits = network(images[i : i + 1].double())[0]
        distances = [
            slow_distance(maps[0].numpy(), one.running_mean.numpy(), one.running_var.numpy())
            for one, maps in seen
        ]
        assert len(distances) == len(layers) > 5
        statistics = 10 * distances[0] + sum(distances[1:])
        entropy = float(logits.logsumexp(0) - logits[unit.index])
        assert float(parts["statistics"][i]) == pytest.approx(statistics, rel=1e-4)
        assert float(parts["cross_entropy"][i]) == pytest.approx(entropy, rel=1e-4)
        priors = 1e-4 * float(parts["tv"][i]) + 1e-5 * float(parts["l2"][i])
        assert float(totals[i]) == pytest.approx(entropy + 0.01 * statistics + priors, rel=1e-4)


def test_deepinversion_needs_batch_norm_and_warns_of_a_blank_one(
    studied: StudiedModel, caplog: pytest.LogCaptureFixture
) -> None:
    small = {"num_classes": 4, "depth": 1, "embed_dim": 16, "num_heads": 2, "img_size": 32}
    vit = freeze(build_network("timm/vit_tiny_patch16_224", small))
    preprocessing = studied.preprocessing
    without = StudiedModel("a transformer", vit, preprocessing, (), {}, "0")
    with pytest.raises(ModelError, match=r"not possible for a transformer: .* batch norm"):
        deepinversion(without)
    deepinversion(studied)
    assert not caplog.records
    blank = freeze(redraw(build_network("timm/resnet10t", {"channels": [8, 8, 8, 8]}), 1))
    for module in blank.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    with caplog.at_level(logging.WARNING):
        deepinversion(StudiedModel("a blank network", blank, preprocessing, (), {}, "0"))
    assert "of a blank network are 0 and 1" in caplog.text


def test_the_objective_is_the_mean_response_of_the_units_own_views() -> None:
    model = lively_model(["layer2"])
    views = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    seen: list[torch.Tensor] = []
    handle = model.network.layer2.register_forward_hook(lambda _m, _i, out: seen.append(out))
    logits = model.network(views)
    handle.remove()
    inner = [-(seen[0][0, 3].mean() + seen[0][1, 3].mean()) / 2, -seen[0][2:, 5].mean()]
    classes = [-(logits[0, 1] + logits[1, 1]) / 2, -(logits[2, 0] + logits[3, 0]) / 2]
    units = {
        "inner": ([inner_unit("layer2", 3), inner_unit("layer2", 5)], inner),
        "classes": ([Unit("class", 1, "b"), Unit("class", 0, "a")], classes),
    }
    for wanted, expected in units.values():
        with maco(model).objectives(targets_for(wanted)) as by_pool:
            totals, _ = by_pool[1](views, 0)
        torch.testing.assert_close(totals, torch.stack(expected))


def test_budgets_count_network_passes() -> None:
    peers = PeersParams()
    assert peers.maco.steps_within("equal", 600) == 100
    assert peers.fourier.steps_within("equal", 600) == 600
    deep = peers.deepinversion.schedule(peers.deepinversion.steps_within("equal", 600))
    assert deep.coarse is not None
    assert (deep.coarse.steps, deep.steps) == (400, 200)
    published = {
        name: getattr(peers, name).steps_within("published", 600)
        for name in METHODS
        if name != "vital"
    }
    assert published == {"maco": 1000, "fourier": 512, "deepinversion": 3000, "activation": 512}
    assert MacoParams(steps=7).steps_within("published", 600) == 7
    assert MacoParams().steps_within("equal", 1) == 1


@pytest.mark.parametrize(
    ("methods", "expected"),
    [
        (["vital", "mako"], "no method 'mako'; did you mean 'maco'"),
        ([], "must be a list of at least one"),
        ("vital", "must be a list"),
        (["maco", "maco"], "names 'maco' more than once"),
    ],
)
def test_methods_that_cannot_be_are_explained(methods: object, expected: str) -> None:
    with pytest.raises(ParamsError, match=expected):
        read_methods({"methods": methods})


def test_a_box_that_is_no_range_is_refused() -> None:
    with pytest.raises(ParamsError, match="from the smaller to the larger"):
        check_block({"maco": {"box": [0.5, 0.2]}}, "peers", PeersParams)


def test_no_images_have_no_statistics() -> None:
    with pytest.raises(DataError, match="no images"):
        measure_images([])


def test_statistics_do_not_depend_on_batches() -> None:
    apart: ImageStatistics = measure_images(coloured_images().split(4))
    torch.testing.assert_close(apart.magnitude, MEASURED.magnitude)
    torch.testing.assert_close(apart.covariance, MEASURED.covariance)


@pytest.mark.parametrize("name", PEERS)
def test_a_network_that_cuts_gradients_off_makes_no_noise(
    studied: StudiedModel, units: list[Unit], name: str, tmp_path: Path
) -> None:
    cut = replace(studied, network=copy.deepcopy(studied.network))
    cut.network.layer3.register_forward_hook(lambda _m, _i, output: output.detach())
    inner = [Target(inner_unit("layer4", 1), 0)]
    asked = targets_for(units) if name == "deepinversion" else inner
    with pytest.raises(ModelError, match=f"tap '{asked[0].unit.tap}' has no gradient"):
        run(PEERS[name](cut), tmp_path, asked)
    if name != "deepinversion":
        run(PEERS[name](cut), tmp_path, [Target(inner_unit("layer2", 1), 0)])
