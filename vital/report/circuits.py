"""Circuits: the inner units that are most relevant to a class (paper section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vital.artefacts.chosen_units import CLASS
from vital.artefacts.columns import CHANNEL, CLASS_NAME, RANK, SHARE, TAP
from vital.artefacts.project import Project
from vital.artefacts.relevance import CIRCUITS
from vital.errors import ParamsError, close_names, nearest
from vital.report.formatting import percent
from vital.report.unit_files import unit_patches, unit_visualizations
from vital.units import CLASS_TAP, unit_id

HOW_TO_ASK = "name classes under units.circuit.classes in params.yaml and run the pipeline"

_MOST_NAMED = 20


@dataclass(frozen=True)
class Member:
    """A unit of a circuit; ``share`` is its part of the class's relevance at its tap, in [0, 1].

    ``image`` is its visualization, transparent where there is such a one; ``patches`` are images.
    """

    unit: str
    share: float
    image: Path | None
    patches: tuple[Path, ...]


@dataclass(frozen=True)
class Circuit:
    """A class, its visualization, and the units most relevant to it, the first first."""

    index: int
    name: str
    image: Path | None
    members: tuple[Member, ...]

    def table(self) -> pd.DataFrame:
        """Rank from 1 up, unit and share in percent, as text for people."""
        rows = [(i, one.unit, percent(one.share)) for i, one in enumerate(self.members, start=1)]
        return pd.DataFrame(rows, columns=[RANK, "unit", SHARE])


def read_circuits(project: Project, patches: int) -> list[Circuit]:
    """Every class's circuit, by index, with at most ``patches`` images per unit.

    Raises ArtefactError for a damaged table, or one that names a file outside its folder.
    """
    table = CIRCUITS.read_if_there(project.relevance)
    if table.empty:
        return []
    visualized = unit_visualizations(project)
    images = {unit: made[0].transparent or made[0].image for unit, made in visualized.items()}
    references = {
        unit: tuple(patch.path for patch in found)
        for unit, found in unit_patches(project, patches).items()
    }
    circuits = []
    for index, rows in table.sort_values([CLASS, RANK]).groupby(CLASS, sort=True):
        places = zip(rows[TAP], rows[CHANNEL], strict=True)
        units = [unit_id(str(tap), int(channel)) for tap, channel in places]
        members = [
            Member(unit, float(share), images.get(unit), references.get(unit, ()))
            for unit, share in zip(units, rows[SHARE], strict=True)
        ]
        class_unit = unit_id(CLASS_TAP, int(str(index)))
        circuits.append(
            Circuit(
                index=int(str(index)),
                name=str(rows[CLASS_NAME].iloc[0]),
                image=images.get(class_unit),
                members=tuple(members),
            )
        )
    return circuits


def find_circuit(circuits: Sequence[Circuit], wanted: str) -> Circuit:
    """The circuit of the class with this name, else of that with this index.

    Raises ParamsError that names the classes which have one, or says that a name is not unique.
    """
    if not circuits:
        raise ParamsError(f"no class has a circuit here: {HOW_TO_ASK}")
    found = [circuit for circuit in circuits if circuit.name == wanted]
    found = found or [circuit for circuit in circuits if str(circuit.index) == wanted]
    if not found:
        raise ParamsError(_explain(circuits, wanted))
    if len(found) > 1:
        indices = ", ".join(str(circuit.index) for circuit in found)
        raise ParamsError(f"class name {wanted!r} is not unique; use one of the indices {indices}")
    return found[0]


def _explain(circuits: Sequence[Circuit], wanted: str) -> str:
    known = [f"{circuit.name!r} ({circuit.index})" for circuit in circuits[:_MOST_NAMED]]
    more = f", ... ({len(circuits)} in all)" if len(circuits) > _MOST_NAMED else ""
    names = [circuit.name for circuit in circuits]
    guess = f"{nearest(wanted, names)} " if close_names(wanted, names) else ""
    return (
        f"class {wanted!r} has no circuit; {guess}classes with one: {', '.join(known)}{more}; "
        f"for others, {HOW_TO_ASK}"
    )
