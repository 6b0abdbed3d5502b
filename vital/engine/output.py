"""Finished targets as files: PNGs, an index with a row per image, and the history of losses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from vital.artefacts.columns import IMAGE, METHOD, NAME, SEED, TAP, UNIT
from vital.artefacts.visualizations import (
    HISTORY,
    INDEX,
    LOSS,
    STEP,
    STEPS,
    TARGET,
    TRANSPARENT,
    image_path,
    loss_column,
    transparent_path,
)
from vital.engine.local import Finished
from vital.images.files import write_png
from vital.images.preprocessing import Preprocessing
from vital.images.tensors import to_uint8

_OPAQUE = 98.0
"""Where the gradient was stronger than this percentile of its own, an image is opaque."""

_COLOURS = (1.0, 99.0)
"""Colours of a transparent image are clipped to these percentiles (paper section 4)."""


def write_visualizations(
    folder: Path, method: str, results: Iterable[Finished], preprocessing: Preprocessing
) -> list[Finished]:
    """Write images as they come, then the index and the history of all, sorted by target.

    Returns the results in that order.
    """
    written = []
    for finished in results:
        _write_image(folder, finished, preprocessing)
        written.append(finished)
    written.sort(key=lambda finished: finished.target)
    INDEX.write(folder, index_table(method, written))
    HISTORY.write(folder, history_table(method, written))
    return written


def _write_image(folder: Path, finished: Finished, preprocessing: Preprocessing) -> None:
    """Write one target's PNG below ``folder``, an inner unit's transparent one too."""
    pixels = preprocessing.denormalize(finished.image)
    write_png(folder / image_path(finished.target), to_uint8(pixels))
    transparent = transparent_path(finished.target)
    if transparent is not None:
        write_png(folder / transparent, transparent_array(pixels, finished.sensitivity))


def transparent_array(pixels: torch.Tensor, sensitivity: torch.Tensor) -> np.ndarray:
    """Opaque where the loss was sensitive to the pixels (3, H, W): RGBA bytes (H, W, 4).

    Alpha is the sum of the gradient's magnitudes over all steps (H, W), scaled by its 98th
    percentile; colours are clipped to their 1st and 99th (paper section 4).
    """
    low, high = np.percentile(pixels.numpy(), _COLOURS)
    colours = (pixels.clamp(float(low), float(high)) - float(low)) / max(float(high - low), 1e-12)
    top = max(float(np.percentile(sensitivity.numpy(), _OPAQUE)), 1e-12)
    return to_uint8(torch.cat([colours, (sensitivity / top).clamp(0.0, 1.0).unsqueeze(0)]))


def index_table(method: str, results: Iterable[Finished]) -> pd.DataFrame:
    """A row per image: what it is, where it lies, and how it came out."""
    return pd.DataFrame(
        [
            {
                METHOD: method,
                TAP: finished.target.unit.tap,
                UNIT: finished.target.unit.index,
                NAME: finished.target.unit.name,
                SEED: finished.target.seed,
                IMAGE: image_path(finished.target),
                TRANSPARENT: transparent_path(finished.target),
                STEPS: finished.steps,
                **finished.record,
            }
            for finished in results
        ]
    )


def history_table(method: str, results: Iterable[Finished]) -> pd.DataFrame:
    """A row per target and recorded step: the total loss and its parts, as far as it has them."""
    frames = []
    for finished in results:
        columns = [STEP, LOSS, *(loss_column(part) for part in finished.parts)]
        frame = pd.DataFrame(finished.history, columns=columns).astype({STEP: "int64"})
        frame.insert(0, TARGET, finished.target.id)
        frame.insert(0, METHOD, method)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
