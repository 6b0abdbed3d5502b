"""Which images a call makes: of which units, from what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from vital.api.channel_statistics import ChannelReferences
from vital.api.class_statistics import class_statistics, measured_images
from vital.api.units import AskedUnits, class_unit, find_units
from vital.errors import ParamsError
from vital.methods.base import MethodInputs, Setup
from vital.methods.record import Make
from vital.methods.registry import METHODS
from vital.networks.classes import ClassMap
from vital.params.call import CallSettings, VisualizeCall
from vital.params.data import ReferenceParams
from vital.params.relevance import MaskParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import VisualizeParams
from vital.references.from_source import References, draw_references
from vital.references.quantiles import UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.units import Unit

Statistics = Callable[[], Mapping[ReferenceSet, UnitStatistics]]


@dataclass(frozen=True)
class Group:
    """Units that one engine makes images of: classes, or channels of one tap."""

    units: Sequence[Unit]
    make: Make
    inputs: MethodInputs


class CallPlan:
    """What a call makes by its method, of the units that it asks for, from a ``source``.

    Reference images of classes are drawn at once, of channels they are found when groups are asked
    for. Raises ParamsError for keywords without effect, and as :func:`find_units` and
    :func:`draw_references` do.
    """

    def __init__(
        self,
        setup: Setup,
        source: ReferenceParams,
        call: VisualizeCall,
        settings: CallSettings,
    ) -> None:
        known = ClassMap(setup.model.classes, setup.model.outputs)
        asked = find_units(call.units or (), known, setup.model, call.method)
        _refuse_without_effect(call, asked)
        self.setup = setup
        self.settings = settings
        self.method = call.method
        self.channels = asked.channels
        self.references: References | None = None
        self._source = source
        self._call = call
        self._record = METHODS[call.method]
        self.classes = [class_unit(known, index) for index in self._drawn(known, asked)]
        self._measured = cache(
            partial(measured_images, source, setup.model.preprocessing, setup.seed)
        )

    def groups(self, work: Path) -> Iterator[Group]:
        """The units by what makes their images; what is found on the way is kept in ``work``."""
        params = self.settings.visualize
        if self.classes:
            statistics = partial(self._of_classes, params)
            yield Group(self.classes, self._record.of_classes, self._inputs(params, statistics))
        make, params = self._record.of_inner_units, params.for_inner()
        if not self.channels or make is None:
            return
        found = ChannelReferences(
            self.setup, self._source, self.channels, self._call.per_class, params, work
        )
        living = found.living if self.method == STUDIED else self.channels
        for tap in dict.fromkeys(unit.tap for unit in living):
            units = [unit for unit in living if unit.tap == tap]
            yield Group(units, make, self._inputs(params, partial(found.statistics, units)))

    def _drawn(self, known: ClassMap, asked: AskedUnits) -> Sequence[int]:
        """The classes that are asked for, else those of the source.

        The studied method's references are drawn.
        """
        if asked.channels and not asked.classes:
            return ()
        studied = self.method == STUDIED
        if asked.classes and not studied:
            return asked.classes
        count = self._call.per_class if studied else 1
        drawn = draw_references(self._source, known, asked.classes, count, self.setup.seed)
        if studied:
            units = {class_unit(known, index): drawn[index] for index in drawn}
            self.references = References(units, self._call.sets or 1)
        return list(drawn)

    def _of_classes(self, params: VisualizeParams) -> Mapping[ReferenceSet, UnitStatistics]:
        if self.references is None:
            return {}
        return class_statistics(self.setup, self.references, params)

    def _inputs(self, params: VisualizeParams, statistics: Statistics) -> MethodInputs:
        return MethodInputs(
            setup=self.setup,
            visualize=params,
            peers=self.settings.peers,
            masks=MaskParams(),
            statistics=statistics,
            image_statistics=self._measured,
        )


def _refuse_without_effect(call: VisualizeCall, asked: AskedUnits) -> None:
    """Raise ParamsError for keywords that concern references which nothing is matched to."""
    if call.method != STUDIED:
        for name in ("per_class", "sets"):
            if getattr(call, name) is not None:
                raise ParamsError(
                    f"{name}: it has no effect: images by {call.method} are matched to no "
                    "references"
                )
    elif call.sets is not None and asked.channels and not asked.classes:
        raise ParamsError("sets: it has no effect: patches of a channel are not dealt into sets")
