"""Images of inner units: what is matched, what is held, and that no neighbour changes a byte."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from ray import cloudpickle

from helpers.coloured_images import MEASURED
from helpers.small_networks import small_model, write_noise
from vital.engine.local import Engine, Finished
from vital.engine.optimize import _Batch
from vital.errors import Interrupted, ParamsError, VitalError
from vital.images.image_set import ImageSet
from vital.methods.base import MethodInputs, Setup
from vital.methods.inner import InnerMethod, MaskedRead
from vital.methods.transforms import Draws
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import TapReader
from vital.params.base import check_block
from vital.params.peers import PeersParams
from vital.params.relevance import RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.references.unit_relevance import taps_until, unit_relevance
from vital.relevance import ChannelStart, Reading, RelevanceReader, composite
from vital.runtime.store import WorkStore
from vital.units import Target, Unit, inner_unit

CPU = torch.device("cpu")
TAPS = ["input", "conv1", "layer1", "layer2"]
UNITS = [inner_unit("layer2", channel) for channel in (3, 5, 7)]  # these fire
SETTINGS = {"steps": 6, "lr": 0.1, "jitter": 4, "batch": 2, "checkpoint_every": 2}

made_of = pytest.mark.parametrize(
    "numbers", [{}, {"inner": {"parametrization": "fourier"}}], ids=["pixels", "fourier"]
)
"""What images are made of."""


@pytest.fixture(scope="module")
def model() -> StudiedModel:
    return small_model(TAPS[1:])


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patches")
    write_noise(folder, 3)
    return folder


def statistics(
    model: StudiedModel, patches: Path, relevance: RelevanceParams, pools: tuple[int, ...] = ()
) -> dict[ReferenceSet, UnitStatistics]:
    rows = pd.DataFrame({"path": [f"{number}.png" for number in range(3)]})
    images = ImageSet(patches, rows)
    found = [unit_relevance(model, unit, TAPS, images, relevance, pools) for unit in UNITS]
    return {ReferenceSet(one.unit.id): one.statistics for one in found}


def make(
    model: StudiedModel,
    patches: Path,
    store: Path,
    units: list[Unit] = UNITS,
    relevance: RelevanceParams | None = None,
    pools: tuple[int, ...] = (),
    **changes: object,
) -> list[Finished]:
    relevance = relevance or RelevanceParams()
    params = check_block({**SETTINGS, **changes}, "visualize", VisualizeParams)
    kept = statistics(model, patches, relevance, pools)
    return run(method_of(model, kept, params, relevance), params, store, units)


def method_of(
    model: StudiedModel,
    kept: dict[ReferenceSet, UnitStatistics],
    params: VisualizeParams,
    relevance: RelevanceParams | None = None,
) -> InnerMethod:
    run = MethodInputs(
        Setup(model, 0, CPU),
        params,
        PeersParams(),
        (relevance or RelevanceParams()).masks(),
        statistics=lambda: kept,
        image_statistics=lambda: MEASURED,
    )
    return InnerMethod.of_run(run)


def run(
    method: InnerMethod, params: VisualizeParams, store: Path, units: list[Unit]
) -> list[Finished]:
    engine = Engine(method, params.for_inner(), WorkStore(store))
    return list(engine.run([Target(unit, 0) for unit in units]))


def scaled(values: np.ndarray) -> np.ndarray:
    """The last axis from 0 to 1, where it is not flat."""
    low, high = values.min(-1, keepdims=True), values.max(-1, keepdims=True)
    flat = (high == low) * (values > 0)
    return np.where(high == low, flat, (values - low) / np.where(high == low, 1, high - low))


def test_the_loss_is_that_of_the_definition(
    model: StudiedModel, patches: Path, tmp_path: Path
) -> None:
    """Mean over channels and positions of importance * (sort(A R) - mean sort(A R))^2, by hand."""
    (made,) = make(model, patches, tmp_path, UNITS[:1])
    images = [np.array(Image.open(patches / f"{n}.png")) for n in range(3)]
    pixels = torch.stack([torch.from_numpy(one).permute(2, 0, 1) / 255 for one in images])
    references = model.preprocessing.normalize(pixels)
    shown = model.preprocessing.denormalize(made.image).clamp(0, 1).mul(255).round().div(255)
    start = ChannelStart("layer2", 3)
    with RelevanceReader(model.network, ["conv1", "layer1"], composite("vital")) as read:
        theirs = read(references, [start] * 3)
        mine = read(model.preprocessing.normalize(shown)[None], [start])
    for tap in ("conv1", "layer1"):
        target = theirs.activations[tap].numpy() * scaled(theirs.relevance[tap].numpy())
        importance = scaled(theirs.relevance[tap].numpy().max(-1)).mean(0)
        product = mine.activations[tap].numpy()[0] * scaled(mine.relevance[tap].numpy()[0])
        squared = (np.sort(product) - np.sort(target).mean(0)) ** 2
        expected = (importance * squared.mean(-1)).mean()
        assert expected > 0
        assert made.record[f"loss_{tap}"] == pytest.approx(expected, rel=1e-4)


@made_of
def test_neighbours_and_interruptions_change_no_byte(
    model: StudiedModel,
    patches: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    numbers: dict[str, object],
) -> None:
    together = {one.target: one for one in make(model, patches, tmp_path / "together", **numbers)}
    (alone,) = make(model, patches, tmp_path / "alone", UNITS[2:], **numbers)
    assert torch.equal(alone.image, together[alone.target].image)

    calls = 0
    advance = InnerMethod._objective

    def stop_early(self: InnerMethod, *given: object) -> object:
        objective = advance(self, *given)  # type: ignore[arg-type]

        def counted(images: torch.Tensor, step: int) -> object:
            nonlocal calls
            calls += 1
            if calls == 5:
                raise VitalError("stopped")
            return objective(images, step)

        return counted

    monkeypatch.setattr(InnerMethod, "_objective", stop_early)
    with pytest.raises(VitalError, match="stopped"):
        make(model, patches, tmp_path / "resumed", **numbers)
    monkeypatch.undo()
    for one in make(model, patches, tmp_path / "resumed", **numbers):
        kept = together[one.target]
        assert torch.equal(one.image, kept.image)
        assert torch.equal(one.sensitivity, kept.sensitivity)
        assert one.history == kept.history


@made_of
def test_a_worker_of_a_cluster_makes_the_same_bytes(
    model: StudiedModel, patches: Path, tmp_path: Path, numbers: dict[str, object]
) -> None:
    """Ray sends a method as its cloudpickle writes it."""
    params = check_block({**SETTINGS, **numbers}, "visualize", VisualizeParams)
    method = method_of(model, statistics(model, patches, RelevanceParams()), params)
    sent = cloudpickle.loads(cloudpickle.dumps(method))
    here = run(method, params, tmp_path / "here", UNITS)
    there = run(sent, params, tmp_path / "there", UNITS)
    for one, other in zip(here, there, strict=True):
        assert one.key == other.key
        assert torch.equal(one.image, other.image)


def test_relevance_changes_what_is_made(model: StudiedModel, patches: Path, tmp_path: Path) -> None:
    kinds = [
        RelevanceParams(),
        RelevanceParams(start="position"),
        RelevanceParams(composite="canonical"),
        RelevanceParams(composite=None),
    ]
    made = [make(model, patches, tmp_path, UNITS[:1], kind)[0] for kind in kinds]
    assert len({one.key for one in made}) == len(kinds)
    assert len({one.image.numpy().tobytes() for one in made}) == len(kinds)


def test_inner_units_may_be_made_of_other_numbers_than_classes(
    model: StudiedModel, patches: Path, tmp_path: Path
) -> None:
    def made(**changes: object) -> Finished:
        return make(model, patches, tmp_path, UNITS[:1], **changes)[0]

    own = made(inner={"parametrization": "fourier", "fourier": {"start": 0.1}}, lr=0.05)
    as_classes = made(parametrization="fourier", fourier={"start": 0.1}, lr=0.05)
    assert torch.equal(own.image, as_classes.image)
    pixels = made(parametrization="fourier", inner={"parametrization": "pixels"})
    assert torch.equal(pixels.image, made().image)
    assert not torch.equal(pixels.image, own.image)


def test_masks_and_moves_are_held_together(
    model: StudiedModel, patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = RelevanceReader.__call__

    def counted(self: RelevanceReader, *given: object, silent: bool = False) -> object:
        read.append(1)
        return original(self, *given, silent=silent)  # type: ignore[arg-type]

    monkeypatch.setattr(RelevanceReader, "__call__", counted)
    extracting = len(UNITS)
    make(model, patches, tmp_path, UNITS[:1], inner={"masks_every": 2})
    assert len(read) == extracting + 3 + 1  # steps 0, 2 and 4, and the final loss
    params = check_block({**SETTINGS, "scale": 0.1}, "visualize", VisualizeParams).method()
    every, held = Draws.of(0, "t", params), Draws.of(0, "t", params, hold=2)
    assert torch.equal(held.shifts[::2], every.shifts[::2])
    assert torch.equal(held.shifts[1::2], every.shifts[::2])
    assert torch.equal(held.scales[1::2], every.scales[::2])


def test_a_stop_waits_for_the_end_of_what_is_held(
    model: StudiedModel, patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the run after it would have no masks to go on with."""
    advance, made = _Batch.advance, []

    def signalled(*given: Any) -> Any:
        made.append(1)
        if len(made) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(*given)

    held = {"inner": {"masks_every": 2}}
    (undisturbed,) = make(model, patches, tmp_path / "undisturbed", UNITS[:1], **held)
    monkeypatch.setattr(_Batch, "advance", signalled)
    with pytest.raises(Interrupted, match="after step 4 of 6"):
        make(model, patches, tmp_path / "resumed", UNITS[:1], **held)
    (resumed,) = make(model, patches, tmp_path / "resumed", UNITS[:1], **held)
    assert len(made) == 6
    assert torch.equal(resumed.image, undisturbed.image)


