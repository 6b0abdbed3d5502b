"""The first stage says what has no effect, and writes a file for every other."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.isolated_stages import PARAMS
from stages.inputs import inputs
from vital.artefacts.project import Project
from vital.errors import ParamsError


def content(**blocks: object) -> dict[str, object]:
    return {**PARAMS, **blocks}


def test_parameters_without_effect_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    params = content(extract={**PARAMS["extract"], "pools": [2]})
    inputs(Project(tmp_path), params)
    assert "extract.pools has no effect: no coarse phase uses images pooled by 2" in caplog.text
    assert (tmp_path / "data" / "inputs" / "extract.json").is_file()


def test_a_run_that_cannot_go_well_writes_nothing(tmp_path: Path) -> None:
    params = content(extract={**PARAMS["extract"], "taps": ["layer9"]}, seed=-1)
    with pytest.raises(ParamsError, match="seed"):
        inputs(Project(tmp_path), params)
    params = content(extract={**PARAMS["extract"], "taps": ["layer9"]})
    with pytest.raises(ParamsError, match="layer9"):
        inputs(Project(tmp_path), params)
    assert not (tmp_path / "data" / "inputs").exists()
