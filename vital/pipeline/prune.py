"""`vital gc`: what has no use any more in the work store."""

from __future__ import annotations

from pathlib import Path

from vital.artefacts.project import Project
from vital.artefacts.visualizations import INDEX
from vital.errors import ArtefactError
from vital.runtime.store import WorkStore
from vital.runtime.table_files import read_parquet

_KEY = "key"


def prune_work_store(project: Project, days: float) -> tuple[int, int]:
    """Delete entries that no visualization here uses and that nothing touched for ``days``.

    Returns how many files that were and how many bytes they took.
    """
    return WorkStore(project.work).prune(keys_in_use(project), days)


def keys_in_use(project: Project) -> set[str]:
    """The work-store keys that the visualizations here were assembled from."""
    store = WorkStore(project.work)
    indices = list((project.root / "data" / "visualizations").glob(f"*/{INDEX.file}"))
    noted = {key for index in indices for key in store.used_by(index)}
    return noted.union(*(_own_keys(index) for index in indices))


def _own_keys(index: Path) -> set[str]:
    """The keys that an index of an older version holds itself."""
    try:
        table = read_parquet(index)
    except ArtefactError:
        return set()
    return set(table[_KEY]) if _KEY in table else set()
