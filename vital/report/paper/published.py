"""The numbers that the paper prints (Gorgun, Schiele, Fischer, ICCV 2025, section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

_FILE = Path(__file__).with_name("published.csv")
_ANY_NETWORK = "*"
"""In the file, for what does not depend on the network under study."""


@cache
def _values() -> dict[tuple[str, str, str], float]:
    table = pd.read_csv(_FILE)
    keys = zip(table["network"], table["method"], table["metric"], strict=True)
    return dict(zip(keys, table["value"].astype(float), strict=True))


def published_value(network: str, method: str, metric: str) -> float | None:
    """A number as the paper prints it: shares in percent; None where it prints none."""
    values = _values()
    common = values.get((_ANY_NETWORK, method, metric))
    return values.get((network, method, metric), common)


def published_rows() -> Iterator[tuple[str, str]]:
    """Network and method of each row of the paper's table, in its order."""
    rows = ((network, method) for network, method, _ in _values())
    return iter(dict.fromkeys(row for row in rows if row[0] != _ANY_NETWORK))
