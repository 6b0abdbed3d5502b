"""The note of stores that have failed a pipeline, so that its later stages do not wait again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from vital.errors import ArtefactError
from vital.pipeline.tracking.owners import owner_lives, pipeline_owner
from vital.runtime.files import digest, read_json, write_json

_NOTE = "away.json"


def note_away(state: Path, uri: str) -> None:
    """Note in the folder ``state`` that a store has failed; it holds as long as this pipeline."""
    ours = pipeline_owner()
    known = {owner: failed for owner, failed in _read(state).items() if owner_lives(owner)}
    known[ours] = sorted({*known.get(ours, ()), digest(uri)})
    with suppress(OSError):  # then every stage asks for itself
        write_json(state / _NOTE, known)


def is_noted_away(state: Path, uri: str) -> bool:
    """Whether an earlier stage of this very pipeline has noted that the store failed."""
    return digest(uri) in _read(state).get(pipeline_owner(), ())


def _read(state: Path) -> dict[str, list[str]]:
    """The digests of failed stores' addresses by the owners of pipelines; none if damaged."""
    try:
        known = read_json(state / _NOTE)
    except (ArtefactError, OSError):
        return {}
    return known if _is_note(known) else {}


def _is_note(known: Any) -> bool:
    lists = known.values() if isinstance(known, dict) else [None]
    return all(
        isinstance(failed, list) and all(isinstance(one, str) for one in failed) for failed in lists
    )
