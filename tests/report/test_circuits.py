from __future__ import annotations

from pathlib import Path

import pytest

from helpers.circuits import CLASSES, UNITS, circuit, run_with_circuits
from helpers.report_artefacts import SHARES
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.report.circuits import find_circuit, read_circuits
from vital.report.figures.circuit import draw_circuit
from vital.report.figures.style import LOOKS
from vital.runtime.table_files import read_parquet, write_parquet


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return run_with_circuits(tmp_path)


def test_circuits_are_read_by_class_and_rank(project: Project) -> None:
    path = project.relevance / "circuits.parquet"
    write_parquet(path, read_parquet(path).sample(frac=1.0, random_state=0))
    first, second = read_circuits(project, patches=2)
    assert (first.index, first.name, second.index, second.name) == (0, CLASSES[0], 1, CLASSES[1])
    assert [one.unit for one in first.members] == [f"{tap}/{channel}" for tap, channel in UNITS]
    assert tuple(one.share for one in first.members) == SHARES
    assert first.image == project.visualizations("vital") / "images" / "class-0000-seed-0.png"
    for one in first.members:
        assert one.image is not None and one.image.parent.name == "transparent"
        assert [path.stem[-3:] for path in one.patches] == ["000", "001"]


def test_without_the_table_or_without_rows_there_are_none(project: Project) -> None:
    path = project.relevance / "circuits.parquet"
    write_parquet(path, read_parquet(path).head(0))
    assert read_circuits(project, patches=2) == []
    path.unlink()
    assert read_circuits(project, patches=2) == []


def test_what_else_is_missing_leaves_places_empty(project: Project) -> None:
    (project.visualizations("vital") / "index.parquet").unlink()
    (project.references / "patches.parquet").unlink()
    for found in read_circuits(project, patches=2):
        assert found.image is None
        assert all(one.image is None and one.patches == () for one in found.members)
        for look in LOOKS:
            draw_circuit(found)(look)


@pytest.mark.parametrize("wanted", ["zebra", "12"])
def test_a_class_is_found_by_name_and_by_index(wanted: str) -> None:
    known = [circuit(3, "horse"), circuit(12, "zebra")]
    assert find_circuit(known, wanted).index == 12


def test_a_name_that_is_a_number_goes_before_the_index() -> None:
    assert find_circuit([circuit(0, "7"), circuit(7, "0")], "7").index == 0


def test_a_name_of_two_classes_has_to_be_an_index() -> None:
    known = [circuit(3, "crane"), circuit(9, "crane")]
    with pytest.raises(ParamsError, match="indices 3, 9"):
        find_circuit(known, "crane")
    assert find_circuit(known, "9").index == 9


def test_an_unknown_class_is_answered_with_those_that_have_one() -> None:
    with pytest.raises(ParamsError) as caught:
        find_circuit([circuit(3, "horse"), circuit(12, "zebra")], "zebr")
    message = str(caught.value)
    assert "did you mean 'zebra'?" in message
    assert "'horse' (3), 'zebra' (12)" in message
    assert "units.circuit.classes" in message


def test_with_no_circuit_at_all_the_key_is_named() -> None:
    with pytest.raises(ParamsError, match=r"units\.circuit\.classes in params\.yaml"):
        find_circuit([], "zebra")
