"""Do inner units' visualizations show what the units respond to, and does relevance help?

    python -m experiments.inner_units [--data FOLDER] [--keep FOLDER] [--steps N] [--device D]

Twelve channels of MobileNetV2, four drawn at each of three depths, from 1000 photographs of
ImageNet: their reference patches, and visualizations with relevance and without. One line of JSON
per unit: the visualization's percentile among the unit's reference patches by the mean of the
channel's map, both at the network's input size (``percentile``, ``percentile_without``), and per
tap the share of the sum of absolute activations that lies in channels of importance below 0.1
(``unimportant``, ``unimportant_without``). The last line counts the units at or above the median.
The folder of real networks and images is --data or the variable VITAL_REAL_DATA.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer

from benchmarks.folders import kept_or_temporary
from experiments.options import RealData, real_data
from vital.artefacts.chosen_units import distinct_units
from vital.artefacts.patches import read_patches
from vital.engine.local import Engine, Finished
from vital.images.files import write_png
from vital.images.image_set import ImageSet
from vital.images.tensors import to_uint8
from vital.methods.base import Setup
from vital.methods.image_spaces import PixelSpace
from vital.methods.inner import InnerMethod
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.reader import TapReader
from vital.params.references import ReferencesParams
from vital.params.relevance import MaskParams, RelevanceParams
from vital.params.units import RandomUnits, UnitsParams
from vital.params.visualize import CoarseParams, InnerParams, VisualizeParams
from vital.references.choose_units import UnitChooser
from vital.references.criteria import ActivationCriterion
from vital.references.patches import PatchFinder, unit_patches, write_patches
from vital.references.pooling import at_pool
from vital.references.unit_relevance import taps_until, unit_relevance
from vital.relevance.composites import selecting_composite
from vital.runtime.store import WorkStore
from vital.units import Target, Unit, inner_unit

WEIGHTS = "mobilenetv2_100.tflite_dequant.safetensors"
IMAGES = "imagenet-sample"
DEPTHS = ("blocks.2.2.bn1", "blocks.4.2.bn1", "bn2")
"""After a non-linearity, so that a channel's more is more of what it responds to."""
TAPS = ("input", "conv_stem", "blocks.1.1", "blocks.2.2", "blocks.4.2", "blocks.6.0")
TAP_WEIGHTS = {
    "input": 5.0,
    "conv_stem": 3.0,
    "blocks.1.1": 2.0,
    "blocks.2.2": 2.0,
    "blocks.6.0": 2.0,
}
OWN_WEIGHT = 2.0
POOLS = (2,)
PER_DEPTH = 4
SEED = 0
UNIMPORTANT = 0.1

REFERENCES = ReferencesParams(count=50, shortlist=60, patch=64, stride=0.8, batch=25)
KINDS = {"": RelevanceParams(), "_without": RelevanceParams(composite=None)}


@dataclass(frozen=True)
class Shown:
    """One visualization, and what it is matched to."""

    finished: Finished
    importance: dict[str, torch.Tensor]


def main(
    data: RealData = None,
    keep: Annotated[Path | None, typer.Option(help="Keep patches and images here")] = None,
    steps: Annotated[int, typer.Option(min=1)] = 450,
    device: str = "cpu",
) -> None:
    """Make and measure all of it."""
    logging.basicConfig(level=logging.INFO)
    source = real_data(data)
    model = _model(source).to(torch.device(device))
    with kept_or_temporary(keep) as folder:
        patches = _patches(model, source / IMAGES, folder)
        shown = {
            kind: _visualize(model, patches, folder, relevance, steps)
            for kind, relevance in KINDS.items()
        }
        rows = [_measure(model, unit, patches, folder, shown) for unit in shown[""]]
    for row in rows:
        typer.echo(json.dumps(row))
    typer.echo(json.dumps(_summary(rows)))


def _model(data: Path) -> StudiedModel:
    return open_model(
        "timm/mobilenetv2_100",
        checkpoint=data / WEIGHTS,
        kwargs={"pad_type": "same"},
        preprocessing={
            "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear", "crop_pct": 0.875,
        },
        taps=TAPS,
    )  # fmt: skip


def _patches(model: StudiedModel, images: Path, folder: Path) -> pd.DataFrame:
    """Draw the units and find their reference patches, unless ``folder`` has them."""
    if not (folder / "references.parquet").exists():
        found = sorted(path.relative_to(images).as_posix() for path in images.rglob("*.jp*g"))
        searched = ImageSet(images, pd.DataFrame({"path": found}))
        units = distinct_units(_chosen(model, searched))
        criterion = ActivationCriterion(model, units)
        finder = PatchFinder(model, criterion, searched, REFERENCES)
        write_patches(folder, finder, finder.find())
    return read_patches(folder)


