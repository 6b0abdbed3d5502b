"""Whether the taps exist that parameters name, and weights are given to taps that are read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vital.methods.inner import ignored_weights
from vital.methods.vital import check_weighted
from vital.params.studied_method import STUDIED
from vital.pipeline.checks.faults import told
from vital.pipeline.checks.run import Run


def check_taps(run: Run) -> Iterator[str]:
    """Whether all named taps can be read in the network under study."""
    for name, tap in _named(run):
        yield from told(f"{name}: ", partial(run.model.check_tap, tap))
    if not run.taps:
        yield "model.taps: {} names no tap to read"


def _named(run: Run) -> Iterator[tuple[str, str]]:
    """Each tap that is named, after the parameter that names it."""
    units = run.units
    yield from (("model.taps", tap) for tap in run.model_params.taps or ())
    yield from (("extract.taps", tap) for tap in run.extract.taps or ())
    if units.asks_for_any:
        yield from (("relevance.taps", tap) for tap in run.relevance.taps or ())
    yield from (("units.listed", one.tap) for one in units.listed)
    yield from (("units.top", one.tap) for one in units.top)
    if units.random is not None:
        yield from (("units.random", tap) for tap in units.random.taps)
    if units.circuit is not None and units.circuit.tap is not None:
        yield "units.circuit", units.circuit.tap


def check_weights(run: Run) -> Iterator[str]:
    """Whether weights are those of taps that are read, as far as units can have them."""
    visualize, told_of = run.visualize, set[str]()
    if STUDIED not in run.methods:
        return
    if visualize.units:
        given = visualize.tap_weights or ()
        yield from told("", lambda: check_weighted(given, run.taps))
        told_of = set(given) - set(run.taps)
    if run.units.asks_for_any:
        yield from _inner_weights(run, told_of)


def _inner_weights(run: Run, told_of: set[str]) -> Iterator[str]:
    params, order = run.visualize, list(run.model.shapes)
    given = list(params.for_inner().tap_weights or ())
    for own in run.unit_taps:
        if own not in order:
            continue
        kept = [tap for tap in order[: order.index(own)] if tap in run.relevant_taps] + [own]
        fine = {*ignored_weights(params, kept, own, order), *kept, *told_of}
        wrong = [tap for tap in given if tap not in fine]
        yield from told("", partial(check_weighted, wrong, kept))
        told_of.update(wrong)
