"""Which images a method makes in a run: of which units, from what, by which engine."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from vital.artefacts.chosen_units import distinct_units
from vital.artefacts.patches import read_patches
from vital.artefacts.project import Project
from vital.artefacts.visualizations import INDEX
from vital.engine.image_statistics import image_statistics
from vital.engine.local import Finished
from vital.engine.on_ray import engines
from vital.engine.output import write_visualizations
from vital.errors import ParamsError
from vital.images.statistics import ImageStatistics
from vital.methods.base import MethodInputs, Setup
from vital.methods.record import Make
from vital.methods.registry import METHODS
from vital.networks.model import load_model
from vital.params.base import read_block
from vital.params.peers import PeersParams
from vital.params.relevance import MaskParams, RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.references.statistics_files import extracted_units, read_statistics
from vital.runtime.devices import resolve_device
from vital.runtime.files import replacing_folder
from vital.runtime.store import WorkStore
from vital.units import Unit, class_units, select_units, targets_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunParams:
    """The parameters that determine the images of a run."""

    visualize: VisualizeParams
    peers: PeersParams
    masks: MaskParams

    @classmethod
    def read(cls, content: dict[str, Any]) -> RunParams:
        """Those of a params file. Raises ParamsError for what cannot be used."""
        return cls(
            read_block(content, "visualize", VisualizeParams),
            read_block(content, "peers", PeersParams),
            read_block(content, "relevance", RelevanceParams).masks(),
        )


@dataclass(frozen=True)
class UnitGroup:
    """Units that one engine makes images of: classes, or inner units of one tap.

    ``make`` makes their method, ``params`` are as they hold for them, and ``statistics`` is the
    folder that theirs are in.
    """

    units: list[Unit]
    make: Make
    params: VisualizeParams
    statistics: Path


class Plan:
    """The images of one method in a run of ``project``, which has all that they are made from.

    Raises ParamsError where the run has no units that the method can make images of.
    """

    def __init__(self, project: Project, method: str, seed: int, params: RunParams) -> None:
        self._project = project
        self._method = METHODS[method]
        self._params = params
        self._store = WorkStore(project.work)
        self._setup = Setup(
            load_model(project.model),
            seed,
            resolve_device(params.visualize.device),
            params.visualize.precision,
            params.visualize.compile,
        )
        self._groups = [*self._class_groups(), *self._inner_groups()]
        if not self._groups:
            raise ParamsError(f"method {method!r} has no units here to make images of")

    def run(self) -> Generator[Finished, None, None]:
        """Yield every image as it ends, the classes' first."""
        visualize = self._params.visualize
        with engines(visualize) as make_engine:
            for group in self._groups:
                engine = make_engine(group.make(self._inputs(group)), group.params, self._store)
                yield from engine.run(targets_of(group.units, visualize.seeds))

    def write(self) -> None:
        """Write the images, then their tables, in place of what the method made before.

        The work store notes which entries they are from.
        """
        name, preprocessing = self._method.name, self._setup.model.preprocessing
        with (
            replacing_folder(self._project.visualizations(name)) as folder,
            closing(self.run()) as results,
        ):
            written = write_visualizations(folder, name, results, preprocessing)
            self._store.note_use(INDEX.path(folder), [finished.key for finished in written])

    def _inputs(self, group: UnitGroup) -> MethodInputs:
        ids = [unit.id for unit in group.units]
        return MethodInputs(
            setup=self._setup,
            visualize=group.params,
            peers=self._params.peers,
            masks=self._params.masks,
            statistics=partial(read_statistics, group.statistics, ids),
            image_statistics=lambda: self._image_statistics,
        )

    @cached_property
    def _image_statistics(self) -> ImageStatistics:
        preprocessing = self._setup.model.preprocessing
        return image_statistics(self._project.images, preprocessing, self._store)

    def _class_groups(self) -> Iterator[UnitGroup]:
        folder, visualize = self._project.statistics, self._params.visualize
        units, extracted = class_units(self._setup.model.classes), set(extracted_units(folder))
        chosen = select_units([unit for unit in units if unit.id in extracted], visualize.units)
        if chosen:
            yield UnitGroup(chosen, self._method.of_classes, visualize, folder)

    def _inner_groups(self) -> Iterator[UnitGroup]:
        """The inner units that something excites, by their taps."""
        living = distinct_units(read_patches(self._project.references))
        make = self._method.of_inner_units
        if living and make is None:
            name = self._method.name
            log.warning("%s makes images of classes only: none of inner units", name)
        if make is None:
            return
        for tap in dict.fromkeys(unit.tap for unit in living):
            units = [unit for unit in living if unit.tap == tap]
            params = self._params.visualize.for_inner()
            yield UnitGroup(units, make, params, self._project.relevance)
