"""What a call gives, in a notebook and as files."""

from __future__ import annotations

import base64
import io
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from vital.api.results import Visualizations
from vital.artefacts.visualizations import read_index

EVIL = '<script>alert("x")</script>'


def made(names: list[str], seeds: int = 1) -> Visualizations:
    """Images of units that are as bright as their place, 8 pixels high and 12 wide."""
    rows = [(unit, name, seed) for unit, name in enumerate(names) for seed in range(seeds)]
    table = pd.DataFrame(rows, columns=["unit", "name", "seed"]).assign(
        method="vital", tap="class", image=None, transparent=None, steps=4, loss=0.5,
        activation=1.25, probability=0.75,
    )  # fmt: skip
    images = torch.stack([torch.full((3, 8, 12), i / 255) for i in range(len(rows))])
    return Visualizations(images, table)


class Page(HTMLParser):
    """The tags, pictures and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.pictures: list[Image.Image] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            address = str(dict(attrs)["src"])
            self.pictures.append(decoded(base64.b64decode(address.partition("base64,")[2])))

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"


def decoded(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_the_repr_is_one_short_line() -> None:
    assert repr(made(["tench", "cock"], seeds=2)) == (
        "<4 visualizations of 12 x 8 pixels: 'tench', 'cock'>"
    )
    assert len(repr(made([f"class number {i}" for i in range(500)]))) < 120


def test_a_notebook_shows_each_image_with_what_is_known_of_it() -> None:
    page = Page(made(["tench", EVIL], seeds=2)._repr_html_())
    assert "script" not in page.tags
    assert f"{EVIL}, seed 1" in page.text
    assert page.text.count("response 1.25, probability 75.0%") == 4
    assert [picture.getpixel((0, 0))[0] for picture in page.pictures] == [0, 1, 2, 3]
    assert {picture.size for picture in page.pictures} == {(12, 8)}


def test_units_without_a_probability_have_their_response() -> None:
    inner = made(["conv1/3"])
    inner.table["probability"] = float("nan")
    text = Page(inner._repr_html_()).text
    assert "response 1.25\n" in text
    assert "probability" not in text


def test_a_notebook_is_not_flooded() -> None:
    page = Page(made(["tench"] * 70)._repr_html_())
    assert len(page.pictures) == 60
    assert "and 10 more" in page.text


def test_the_sheet_has_all_images() -> None:
    several = made(["tench", "cock"], seeds=3)
    sheet = np.asarray(several.sheet())
    assert sheet.shape == (16, 36, 3)
    assert sheet[::8, ::12, 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.array_equal(np.asarray(decoded(several._repr_png_())), sheet)


def test_saved_images_are_named_by_the_table(tmp_path: Path) -> None:
    before = made(["tench", "cock"])
    saved = before.save(tmp_path / "deep" / "er")
    assert list(before.table["image"]) == [None, None]
    for place, path in enumerate(saved.table["image"]):
        with Image.open(path) as image:
            assert np.all(np.asarray(image) == place)
    assert list(saved.table["transparent"]) == [None, None]
    folder = tmp_path / "deep" / "er"
    assert list(read_index(folder)["name"]) == ["tench", "cock"]
    with Image.open(folder / "sheet.png") as image:
        assert image.size == (24, 8)


def test_it_shows_itself_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []
    monkeypatch.setattr(Image.Image, "show", lambda image: shown.append(image))  # noqa: PLW0108
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    one = made(["tench"])
    one.show()
    assert [image.size for image in shown] == [(12, 8)]
    notebook = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=None))
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown.append))
    one.show()
    assert shown[1:] == [one]
    terminal = SimpleNamespace(get_ipython=lambda: None)
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    one.show()
    assert isinstance(shown[2], Image.Image)
