"""A small copy of the project in which the whole pipeline runs in under a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.checkout import Checkout, new_checkout
from helpers.isolated_stages import PARAMS, save_checkpoint, save_params

SMALL_PARAMS = """\
seed: 0
data:
  source: photographs
  size: 32
  per_class: {train: 6, validation: 3, heldout: 5}
  classes: [brick wall, cat, pagoda]
model:
  name: timm/resnet10t
  kwargs: {channels: [8, 8, 16, 16], aa_layer: blurpool, output_stride: 16}
  train: {steps: 4, batch: 8, lr: 3.0e-3, noise: 0.4, shift: true}
extract: {taps: [input, conv1, layer2], references: 4, batch: 4}
references: {}
relevance: {}
units: {}
methods: [vital, activation]
visualize:
  seeds: 2
  steps: 60
  lr: 0.3
  jitter: 4
  weighting: inverse_variance
  tv: 3.0e-3
  batch: 4
  checkpoint_every: 4
  history_every: 4
peers: {activation: {steps: 5}}
judges: []
score: {perplexity: 5.0}
report: {references: 2}
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose pipeline has run once and is committed; tests only read it."""
    checkout = new_checkout(tmp_path_factory.mktemp("pipeline") / "finished")
    (checkout.root / "params.yaml").write_text(SMALL_PARAMS, encoding="utf-8")
    checkout.commit("sources")
    checkout.run("dvc", "repro", track=True)
    checkout.commit("results")
    return checkout


@pytest.fixture
def fresh(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished checkout that a test may change."""
    return finished.copy(tmp_path / "copy")


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose pipeline has run once and uses every part; tests only read it."""
    checkout = new_checkout(tmp_path_factory.mktemp("pipeline") / "complete")
    save_checkpoint(checkout.root)
    save_params(checkout.root, PARAMS)
    checkout.run("dvc", "repro")
    return checkout
