from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from typer.testing import CliRunner

from helpers.report_artefacts import SHARES, write_artefacts, write_inner_units
from helpers.report_page import build
from vital.artefacts.project import Project
from vital.cli import app
from vital.errors import ArtefactError, ParamsError
from vital.report.circuits import Circuit, Member, find_circuit, read_circuits
from vital.report.figures.circuit import draw_circuit
from vital.report.figures.style import LOOKS, save_figure
from vital.report.page.circuits import circuit_sections
from vital.runtime.files import read_parquet, write_parquet

CLASSES = ("brick wall", "<i>café</i>", "7")
UNITS = (("layer2", 3), ("layer2.very.deeply.nested.within.blocks.conv2", 17), ("layer2", 4))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three classes, of which the first two have circuits."""
    made = write_artefacts(tmp_path, CLASSES, seeds=1)
    write_inner_units(made, UNITS, CLASSES[:2], seeds=1)
    return made


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(project.root)
    yield project


def circuit(index: int = 0, name: str = "zebra", **changes: object) -> Circuit:
    members = (Member("layer2/3", 0.5, None, ()), Member("layer2/4", 0.25, None, ()))
    return Circuit(**{"index": index, "name": name, "image": None, "members": members} | changes)


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
    (project.references / "references.parquet").unlink()
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


@pytest.mark.parametrize("look", LOOKS, ids=[look.name for look in LOOKS])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_arrows_carry_ids_and_shares_and_are_as_wide(look, count: int) -> None:
    members = tuple(Member(f"layer4/{i}", 0.2 / 2**i, None, ()) for i in range(count))
    figure = draw_circuit(circuit(members=members))(look)
    [canvas] = figure.axes
    words = " ".join(text.get_text() for text in canvas.texts)
    for one in members:
        assert one.unit in words
        assert f"{100 * one.share:.1f}\u202f%" in words
    arrows = [patch for patch in canvas.patches if isinstance(patch, FancyArrowPatch)]
    widths = [arrow.get_linewidth() for arrow in arrows]
    assert len(widths) == count
    assert np.allclose([width - 1.0 for width in widths], [4.0 / 2**i for i in range(count)])


def test_a_share_below_zero_has_the_thinnest_arrow() -> None:
    members = (Member("a/0", 0.5, None, ()), Member("a/1", -0.4, None, ()))
    [canvas] = draw_circuit(circuit(members=members))(LOOKS[0]).axes
    arrows = [patch for patch in canvas.patches if isinstance(patch, FancyArrowPatch)]
    assert [arrow.get_linewidth() for arrow in arrows] == [5.0, 1.0]


@pytest.fixture(params=LOOKS, ids=[look.name for look in LOOKS])
def drawn(project: Project, request: pytest.FixtureRequest) -> Figure:
    """A circuit's figure in each look, laid out."""
    [found, _] = read_circuits(project, patches=4)
    figure = draw_circuit(found)(request.param)
    figure.draw_without_rendering()
    return figure


def test_all_that_is_drawn_lies_within_the_figure(drawn: Figure) -> None:
    [canvas] = drawn.axes
    assert len(canvas.images) == 1 + len(UNITS) * (1 + 4)
    for artist in [*canvas.images, *canvas.texts, *canvas.patches]:
        box = artist.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= drawn.bbox.x1 and box.y1 <= drawn.bbox.y1


def test_labels_hide_no_picture_and_no_label(drawn: Figure) -> None:
    [canvas] = drawn.axes
    labels = [text.get_window_extent() for text in canvas.texts]
    pictures = [image.get_window_extent() for image in canvas.images]
    for i, label in enumerate(labels):
        assert not any(label.overlaps(other) for other in labels[i + 1 :])
        assert not any(label.overlaps(picture) for picture in pictures)


def test_same_circuit_same_bytes_and_its_names_are_no_markup(
    project: Project, tmp_path: Path
) -> None:
    [_, found] = read_circuits(project, patches=2)
    for folder in ("one", "two"):
        save_figure(tmp_path / folder, "circuit", draw_circuit(found))
    for path in (tmp_path / "one").iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "two" / path.name).read_bytes()
        assert b"<i>" not in content and b"dc:date" not in content
        assert str(project.root).encode() not in content


def test_shares_that_are_all_zero_or_letters_that_cannot_be_drawn(tmp_path: Path) -> None:
    members = (Member("层/5", 0.0, None, ()),)
    [canvas] = draw_circuit(circuit(name="斑马", members=members))(LOOKS[0]).axes
    words = [text.get_text() for text in canvas.texts]
    assert "#0" in words and "…/5" in words and "0.0\u202f%" in words


def test_the_report_shows_a_figure_with_words_for_each(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.report.figures.style.LOOKS", LOOKS[:1])
    page = build(project)
    figures = {path.name for path in (project.report / "figures").glob("circuit-*")}
    assert figures == {
        "circuit-0-wide-light.svg", "circuit-0.png", "circuit-1-wide-light.svg", "circuit-1.png",
    }  # fmt: skip
    [alt] = [image["alt"] for image in page.images if "circuit-1" in (image.get("src") or "")]
    assert alt is not None and "<i>café</i>" in alt and "layer2/3 with 25.0\u202f%" in alt
    assert "<i>" not in page.text
    for i, (tap, channel) in enumerate(UNITS, start=1):
        assert f'<a href="#unit-{i}">{tap}/{channel}</a>' in page.text


def test_no_circuit_no_figure(project: Project, tmp_path: Path) -> None:
    (project.relevance / "circuits.parquet").unlink()
    assert circuit_sections(project, 2, tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()


# The command


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["circuit", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("wanted", ["1", "<i>café</i>"])
def test_the_command_writes_the_figure_and_prints_the_table(here: Project, wanted: str) -> None:
    lines = [line.split() for line in run(wanted).splitlines()]
    assert lines[0] == ["rank", "unit", "share"]
    assert [line[:2] for line in lines[1:4]] == [
        [str(rank), f"{tap}/{channel}"] for rank, (tap, channel) in enumerate(UNITS, start=1)
    ]
    assert " ".join(lines[1]).endswith("25.0 %")
    with Image.open(here.root / "circuit-1.png") as image:
        assert image.format == "PNG" and image.width == 1800


def test_the_figure_goes_where_it_is_asked_for(here: Project) -> None:
    assert "deep/er/picture.png" in run("0", "--out", "deep/er/picture.png")
    assert (here.root / "deep" / "er" / "picture.png").is_file()
    assert not (here.root / "circuit-0.png").exists()


def test_a_class_without_a_circuit_is_an_error(here: Project) -> None:
    with pytest.raises(ParamsError, match=r"'7' has no circuit.*'brick wall' \(0\)"):
        run("7")


def test_a_table_that_leads_outside_is_refused(here: Project) -> None:
    path = here.references / "references.parquet"
    write_parquet(path, pd.read_parquet(path).assign(patch="../units/units.parquet"))
    with pytest.raises(ArtefactError, match="outside"):
        run("0")
