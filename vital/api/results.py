"""What a call of visualize gives: the images and what is known of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from vital.api.notebook import display_in_notebook, embedded_png, png
from vital.artefacts.columns import IMAGE, NAME, PROBABILITY, SEED, TAP, UNIT
from vital.artefacts.visualizations import ACTIVATION, INDEX, TRANSPARENT, image_path
from vital.errors import listed
from vital.images.files import write_png
from vital.images.tensors import to_uint8
from vital.report.contact_sheet import contact_sheet
from vital.units import Target, Unit

SHEET = "sheet.png"
"""All images in one picture, beside the folder that has each as a file."""

_SHOWN = 60
"""A notebook shows so many images one by one."""

_GRID = "display:flex;flex-wrap:wrap;gap:12px"
_FIGURE = "margin:0;max-width:224px;font:12px/1.4 sans-serif;overflow-wrap:anywhere"


@dataclass(frozen=True, repr=False, eq=False)
class Visualizations:
    """The images, (N, 3, H, W) in 0..1, and a table with a row for each of them.

    ``image`` and ``transparent`` name the files of those that are written, and nothing for others.
    """

    images: torch.Tensor
    table: pd.DataFrame

    def __repr__(self) -> str:
        count, _, height, width = self.images.shape
        names = listed(dict.fromkeys(self.table[NAME]))
        return f"<{count} visualizations of {width} x {height} pixels: {names}>"

    def __len__(self) -> int:
        return len(self.table)

    def sheet(self) -> Image.Image:
        """All images in one: a row for each unit with its seeds, or units in rows if it is one."""
        return Image.fromarray(contact_sheet(self._arrays(), self.table))

    def show(self) -> None:
        """Show the images: in a notebook with what is known of them, else as one picture."""
        if not display_in_notebook(self):
            self.sheet().show()

    def save(self, folder: str | Path) -> Visualizations:
        """Write a PNG for each image, their index and a contact sheet to ``folder``.

        Returns the same images with a table that names these files. Raises OSError where the
        folder cannot be written to.
        """
        folder = Path(folder)
        table = self.table.assign(
            **{
                IMAGE: [image_path(target) for target in self._targets()],
                TRANSPARENT: None,
            }
        )
        for path, array in zip(table[IMAGE], self._arrays(), strict=True):
            write_png(folder / path, array)
        INDEX.write(folder, table)
        self.write_sheet(folder)
        return Visualizations(self.images, with_files_of(folder, table))

    def write_sheet(self, folder: Path) -> None:
        """Write the contact sheet to ``folder``."""
        write_png(folder / SHEET, np.asarray(self.sheet()))

    def _repr_png_(self) -> bytes:
        return png(np.asarray(self.sheet()))

    def _repr_html_(self) -> str:
        figures = "".join(
            f'<figure style="{_FIGURE}">'
            f'<img src="{embedded_png(array)}" alt="{escape(name)}" style="width:100%">'
            f"<figcaption>{escape(name)}<br>{escape(said)}</figcaption></figure>"
            for array, (name, said) in zip(self._arrays()[:_SHOWN], self._captions(), strict=False)
        )
        more = len(self) - _SHOWN
        rest = f"<p>and {more} more: sheet() has them all</p>" if more > 0 else ""
        return f'<div style="{_GRID}">{figures}</div>{rest}'

    def _arrays(self) -> list[np.ndarray]:
        return [to_uint8(image) for image in self.images]

    def _targets(self) -> Iterator[Target]:
        for tap, index, name, seed in self.table[[TAP, UNIT, NAME, SEED]].itertuples(index=False):
            yield Target(Unit(tap, index, name), seed)

    def _captions(self) -> Iterator[tuple[str, str]]:
        """Of each image its unit and seed, and how the network responds to it."""
        several = self.table[SEED].nunique() > 1
        columns = [NAME, SEED, ACTIVATION, PROBABILITY]
        for name, seed, response, probability in self.table[columns].itertuples(index=False):
            said = f"response {response:.3g}"
            if pd.notna(probability):
                said += f", probability {probability:.1%}"
            yield f"{name}, seed {seed}" if several else name, said


def with_files_of(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    """The table of an index in ``folder`` with paths that lead to its files from here."""
    found = table.copy()
    for column in (IMAGE, TRANSPARENT):
        found[column] = [None if pd.isna(path) else str(folder / path) for path in table[column]]
    return found


def without_files(table: pd.DataFrame) -> pd.DataFrame:
    """The table of images that are not written."""
    return table.assign(**{IMAGE: None, TRANSPARENT: None})
