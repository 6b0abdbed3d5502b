"""Tables of single images: what is said of each, and where t-SNE puts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from vital.artefacts.scores import VERDICTS
from vital.runtime.partial_results import PartialResults
from vital.runtime.seeds import derive_seed
from vital.scoring.held_out import ImageSet
from vital.scoring.metrics.embedding import tsne
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


def embedding_table(
    sets: Mapping[str, tuple[ImageSet, Seen]], perplexity: float, seed: int, parts: PartialResults
) -> pd.DataFrame:
    """One t-SNE of all sets together: columns kind, unit, name, x, y, image."""
    features = torch.cat([seen.features for _, seen in sets.values()])

    def place() -> dict[str, torch.Tensor]:
        found = tsne(features, perplexity, derive_seed(seed, "score", "tsne"))
        return {"places": torch.from_numpy(found)}

    places = np.round(parts.get("t-SNE", place)["places"].numpy(), 4)
    frames = [
        images.table[["unit", "name", "path"]].assign(kind=kind)
        for kind, (images, _) in sets.items()
    ]
    whole = pd.concat(frames, ignore_index=True).assign(x=places[:, 0], y=places[:, 1])
    whole = whole.rename(columns={"path": "image"})
    return whole[["kind", "unit", "name", "x", "y", "image"]]
