"""Block ``extract``: which statistics of the reference images are kept."""

from __future__ import annotations

from vital.params.base import Block, Positive


class ExtractParams(Block):
    """Which taps are read and how many reference images of each class are averaged."""

    taps: tuple[str, ...] | None = None
    references: Positive
    batch: Positive
    device: str = "auto"
