"""Which images are scored: each method's own, and real ones in the same number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from vital.artefacts.columns import CLASS_NAME, IMAGE, LABEL, NAME, PATH, SEED, TAP, UNIT
from vital.artefacts.visualizations import REAL, class_rows, read_index
from vital.errors import DataError
from vital.images.image_set import ImageSet
from vital.runtime.generators import generator
from vital.units import CLASS_TAP

COLUMNS = [TAP, UNIT, NAME, SEED, PATH]
"""What is known of each image of a set, whoever made it."""


def photographs(folder: Path, rows: pd.DataFrame) -> ImageSet:
    """Real images of ``folder``: rows of its manifest, labelled as the studied network labels."""
    table = rows.rename(columns={LABEL: UNIT, CLASS_NAME: NAME})
    return ImageSet(folder, table.assign(**{TAP: CLASS_TAP}).assign(**{SEED: -1})[COLUMNS])


def visualizations(folder: Path, method: str) -> ImageSet:
    """A method's images of classes. Raises DataError where there is none."""
    index = read_index(folder).rename(columns={IMAGE: PATH})
    index = class_rows(index).reset_index(drop=True)
    if index.empty:
        raise DataError(f"{folder} holds no visualizations of classes by method {method!r}")
    return ImageSet(folder, index[COLUMNS])


def image_sets(
    methods: Mapping[str, Path], held_out: ImageSet, seed: int
) -> tuple[dict[str, ImageSet], ImageSet]:
    """What is scored, by method and for ``real``, and the real images that it is scored against.

    Raises DataError for a method without visualizations of classes, and for a class with no or too
    few held-out images.
    """
    scored = {name: visualizations(folder, name) for name, folder in methods.items()}
    _check_held_out(held_out.rows, scored)
    real, against = split_held_out(held_out.rows, _largest_counts(scored), seed)
    return {**scored, REAL: ImageSet(held_out.folder, real)}, ImageSet(held_out.folder, against)


def _check_held_out(held_out: pd.DataFrame, scored: Mapping[str, ImageSet]) -> None:
    """Raise DataError for a visualized class that has no held-out image to be scored against."""
    known = set(held_out[UNIT].tolist())
    for method, images in scored.items():
        lacking = images.rows[~images.rows[UNIT].isin(known)]
        if not lacking.empty:
            raise DataError(
                f"class {lacking[NAME].iloc[0]!r} has visualizations by {method} but no held-out "
                "image to score them against (data.classes, data.per_class.heldout)"
            )


def split_held_out(
    held_out: pd.DataFrame, wanted: Mapping[int, int], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide held-out images (columns path, unit) into those scored and those scored against.

    The first hold ``wanted[unit]`` images of each class, as many as it has visualizations; the
    second hold all others. Raises DataError when a class has too few.
    """
    scored, against = [], []
    for unit in sorted(set(held_out[UNIT].tolist())):
        group = held_out[held_out[UNIT] == unit]
        count = wanted.get(unit, 0)
        if len(group) < count + 2:
            raise DataError(
                f"class {group[NAME].iloc[0]!r} has {len(group)} held-out images; scoring "
                f"{count} visualizations needs at least {count + 2} (data.per_class.heldout)"
            )
        order = torch.randperm(len(group), generator=generator(seed, "score", "split", str(unit)))
        scored.append(group.iloc[sorted(order[:count].tolist())])
        against.append(group.iloc[sorted(order[count:].tolist())])
    return pd.concat(scored, ignore_index=True), pd.concat(against, ignore_index=True)


def _largest_counts(scored: Mapping[str, ImageSet]) -> dict[int, int]:
    counts = [Counter(one.rows[UNIT].tolist()) for one in scored.values()]
    return {unit: max(count[unit] for count in counts) for unit in set().union(*counts)}
