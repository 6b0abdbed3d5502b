"""Whether inner units can be chosen and studied, and every method has units to make images of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vital.errors import DataError
from vital.methods.deepinversion import check_network
from vital.methods.registry import METHODS
from vital.methods.schedule import total_steps
from vital.pipeline.checks.faults import told
from vital.pipeline.checks.run import Run
from vital.references.choose_units import check_channels
from vital.references.unit_relevance import taps_before

_DEEPINVERSION = "deepinversion"


def check_units(run: Run) -> Iterator[str]:
    """Whether the channels exist that are listed, and something is read before every unit."""
    shapes = run.model.shapes
    for listed in run.units.listed:
        if listed.tap in shapes:
            yield from told("", partial(check_channels, listed, shapes[listed.tap][0]))
    if not shapes.keys() >= set(run.relevant_taps):  # a fault of its own
        return
    for tap in run.unit_taps:
        if tap in shapes:
            yield from told("", partial(taps_before, list(shapes), run.relevant_taps, tap))


def check_classes_of_units(run: Run) -> Iterator[str]:
    """Whether the classes exist that units are chosen by, and have images."""
    units = run.units
    wanted = [("units.top", name) for top in units.top for name in top.classes]
    if units.circuit is not None:
        wanted += [("units.circuit", name) for name in units.circuit.classes]
    if wanted and run.model.has_classes:
        for key, name in wanted:
            yield from told(f"{key}: ", partial(_check_class, run, str(name)))


def _check_class(run: Run, name: str) -> None:
    index = run.known.find(name)
    if run.classes_if_known is not None and index not in run.labels.values():
        raise DataError(f"class {name!r} has no images here, which its units are chosen by")


def check_methods(run: Run) -> Iterator[str]:
    """Whether every method has units, and DeepInversion the batch norm that it needs."""
    inner = run.units.asks_for_any
    for name in run.methods:
        if not run.visualize.units and not (inner and METHODS[name].of_inner_units):
            yield f"methods: {name!r} has no units here to make images of (visualize.units)"
        elif name == _DEEPINVERSION:
            yield from told(f"methods: {name}: ", lambda: _check_deepinversion(run))


def _check_deepinversion(run: Run) -> None:
    steps = run.peers.steps(_DEEPINVERSION, total_steps(run.visualize.method()))
    schedule = run.peers.deepinversion.schedule(steps)
    if run.size:  # where that is known
        check_network(run.model.model, schedule)