def _chosen(model: StudiedModel, images: ImageSet) -> pd.DataFrame:
    params = UnitsParams(random=RandomUnits(taps=DEPTHS, count=PER_DEPTH))
    composite = selecting_composite(RelevanceParams())
    return UnitChooser(model, images, params, TAPS, composite, SEED, model.device).choose()


def _visualize(
    model: StudiedModel,
    patches: pd.DataFrame,
    folder: Path,
    relevance: RelevanceParams,
    steps: int,
) -> dict[Unit, Shown]:
    shown: dict[Unit, Shown] = {}
    for tap in DEPTHS:
        units = [
            inner_unit(tap, int(channel))
            for channel in dict.fromkeys(patches[patches["tap"] == tap]["channel"])
        ]
        until = taps_until(model, TAPS, [tap])[tap]
        kept = {
            unit.id: unit_relevance(
                model, unit, until, unit_patches(folder, patches, unit), relevance, POOLS
            ).statistics
            for unit in units
        }
        params = _settings(until, steps, relevance.composite is not None)
        engine = _engine(model, kept, params, relevance.masks(), folder)
        for finished in engine.run([Target(unit, 0) for unit in units]):
            unit = finished.target.unit
            name = f"{relevance.composite or 'none'}-{unit.file_name}.png"
            pixels = model.preprocessing.denormalize(finished.image)
            write_png(folder / "visualizations" / name, to_uint8(pixels))
            full = at_pool(kept[unit.id], 1)
            importance = {t: torch.from_numpy(s.importance) for t, s in full.items()}
            shown[unit] = Shown(finished, importance)
    return shown


def _settings(taps: Sequence[str], steps: int, masked: bool) -> VisualizeParams:
    """The same with relevance and without, but that without there are no masks to hold still.

    A third of the ``steps`` is taken at full size. The last of ``taps`` is the units' own.
    """
    fine = max(1, steps // 3)
    coarse = CoarseParams(steps=steps - fine) if steps > fine else None
    return VisualizeParams(
        steps=fine, lr=0.15, jitter=16, weighting="inverse_variance",
        tap_weights={tap: TAP_WEIGHTS.get(tap, 1.0) for tap in taps[:-1]} | {taps[-1]: OWN_WEIGHT},
        tv=0.05, batch=PER_DEPTH, checkpoint_every=50,
        inner=InnerParams(coarse=coarse, masks_every=10 if masked else 1),
    )  # fmt: skip


def _engine(
    model: StudiedModel, kept: Any, params: VisualizeParams, masks: MaskParams, folder: Path
) -> Engine:
    pixels = PixelSpace(model.preprocessing, params.clamp)
    method = InnerMethod(Setup(model, SEED, model.device), kept, params, masks, pixels)
    return Engine(method, params.for_inner(), WorkStore(folder / ".work"))


def _measure(
    model: StudiedModel,
    unit: Unit,
    patches: pd.DataFrame,
    folder: Path,
    shown: dict[str, dict[Unit, Shown]],
) -> dict[str, Any]:
    mine = unit_patches(folder, patches, unit)
    references = _means(model, unit, mine.load(model.preprocessing))
    row: dict[str, Any] = {"unit": unit.id}
    for kind, made in shown.items():
        image = made[unit].finished.image.unsqueeze(0)
        response = float(_means(model, unit, image))
        row[f"percentile{kind}"] = round(100 * float((references < response).double().mean()), 1)
        # Importance is that of the run with relevance, for both.
        shares = _unimportant(model, image, shown[""][unit].importance)
        row[f"unimportant{kind}"] = {tap: round(share, 4) for tap, share in shares.items()}
    return row


def _means(model: StudiedModel, unit: Unit, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad(), TapReader(model.network, [unit.tap]) as read:
        means = read(images.to(model.device))[unit.tap][:, unit.index].mean(dim=1)
        return means.cpu()


def _unimportant(
    model: StudiedModel, image: torch.Tensor, importance: dict[str, torch.Tensor]
) -> dict[str, float]:
    with torch.no_grad(), TapReader(model.network, list(importance)) as read:
        sums = {
            tap: values[0].abs().sum(dim=1).cpu()
            for tap, values in read(image.to(model.device)).items()
        }
    shares = {}
    for tap, channels in sums.items():
        least = channels[importance[tap] < UNIMPORTANT]
        shares[tap] = float(least.sum()) / float(channels.sum())
    return shares


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def at_median(kind: str) -> int:
        return sum(row[f"percentile{kind}"] >= 50 for row in rows)

    def mean_share(row: dict[str, Any], kind: str) -> float:
        shares: list[float] = list(row[f"unimportant{kind}"].values())
        return sum(shares) / len(shares)

    lower = sum(mean_share(row, "") < mean_share(row, "_without") for row in rows)
    return {
        "units": len(rows),
        "at_or_above_median": at_median(""),
        "at_or_above_median_without": at_median("_without"),
        "less_unimportant_with_relevance": lower,
    }


if __name__ == "__main__":
    typer.run(main)
