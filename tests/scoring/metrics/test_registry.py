"""What is known of all metrics."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain

from vital.scoring.metrics.record import Network
from vital.scoring.metrics.registry import METRICS, image_metrics, keys_of, set_metrics


def test_no_two_numbers_have_one_name() -> None:
    keys = list(chain.from_iterable(metric.keys for metric in METRICS))
    assert len(keys) == len(set(keys))


def test_every_metric_is_of_a_network() -> None:
    found = {
        metric.key
        for network in Network
        for metric in image_metrics(network) + set_metrics(network)
    }
    assert found == {metric.key for metric in METRICS}


def test_a_deviation_stands_beside_its_metric() -> None:
    assert keys_of(Network.INCEPTION) == ("fid", "inception_kid", "inception_kid_std")


def test_records_and_the_page_that_shows_them_need_no_torch() -> None:
    lines = (
        "import sys",
        "import vital.report.page.build, vital.scoring.metrics.registry",
        "assert not {'torch', 'torch_fidelity', 'sklearn'} & set(sys.modules)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
