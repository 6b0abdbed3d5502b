"""What the experiment on inner units asks of the engine."""

from __future__ import annotations

import pytest

from experiments.inner_units import OWN_WEIGHT, TAP_WEIGHTS, _settings
from vital.methods.schedule import total_steps


@pytest.mark.parametrize("masked", [True, False])
def test_units_with_masks_and_without_differ_in_nothing_else(masked: bool) -> None:
    settings = _settings(("input", "blocks.1.1", "blocks.2.2.bn1"), 450, masked)
    inner = settings.for_inner()
    assert total_steps(inner.method()) == 450
    assert inner.steps == 150
    assert inner.tap_weights == {
        "input": TAP_WEIGHTS["input"], "blocks.1.1": 2.0, "blocks.2.2.bn1": OWN_WEIGHT
    }  # fmt: skip
    assert settings.inner.masks_every == (10 if masked else 1)
