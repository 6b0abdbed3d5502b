"""Refuse what would cost the user files: paths of theirs in folders that the pipeline empties.

DVC deletes a stage's outputs before the stage starts, and stages replace their folders whole. What
a run reads must lie elsewhere, whatever links and ``..`` its path is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.params.methods import METHODS
from vital.pipeline.read_paths import ReadPath, paths_read
from vital.runtime.places import Trail, decisive, links_below


def refuse_endangered(project: Project, content: dict[str, Any]) -> None:
    """Raise ParamsError that lists every path of the parameters that the pipeline would destroy.

    Such a path lies in a folder that a stage writes or in the pipeline's store, is one of them, or
    holds one of them, so that a run would read its own results. No folder that a stage writes may
    be a link. Nothing is changed, and no image is read.
    """
    endangered = _endangered(project)
    faults = list(_linked(project))
    for one in paths_read(project.root, content):
        fault = _own_fault(one, endangered)
        faults += [fault] if fault else _further_faults(one, endangered)
    if faults:
        raise ParamsError("\n".join(faults))


def _endangered(project: Project) -> dict[str, Trail]:
    """What is emptied here and, seen from an experiment's temporary copy, in the checkout."""
    found = {}
    for root in (project.root, project.home):
        for folder in (*Project(root).written, root / project.state.name):
            name = folder.relative_to(root).as_posix() if root == project.root else str(folder)
            found[name] = Trail(folder)
    return found


def _linked(project: Project) -> Iterator[str]:
    by_method = (project.visualizations(method) for method in METHODS)
    for folder in (*project.written, *by_method):
        if folder.is_symlink():
            yield (
                f"{folder.relative_to(project.root).as_posix()} is a link to {folder.readlink()}, "
                "where a stage would write over what is there: remove the link (to keep results "
                "on another disk, let data be one)"
            )


def _own_fault(one: ReadPath, endangered: Mapping[str, Trail]) -> str | None:
    """What is wrong with where a path itself lies."""
    trail = Trail(one.path)
    for name, folder in endangered.items():
        if trail.lies_in(folder):
            place = "is" if not trail.end.isdisjoint(folder.own) else "lies in"
            return (
                f"{one.parameter}: {one.value!r} {place} {name}, which the pipeline deletes and "
                f"writes anew: move it, for example to {one.better}, and name that"
            )
        if one.is_tree and trail.holds(folder):
            return (
                f"{one.parameter}: {one.value!r} holds {name}, which the pipeline deletes and "
                f"writes anew: move the images to a folder of their own, for example "
                f"{one.better}, and name that"
            )
    return None


def _further_faults(one: ReadPath, endangered: Mapping[str, Trail]) -> Iterator[str]:
    """What is wrong with where links in a folder lead, and with the files that a table names."""
    alike: dict[str, list[str]] = {}
    for path in (*(links_below(one.path) if one.is_tree else ()), *one.further):
        alike.setdefault(decisive(path), []).append(path)
    found: dict[str, list[str]] = {}
    for place, paths in alike.items():
        trail = Trail(Path(place))
        for name, folder in endangered.items():
            if trail.lies_in(folder) or (one.is_tree and trail.holds(folder)):
                found.setdefault(name, []).extend(paths)
                break
    for name, paths in found.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield (
            f"{one.parameter}: {one.value!r} refers to files in {name}, by {paths[0]}{more}: the "
            "pipeline deletes and writes anew what is there; move them, for example to "
            f"{one.better}"
        )
