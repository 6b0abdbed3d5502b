"""Block ``report``: how much the static page shows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vital.params.base import Block


class ReportParams(Block):
    """The page's title and how many reference photographs stand beside each visualization."""

    title: str = "What does each unit respond to?"
    references: Annotated[int, Field(ge=2, le=12)] = 4
