"""Relevance of inner units as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.small_networks import CPU, lively_model, write_noise
from vital.artefacts.statistics import QUANTILES, tap_file
from vital.images.image_set import ImageSet
from vital.params.base import check_block
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import read_statistics
from vital.references.unit_relevance import UnitResults, write_relevance
from vital.runtime.table_files import read_parquet
from vital.units import inner_unit


def test_statistics_are_kept_at_as_many_knots_as_those_of_classes(tmp_path: Path) -> None:
    write_noise(tmp_path / "patches", 3)
    unit = inner_unit("layer2", 1)
    rows = pd.DataFrame({"path": [f"{number}.png" for number in range(3)]})
    patches = {unit: ImageSet(tmp_path / "patches", rows)}
    params = check_block({"batch": 2, "shown": 1}, "relevance", RelevanceParams)
    found = {}
    for knots in (None, 16):
        block = {"references": 1, "batch": 1, "knots": knots}
        extract = check_block(block, "extract", ExtractParams)
        folder, model = tmp_path / str(knots), lively_model(["conv1"])
        write_relevance(folder, model, patches, ["conv1"], extract, params, tmp_path / "work")
        kept = read_parquet(tap_file(folder, "conv1"))[QUANTILES]
        found[knots] = read_statistics(folder, [unit.id])[ReferenceSet(unit.id)]["conv1"].quantiles
        assert len(kept[0]) == (knots or found[None].shape[1])
    assert found[16].shape == found[None].shape
    spread = found[None].std(axis=1, keepdims=True)
    assert (abs(found[16] - found[None]) / spread).mean() < 0.1
    assert (found[16] != found[None]).any()


def test_what_is_kept_of_maps_that_lie_otherwise_is_not_taken_for_the_same() -> None:
    params, model = check_block({"batch": 2}, "relevance", RelevanceParams), lively_model(["conv1"])
    contiguous = UnitResults(model, {}, {}, (), params).facts()
    assert UnitResults(model, {}, {}, (), params).facts() == contiguous
    assert UnitResults(model.to(CPU), {}, {}, (), params).facts() != contiguous
