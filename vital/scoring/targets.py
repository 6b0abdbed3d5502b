"""The table of single images: what all networks say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from vital.scoring.metrics.registry import VERDICTS
from vital.scoring.observer import ObservedSet


def target_table(
    observed: Mapping[str, ObservedSet],
    voted: Mapping[str, torch.Tensor],
    values: Mapping[str, pd.DataFrame],
    classes: Sequence[str],
) -> pd.DataFrame:
    """A row per image of all sets: whose it is, what it is, and all that is said of it.

    By method, ``voted`` (N,) are the classes of the images' nearest real images, and ``values`` the
    metrics that single images have. ``classes`` are the studied network's names.
    """
    tables = [
        _rows(one, voted[method], values[method], classes).assign(method=method)
        for method, one in observed.items()
    ]
    whole = pd.concat(tables, ignore_index=True)
    return whole[["method", *(name for name in whole if name != "method")]]


def _rows(
    observed: ObservedSet, voted: torch.Tensor, values: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    seen = observed.own
    predicted = seen.logits.argmax(dim=1)
    probabilities = seen.logits.softmax(dim=1).gather(1, seen.labels[:, None]).squeeze(1)
    described = observed.images.table.rename(columns={"path": "image"}).assign(
        predicted=predicted.numpy(),
        predicted_name=[classes[i] for i in predicted],
        probability=probabilities.double().numpy(),
        knn=voted.numpy(),
        knn_name=[classes[i] for i in voted],
    )
    return pd.concat([described, values.rename(columns=VERDICTS)], axis="columns")
