"""Every listed network goes the whole way at its true input size; see listed_networks.py."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest

from helpers.listed_networks import NETWORKS
from helpers.repository import ROOT

SIDES = {"timm/inception_v3": 299, "timm/vit_medium_patch16_reg4_gap_256": 256}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_goes_the_whole_way(name: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "helpers" / "listed_networks.py", name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {result['peak_memory_gib']} GiB at its peak, {result['seconds']} s")  # noqa: T201
    assert result["side"] == SIDES.get(name, 224)
    assert len(result["gradients"]) == 5
    assert all(0 < norm < math.inf for norm in result["gradients"].values())
    losses = result["losses"]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
