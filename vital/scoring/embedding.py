"""Where the studied network puts visualizations among real images: t-SNE of its features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE

from vital.artefacts.columns import IMAGE, NAME, PATH, UNIT
from vital.artefacts.scores import EMBEDDING_COLUMNS, KIND, X, Y
from vital.runtime.partial_results import PartialResults
from vital.runtime.seeds import derive_seed
from vital.scoring.observer import ObservedSet


def tsne(features: torch.Tensor, perplexity: float, seed: int) -> np.ndarray:
    """Two-dimensional t-SNE of (N, D) features, (N, 2).

    The perplexity is lowered where there are too few images for it. Features that are all the same
    lie at the origin.
    """
    values = features.detach().cpu().double().numpy()
    if not np.ptp(values, axis=0).any():  # scikit-learn divides by their spread, and crashes
        return np.zeros((len(values), 2))
    allowed = min(perplexity, max(1.0, (len(features) - 1) / 3))
    model = TSNE(perplexity=allowed, init="pca", random_state=seed % 2**32, n_jobs=1)
    return np.asarray(model.fit_transform(values))


def embedding_table(
    sets: Mapping[str, ObservedSet], perplexity: float, seed: int, parts: PartialResults
) -> pd.DataFrame:
    """One t-SNE of all sets together: a row of the embedding's columns for each image."""
    features = torch.cat([one.own.features for one in sets.values()])

    def place() -> dict[str, torch.Tensor]:
        found = tsne(features, perplexity, derive_seed(seed, "score", "tsne"))
        return {"places": torch.from_numpy(found)}

    places = np.round(parts.get("t-SNE", place)["places"].numpy(), 4)
    frames = [
        one.images.rows[[UNIT, NAME, PATH]].assign(**{KIND: kind}) for kind, one in sets.items()
    ]
    whole = pd.concat(frames, ignore_index=True).assign(**{X: places[:, 0], Y: places[:, 1]})
    whole = whole.rename(columns={PATH: IMAGE})
    return whole[list(EMBEDDING_COLUMNS)]
