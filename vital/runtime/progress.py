"""One progress bar for everything that takes more than a moment; lines of the log elsewhere."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS = 30
"""Between two lines of a log, and before the first: what is done earlier says nothing."""

_LINE = "{desc}: {n_fmt} of {total_fmt}{unit}, {elapsed} passed, {remaining} to go{postfix}"


def progress_bar(
    items: Iterable[Any] | None = None, *, total: int | None = None, label: str, unit: str
) -> tqdm[Any]:
    """A tqdm bar on terminals and in notebooks; without either, lines of the log."""
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        return tqdm(items, total=total, desc=label, unit=f" {unit}", dynamic_ncols=True)
    return _LoggedBar(
        items,
        total=total,
        desc=label,
        unit=f" {unit}",
        file=_Log(),
        position=0,  # among others, too: a log has no cursor to move
        bar_format=_LINE,
        leave=False,
        delay=SECONDS,
        mininterval=SECONDS,
    )


class _LoggedBar(tqdm):  # type: ignore[misc] # tqdm says nothing of its types
    """A bar that needs no thread to look after it."""

    monitor_interval = 0


class _Log(io.StringIO):
    """A file whose lines are messages of the log."""

    def write(self, text: str) -> int:
        """Log what is printed, without the ends of lines and blanks."""
        line = text.strip()
        if line:
            log.info("%s", line)
        return len(text)
