"""What `vital doctor` finds on a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from vital.artefacts.project import Project
from vital.pipeline.doctor import diagnose


@pytest.mark.parametrize(("has_it", "said"), [(True, "multiplies it"), (False, "does not")])
def test_it_says_whether_bfloat16_is_worth_a_try(
    has_it: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("vital.pipeline.doctor.multiplies_bfloat16", lambda: has_it)
    (found,) = (one for one in diagnose(Project(tmp_path)) if one.name == "bfloat16")
    assert found.good
    assert said in found.detail
