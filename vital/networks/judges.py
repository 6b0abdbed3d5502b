"""Judges: networks that look at the images, but that no method optimises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vital.artefacts.checked import named_path
from vital.artefacts.manifest import class_names
from vital.artefacts.model import read_judge_accuracies
from vital.errors import DataError
from vital.networks.classes import ClassMap
from vital.networks.model import StudiedModel, load_model


@dataclass(frozen=True)
class Judge:
    """A network, and which of its classes each class of the studied network is."""

    model: StudiedModel
    indices: Mapping[int, int]


def read_judges(folder: Path, studied: StudiedModel, manifest: pd.DataFrame) -> dict[str, Judge]:
    """The judges that ``folder`` holds, by name.

    Raises ArtefactError for a damaged folder, DataError as :func:`match_classes`.
    """
    judges = {}
    for name in sorted(read_judge_accuracies(folder)):
        model = load_model(named_path(folder, name))
        try:
            judges[name] = Judge(model, match_classes(studied, model, manifest))
        except DataError as error:
            raise DataError(f"judge {name}: {error}") from None
    return judges


def match_classes(
    studied: StudiedModel, judge: StudiedModel, manifest: pd.DataFrame
) -> dict[int, int]:
    """Which class of ``judge`` each class of ``studied`` is, for the classes that have images.

    Both are found by the name that the images have, since each network may call a class otherwise.
    Raises DataError that names the classes which one of the networks does not know.
    """
    names = {name: name for name in class_names(manifest)}
    ours, theirs = (
        ClassMap(model.classes, model.outputs).find_all(names) for model in (studied, judge)
    )
    return {ours[name]: theirs[name] for name in names}
