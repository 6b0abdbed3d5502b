"""The methods that there are, a record each, in the order in which they are told.

To add a method ``name`` takes: its class in a module of its own in this package, with a class
method ``of_run``; its parameter block as the field ``name`` of ``PeersParams`` in
:mod:`vital.params.peers`, where it may be checked without loading torch; and its record here. The
names that params may give are the fields of ``PeersParams``; that the two agree is tested. Modules
of methods never import this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vital.methods.activation import ActivationMethod
from vital.methods.base import Method, MethodInputs
from vital.methods.deepinversion import DeepInversionMethod
from vital.methods.fourier import FourierMethod
from vital.methods.inner import InnerMethod
from vital.methods.maco import MacoMethod
from vital.methods.vital import VitalMethod
from vital.params.base import Block
from vital.params.peers import ActivationParams, DeepInversionParams, FourierParams, MacoParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import VisualizeParams

Make = Callable[[MethodInputs], Method]


@dataclass(frozen=True)
class MethodRecord:
    """A method: its name, its parameter block, and what makes it for classes and inner units.

    Without ``of_inner_units`` it makes images of classes only.
    """

    name: str
    params: type[Block]
    of_classes: Make
    of_inner_units: Make | None


METHODS: Mapping[str, MethodRecord] = {
    record.name: record
    for record in (
        MethodRecord(STUDIED, VisualizeParams, VitalMethod.of_run, InnerMethod.of_run),
        MethodRecord("maco", MacoParams, MacoMethod.of_run, MacoMethod.of_run),
        MethodRecord("fourier", FourierParams, FourierMethod.of_run, FourierMethod.of_run),
        MethodRecord("deepinversion", DeepInversionParams, DeepInversionMethod.of_run, None),
        MethodRecord(
            "activation", ActivationParams, ActivationMethod.of_run, ActivationMethod.of_run
        ),
    )
}
