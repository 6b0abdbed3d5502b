"""The table of single images: what all networks say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from vital.artefacts.columns import IMAGE, METHOD, PATH, PROBABILITY
from vital.artefacts.scores import PREDICTED, PREDICTED_NAME, VOTED, VOTED_NAME
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
        _rows(one, voted[method], values[method], classes).assign(**{METHOD: method})
        for method, one in observed.items()
    ]
    whole = pd.concat(tables, ignore_index=True)
    return whole[[METHOD, *(name for name in whole if name != METHOD)]]


def _rows(
    observed: ObservedSet, voted: torch.Tensor, values: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    seen = observed.own
    predicted = seen.logits.argmax(dim=1)
    probabilities = seen.logits.softmax(dim=1).gather(1, seen.labels[:, None]).squeeze(1)
    said: dict[str, Any] = {
        PREDICTED: predicted.numpy(),
        PREDICTED_NAME: [classes[i] for i in predicted],
        PROBABILITY: probabilities.double().numpy(),
        VOTED: voted.numpy(),
        VOTED_NAME: [classes[i] for i in voted],
    }
    described = observed.images.rows.rename(columns={PATH: IMAGE}).assign(**said)
    return pd.concat([described, values.rename(columns=VERDICTS)], axis="columns")
