"""Judge visualizations, and real images in the same number, against the same held-out images.

Which images (``image_sets``) are seen by which networks (``observer``), what that says of each
image (``targets``), of each method (``per_method``), and how sure it is (``intervals``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sklearn
import torch

from vital.artefacts.visualizations import PHOTOGRAPH, STUDIED
from vital.networks.judges import Judge
from vital.networks.model import StudiedModel, statistics_metadata
from vital.params.score import ScoreParams
from vital.runtime.files import digest_file
from vital.runtime.partial_results import parts_until_done
from vital.scoring.classifiers import JudgeView, StudiedView
from vital.scoring.clip import find_clip_view
from vital.scoring.embedding import embedding_table
from vital.scoring.image_sets import ImageSet, image_sets
from vital.scoring.inception import find_inception_view
from vital.scoring.intervals import difference_table, interval_table
from vital.scoring.observer import Missing, View, look_at
from vital.scoring.per_method import score_set, warn_of_nulls
from vital.scoring.targets import image_rows, joined_rows

OWN = "own"
"""The studied network's key among the views."""


@dataclass(frozen=True)
class Scores:
    """Metrics per method and for real images, and what they were made of.

    ``reasons`` says, per method, of each metric that is null why it is.
    """

    metrics: dict[str, dict[str, float | int | None]]
    reasons: dict[str, dict[str, str]]
    targets: pd.DataFrame
    intervals: pd.DataFrame
    differences: pd.DataFrame
    embedding: pd.DataFrame


def score_methods(
    model: StudiedModel,
    judges: Mapping[str, Judge],
    methods: Mapping[str, Path],
    images: Path,
    held_out: pd.DataFrame,
    params: ScoreParams,
    seed: int,
    device: torch.device,
    work: Path | None = None,
) -> Scores:
    """Score each method's folder of visualizations, and as many real images, alike.

    ``held_out`` holds manifest rows of ``images`` that no visualization was made from, with the
    network's own labels. What the networks saw is kept in ``work`` until everything is scored.
    """
    sets, real = image_sets(methods, images, held_out, seed)
    own = StudiedView(model, params, seed, device)
    views, missing = _all_views(own, model, judges, params, seed, device)
    crop = model.preprocessing
    facts = _facts(model, judges, [real, *sets.values()], params, seed, device) if work else None
    with parts_until_done(work, facts) as parts:
        against = look_at(views, real, crop, params.batch, parts, "held-out images")
        seen = {
            kind: look_at(views, one, crop, params.batch, parts, f"images of {kind}")
            for kind, one in sets.items()
        }
        shown = {kind: (sets[kind], seen[kind][OWN]) for kind in methods}
        embedding = embedding_table(
            {PHOTOGRAPH: (real, against[OWN]), **shown}, params.perplexity, seed, parts
        )
    scored = {kind: score_set(views, sets[kind], seen[kind], against, missing) for kind in sets}
    warn_of_nulls(scored)
    targets = {
        kind: image_rows(
            sets[kind],
            seen[kind][OWN],
            own.voted_labels(seen[kind][OWN], against[OWN]),
            scored[kind].values,
            model.classes,
        )
        for kind in sets
    }
    return Scores(
        metrics={
            kind: {**one.metrics, "n": len(sets[kind].table), "m": len(real.table)}
            for kind, one in scored.items()
        },
        reasons={kind: one.reasons for kind, one in scored.items()},
        targets=joined_rows(targets),
        intervals=interval_table(scored, params, seed),
        differences=difference_table(scored, STUDIED, params, seed),
        embedding=embedding,
    )


def _facts(
    model: StudiedModel,
    judges: Mapping[str, Judge],
    sets: Sequence[ImageSet],
    params: ScoreParams,
    seed: int,
    device: torch.device,
) -> list[Any]:
    """All that determines what the networks see in the images, and where t-SNE puts these."""
    weights = [params.inception, params.clip and params.clip.checkpoint]
    return [
        "score",
        statistics_metadata(model),
        model.classes,
        {name: statistics_metadata(judge.model) for name, judge in judges.items()},
        [digest_file(Path(path)) for path in weights if path and Path(path).is_file()],
        params.model_dump(mode="json"),
        seed,
        device.type,
        [one.table["unit"].tolist() for one in sets],
        [[digest_file(one.folder / path) for path in one.table["path"]] for one in sets],
        sklearn.__version__,
    ]


def _all_views(
    own: StudiedView,
    model: StudiedModel,
    judges: Mapping[str, Judge],
    params: ScoreParams,
    seed: int,
    device: torch.device,
) -> tuple[dict[str, View], list[Missing]]:
    """Every network that looks at the images, and what is missing for want of one."""
    optional = {
        "clip": find_clip_view(params.clip, model.classes, device),
        "inception": find_inception_view(params.inception, params.kid_subsets, seed, device),
    }
    views: dict[str, View] = {OWN: own}
    views |= {
        f"judge {name}": JudgeView(name, judge, params, seed, device)
        for name, judge in judges.items()
    }
    views |= {name: view for name, view in optional.items() if isinstance(view, View)}
    return views, [view for view in optional.values() if isinstance(view, Missing)]
