"""Files are whole or absent, whatever ends the process that writes them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from vital.runtime import files
from vital.runtime.files import (
    explain_os_error,
    remove_stale,
    replacing,
    replacing_folder,
    write_bytes,
)
from vital.runtime.table_files import write_parquet

KILLED = """
import os, signal, sys
from pathlib import Path
from vital.runtime.files import replacing, replacing_folder
here = Path(sys.argv[1])
with replacing(here / "a.b.json") as file, replacing_folder(here / "f") as folder:
    file.write_text("half")
    (folder / "inside").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    write_bytes(tmp_path / "below" / "a.b.json", b"whole")
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "below")], check=False)
    assert len(names(tmp_path / "below")) == 3
    assert remove_stale(tmp_path) == 2
    assert names(tmp_path / "below") == ["a.b.json"]
    assert (tmp_path / "below" / "a.b.json").read_bytes() == b"whole"


def test_what_a_live_process_writes_is_left(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as file, replacing_folder(tmp_path / "folder") as folder:
        file.write_text("new")
        (folder / "inside").write_text("new")
        assert remove_stale(tmp_path) == 0
    assert names(tmp_path) == ["file", "folder"]


def test_threads_that_write_the_same_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_bytes(path, content), contents * 10))
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["file"]
    assert len({files._temporary(path) for _ in range(10)}) == 10


def test_names_of_earlier_versions_are_known(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    for end in (dead, f"{dead}-17", "9" * 30):
        (tmp_path / f".a.json.{files._machine()}-{end}.partial").write_text("half")
    assert remove_stale(tmp_path) == 3


def test_files_of_others_are_left(tmp_path: Path) -> None:
    for name in (".partial", "weights.partial", ".mine.partial", ".a.12345.partial"):
        (tmp_path / name).write_text("not ours")
    assert remove_stale(tmp_path) == 0


def test_another_machines_files_are_left_for_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_machine", lambda: "0123abcd")
    path = files._temporary(tmp_path / "file")
    path.write_text("half")
    monkeypatch.undo()
    assert remove_stale(tmp_path) == 0
    long_ago = time.time() - 8 * 86400
    os.utime(path, (long_ago, long_ago))
    assert remove_stale(tmp_path) == 1


def test_a_folder_that_is_not_there_has_nothing_stale(tmp_path: Path) -> None:
    assert remove_stale(tmp_path / "nowhere") == 0


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.parquet"
    write_parquet(path, pd.DataFrame({"a": [1]}))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_parquet(path, pd.DataFrame({"a": [2]}))
    assert path.read_bytes() == before
    assert names(tmp_path) == [path.name]
    assert explain_os_error(caught.value) == (
        f"no space left to write {path}; what is finished is kept: free some and run again"
    )
