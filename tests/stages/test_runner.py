"""However a stage ends, it says why, and leaves files that are whole."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from helpers.repository import ROOT
from stages.runner import Stage, run
from vital.runtime import files
from vital.runtime.files import replacing_folder, write_text
from vital.runtime.memory import is_out_of_memory

PARAMS = ROOT / "params.yaml"
Work = Callable[[Stage], None]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a params file alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITAL_TRACKING", "off")
    shutil.copy(PARAMS, tmp_path)
    return tmp_path


def ending(work: Work) -> str | int | None:
    """With what the stage exits; no stage that fails leaves a time, a lock or half a file."""
    work.__name__ = "extract"
    with pytest.raises(SystemExit) as caught:
        run(work, "extract")
    assert not Path("data/timings/extract.json").exists()
    assert not list(Path(".vital/locks").glob("*.json"))
    assert not [path for path in Path().rglob(".*.partial") if path.exists()]
    return caught.value.code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal(number: signal.Signals, caplog: pytest.LogCaptureFixture) -> None:
    assert ending(lambda stage: os.kill(os.getpid(), number)) == 128 + number
    assert f"extract: interrupted by {number.name}; what is finished is kept" in caplog.text


def test_a_full_disk_keeps_what_stood_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(project / "data" / "statistics" / "before", "whole")

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def work(stage: Stage) -> None:
        with replacing_folder(stage.project.statistics) as folder:
            write_text(folder / "first", "new")
            monkeypatch.setattr(files, "_flush_to_disk", full)
            write_text(folder / "second", "new")

    message = str(ending(work))
    assert message.startswith("extract: no space left to write")
    assert "second; what is finished is kept" in message
    assert [path.name for path in (project / "data" / "statistics").iterdir()] == ["before"]


def _of_the_machine(stage: Stage) -> None:
    torch.zeros(10**14)


def _of_python(stage: Stage) -> None:
    raise MemoryError


def _of_a_device(stage: Stage) -> None:
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


@pytest.mark.parametrize("work", [_of_the_machine, _of_python, _of_a_device])
def test_memory_that_is_used_up(work: Work) -> None:
    message = str(ending(work))
    assert message.startswith("extract: memory is used up; what is finished is kept")
    assert "lower `batch`" in message


def test_other_errors_of_torch_stay_visible(caplog: pytest.LogCaptureFixture) -> None:
    def extract(stage: Stage) -> None:
        torch.ones(2) @ torch.ones(3)

    with pytest.raises(RuntimeError, match="size"):
        run(extract, "extract")
    assert "extract: this is a bug, please report it" in caplog.text
    assert not is_out_of_memory(RuntimeError("inconsistent tensor size"))


def test_parameters_that_are_no_utf8(project: Path) -> None:
    with (project / "params.yaml").open("ab") as params:
        params.write(b"# caf\xe9\n")
    assert "params.yaml is not UTF-8: byte 0xe9" in str(ending(lambda stage: None))
