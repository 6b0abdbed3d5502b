"""What calls of the library are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.small_networks import write_references


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """A folder of images, a subfolder for each of three classes."""
    return write_references(tmp_path / "references")
