"""The hashes that DVC gives to files and folders."""

from __future__ import annotations

import hashlib
import json
from operator import itemgetter
from pathlib import Path

from vital.runtime.files import digest_file


def dvc_hash(path: Path) -> str:
    """The md5 that DVC gives to a file or a folder; "missing" where there is none."""
    if path.is_dir():
        return _folder_hash(path)
    return digest_file(path, "md5") if path.is_file() else "missing"


def _folder_hash(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    listing = [
        {"md5": digest_file(path, "md5"), "relpath": path.relative_to(folder).as_posix()}
        for path in files
        if "__pycache__" not in path.parts
    ]
    listing.sort(key=itemgetter("relpath"))
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"
