"""`vital gc`: what has no use any more in the work store."""

from __future__ import annotations

from vital.artefacts.project import Project
from vital.artefacts.visualizations import INDEX
from vital.runtime.store import WorkStore


def prune_work_store(project: Project, days: float) -> tuple[int, int]:
    """Delete entries that no visualization here uses and that nothing touched for ``days``.

    Returns how many files that were and how many bytes they took.
    """
    return WorkStore(project.work).prune(keys_in_use(project), days)


def keys_in_use(project: Project) -> set[str]:
    """The work-store keys that the visualizations here were assembled from."""
    store = WorkStore(project.work)
    indices = (project.root / "data" / "visualizations").glob(f"*/{INDEX.file}")
    return {key for index in indices for key in store.used_by(index)}
