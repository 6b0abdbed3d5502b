"""visualize: make an image for every target, by one method or by each method of the run."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units
from vital.artefacts.patches import read_patches
from vital.artefacts.visualizations import STUDIED
from vital.engine.local import Engine
from vital.engine.on_ray import MakeEngine, engines
from vital.engine.output import write_image, write_tables
from vital.engine.peers import CLASSES_ONLY, RealImages, peer_method
from vital.errors import ParamsError
from vital.methods.base import Setup
from vital.methods.inner import InnerMethod
from vital.methods.schedule import total_steps
from vital.methods.vital import VitalMethod
from vital.networks.model import load_model
from vital.params.methods import check_method, read_methods
from vital.params.peers import PeersParams
from vital.params.relevance import RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.references.statistics_files import extracted_units, read_statistics
from vital.runtime.devices import resolve_device
from vital.runtime.files import replacing_folder
from vital.runtime.store import WorkStore
from vital.units import Unit, class_units, select_units, targets_of

log = logging.getLogger(__name__)


def visualize(stage: Stage) -> None:
    """Write the images, their index and their history to data/visualizations/<method>."""
    params = stage.params("visualize", VisualizeParams)
    project = stage.project
    setup = Setup(
        load_model(project.model),
        stage.seed,
        resolve_device(params.device),
        params.precision,
        params.compile,
    )
    wanted = _wanted(stage, setup, params)
    make = _vital_engines if stage.method == STUDIED else _peer_engines
    with (
        replacing_folder(project.visualizations(stage.method)) as folder,
        engines(params) as make_engine,
    ):
        results = []
        for engine, units in make(stage, setup, params, wanted, make_engine):
            for finished in engine.run(targets_of(units, params.seeds)):
                write_image(folder, finished, setup.model.preprocessing)
                results.append(finished)
        write_tables(folder, stage.method, results)


@dataclass(frozen=True)
class Wanted:
    """The units to make images of: classes, and inner units by their taps."""

    classes: list[Unit]
    inner: dict[str, list[Unit]]


def _wanted(stage: Stage, setup: Setup, params: VisualizeParams) -> Wanted:
    """Those of the run that the method can make images of.

    Raises ParamsError where there are none.
    """
    classes, inner = _class_units(stage, setup, params), _inner_units(stage)
    if stage.method in CLASSES_ONLY and inner:
        log.warning("%s makes images of classes only: none of inner units", stage.method)
        inner = {}
    if not classes and not inner:
        raise ParamsError(f"method {stage.method!r} has no units here to make images of")
    return Wanted(classes, inner)


def _class_units(stage: Stage, setup: Setup, params: VisualizeParams) -> list[Unit]:
    extracted = set(extracted_units(stage.project.statistics))
    available = [unit for unit in class_units(setup.model.classes) if unit.id in extracted]
    return select_units(available, params.units)


def _inner_units(stage: Stage) -> dict[str, list[Unit]]:
    """The inner units that something excites, by their taps."""
    living = distinct_units(read_patches(stage.project.references))
    taps = dict.fromkeys(unit.tap for unit in living)
    return {tap: [unit for unit in living if unit.tap == tap] for tap in taps}


Engines = Iterator[tuple[Engine, Sequence[Unit]]]
"""An engine for the classes, and one for the inner units of each tap."""


def _vital_engines(
    stage: Stage, setup: Setup, params: VisualizeParams, wanted: Wanted, make: MakeEngine
) -> Engines:
    store = WorkStore(stage.project.work)
    if wanted.classes:
        kept = read_statistics(stage.project.statistics, [unit.id for unit in wanted.classes])
        yield make(VitalMethod(setup, kept, params.method()), params, store), wanted.classes
    masks = stage.params("relevance", RelevanceParams).masks()
    for units in wanted.inner.values():
        kept = read_statistics(stage.project.relevance, [unit.id for unit in units])
        method = InnerMethod(setup, kept, params, masks)
        yield make(method, params.for_inner(), store), units


def _peer_engines(
    stage: Stage, setup: Setup, params: VisualizeParams, wanted: Wanted, make: MakeEngine
) -> Engines:
    store = WorkStore(stage.project.work)
    peers = stage.params("peers", PeersParams)
    images = RealImages(stage.project.images, setup, store)
    for settings, units in [
        (params, wanted.classes),
        *((params.for_inner(), units) for units in wanted.inner.values()),
    ]:
        if units:
            passes = total_steps(settings.method())
            method = peer_method(stage.method, setup, peers, passes, images)
            yield make(method, settings, store), units


def _asked_for() -> Sequence[str] | None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", help="one method alone; without it, all of params.yaml")
    method = parser.parse_args().method
    return None if method is None else (method,)


def _methods(content: dict[str, Any]) -> Sequence[str]:
    asked = _asked_for()
    for method in asked or ():
        check_method(method)
    return asked or read_methods(content)


if __name__ == "__main__":
    run(visualize, "seed", "relevance", "visualize", "peers", methods=_methods)