def test_statistics_are_also_of_pooled_patches(
    model: StudiedModel, patches: Path, tmp_path: Path
) -> None:
    """Those of patches at half the size are those of a network that takes them as they are."""
    rows = pd.DataFrame({"path": [f"{number}.png" for number in range(3)]})
    half = replace(model, preprocessing=replace(model.preprocessing, size=(16, 16)))
    for n in range(3):
        pixels = np.array(Image.open(patches / f"{n}.png"), dtype=np.float64)
        means = pixels.reshape(16, 2, 16, 2, 3).mean((1, 3))
        Image.fromarray(means.round().astype(np.uint8)).save(tmp_path / f"{n}.png")
    whole = ImageSet(patches, rows)
    for relevance in (RelevanceParams(), RelevanceParams(composite=None)):
        both = unit_relevance(model, UNITS[0], TAPS, whole, relevance, (2,)).statistics
        alone = unit_relevance(model, UNITS[0], TAPS, whole, relevance).statistics
        assert list(both) == [*TAPS, *(f"{tap}~2" for tap in TAPS)]
        for tap in TAPS:
            np.testing.assert_array_equal(both[tap].quantiles, alone[tap].quantiles)
            np.testing.assert_array_equal(both[tap].importance, alone[tap].importance)
        small = unit_relevance(half, UNITS[0], TAPS, ImageSet(tmp_path, rows), relevance).statistics
        for tap in ("input", "conv1"):  # colours were rounded: what is deep differs by more
            expected = small[tap].quantiles
            np.testing.assert_allclose(
                both[f"{tap}~2"].quantiles, expected, atol=0.02 * float(np.abs(expected).max())
            )


