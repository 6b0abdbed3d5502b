"""Where the studied network puts visualizations among real images: t-SNE of its features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE

from vital.runtime.partial_results import Parts
from vital.runtime.seeds import derive_seed
from vital.scoring.image_sets import ImageSet
from vital.scoring.observer import Seen


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
    sets: Mapping[str, tuple[ImageSet, Seen]], perplexity: float, seed: int, parts: Parts
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
