"""A target's bytes are its own: alone, with others, resumed, or added later."""

from __future__ import annotations

import errno
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.coloured_images import MEASURED
from helpers.small_networks import CPU, TAPS
from vital.engine.local import Engine, Finished
from vital.engine.optimize import TargetState, _Batch
from vital.engine.target_store import TargetStore
from vital.errors import Interrupted, ModelError, ParamsError, VitalError
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.base import Setup
from vital.methods.image_spaces import PixelSpace, space_of
from vital.methods.objectives import sort_matching
from vital.methods.vital import VitalMethod
from vital.networks.build import build_network, freeze
from vital.networks.model import StudiedModel
from vital.params.base import check_block
from vital.params.visualize import VisualizeParams
from vital.references.extract import extract_statistics
from vital.references.pooling import pooled
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime import files
from vital.runtime.store import WorkStore
from vital.units import Target, Unit

Build = Callable[..., Engine]

FOURIER = {"parametrization": "fourier", "lr": 0.05}

made_of = pytest.mark.parametrize("numbers", [{}, FOURIER], ids=["pixels", "fourier"])
"""What images are made of."""


@pytest.fixture
def any_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiplies bfloat16, in software if need be."""
    monkeypatch.setattr("vital.engine.precision.multiplies_bfloat16", lambda: True)


def by_target(results: list[Finished]) -> dict[Target, Finished]:
    return {one.target: one for one in results}


def assert_same(one: Finished, other: Finished) -> None:
    assert one.key == other.key
    assert torch.equal(one.image, other.image)
    assert list(one.record.items()) == list(other.record.items())
    assert one.history == other.history


@pytest.mark.usefixtures("any_processor")
@pytest.mark.parametrize("numbers", [{}, FOURIER, {"scale": 0.1}, {"precision": "bfloat16"}])
def test_neighbours_and_position_do_not_matter(
    engine: Build, units: list[Unit], numbers: dict[str, object]
) -> None:
    targets = [Target(unit, seed) for unit in units for seed in (0, 1)]
    together = by_target(list(engine("together", **numbers).run(targets)))
    reversed_order = by_target(list(engine("reversed", **numbers).run(targets[::-1])))
    for target in targets:
        (alone,) = engine(f"alone-{target.file_name}", **numbers).run([target])
        assert_same(alone, together[target])
        assert_same(reversed_order[target], together[target])


def test_an_added_target_leaves_the_others_as_they_are(engine: Build, units: list[Unit]) -> None:
    first = [Target(units[0], 0), Target(units[2], 0)]
    before = by_target(list(engine().run(first)))
    after = by_target(list(engine().run([*first, Target(units[1], 0)])))
    for target in first:
        assert_same(after[target], before[target])


class StoppedError(Exception):
    """Stands for a process that is killed."""


@made_of
@pytest.mark.parametrize("writes", [1, 4, 7])
def test_interrupted_and_resumed_equals_uninterrupted(
    engine: Build,
    units: list[Unit],
    monkeypatch: pytest.MonkeyPatch,
    writes: int,
    numbers: dict[str, object],
) -> None:
    targets = [Target(unit, 0) for unit in units]
    undisturbed = by_target(list(engine("undisturbed", **numbers).run(targets)))
    save = TargetStore.save_checkpoint
    done = []

    def save_some(store: TargetStore, key: str, state: object) -> None:
        if len(done) == writes:
            raise StoppedError
        done.append(key)
        save(store, key, state)  # type: ignore[arg-type]

    monkeypatch.setattr(TargetStore, "save_checkpoint", save_some)
    with pytest.raises(StoppedError):
        list(engine(**numbers).run(targets))
    monkeypatch.setattr(TargetStore, "save_checkpoint", save)
    resumed = engine(**numbers)
    steps = {target: resumed._start(target).step for target in targets}
    assert set(steps.values()) & {4, 8}
    for target, finished in by_target(list(resumed.run(targets))).items():
        assert_same(finished, undisturbed[target])


@pytest.mark.parametrize("written", [0, 4, 7, 11])
def test_a_full_disk_loses_nothing_that_was_saved(
    engine: Build,
    units: list[Unit],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    written: int,
) -> None:
    """Two batches of three targets, each saved after steps 4, 8 and 12: eighteen files."""
    targets = [Target(unit, seed) for unit in units[:3] for seed in (0, 1)]
    undisturbed = by_target(list(engine("undisturbed").run(targets)))
    flush, done = files._flush_to_disk, []

    def fill_up(path: Path) -> None:
        if len(done) == written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done.append(path)
        flush(path)

    with monkeypatch.context() as full:
        full.setattr(files, "_flush_to_disk", fill_up)
        with pytest.raises(OSError, match="No space left"):
            list(engine().run(targets))
    assert not list((tmp_path / "work").rglob("*.partial"))
    resumed = engine()
    started = [resumed._start(target).step for target in targets]
    finished = [resumed._from_store(target) is not None for target in targets]
    assert sum(finished) == min(max(written - 6, 0), 3)
    assert sum(step == 8 for step in started) == min(max(written - 3, 0), 3) - sum(finished)
    for target, result in by_target(list(resumed.run(targets))).items():
        assert_same(result, undisturbed[target])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", [1, 5, 10, 12])
def test_a_signal_saves_the_step_that_was_underway(
    engine: Build,
    units: list[Unit],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    after: int,
) -> None:
    targets = [Target(unit, 0) for unit in units]
    advance, made = _Batch.advance, []
    moments: list[int] = []

    def signalled(*arguments: Any) -> Any:
        made.append(1)
        if len(made) in moments:
            os.kill(os.getpid(), number)
        return advance(*arguments)

    monkeypatch.setattr(_Batch, "advance", signalled)
    undisturbed = by_target(list(engine("undisturbed").run(targets)))
    steps = len(made)
    moments.append(steps + after)
    with pytest.raises(Interrupted, match=number.name):
        list(engine().run(targets))
    assert len(made) == moments[0]
    results = by_target(list(engine().run(targets)))
    assert len(made) == 2 * steps, "every step was made once"
    for target, finished in results.items():
        assert_same(finished, undisturbed[target])


OTHER_COLOURS = ImageStatistics(MEASURED.magnitude, torch.eye(3))


@pytest.mark.usefixtures("any_processor")
def test_everything_that_determines_an_image_is_in_its_key(
    engine: Build, units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(units[0], 0)
    with monkeypatch.context() as patch:
        patch.setattr("vital.networks.memory_layout._gains", lambda _network: False)
        contiguous = engine().key(target)
    keys = [
        engine().key(target),
        contiguous,
        engine().key(Target(units[0], 1)),
        engine().key(Target(units[1], 0)),
        engine(seed=1).key(target),
        *(engine(precision=one).key(target) for one in ("float32", "bfloat16")),
        engine(steps=13).key(target),
        engine(tv=0.5).key(target),
        engine(batch=4).key(target),
        engine(weighting="plain").key(target),
        engine(history_every=2).key(target),
        engine(clamp=False).key(target),
        engine(scale=0.1).key(target),
        engine(polish={"steps": 2, "lr": 0.1}).key(target),
        engine(parametrization="fourier").key(target),
        engine(parametrization="fourier", fourier={"start": 0.02}).key(target),
        engine(parametrization="fourier", fourier={"exponent": 0.9}).key(target),
        engine(parametrization="fourier", measured=OTHER_COLOURS).key(target),
    ]
    assert len(set(keys)) == len(keys)
    assert engine(checkpoint_every=2).key(target) == keys[0]
    assert engine(measured=OTHER_COLOURS).key(target) == keys[0]


def test_seeds_and_units_give_different_images(engine: Build, units: list[Unit]) -> None:
    results = list(engine().run([Target(units[0], 0), Target(units[0], 1), Target(units[1], 0)]))
    first, second, third = (finished.image for finished in results)
    assert not torch.equal(first, second)
    assert not torch.equal(first, third)


@made_of
def test_the_loss_falls_and_is_recorded(
    engine: Build, units: list[Unit], numbers: dict[str, object]
) -> None:
    built = engine(steps=40, **numbers)
    (finished,) = built.run([Target(units[0], 0)])
    assert [row[0] for row in finished.history] == [*range(0, 40, 4), 39]
    assert all(len(row) == 2 + len(finished.parts) for row in finished.history)
    assert finished.record["loss"] < finished.history[0][1] / 2


def test_a_loss_that_is_not_finite_stops_with_a_message(
    engine: Build, units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def breaking(*inputs: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        loss = sort_matching(*inputs)
        return loss * float("nan") if len(calls) > 20 else loss

    monkeypatch.setattr("vital.methods.vital.sort_matching", breaking)
    built = engine()
    target = Target(units[0], 0)
    with pytest.raises(VitalError, match=r"no longer finite at step \d+"):
        list(built.run([target]))
    assert built._start(target).step == 4


def test_a_damaged_entry_is_made_again(
    engine: Build, units: list[Unit], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = Target(units[0], 0)
    (before,) = engine().run([target])
    (entry,) = (tmp_path / "work").rglob("*.safetensors")
    entry.write_bytes(entry.read_bytes()[:50])
    with caplog.at_level(logging.WARNING):
        (after,) = engine().run([target])
    assert "damaged" in caplog.text
    assert_same(after, before)


def test_unused_entries_are_pruned(engine: Build, units: list[Unit], tmp_path: Path) -> None:
    targets = [Target(units[0], 0), Target(units[1], 0)]
    kept, _ = list(engine().run(targets))
    files, freed = WorkStore(tmp_path / "work").prune([kept.key], older_than_days=0)
    assert files == 1
    assert freed > 0
    assert TargetStore(WorkStore(tmp_path / "work")).load(kept.key) is not None


@made_of
def test_a_coarse_phase_matches_pooled_references_and_resumes(
    studied: StudiedModel,
    units: list[Unit],
    references: torch.Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    numbers: dict[str, object],
) -> None:
    names = [ReferenceSet(unit.id) for unit in units for _ in range(8)]
    kept = dict(extract_statistics(studied, TAPS, [(names, references)], CPU, pools=[2]))
    half = dict(extract_statistics(studied, TAPS, [(names, pooled(references, 2))], CPU))
    for unit, statistics in half.items():
        for tap, expected in statistics.items():
            np.testing.assert_array_equal(kept[unit][f"{tap}~2"].quantiles, expected.quantiles)
    block = {"steps": 6, "coarse": {"steps": 10}, "lr": 0.2, "batch": 3, "checkpoint_every": 4}
    params = check_block({**block, **numbers}, "visualize", VisualizeParams)
    space = space_of(params, studied.preprocessing, lambda: MEASURED)

    def run(store: str) -> Finished:
        method = VitalMethod(Setup(studied, 0, CPU), kept, params.method(), space)
        engine = Engine(method, params, WorkStore(tmp_path / store))
        (finished,) = engine.run([Target(units[1], 0)])
        return finished

    undisturbed = run("undisturbed")
    assert undisturbed.steps == 16
    save, done = TargetStore.save_checkpoint, []

    def save_some(store: TargetStore, key: str, state: TargetState) -> None:
        save(store, key, state)
        done.append(state.step)
        if done == [4, 8]:
            raise StoppedError

    monkeypatch.setattr(TargetStore, "save_checkpoint", save_some)
    with pytest.raises(StoppedError):
        run("resumed")
    assert_same(run("resumed"), undisturbed)


def test_seeds_are_matched_to_sets_in_turn(
    studied: StudiedModel,
    units: list[Unit],
    references: torch.Tensor,
    tmp_path: Path,
) -> None:
    """Seed 3's image is the one that it would be if its set were all there is."""
    sets = [ReferenceSet(units[0].id, number) for number in (0, 0, 0, 1, 1, 1, 1, 1)]
    kept = dict(extract_statistics(studied, TAPS, [(sets, references[:8])], CPU))
    params = check_block({"steps": 6, "lr": 0.2, "batch": 3}, "visualize", VisualizeParams)
    space = space_of(params, studied.preprocessing, lambda: MEASURED)

    def make(statistics: dict[ReferenceSet, UnitStatistics], store: str) -> Finished:
        method = VitalMethod(Setup(studied, 0, CPU), statistics, params.method(), space)
        engine = Engine(method, params, WorkStore(tmp_path / store))
        (finished,) = engine.run([Target(units[0], 3)])
        return finished

    of_both = make(kept, "both")
    of_second = make({ReferenceSet(units[0].id): kept[sets[-1]]}, "second")
    of_first = make({ReferenceSet(units[0].id): kept[sets[0]]}, "first")
    assert torch.equal(of_both.image, of_second.image)
    assert not torch.equal(of_both.image, of_first.image)
    assert of_both.key == of_second.key != of_first.key


