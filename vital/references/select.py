"""Which training images stand for each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from vital.artefacts.columns import CLASS_NAME, LABEL, PATH, PROBABILITY, REFERENCE_SET
from vital.artefacts.manifest import TRAIN, split_rows
from vital.errors import DataError
from vital.images.image_set import ImageSet
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.finite import check_logits
from vital.networks.model import StudiedModel
from vital.params.extract import ExtractParams
from vital.references.reference_sets import draw_sets
from vital.runtime.generators import generator
from vital.runtime.progress import progress_bar

Rank = Callable[[pd.DataFrame], Sequence[int]]
"""The places of a class's rows, in the order in which they are wanted."""


def select_references(
    model: StudiedModel,
    images: ImageSet,
    params: ExtractParams,
    seed: int,
    device: torch.device,
) -> ImageSet:
    """The reference images among those of a manifest, with the network's labels, class by class.

    They come from the train split, ``params.references`` of each class, in the order of their
    sets; ``probability`` is what the network gives an image's class, or null where nobody needed to
    know, ``reference_set`` the number of its set. Raises DataError when
    a class has too few images or the network does not know it.
    """
    known = ClassMap(model.classes, model.outputs)
    rows = split_rows(resolve_labels(images.rows, known), TRAIN)
    _check_enough(rows, params.references)
    if params.select == "random":
        chosen = random_references(rows, params.references, seed)
        return images.with_rows(in_sets(chosen, params.sets, seed))
    probabilities = class_probabilities(model, images.with_rows(rows), params.batch, device)
    ranked = rows.assign(**{PROBABILITY: probabilities})
    chosen = confident_references(ranked, params.references)
    return images.with_rows(in_sets(chosen, params.sets, seed))


def random_references(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Draw ``count`` rows of every class; a class's draw depends on no other."""

    def rank(group: pd.DataFrame) -> list[int]:
        draws = generator(seed, "references", str(group[LABEL].iloc[0]))
        order: list[int] = torch.randperm(len(group), generator=draws).tolist()
        return order

    return _first_of_each(rows.assign(**{PROBABILITY: np.nan}), count, rank)


def confident_references(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """The ``count`` rows of every class with the highest ``probability``; of equals the first."""

    def rank(group: pd.DataFrame) -> list[int]:
        order: list[int] = np.argsort(-group[PROBABILITY].to_numpy(), kind="stable").tolist()
        return order

    return _first_of_each(rows, count, rank)


def in_sets(rows: pd.DataFrame, sets: int, seed: int) -> pd.DataFrame:
    """The rows of each label dealt into sets, and in their order."""
    numbers = pd.Series(0, index=rows.index)
    for label, group in rows.groupby(LABEL, sort=True):
        numbers[group.index] = draw_sets(len(group), sets, seed, str(label))
    numbered = rows.assign(**{REFERENCE_SET: numbers})
    return numbered.sort_values([LABEL, REFERENCE_SET], kind="stable", ignore_index=True)


def class_probabilities(
    model: StudiedModel, images: ImageSet, batch: int, device: torch.device
) -> np.ndarray:
    """The probability that the network gives each image's own class, (N,), in one pass.

    Raises ModelError that names an image whose logits are not finite.
    """
    network = model.to(device).network
    kept = []
    loaded = images.batches(model.preprocessing, batch)
    total = -(-len(images) // batch)
    with torch.no_grad():
        for part, pixels in progress_bar(loaded, total=total, label="select", unit="batches"):
            logits = network(pixels.to(device)).cpu().double()
            check_logits(logits, list(part.rows[PATH]))
            kept.append(logits.softmax(dim=1)[torch.arange(len(part)), part.labels].numpy())
    return np.concatenate(kept)


def _check_enough(rows: pd.DataFrame, count: int) -> None:
    for _, group in rows.groupby(LABEL, sort=True):
        if len(group) < count:
            raise DataError(
                f"class {group[CLASS_NAME].iloc[0]!r} has {len(group)} training images, but "
                f"extract.references asks for {count} (data.per_class.train)"
            )


def _first_of_each(rows: pd.DataFrame, count: int, rank: Rank) -> pd.DataFrame:
    """The first ``count`` of each class by rank, in the order of labels and then of rows."""
    groups = [group for _, group in rows.groupby(LABEL, sort=True)]
    chosen = [group.iloc[sorted(rank(group)[:count])] for group in groups]
    return pd.concat(chosen, ignore_index=True)
