from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.report_artefacts import MASKED, write_artefacts, write_inner_units
from helpers.report_page import CLASSES, Page, build
from vital.artefacts.project import Project
from vital.artefacts.visualizations import class_curves, class_rows
from vital.errors import ArtefactError
from vital.report.figures.overlays import lay_on_squares, lay_relevance
from vital.runtime.files import write_parquet

HOSTILE = "layer2.<b>0</b>"
UNITS = (("layer1.0.conv2", 3), (HOSTILE, 17))
SEEDS = 2
SHOWN = 4
"""Fewer than there are patches, more than have a mask."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two inner units; figures are drawn once only, which is most of the time."""
    monkeypatch.setattr("vital.report.figures.style.LOOKS", ())
    made = write_artefacts(tmp_path, CLASSES, seeds=1)
    write_inner_units(made, UNITS, CLASSES[:1], seeds=SEEDS)
    return made


def change(path: Path, **columns: object) -> None:
    write_parquet(path, pd.read_parquet(path).assign(**columns))


def section(page: Page, name: str) -> str:
    return page.text.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def pictures(project: Project, kind: str) -> list[Path]:
    return sorted((project.report / "images").glob(f"{kind}-*"))


def test_a_card_has_every_seed_and_the_best_patches_with_their_relevance(project: Project) -> None:
    page = build(project, references=SHOWN)
    cards = section(page, "units").split("<article")[1:]
    assert len(cards) == len(UNITS)
    for kind, count in [
        ("unit", SEEDS), ("transparent", SEEDS), ("patch", SHOWN), ("relevance", MASKED),
    ]:  # fmt: skip
        assert len(pictures(project, kind)) == count * len(UNITS)
        assert all(card.count(f'src="images/{kind}-') == count for card in cards)
    assert "layer1.0.conv2/3" in page.words and f"{HOSTILE}/17" in page.words
    assert "in the circuit of brick wall (25.0\u202f%)" in page.words


def test_the_best_patches_come_first_whatever_the_order_of_the_table(project: Project) -> None:
    path = project.references / "references.parquet"
    write_parquet(path, pd.read_parquet(path).iloc[::-1])
    page = build(project, references=2)
    tap, channel = UNITS[0]
    folder = project.references / "patches"
    best = [folder / f"{tap.replace('.', '-')}-{channel:04d}-{rank:03d}.png" for rank in (0, 1)]
    shown = pictures(project, "patch")[:2]
    assert [Image.open(path).tobytes() for path in shown] == [
        Image.open(path).tobytes() for path in best
    ]
    assert sum("activation 9" in caption for caption in page.captions) == 2 * len(UNITS)
    assert not any("activation 7" in caption for caption in page.captions)


def test_transparency_reaches_the_page(project: Project) -> None:
    build(project)
    [first, *_] = pictures(project, "transparent")
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


def test_without_units_the_section_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.report.figures.style.LOOKS", ())
    page = build(write_artefacts(tmp_path, CLASSES[:2], seeds=1))
    assert "Name some in the block units" in " ".join(page.words.split())
    assert "units.circuit.classes" in page.words
    assert "<fieldset" not in page.text


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("data/relevance/masks.parquet", "reference patches"),
        ("data/references/references.parquet", "no reference patches of this unit here"),
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
        (project.references / "references.parquet", "channel"),
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
        ("data/references/references.parquet", "patch"),
        ("data/relevance/masks.parquet", "mask"),
        ("data/visualizations/vital/index.parquet", "transparent"),
    ],
)
def test_a_path_that_leads_outside_is_refused(
    project: Project, table: str, column: str, hostile: str
) -> None:
    Image.new("RGB", (4, 4)).save(project.root / "data" / "secret.png")
    change(project.root / table, **{column: hostile})
    with pytest.raises(ArtefactError):
        build(project)
    assert not project.report.exists()


def test_a_table_without_a_column_is_named(project: Project) -> None:
    path = project.references / "references.parquet"
    write_parquet(path, pd.read_parquet(path).drop(columns="patch"))
    with pytest.raises(ArtefactError, match=r"references.parquet has no column 'patch'"):
        build(project)


def test_an_older_index_without_transparent_images_is_shown(project: Project) -> None:
    path = project.visualizations("vital") / "index.parquet"
    write_parquet(path, pd.read_parquet(path).drop(columns="transparent"))
    build(project)
    assert not pictures(project, "transparent")
    assert len(pictures(project, "unit")) == len(UNITS) * SEEDS


# Pictures laid over one another


def test_without_relevance_a_picture_is_grey_and_with_it_hot() -> None:
    draws = np.random.default_rng(0)
    picture = Image.fromarray(draws.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2, 5] = 255
    laid = np.asarray(lay_relevance(picture, Image.fromarray(mask))).astype(int)
    assert laid.shape == (6, 8, 3)
    cold = np.delete(laid.reshape(-1, 3), 2 * 8 + 5, axis=0)
    assert (cold == cold[:, :1]).all()
    red, _, blue = laid[2, 5]
    assert red > 200 and red > blue


def test_more_relevance_is_brighter_on_the_same_picture() -> None:
    mask = Image.fromarray(np.arange(0, 256, dtype=np.uint8)[None])
    laid = np.asarray(lay_relevance(Image.new("RGB", (256, 1), "black"), mask)).sum(axis=-1)[0]
    assert (np.diff(laid.astype(int)) >= -3).all()
    assert laid[-1] > 400 and laid[0] == 0


def test_a_mask_of_another_size_is_scaled_to_the_picture() -> None:
    laid = lay_relevance(Image.new("RGB", (8, 8)), Image.new("L", (4, 4), 255))
    assert laid.size == (8, 8)


def test_transparent_pixels_show_both_colours_and_opaque_ones_the_picture() -> None:
    picture = Image.new("RGBA", (48, 24), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 24, 24))
    laid = np.asarray(lay_on_squares(picture, ("#ffffff", "#000000")))
    assert (laid[:, :24] == (0, 0, 255)).all()
    assert sorted(map(tuple, np.unique(laid[:, 24:].reshape(-1, 3), axis=0).tolist())) == [
        (127, 127, 127),
        (255, 255, 255),
    ]
    assert (laid[0, 24] != laid[0, 26]).any() and (laid[0, 24] == laid[2, 26]).all()


# Which rows are of classes


def test_class_rows_and_curves_leave_inner_units_out() -> None:
    index = pd.DataFrame({"tap": ["class", "layer1", "class"], "unit": [0, 0, 1]})
    assert class_rows(index)["unit"].tolist() == [0, 1]
    history = pd.DataFrame(
        {
            "target": ["class/0/0", "classes/0/0", "layer1/0/0"],
            "loss": [1.0, 2.0, 3.0],
            "loss_deep": [np.nan, 1.0, 1.0],
        }
    )
    curves = class_curves(history)
    assert curves["loss"].tolist() == [1.0]
    assert "loss_deep" not in curves