def test_a_coarse_phase_without_statistics_says_what_to_extract(
    engine: Build, units: list[Unit]
) -> None:
    with pytest.raises(ParamsError, match=r"extract\.pools must hold 2"):
        list(engine(coarse={"steps": 4}).run([Target(units[0], 0)]))


def test_a_network_of_fixed_size_refuses_a_coarse_phase() -> None:
    small = {"num_classes": 4, "depth": 2, "embed_dim": 16, "num_heads": 2, "img_size": 32}
    network = freeze(build_network("timm/vit_tiny_patch16_224", small))
    taps = ("patch_embed.proj", "blocks.1")
    preprocessing = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    vit = StudiedModel("a transformer", network, preprocessing, (), dict.fromkeys(taps, 1.0), "0")
    batch = [ReferenceSet("class/0")], torch.randn(1, 3, 32, 32)
    kept = dict(extract_statistics(vit, taps, [batch], CPU))
    params = check_block(
        {"steps": 2, "lr": 0.1, "coarse": {"steps": 2}}, "visualize", VisualizeParams
    )
    expected = r"a transformer, images pooled by 2: .* 16 x 16 pixels .* built for 32 x 32"
    with pytest.raises(ModelError, match=expected):
        VitalMethod(Setup(vit, 0, CPU), kept, params.method(), PixelSpace(preprocessing, True))


@pytest.mark.parametrize("column", ["loss", "activation", "probability"])
def test_a_finished_image_without_a_number_is_an_error(
    engine: Build, units: list[Unit], monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    made = engine("spoiled")
    good = made._method.responses

    def spoiled(*given: Any) -> list[dict[str, Any]]:
        return [{**row, column: float("nan")} for row in good(*given)]

    monkeypatch.setattr(made._method, "responses", spoiled)
    target = Target(units[1], 0)
    with pytest.raises(ModelError, match=f"{target.id}: {column} of the finished image is nan"):
        list(made.run([target]))


def test_gradients_are_looked_at_once_and_only_for_what_is_made(
    engine: Build, units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[list[str]] = []
    monkeypatch.setattr(
        "vital.engine.local.check_gradients", lambda _network, taps, _image: looked.append(taps)
    )
    targets = [Target(unit, 0) for unit in units]
    made = engine("twice")
    list(made.run(targets[:2]))
    list(made.run(targets))
    list(engine("twice").run(targets))
    assert looked == [list(TAPS)]
