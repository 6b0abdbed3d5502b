"""`vital gc`: what has no use any more in the work store."""

from __future__ import annotations

import logging
from pathlib import Path

from vital.artefacts.project import Project
from vital.artefacts.visualizations import INDEX
from vital.errors import ArtefactError
from vital.runtime.store import WorkStore
from vital.runtime.table_files import read_parquet

log = logging.getLogger(__name__)

_KEY = "key"


def prune_work_store(project: Project, days: float) -> tuple[int, int]:
    """Delete entries that no visualization here uses and that nothing touched for ``days``.

    Returns how many files that were and how many bytes they took. Where a damaged file hides what
    is in use, nothing is deleted.
    """
    if not project.work.is_dir():
        return 0, 0
    try:
        used = keys_in_use(project)
    except ArtefactError as error:
        log.warning(
            "%s: it may name any entry, so none is deleted; write it anew with "
            "`dvc repro --force --single-item visualize`, or delete it if what it names may go",
            error,
        )
        return 0, 0
    return WorkStore(project.work).prune(used, days)


def keys_in_use(project: Project) -> set[str]:
    """The work-store keys that the visualizations here were assembled from.

    Raises ArtefactError where an index, or the note of what it was assembled from, is damaged.
    """
    store = WorkStore(project.work)
    indices = (project.root / "data" / "visualizations").glob(f"*/{INDEX.file}")
    return set().union(*(store.used_by(index) or _own_keys(index) for index in indices))


def _own_keys(index: Path) -> set[str]:
    """The keys that an index of an older version holds itself."""
    try:
        table = read_parquet(index)
    except ArtefactError:
        raise ArtefactError(f"{index} is damaged") from None
    return set(table[_KEY]) if _KEY in table else set()
