"""All images of a method in one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vital.artefacts.visualizations import read_index
from vital.images.files import read_image
from vital.report.contact_sheet import contact_sheet


def contact_sheet_of(folder: Path) -> np.ndarray:
    """All images of a method's folder, as :func:`vital.report.contact_sheet.contact_sheet`."""
    index = read_index(folder)
    images = [np.asarray(read_image(folder / path)) for path in index["image"]]
    return contact_sheet(images, index)
