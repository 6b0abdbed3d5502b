"""Whether the networks can be made, and know the classes of the images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vital.errors import ModelError
from vital.networks.build import check_published
from vital.networks.classes import ClassMap
from vital.networks.untrained import check_origin
from vital.params.model import ModelParams
from vital.pipeline.checks.faults import UnknowableError, told
from vital.pipeline.checks.run import Run
from vital.units import class_units, select_units


def check_network(run: Run) -> Iterator[str]:
    """Whether the network under study can be made."""
    params = run.model_params
    yield from told("", lambda: run.model)
    yield from told("model: ", partial(check_origin, params), partial(_check_published, params))


def check_judges(run: Run) -> Iterator[str]:
    """Whether each judge can be made, and knows the classes of the images."""
    for judge in run.judges.root:
        prefix = f"judge {judge.called}: "
        yield from told(prefix, partial(check_origin, judge), partial(_check_published, judge))
        try:
            made = run.outline(judge)
        except UnknowableError:
            continue
        except ModelError as error:
            yield f"{prefix}{error}"
            continue
        yield from told(prefix, *(partial(made.check_tap, tap) for tap in judge.taps or ()))
        if made.has_classes and run.classes_if_known is not None:
            names = made.model.classes
            wanted = {name: name for name in run.classes_if_known}
            yield from told(prefix, partial(ClassMap(names, len(names)).find_all, wanted))


def _check_published(params: ModelParams) -> None:
    if params.fetched:
        check_published(params.name, params.kwargs)


def check_classes(run: Run) -> Iterator[str]:
    """Whether the source has the classes that are asked for, and the network knows them."""
    yield from told("", lambda: run.classes)
    yield from told("", lambda: run.labels)


def check_images(run: Run) -> Iterator[str]:
    """Whether there will be enough images of each class."""
    counts, seeds = run.data.per_class, run.visualize.seeds
    if run.extract.references > counts.train:
        yield (
            f"extract.references: {run.extract.references} are more than the {counts.train} "
            "training images of each class (data.per_class.train)"
        )
    if run.visualize.units and seeds + 2 > counts.heldout:
        yield (
            f"data.per_class.heldout: {counts.heldout} are too few: scoring {seeds} visualizations "
            f"of a class (visualize.seeds) needs at least {seeds + 2}"
        )


def check_shown(run: Run) -> Iterator[str]:
    """Whether the classes exist that images are to be made of."""
    wanted = run.visualize.units
    if wanted == "all":
        return
    if not run.model.has_classes:
        return
    units = class_units(run.model.model.classes)
    if run.classes_if_known is not None:
        present = set(run.labels.values())
        units = [unit for unit in units if unit.index in present]
    for item in wanted:
        yield from told("visualize.units: ", partial(select_units, units, [item]))
