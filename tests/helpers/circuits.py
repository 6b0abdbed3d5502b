"""A small run with circuits, and circuits without a run."""

from __future__ import annotations

from pathlib import Path

from helpers.report_artefacts import write_artefacts, write_inner_units
from vital.artefacts.project import Project
from vital.report.circuits import Circuit, Member

CLASSES = ("brick wall", "<i>café</i>", "7")
UNITS = (("layer2", 3), ("layer2.very.deeply.nested.within.blocks.conv2", 17), ("layer2", 4))


def run_with_circuits(folder: Path) -> Project:
    """Three classes, of which the first two have circuits."""
    made = write_artefacts(folder, CLASSES, seeds=1)
    write_inner_units(made, UNITS, CLASSES[:2], seeds=1)
    return made


def circuit(index: int = 0, name: str = "zebra", **changes: object) -> Circuit:
    """A circuit of two units that nothing has been made for."""
    members = (Member("layer2/3", 0.5, None, ()), Member("layer2/4", 0.25, None, ()))
    return Circuit(**{"index": index, "name": name, "image": None, "members": members} | changes)
