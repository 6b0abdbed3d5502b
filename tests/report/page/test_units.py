from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from helpers.report_artefacts import MASKED, write_artefacts, write_inner_units
from helpers.report_page import CLASSES, assert_refused, build, section, taken
from vital.artefacts.project import Project
from vital.errors import ArtefactError
from vital.runtime.table_files import write_parquet

HOSTILE = "layer2.<b>0</b>"
UNITS = (("layer1.0.conv2", 3), (HOSTILE, 17))
SEEDS = 2
SHOWN = 4
"""Fewer than there are patches, more than have a mask."""


@pytest.fixture
def project(tmp_path: Path, few_figures: None) -> Project:
    """A project with two inner units."""
    made = write_artefacts(tmp_path, CLASSES, seeds=1)
    write_inner_units(made, UNITS, CLASSES[:1], seeds=SEEDS)
    return made


def test_a_card_has_every_seed_and_the_best_patches_with_their_relevance(project: Project) -> None:
    page = build(project, references=SHOWN)
    cards = section(page, "units").split("<article")[1:]
    assert len(cards) == len(UNITS)
    for kind, count in [
        ("unit", SEEDS), ("transparent", SEEDS), ("patch", SHOWN), ("relevance", MASKED),
    ]:  # fmt: skip
        assert len(taken(project, kind)) == count * len(UNITS)
        assert all(card.count(f'src="images/{kind}-') == count for card in cards)
    assert "layer1.0.conv2/3" in page.words and f"{HOSTILE}/17" in page.words
    assert "in the circuit of brick wall (25.0\u202f%)" in page.words


def test_the_best_patches_come_first_whatever_the_order_of_the_table(project: Project) -> None:
    path = project.references / "patches.parquet"
    write_parquet(path, pd.read_parquet(path).iloc[::-1])
    page = build(project, references=2)
    tap, channel = UNITS[0]
    folder = project.references / "patches"
    best = [folder / f"{tap.replace('.', '-')}-{channel:04d}-{rank:03d}.png" for rank in (0, 1)]
    shown = taken(project, "patch")[:2]
    assert [Image.open(path).tobytes() for path in shown] == [
        Image.open(path).tobytes() for path in best
    ]
    assert sum("activation 9" in caption for caption in page.captions) == 2 * len(UNITS)
    assert not any("activation 7" in caption for caption in page.captions)


def test_transparency_reaches_the_page(project: Project) -> None:
    build(project)
    [first, *_] = taken(project, "transparent")
    with Image.open(first) as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 255)


def test_names_of_units_are_text_and_never_markup(project: Project) -> None:
    page = build(project)
    assert "<b>0" not in page.text
    assert "layer2.&lt;b&gt;0&lt;/b&gt;/17" in section(page, "units")
    assert page.tags.count("script") == 2
    allowed = set("abcdefghijklmnopqrstuvwxyz-0123456789.")
    assert all(set(path.name) <= allowed for path in (project.report / "images").iterdir())
    assert all(image.get("alt") for image in page.images if "src" in image)


def test_gallery_headlines_and_losses_are_of_classes_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}
    monkeypatch.setattr("vital.report.page.losses.save_figure", lambda folder, name, draw: None)
    monkeypatch.setattr("vital.report.page.losses.draw_losses", drawn.update)
    page = build(project)
    assert section(page, "classes").count('class="row"') == len(CLASSES)
    assert "layer1.0.conv2" not in section(page, "classes")
    headlines = page.text.partition('<dl class="headlines">')[2].partition("</dl>")[0]
    assert f"<dt>classes</dt><dd>{len(CLASSES)}</dd>" in headlines
    assert f"<dt>visualizations</dt><dd>{len(CLASSES)}</dd>" in headlines
    assert drawn["vital"]["loss"].max() < 1e6
    assert "nan" not in page.words.lower().split()


def test_without_units_the_section_says_what_to_do(tmp_path: Path, few_figures: None) -> None:
    page = build(write_artefacts(tmp_path, CLASSES[:2], seeds=1))
    assert "Name some in the block units" in " ".join(page.words.split())
    assert "units.circuit.classes" in page.words
    assert "<fieldset" not in page.text


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("data/relevance/masks.parquet", "reference patches"),
        ("data/references/patches.parquet", "no reference patches of this unit here"),
        ("data/visualizations/vital/index.parquet", "no visualization of this unit here"),
        ("data/units/units.parquet", "layer1.0.conv2/3"),
        ("data/references/dead.parquet", "layer1.0.conv2/3"),
    ],
)
def test_what_is_missing_leaves_the_rest(project: Project, lost: str, said: str) -> None:
    (project.root / lost).unlink()
    page = build(project)
    assert section(page, "units").count("<article") == len(UNITS)
    assert said in page.words


def test_a_unit_that_never_fires_is_said_to(project: Project) -> None:
    tap, channel = UNITS[0]
    for path, column in [
        (project.references / "patches.parquet", "channel"),
        (project.relevance / "masks.parquet", "channel"),
        (project.visualizations("vital") / "index.parquet", "unit"),
    ]:
        table = pd.read_parquet(path)
        write_parquet(path, table[(table["tap"] != tap) | (table[column] != channel)])
    dead = pd.DataFrame({"tap": [tap], "channel": [channel]})
    write_parquet(project.references / "dead.parquet", dead)
    cards = section(build(project), "units").split("<article")[1:]
    assert ["fires on none" in card for card in cards] == [True, False]


@pytest.mark.parametrize("hostile", ["../../secret.png", "/etc/hostname", "patches/absent.png"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("data/references/patches.parquet", "patch"),
        ("data/relevance/masks.parquet", "mask"),
        ("data/visualizations/vital/index.parquet", "transparent"),
    ],
)
def test_a_path_that_leads_outside_is_refused(
    project: Project, table: str, column: str, hostile: str
) -> None:
    assert_refused(project, table, column, hostile)


def test_a_table_without_a_column_is_named(project: Project) -> None:
    path = project.references / "patches.parquet"
    write_parquet(path, pd.read_parquet(path).drop(columns="patch"))
    with pytest.raises(ArtefactError, match=r"patches.parquet has no column 'patch'"):
        build(project)


def test_an_older_index_without_transparent_images_is_shown(project: Project) -> None:
    path = project.visualizations("vital") / "index.parquet"
    write_parquet(path, pd.read_parquet(path).drop(columns="transparent"))
    build(project)
    assert not taken(project, "transparent")
    assert len(taken(project, "unit")) == len(UNITS) * SEEDS
