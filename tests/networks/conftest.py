"""What the tests of judges share."""

from __future__ import annotations

import pandas as pd
import pytest
from PIL import Image

from helpers.own_images import CLASSES, contents, write_files
from vital.artefacts.manifest import SPLITS
from vital.images.image_set import ImageSet


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Images of three classes, some of each split."""
    folder = write_files(tmp_path_factory.mktemp("photos"), contents())
    rows = []
    for path in sorted(folder.glob("*/*.png")):
        Image.open(path).resize((32, 32)).save(path)
        name, split = path.parent.name, SPLITS[int(path.stem) % 3]
        relative = str(path.relative_to(folder))
        facts = {"path": relative, "label": CLASSES.index(name), "class_name": name}
        rows.append({**facts, "split": split, "width": 32, "height": 32})
    return ImageSet(folder, pd.DataFrame(rows))
