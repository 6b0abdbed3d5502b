"""Where images come from: folders, tars, tables and the data sets that timm's readers open.

A new kind takes a module beside this one that opens a pool, a case in :func:`open_pool`, the rule
by which ``data.source`` names it in :mod:`vital.params.data`, its module among the readers of
:mod:`vital.pipeline.outside`, and a row in docs/images.md.
"""

from __future__ import annotations

from pathlib import Path

from vital.errors import DataError
from vital.images.sources.base import Pool
from vital.params.data import SourceParams


def open_pool(params: SourceParams, split: str | None = None) -> Pool:
    """The images of a source, or of one of its own splits.

    Raises DataError when they cannot be read, or when the source has no such split.
    """
    # A reader is imported when it is asked for, as most bring a package of their own.
    root = None if params.root is None else Path(params.root)
    path, name = Path(params.source), params.source.partition("/")[2]
    pool: Pool
    match params.kind:
        case "folder":
            from vital.images.sources.folders import open_folder

            pool = open_folder(path, split)
        case "tar":
            from vital.images.sources.tars import open_tar

            pool = open_tar(path, split)
        case "table":
            from vital.images.sources.tables import open_table

            pool = open_table(path, root, split, params.columns)
        case "torch":
            from vital.images.sources.torch_datasets import open_torchvision

            pool = open_torchvision(name, root, split)
        case "hfds":
            from vital.images.sources.hub_datasets import open_hfds

            pool = open_hfds(name, root, split, params.columns)
        case "hfids":
            from vital.images.sources.hub_datasets import open_hfids

            pool = open_hfids(name, root, split, params.columns)
        case "wds":
            from vital.images.sources.shards import open_shards

            pool = open_shards(Path(name), split, params.columns)
        case _:
            raise DataError(
                f"{params.source!r} are cut by the pipeline; write './{path}' for a folder"
            )
    return pool
