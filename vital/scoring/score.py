"""Judge visualizations, and real images in the same number, against the same held-out images.

Which images (``image_sets``) are seen by which networks (``observer``), what that says of each
image (``targets``), of each method (``per_method``), and how sure it is (``intervals``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sklearn
import torch

from vital.artefacts.columns import UNIT
from vital.artefacts.manifest import HELD_OUT, read_manifest, split_rows
from vital.artefacts.project import Project
from vital.artefacts.scores import AGAINST, SCORED, Scores
from vital.artefacts.visualizations import PHOTOGRAPH
from vital.images.image_set import ImageSet
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.judges import Judge, read_judges
from vital.networks.model import StudiedModel, load_model, statistics_metadata
from vital.params.score import ScoreParams
from vital.params.studied_method import STUDIED
from vital.runtime.devices import resolve_device
from vital.runtime.files import digest_file
from vital.runtime.partial_results import partial_results_until_done
from vital.scoring.classifiers import JudgeObserver, StudiedObserver
from vital.scoring.clip import find_clip
from vital.scoring.embedding import embedding_table
from vital.scoring.inception import find_inception
from vital.scoring.intervals import difference_table, interval_table
from vital.scoring.method_scores import score_set, warn_of_nulls
from vital.scoring.metrics.nearest import voted_labels
from vital.scoring.observer import OWN, Missing, Observer, look_at
from vital.scoring.scored_images import image_sets, photographs
from vital.scoring.seen import Settings
from vital.scoring.targets import target_table


@dataclass(frozen=True)
class Scoring:
    """What is scored, by which networks, and how.

    ``methods`` are the folders of their visualizations; ``held_out`` are real images that no
    visualization was made from.
    """

    model: StudiedModel
    judges: Mapping[str, Judge]
    methods: Mapping[str, Path]
    held_out: ImageSet
    params: ScoreParams
    seed: int
    device: torch.device

    @property
    def settings(self) -> Settings:
        """What the metrics depend on besides the images."""
        return Settings(self.params, self.seed)


def read_scoring(
    project: Project, methods: Mapping[str, Path], params: ScoreParams, seed: int
) -> Scoring:
    """The project's networks and held-out images; ``methods`` as :class:`Scoring` has them.

    Raises ArtefactError for a damaged folder, DataError for classes that a network does not know
    and for want of held-out images.
    """
    studied = load_model(project.model)
    manifest = read_manifest(project.images)
    judges = read_judges(project.judges, studied, manifest)
    labelled = resolve_labels(manifest, ClassMap(studied.classes, studied.outputs))
    held_out = photographs(project.images, split_rows(labelled, HELD_OUT))
    device = resolve_device(params.device)
    return Scoring(studied, judges, methods, held_out, params, seed, device)


def score_methods(scoring: Scoring, work: Path | None = None) -> Scores:
    """Score each method's visualizations, and as many real images, alike.

    What the networks saw is kept in ``work`` until everything is scored. Raises DataError as
    :func:`image_sets`, ModelError as :func:`find_clip` and :func:`find_inception`, and for an image
    in which the studied network sees nothing finite.
    """
    model, params, seed = scoring.model, scoring.params, scoring.seed
    sets, real = image_sets(scoring.methods, scoring.held_out, seed)
    observers, missing = find_observers(scoring)
    facts = _facts(scoring, [real, *sets.values()]) if work else None
    with partial_results_until_done(work, facts, __name__) as parts:
        look = partial(look_at, observers, model.preprocessing, params.batch, parts)
        against = look("held-out images", real)
        seen = {kind: look(f"images of {kind}", images) for kind, images in sets.items()}
        for one in (against, *seen.values()):
            one.check(OWN)
        placed = {PHOTOGRAPH: against, **{method: seen[method] for method in scoring.methods}}
        embedding = embedding_table(placed, params.perplexity, seed, parts)
    scored = {kind: score_set(observers, one, against, missing) for kind, one in seen.items()}
    warn_of_nulls(scored)
    settings = scoring.settings
    voted = {kind: voted_labels(one.own, against.own, settings) for kind, one in seen.items()}
    values = {kind: one.values for kind, one in scored.items()}
    return Scores(
        metrics={
            kind: {**one.metrics, SCORED: len(sets[kind]), AGAINST: len(real)}
            for kind, one in scored.items()
        },
        reasons={kind: one.reasons for kind, one in scored.items()},
        targets=target_table(seen, voted, values, model.classes),
        intervals=interval_table(scored, params, seed),
        differences=difference_table(scored, STUDIED, params, seed),
        embedding=embedding,
    )


def find_observers(scoring: Scoring) -> tuple[dict[str, Observer], list[Missing]]:
    """Every network that looks at the images, and what is missing for want of one."""
    model, settings, device = scoring.model, scoring.settings, scoring.device
    optional = {
        "clip": find_clip(settings, model.classes, device),
        "inception": find_inception(settings, device),
    }
    observers: dict[str, Observer] = {OWN: StudiedObserver(model, settings, device)}
    observers |= {
        f"judge {name}": JudgeObserver(name, judge, settings, device)
        for name, judge in scoring.judges.items()
    }
    observers |= {name: found for name, found in optional.items() if isinstance(found, Observer)}
    return observers, [found for found in optional.values() if isinstance(found, Missing)]


def _facts(scoring: Scoring, sets: Sequence[ImageSet]) -> list[Any]:
    """All that determines what the networks see in the images, and where t-SNE puts these."""
    model, params = scoring.model, scoring.params
    judges = {name: judge.model for name, judge in scoring.judges.items()}
    weights = [params.inception, params.clip and params.clip.checkpoint]
    return [
        "score",
        statistics_metadata(model),
        model.layout,
        model.classes,
        {name: [statistics_metadata(judge), judge.layout] for name, judge in judges.items()},
        [digest_file(Path(path)) for path in weights if path and Path(path).is_file()],
        params.model_dump(mode="json"),
        scoring.seed,
        scoring.device.type,
        [one.rows[UNIT].tolist() for one in sets],
        [[digest_file(path) for path in one.files] for one in sets],
        sklearn.__version__,
    ]
