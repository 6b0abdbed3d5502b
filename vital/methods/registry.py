"""The methods that there are, in the order in which they are told.

A new method takes a module of its own in this package, with its class and its record ``METHOD``,
and a line here. What it has of parameters is a block of :mod:`vital.params.peers`, and its name a
field of ``PeersParams``: there parameters are checked without loading torch. Modules of methods
never import this one.
"""

from __future__ import annotations

from collections.abc import Mapping

from vital.methods import activation, deepinversion, fourier, inner, maco
from vital.methods.record import MethodRecord

METHODS: Mapping[str, MethodRecord] = {
    module.METHOD.name: module.METHOD
    for module in (
        inner,
        maco,
        fourier,
        deepinversion,
        activation,
    )
}
