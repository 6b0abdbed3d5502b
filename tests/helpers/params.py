"""Blocks of parameters that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from vital.errors import ParamsError
from vital.params.base import check_block


def complaint(content: object, block: str, kind: Any) -> str:
    """What is said about a block that does not fit."""
    with pytest.raises(ParamsError) as caught:
        check_block(content, block, kind)
    return str(caught.value)
