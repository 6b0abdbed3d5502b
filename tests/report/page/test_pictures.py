"""Pictures that the report takes into its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from helpers.report_page import build
from vital.artefacts.project import Project
from vital.images.files import write_png
from vital.report.page.pictures import PictureFolder


def test_large_pictures_have_a_small_one_beside_them(
    tmp_path: Path, pictures: PictureFolder
) -> None:
    write_png(tmp_path / "large.png", np.zeros((300, 400, 3), dtype=np.uint8))
    write_png(tmp_path / "small.png", np.zeros((64, 64, 3), dtype=np.uint8))
    large = pictures.copy(tmp_path / "large.png", "visualization")
    small = pictures.copy(tmp_path / "small.png", "visualization")
    assert small.thumbnail == small.url
    with Image.open(tmp_path / large.thumbnail) as image:
        assert (image.format, image.size) == ("JPEG", (160, 120))
    assert (tmp_path / large.url).read_bytes() == (tmp_path / "large.png").read_bytes()
    assert (large.width, large.height) == (400, 300)


def test_a_small_picture_keeps_its_transparency(tmp_path: Path, pictures: PictureFolder) -> None:
    pixels = np.full((256, 256, 4), 200, dtype=np.uint8)
    pixels[:, :128, 3] = 0
    write_png(tmp_path / "made.png", pixels)
    picture = pictures.copy(tmp_path / "made.png", "transparent")
    with Image.open(tmp_path / picture.thumbnail) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert alpha[:, :75].max() < 20 and alpha[:, -75:].min() > 180


def test_a_file_that_is_taken_twice_is_there_once(tmp_path: Path, pictures: PictureFolder) -> None:
    write_png(tmp_path / "made.png", np.zeros((8, 8, 3), dtype=np.uint8))
    assert pictures.copy(tmp_path / "made.png", "a") is pictures.copy(tmp_path / "made.png", "b")
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_the_page_shows_small_pictures_and_leads_to_large_ones(compared: Project) -> None:
    folder = compared.visualizations("vital")
    for path in (folder / "images").iterdir():
        write_png(path, np.zeros((224, 224, 3), dtype=np.uint8))
    page = build(compared)
    small = [image for image in page.images if "-small.jpg" in (image.get("src") or "")]
    assert len(small) == 3 * 2
    assert all((image["width"], image["height"]) == ("224", "224") for image in small)
    assert all(image["src"].replace("-small.jpg", ".png") in page.links for image in small)
