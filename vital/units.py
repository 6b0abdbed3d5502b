"""Units and targets: what an image is made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vital.errors import ParamsError, nearest

CLASS_TAP = "class"
"""The tap of class units: the logits."""


def unit_id(tap: str, index: int) -> str:
    """The key in every table of the unit at this place."""
    return f"{tap}/{index}"


@dataclass(frozen=True, order=True)
class Unit:
    """A class logit or a channel: its ``tap``, its ``index`` there, and a name for people."""

    tap: str
    index: int
    name: str

    @property
    def id(self) -> str:
        """The unit's key in every table."""
        return unit_id(self.tap, self.index)

    @property
    def file_name(self) -> str:
        """How file names begin: the tap, without what leads to other folders, and a number."""
        return f"{self.tap.replace('.', '-').replace('/', '_')}-{self.index:04d}"


@dataclass(frozen=True, order=True)
class Target:
    """A unit plus a seed: one image to make."""

    unit: Unit
    seed: int

    @property
    def id(self) -> str:
        """The target's key in every table and log."""
        return f"{self.unit.id}/{self.seed}"

    @property
    def file_name(self) -> str:
        """A file name made of numbers and the tap only, never of data."""
        return f"{self.unit.file_name}-seed-{self.seed}.png"


def class_units(classes: Sequence[str]) -> list[Unit]:
    """A unit for each class, in the order of their labels."""
    return [Unit(CLASS_TAP, index, name) for index, name in enumerate(classes)]


def inner_unit(tap: str, channel: int) -> Unit:
    """The unit of a channel; it has no other name than its place."""
    return Unit(tap, channel, unit_id(tap, channel))


def select_units(available: Sequence[Unit], wanted: Sequence[str | int] | str) -> list[Unit]:
    """The units asked for by name or by index, or all of them.

    Raises ParamsError for a name that is unknown or not unique, or an index out of range.
    """
    if wanted == "all":
        return list(available)
    chosen = [_find(available, item) for item in wanted]
    return list(dict.fromkeys(chosen))


def _find(available: Sequence[Unit], wanted: str | int) -> Unit:
    if isinstance(wanted, int) or wanted.isdigit():
        found = [unit for unit in available if unit.index == int(wanted)]
        if not found:
            low, high = available[0].index, available[-1].index
            raise ParamsError(f"unit {wanted} is out of range; units here: {low} to {high}")
        return found[0]
    found = [unit for unit in available if unit.name == wanted]
    if not found:
        raise ParamsError(f"no unit {wanted!r}; {nearest(wanted, [u.name for u in available])}")
    if len(found) > 1:
        indices = ", ".join(str(unit.index) for unit in found)
        raise ParamsError(f"unit name {wanted!r} is not unique; use one of the indices {indices}")
    return found[0]


def targets_of(units: Sequence[Unit], seeds: int) -> list[Target]:
    """Every unit with every seed from 0 up."""
    return [Target(unit, seed) for unit in units for seed in range(seeds)]
