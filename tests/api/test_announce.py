"""What a call says before its work."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers.small_networks import CPU, small_model
from vital.api.announce import announce, answers, duration, seconds_per_answer
from vital.api.plan import CallPlan
from vital.methods.base import Setup
from vital.params.base import check_block
from vital.params.call import VisualizeCall, check_settings
from vital.params.data import ReferenceParams

DEFAULTS = {"fourier": {"steps": 500, "lr": 0.1}, "pixels": {"steps": 500, "lr": 0.1}}


def plan_of(references: Path, **call: object) -> CallPlan:
    """A call's plan; ``params`` are settings."""
    params = call.pop("params", {})
    given = check_block(call, "", VisualizeCall)
    settings = check_settings(params, DEFAULTS, given.method, True)
    source = ReferenceParams(source=str(references))
    return CallPlan(Setup(small_model(["conv1"]), 0, CPU), source, given, settings)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({}, "3 classes, 12 references, 500 steps: about 5 seconds"),
        ({"units": ["1"], "per_class": 1}, "1 class, 1 reference, 500 steps: about 5 seconds"),
        ({"units": ["1", 2], "method": "maco"}, "2 classes, 83 steps: about 5 seconds"),
        (
            {"units": ["1"], "params": {"steps": 1}},
            "1 class, 4 references, 1 step: about 5 seconds",
        ),
        (
            {"units": ["layer1:1", "layer1:3"], "params": {"inner": {"steps": 7}}},
            "2 channels, 7 steps: about 5 seconds, and the search for patches",
        ),
        ({"units": ["layer1:1"], "method": "maco"}, "1 channel, 83 steps: about 5 seconds"),
    ],
)
def test_one_line_says_what_there_is_to_make(
    references: Path,
    call: dict[str, object],
    expected: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("vital.api.announce.seconds_per_answer", lambda setup, batch: 0.0)
    announce(plan_of(references, **call), seeds=1)
    assert [one.getMessage() for one in caplog.records if "announce" in one.name] == [expected]


def test_work_grows_with_batches_steps_and_passes(references: Path) -> None:
    def work(seeds: int = 1, **call: object) -> float:
        return answers(plan_of(references, **call), seeds)

    assert work(units=[1]) == 8 * 500 * 3
    assert work(units=[1], seeds=8) == work(units=[1])
    assert work(units=[1], seeds=9) == 2 * work(units=[1])
    assert work(units=[1], params={"batch": 1}) == 500 * 3
    coarse = {"steps": 100, "coarse": {"steps": 400, "pool": 2}}
    assert work(units=[1], params=coarse) == 8 * (100 + 400 / 4) * 3
    assert work(units=[1], method="maco") == 8 * 83 * 6 * 3
    assert work(units=["layer1:1"]) == 2 * work(units=[1])
    held = {"inner": {"masks_every": 10}}
    assert work(units=["layer1:1"], params=held) == pytest.approx(1.1 * work(units=[1]))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "about 5 seconds"),
        (42.0, "about 40 seconds"),
        (55.0, "about 1 minute"),
        (300.0, "about 5 minutes"),
        (5399.0, "about 90 minutes"),
        (5400.0, "about 2 hours"),
        (86400.0, "about 24 hours"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_a_slow_network_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on by what the network takes."""
    now = [0.0]
    monkeypatch.setattr("vital.api.announce.time.perf_counter", lambda: now[0])
    model = small_model(["conv1"]).to(CPU)  # laid out before its runs are counted
    setup = Setup(model, 0, CPU)

    def run_for(seconds: float) -> tuple[int, float]:
        count = [0]

        def passes(_module: nn.Module, _inputs: object, _output: torch.Tensor) -> None:
            count[0] += 1
            now[0] += seconds

        handle = model.network.register_forward_hook(passes)
        found = seconds_per_answer(setup, batch=8)
        handle.remove()
        return count[0], found

    assert run_for(5.0) == (1, pytest.approx(5.0))
    assert run_for(0.125) == (3, pytest.approx(0.125))
