"""What figures share: looks, colours, letters, and files with the same bytes for the same data."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from vital.runtime.files import replacing

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that every machine draws the same letters."""

_STYLE = {
    "font.family": FONT,
    "svg.hashsalt": "vital",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_PNG_DPI = 200
_SVG_DPI = 144
"""Of the pictures inside: their pixels are about those of the page."""


@dataclass(frozen=True)
class Look:
    """What a figure is drawn for: a colour scheme, and a width in inches.

    ``pale`` is the opacity of what stays in the background.
    """

    name: str
    ink: str
    muted: str
    grid: str
    paper: str
    accent: str
    pale: float
    width: float
    is_narrow: bool


_LIGHT = {
    "ink": "#1f2328", "muted": "#6b6f76", "grid": "#e7e4dd", "paper": "#ffffff",
    "accent": "#0f6e66",
}  # fmt: skip
_DARK = {
    "ink": "#eceae5", "muted": "#a0a3a8", "grid": "#33363b", "paper": "#1d1f22",
    "accent": "#6cc5b8",
}  # fmt: skip

WIDE_LIGHT = Look("wide-light", **_LIGHT, pale=0.38, width=9.0, is_narrow=False)
LOOKS = (
    WIDE_LIGHT,
    Look("wide-dark", **_DARK, pale=0.55, width=9.0, is_narrow=False),
    Look("narrow-light", **_LIGHT, pale=0.38, width=4.2, is_narrow=True),
    Look("narrow-dark", **_DARK, pale=0.55, width=4.2, is_narrow=True),
)

Draw = Callable[[Look], Figure]


_DRAWING = threading.RLock()


def save_figure(folder: Path, name: str, draw: Draw) -> None:
    """Write ``<name>-<look>.svg`` for every look and, to be pasted elsewhere, ``<name>.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for look in LOOKS:
        write_svg(folder / f"{name}-{look.name}.svg", draw, look)
    write_png_figure(folder / f"{name}.png", draw)


@contextmanager
def _styled() -> Iterator[None]:
    """Draw in our style, one thread at a time: Matplotlib's settings are the process's."""
    with _DRAWING, matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def write_svg(path: Path, draw: Draw, look: Look) -> None:
    """Write a figure on no ground, to stand on a page of the look's colours."""
    with _styled():
        draw(look).savefig(
            path, transparent=True, dpi=_SVG_DPI, metadata={"Date": None, "Creator": None}
        )


def write_png_figure(path: Path, draw: Draw) -> None:
    """Write a figure on white, whatever the ending of ``path``: whole or not at all."""
    with _styled(), replacing(path) as temporary:
        draw(WIDE_LIGHT).savefig(
            temporary, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None}
        )


def class_colours(units: Sequence[int]) -> dict[int, str]:
    """A colour for each unit: hues at equal steps, neighbours far apart, lightness in turn."""
    count = len(units)
    stride = _coprime_stride(count)
    return {
        unit: _oklch(0.70 if i % 2 else 0.58, 0.13, 2 * math.pi * (i * stride % count) / count)
        for i, unit in enumerate(units)
    }


def _coprime_stride(count: int) -> int:
    """The step nearest to 0.38 turns that still visits every hue."""
    wanted = max(1, round(count * 0.38))
    return next(step for step in range(wanted, count + 2) if math.gcd(step, count) == 1)


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """Ottosson's OKLCH, in which equal steps look equal, as an sRGB hex colour."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    to_lms = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_rgb @ (to_lms @ np.array([lightness, a, b])) ** 3, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(255 * float(value)) for value in encoded)
    return f"#{red:02x}{green:02x}{blue:02x}"


def drawable_label(name: str, unit: int) -> str:
    """The name, shortened, or the unit's number where the font lacks its letters."""
    if not is_drawable(name):
        return f"#{unit}"
    return name if len(name) <= 24 else f"{name[:23]}…"


def is_drawable(text: str) -> bool:
    """Whether the font has all letters of a text."""
    return all(ord(letter) in _letters() for letter in text)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())
