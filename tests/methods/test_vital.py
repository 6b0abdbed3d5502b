"""What the studied method makes its images of, phase by phase."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from vital.engine.local import Engine, problem_of
from vital.engine.optimize import Monitor, TargetState, optimize
from vital.engine.target_store import TargetStore
from vital.units import Target, Unit

Build = Callable[..., Engine]

WAVES = {"parametrization": "fourier", "lr": 0.05, "steps": 4}
POLISH = {"steps": 3, "lr": 0.1}


def test_a_polish_goes_on_with_the_pixels_that_the_waves_came_to(
    engine: Build, units: list[Unit]
) -> None:
    """What waves alone come to, and from there the steps of a run over pixels."""
    target, still = Target(units[1], 0), {"jitter": 0, "batch": 1}
    (polished,) = engine(**WAVES, **still, polish=POLISH).run([target])
    (waves,) = engine(**WAVES, **still).run([target])
    pixels = engine(**POLISH, **still)._method
    start = TargetState.initial(waves.image, (32, 32))
    monitor = Monitor(100, 100, checkpoint=lambda _states: None, report=lambda *_: None)
    with pixels.objectives([target]) as objectives:
        (ended,) = optimize([start], problem_of(pixels, [target], objectives), monitor)
    assert torch.equal(ended.latent, polished.image)
    assert not torch.equal(waves.image, polished.image)
    torch.testing.assert_close(polished.sensitivity, waves.sensitivity + ended.sensitivity)


def test_every_checkpoint_of_a_polished_image_leads_to_the_same_end(
    engine: Build, units: list[Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[int, TargetState] = {}
    save = TargetStore.save_checkpoint

    def keep(store: TargetStore, key: str, state: TargetState) -> None:
        kept[state.step] = state
        save(store, key, state)

    target, settings = Target(units[1], 0), {**WAVES, "polish": POLISH, "checkpoint_every": 1}
    monkeypatch.setattr(TargetStore, "save_checkpoint", keep)
    (undisturbed,) = engine("undisturbed", **settings).run([target])
    monkeypatch.undo()
    waves, pixels = (3, 32, 17, 2), (3, 32, 32)
    assert {step: tuple(state.latent.shape) for step, state in kept.items()} == {
        **dict.fromkeys((1, 2, 3, 4), waves),
        **dict.fromkeys((5, 6), pixels),
    }
    for step, state in kept.items():
        resumed = engine(f"from-{step}", **settings)
        resumed._targets.save_checkpoint(resumed.key(target), state)
        (finished,) = resumed.run([target])
        assert torch.equal(finished.image, undisturbed.image)
        assert torch.equal(finished.sensitivity, undisturbed.sensitivity)
        assert finished.history == undisturbed.history
