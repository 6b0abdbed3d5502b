"""The record of the reference images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vital.artefacts.reference_images import read_references, write_references
from vital.errors import ArtefactError
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import read_statistics, write_statistics


def test_the_record_is_read_as_written_and_is_no_tap(
    tmp_path: Path, statistics: dict[ReferenceSet, UnitStatistics]
) -> None:
    rows = pd.DataFrame(
        {"label": [3, 5], "class_name": ["NA", "<b>"], "path": ["a", "b"], "sha256": ["0", "1"]}
    ).assign(probability=[0.25, np.nan], reference_set=[0, 1])
    unit, kept = next(iter(statistics.items()))
    same_name = {"references": next(iter(kept.values()))}
    write_statistics(tmp_path, ["references"], {}, [(unit, same_name)])
    write_references(tmp_path, rows)
    table = read_references(tmp_path)
    assert list(table["unit"]) == [3, 5]
    assert list(table["name"]) == ["NA", "<b>"]
    assert list(table["probability"].isna()) == [False, True]
    assert list(read_statistics(tmp_path, [unit.unit])[unit]) == ["references"]
    with pytest.raises(ArtefactError, match="run the stage that writes it"):
        read_references(tmp_path / "nowhere")
