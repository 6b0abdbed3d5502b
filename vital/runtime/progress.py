"""One progress bar for everything that takes more than a moment; silent when not a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress_bar(
    items: Iterable[Any] | None = None, *, total: int | None = None, label: str, unit: str
) -> tqdm[Any]:
    """A tqdm bar that shows itself on terminals only."""
    return tqdm(items, total=total, desc=label, unit=f" {unit}", disable=None, dynamic_ncols=True)
