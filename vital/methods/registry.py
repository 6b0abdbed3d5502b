"""The methods that there are, in the order in which they are told.

A new method takes

- a module of its own in this package, with its class and its record ``METHOD``, and a line here;
- a field of its name in ``PeersParams`` (:mod:`vital.params.peers`) with its block, which is
  checked there because stages check parameters without loading torch;
- a row in docs/methods.md.

Modules of methods never import this one, and it imports one of them when it is asked for: so an
image depends on the code of its own method alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vital.methods.record import MethodRecord

MODULES: Mapping[str, str] = {
    "vital": "vital.methods.inner",
    "maco": "vital.methods.maco",
    "fourier": "vital.methods.fourier",
    "deepinversion": "vital.methods.deepinversion",
    "activation": "vital.methods.activation",
}
"""Where the record of each method is."""


class _Methods(Mapping[str, "MethodRecord"]):
    def __getitem__(self, name: str) -> MethodRecord:
        record: MethodRecord = import_module(MODULES[name]).METHOD
        return record

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


METHODS: Mapping[str, MethodRecord] = _Methods()
"""What is known of a method before it is made."""
