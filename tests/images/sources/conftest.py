"""No source in a test leaves the machine."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache outside of the test, and no attempt to reach a hub."""
    pytest.importorskip("datasets")
    pytest.importorskip("webdataset")
    for name in ("HF_CACHE_HOME", "HF_DATASETS_CACHE"):
        monkeypatch.setattr(f"datasets.config.{name}", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
