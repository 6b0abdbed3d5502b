"""The methods that there are, in the order in which they are told.

A new method takes

- a module of its own in this package, with its class and its record ``METHOD``, and a line here;
- a field of its name in ``PeersParams`` (:mod:`vital.params.peers`) with its block, which is
  checked there because stages check parameters without loading torch;
- its module among the dependencies of ``visualize`` in dvc.yaml, and a row in docs/methods.md.

Modules of methods never import this one.
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