def test_a_coarse_phase_comes_first(
    model: StudiedModel, patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    original = MaskedRead.__call__

    def noted(self: MaskedRead, images: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        seen.append((step, images.shape[-1]))
        return original(self, images, step)

    monkeypatch.setattr(MaskedRead, "__call__", noted)
    inner = {"coarse": {"steps": 4}, "masks_every": 2}
    make(model, patches, tmp_path, UNITS[:1], pools=(2,), inner=inner)
    final = (0, 32)  # the loss of what is written
    assert seen == [
        *((step, 16) for step in range(4)),
        *((step, 32) for step in range(4, 10)),
        final,
    ]
    with pytest.raises(ParamsError, match="no statistics of images pooled by 2"):
        make(model, patches, tmp_path, UNITS[:1], inner=inner)


def test_a_fine_phase_begins_with_new_masks() -> None:
    inner = {"coarse": {"steps": 5}, "masks_every": 2}
    with pytest.raises(ParamsError, match="steps: 5 must be a multiple of masks_every"):
        check_block({**SETTINGS, "inner": inner}, "visualize", VisualizeParams)


def test_checkpoints_fall_on_steps_with_new_masks() -> None:
    with pytest.raises(ParamsError, match=r"multiple of inner\.masks_every, which is 3"):
        check_block({**SETTINGS, "inner": {"masks_every": 3}}, "visualize", VisualizeParams)


def test_the_activation_is_the_mean_of_the_units_map(
    model: StudiedModel, patches: Path, tmp_path: Path
) -> None:
    made = make(model, patches, tmp_path)
    seen: list[torch.Tensor] = []
    handle = model.network.layer2.register_forward_hook(lambda _m, _i, out: seen.append(out))
    for one in made:
        pixels = model.preprocessing.denormalize(one.image).clamp(0, 1).mul(255).round().div(255)
        with torch.no_grad():
            model.network(model.preprocessing.normalize(pixels)[None])
        mean = float(seen[-1][0, one.target.unit.index].mean())
        assert one.record["activation"] == pytest.approx(mean, rel=1e-5)
        assert np.isnan(one.record["probability"])
    handle.remove()


def test_taps_end_with_the_units_own(model: StudiedModel) -> None:
    mixed = ["layer2", "layer1", "conv1", "input"]
    found = taps_until(model, mixed, ["layer2", "conv1", "layer2"])
    assert found == {"layer2": TAPS, "conv1": ["input", "conv1"]}
    with pytest.raises(ParamsError, match="none of layer2 runs before 'layer1'"):
        taps_until(model, ["layer2"], ["layer1"])


@pytest.mark.parametrize("own", [False, True], ids=["of classes", "inner"])
def test_weights_of_taps_that_a_unit_cannot_have_are_ignored(
    model: StudiedModel,
    patches: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    own: bool,
) -> None:
    def given(**weights: float) -> dict[str, object]:
        return {"inner": {"tap_weights": weights}} if own else {"tap_weights": weights}

    with caplog.at_level("INFO"):
        (made,) = make(
            model, patches, tmp_path / "a", UNITS[:1], **given(conv1=3.0, layer3=2.0, layer4=5.0)
        )
    lines = [one.getMessage() for one in caplog.records if "tap_weights" in one.getMessage()]
    assert len(lines) == 1
    assert "layer3, layer4 are ignored for the units of layer2" in lines[0]
    (plain,) = make(model, patches, tmp_path / "b", UNITS[:1], **given(conv1=3.0))
    (other,) = make(model, patches, tmp_path / "c", UNITS[:1], **given(conv1=1.0))
    assert torch.equal(made.image, plain.image)
    assert not torch.equal(made.image, other.image)
    with pytest.raises(ParamsError, match="names 'layer5', a tap without statistics"):
        make(model, patches, tmp_path / "d", UNITS[:1], **given(layer5=1.0))


def test_a_weight_of_a_tap_that_is_not_read_before_a_unit(
    model: StudiedModel, patches: Path, tmp_path: Path
) -> None:
    """Given for inner units it is refused; that of classes' images may be of a tap of their own."""
    between = {"layer1.0.conv1": 2.0}
    with pytest.raises(ParamsError, match="a tap without statistics"):
        make(model, patches, tmp_path / "a", UNITS[:1], inner={"tap_weights": between})
    (made,) = make(model, patches, tmp_path / "b", UNITS[:1], tap_weights=between)
    (plain,) = make(model, patches, tmp_path / "c", UNITS[:1], tap_weights={})
    assert torch.equal(made.image, plain.image)


def test_all_that_is_active_counts_where_nothing_is_relevant(model: StudiedModel) -> None:
    def relevance_of_the_second(images: torch.Tensor, starts: object, silent: bool) -> Reading:
        assert silent
        values = reader(images)
        signal = torch.arange(9.0).expand(2, 4, 9) * torch.tensor([0.0, 1.0])[:, None, None]
        return Reading({"layer1": values["layer1"][:, :4, :9]}, {"layer1": signal}, torch.ones(2))

    with TapReader(model.network, ["layer1"]) as reader:
        images = torch.randn(2, 3, *model.preprocessing.size)
        read = MaskedRead(reader, relevance_of_the_second, [], every=1)  # type: ignore[arg-type]
        active, masked = reader(images)["layer1"][:, :4, :9], read(images, 0)["layer1"]
    assert torch.equal(masked[0], active[0])
    assert torch.allclose(masked[1], active[1] * torch.arange(9.0) / 8)
