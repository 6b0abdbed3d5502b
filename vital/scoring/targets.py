"""The table of single images: what all networks say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import torch

from vital.artefacts.scores import VERDICTS
from vital.scoring.image_sets import ImageSet
from vital.scoring.observer import Seen


def image_rows(
    images: ImageSet,
    seen: Seen,
    voted: torch.Tensor,
    values: pd.DataFrame,
    classes: Sequence[str],
) -> pd.DataFrame:
    """A row per image of one set: what it is, what the studied network takes it for, all values.

    ``voted`` (N,) are the classes of its nearest real images.
    """
    predicted = seen.logits.argmax(dim=1)
    probabilities = seen.logits.softmax(dim=1).gather(1, seen.labels[:, None]).squeeze(1)
    described = images.table.rename(columns={"path": "image"}).assign(
        predicted=predicted.numpy(),
        predicted_name=[classes[i] for i in predicted],
        probability=probabilities.double().numpy(),
        knn=voted.numpy(),
        knn_name=[classes[i] for i in voted],
    )
    return pd.concat([described, values.rename(columns=VERDICTS)], axis="columns")


def joined_rows(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all sets under each other, with the method that they are of."""
    named = [table.assign(method=method) for method, table in tables.items()]
    whole = pd.concat(named, ignore_index=True)
    return whole[["method", *(name for name in whole if name != "method")]]
