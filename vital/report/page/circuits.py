"""The report's circuits: a figure for each class that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vital.artefacts.project import Project
from vital.report.circuits import Circuit, read_circuits
from vital.report.figures.circuit import draw_circuit
from vital.report.figures.style import save_figure
from vital.report.formatting import percent


@dataclass(frozen=True)
class CircuitSection:
    """A class's circuit: the name of its figure's files, and in words what the figure shows."""

    name: str
    figure: str
    alt: str
    members: list[tuple[str, str]]


def circuit_sections(project: Project, patches: int, folder: Path) -> list[CircuitSection]:
    """Draw every circuit into ``folder``, with at most ``patches`` patches per unit."""
    sections = []
    for circuit in read_circuits(project, patches):
        section = _section(circuit)
        save_figure(folder, section.figure, draw_circuit(circuit))
        sections.append(section)
    return sections


def _section(circuit: Circuit) -> CircuitSection:
    members = [(one.unit, percent(one.share)) for one in circuit.members]
    shares = ", ".join(f"{unit} with {share}" for unit, share in members)
    return CircuitSection(
        name=circuit.name,
        figure=f"circuit-{circuit.index}",
        alt=f"Circuit of the class {circuit.name}: arrows lead to it from the units {shares}",
        members=members,
    )
