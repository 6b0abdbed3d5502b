"""The figure of a circuit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from helpers.circuits import UNITS, circuit, run_with_circuits
from helpers.files import files_below
from vital.artefacts.project import Project
from vital.report.circuits import Member, read_circuits
from vital.report.figures.circuit import draw_circuit
from vital.report.figures.style import LOOKS, save_figure


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return run_with_circuits(tmp_path)


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
    files = files_below(tmp_path / "one")
    assert len(files) > 1
    assert files_below(tmp_path / "two") == files
    for content in files.values():
        assert b"<i>" not in content and b"dc:date" not in content
        assert str(project.root).encode() not in content


def test_shares_that_are_all_zero_or_letters_that_cannot_be_drawn(tmp_path: Path) -> None:
    members = (Member("层/5", 0.0, None, ()),)
    [canvas] = draw_circuit(circuit(name="斑马", members=members))(LOOKS[0]).axes
    words = [text.get_text() for text in canvas.texts]
    assert "#0" in words and "…/5" in words and "0.0\u202f%" in words
