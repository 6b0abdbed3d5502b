"""Judge visualizations, and real images in the same number, against the same held-out images."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from vital.data import batches
from vital.errors import DataError
from vital.index import PHOTOGRAPH, REAL, class_rows, read_index
from vital.metrics.agreement import top_k_agreement
from vital.metrics.embedding import centroid_distances, tsne
from vital.metrics.frechet import frechet_distance
from vital.metrics.kernel import kernel_distance
from vital.models import StudiedModel
from vital.params.score import ScoreParams
from vital.penultimate import features_and_logits
from vital.seeds import derive_seed, generator
from vital.units import CLASS_TAP

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """Metrics per method and for real images, a row per image, and the embedding of them all."""

    metrics: dict[str, dict[str, Any]]
    targets: pd.DataFrame
    embedding: pd.DataFrame


@dataclass(frozen=True)
class Responses:
    """What the network makes of a set of images.

    ``table`` has a row per image; ``features`` (N, D) and ``logits`` (N, classes) follow it.
    """

    table: pd.DataFrame
    features: torch.Tensor
    logits: torch.Tensor

    @property
    def labels(self) -> torch.Tensor:
        """The class each image stands for, (N,)."""
        return torch.tensor(self.table["unit"].to_numpy())


def score_methods(
    model: StudiedModel,
    methods: Mapping[str, Path],
    images: Path,
    held_out: pd.DataFrame,
    params: ScoreParams,
    seed: int,
    device: torch.device,
) -> Scores:
    """Score each method's folder of visualizations, and as many real images, alike.

    ``held_out`` holds manifest rows of ``images`` that no visualization was made from, with the
    network's own labels.
    """
    indices = {method: _index_rows(folder, method) for method, folder in methods.items()}
    wanted = _largest_counts(indices)
    scored, against = split_held_out(_photograph_rows(held_out), wanted, seed)
    reference = respond(model, images, against, params.batch, device)
    judged = {
        method: respond(model, methods[method], table, params.batch, device)
        for method, table in indices.items()
    }
    judged[REAL] = respond(model, images, scored, params.batch, device)
    results = {kind: score_set(one, reference, params, seed) for kind, one in judged.items()}
    shown = {PHOTOGRAPH: reference, **{method: judged[method] for method in methods}}
    return Scores(
        metrics={kind: metrics for kind, (metrics, _) in results.items()},
        targets=_target_table({kind: rows for kind, (_, rows) in results.items()}, model.classes),
        embedding=embed(shown, params, seed),
    )


def _index_rows(folder: Path, method: str) -> pd.DataFrame:
    index = read_index(folder).rename(columns={"image": "path"})
    index = class_rows(index).reset_index(drop=True)
    if index.empty:
        raise DataError(f"{folder} holds no visualizations of classes by method {method!r}")
    return index[["tap", "unit", "name", "seed", "path"]]


def _photograph_rows(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows.rename(columns={"label": "unit", "class_name": "name"})
    return table.assign(tap=CLASS_TAP, seed=-1)[["tap", "unit", "name", "seed", "path"]]


def _largest_counts(indices: Mapping[str, pd.DataFrame]) -> dict[int, int]:
    counts = [Counter(table["unit"].tolist()) for table in indices.values()]
    return {unit: max(count[unit] for count in counts) for unit in set().union(*counts)}


def _target_table(rows: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    table = pd.concat([part.assign(method=kind) for kind, part in rows.items()], ignore_index=True)
    table = table.rename(columns={"path": "image"})
    table["predicted_name"] = [classes[i] for i in table["predicted"]]
    first = ["method", "tap", "unit", "name", "seed", "image", "predicted", "predicted_name"]
    return table[[*first, "probability", "top1", "top5", "centroid_distance"]]


def respond(
    model: StudiedModel, folder: Path, table: pd.DataFrame, batch: int, device: torch.device
) -> Responses:
    """Run the images of ``table`` (columns path and unit) through the network."""
    features, logits = [], []
    network = model.to(device).network
    for _, images in batches(folder, table, model.preprocessing, batch):
        feature, logit = features_and_logits(network, images.to(device))
        features.append(feature.cpu())
        logits.append(logit.cpu())
    return Responses(table.reset_index(drop=True), torch.cat(features), torch.cat(logits))


def split_held_out(
    held_out: pd.DataFrame, wanted: Mapping[int, int], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide held-out images (columns path, unit) into those scored and those scored against.

    The first hold ``wanted[unit]`` images of each class, as many as it has visualizations; the
    second hold all others. Raises DataError when a class has too few.
    """
    scored, against = [], []
    for unit in sorted(set(held_out["unit"].tolist())):
        group = held_out[held_out["unit"] == unit]
        count = wanted.get(unit, 0)
        if len(group) < count + 2:
            raise DataError(
                f"class {group['name'].iloc[0]!r} has {len(group)} held-out images; scoring "
                f"{count} visualizations needs at least {count + 2} (data.per_class.heldout)"
            )
        order = torch.randperm(len(group), generator=generator(seed, "score", "split", str(unit)))
        scored.append(group.iloc[sorted(order[:count].tolist())])
        against.append(group.iloc[sorted(order[count:].tolist())])
    return pd.concat(scored, ignore_index=True), pd.concat(against, ignore_index=True)


def score_set(
    judged: Responses, against: Responses, params: ScoreParams, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """The metrics of one set of images, and a row per image."""
    distances = centroid_distances(judged.features, judged.labels, against.features, against.labels)
    rows = _image_rows(judged, distances)
    kid, kid_std = kernel_distance(
        judged.features, against.features, params.kid_subsets, derive_seed(seed, "score", "kid")
    )
    metrics = {
        "accuracy_top1": float(rows["top1"].mean()),
        "accuracy_top5": float(rows["top5"].mean()),
        "frechet": frechet_distance(judged.features, against.features),
        "kid": kid,
        "kid_std": kid_std,
        "centroid_distance": float(distances.nanmean()),
        "n": len(judged.table),
        "m": len(against.table),
    }
    return {name: _known(name, value) for name, value in metrics.items()}, rows


def _known(name: str, value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        log.warning("metric %s could not be computed: too few images", name)
        return None
    return value if isinstance(value, int) else round(value, 6)


def _image_rows(judged: Responses, distances: torch.Tensor) -> pd.DataFrame:
    probabilities = judged.logits.softmax(dim=1)
    labels = judged.labels
    return judged.table.assign(
        predicted=judged.logits.argmax(dim=1).numpy(),
        probability=probabilities[torch.arange(len(labels)), labels].double().numpy(),
        top1=top_k_agreement(judged.logits, labels, 1).numpy(),
        top5=top_k_agreement(judged.logits, labels, 5).numpy(),
        centroid_distance=distances.numpy(),
    )


def embed(sets: Mapping[str, Responses], params: ScoreParams, seed: int) -> pd.DataFrame:
    """One t-SNE of all sets together: columns kind, unit, name, x, y, image."""
    features = torch.cat([responses.features for responses in sets.values()])
    places = np.round(tsne(features, params.perplexity, derive_seed(seed, "score", "tsne")), 4)
    frames = [
        responses.table[["unit", "name", "path"]].assign(kind=kind)
        for kind, responses in sets.items()
    ]
    table = pd.concat(frames, ignore_index=True).assign(x=places[:, 0], y=places[:, 1])
    table = table.rename(columns={"path": "image"})
    return table[["kind", "unit", "name", "x", "y", "image"]]
