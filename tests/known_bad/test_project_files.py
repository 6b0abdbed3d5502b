"""Profiles, dvc.yaml and what DVC writes may be anything: a line with the file, no traceback."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.messages import one_line
from helpers.repository import ROOT
from vital.artefacts.project import Project
from vital.cli import app
from vital.errors import ArtefactError, ParamsError
from vital.pipeline import repair as repairing
from vital.pipeline.profiles import compose_profile, list_profiles, use_profile
from vital.pipeline.prune import prune_work_store
from vital.pipeline.repair import repair
from vital.pipeline.reproduce import reproduce
from vital.pipeline.tracking.lock import read_outputs

NO_YAML = {
    "not UTF-8": b"# caf\xe9\nseed: 1\n",
    "UTF-16": "seed: 0".encode("utf-16"),
    "no end": b"seed: [1\n b: }",
    "a key twice": b"seed: 1\nseed: 2\n",
    "a tab": b"seed:\n\t- 1",
    "an alias of nothing": b"seed: *x",
    "code": b"seed: !!python/object:os.system 1",
    "no date": b"seed: 2001-99-99\n",
    "any bytes": bytes(range(256)),
    "too deep": b"[" * 10000,
}
OTHERWISE = {"a list": b"- 1\n", "a number": b"3", "text": b"seed"}


def one_line_of(path: Path, error: Exception) -> str:
    message = one_line(error)
    assert str(path) in message
    return message


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = tmp_path / "profiles"
    (folder / "variants").mkdir(parents=True)
    shutil.copy(ROOT / "profiles" / "photographs.yaml", folder / "base.yaml")
    (folder / "variants" / "quick.yaml").write_text("# quick\nvisualize:\n  steps: 5\n")
    return folder


@pytest.mark.parametrize("content", [*NO_YAML.values(), *OTHERWISE.values(), b""])
def test_a_profile_that_cannot_be_read(profiles: Path, tmp_path: Path, content: bytes) -> None:
    variant = profiles / "variants" / "quick.yaml"
    shutil.copy(profiles / "base.yaml", tmp_path / "params.yaml")
    variant.write_bytes(content)
    with pytest.raises(ParamsError) as caught:
        compose_profile(profiles, "base+quick")
    one_line_of(variant, caught.value)
    with pytest.raises(ParamsError) as caught:
        use_profile(profiles, "base", tmp_path / "params.yaml", overwrite=False)
    one_line_of(variant, caught.value)
    assert list(list_profiles(profiles)) == ["base", "+quick"]

    (profiles / "base.yaml").write_bytes(content)
    with pytest.raises(ParamsError) as caught:
        compose_profile(profiles, "base")
    one_line_of(profiles / "base.yaml", caught.value)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("visualise: {steps: 5}\n", "quick.yaml: unknown block 'visualise'; did you mean"),
        ("visualize: 3\n", "profile 'base+quick': visualize"),
        ("visualize: {stepz: 5}\n", "profile 'base+quick': unknown parameter visualize.stepz"),
        ("seed: -1\n", "profile 'base+quick': seed"),
    ],
)
def test_a_variant_that_fits_no_profile(profiles: Path, variant: str, message: str) -> None:
    (profiles / "variants" / "quick.yaml").write_text(variant)
    with pytest.raises(ParamsError, match=re.escape(message)):
        compose_profile(profiles, "base+quick")


def test_a_profile_without_a_block(profiles: Path) -> None:
    (profiles / "base.yaml").write_text("seed: 0\n")
    with pytest.raises(ParamsError, match=r"base\.yaml: block 'data' is missing"):
        compose_profile(profiles, "base")


def test_a_folder_is_no_profile(profiles: Path) -> None:
    (profiles / "folder.yaml").mkdir()
    assert list(list_profiles(profiles)) == ["base", "+quick"]
    with pytest.raises(ParamsError, match="there is no profile 'folder'"):
        compose_profile(profiles, "folder")


@pytest.mark.parametrize(
    "content",
    [
        *NO_YAML.values(), *OTHERWISE.values(), b"stages: [1]", b"stages: {a: b}",
        b"stages: {a: {outs: 3}}", b"stages: {a: {outs: [{md5: 1}]}}",
    ],
)  # fmt: skip
def test_a_dvc_lock_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "dvc.lock"
    path.write_bytes(content)
    with pytest.raises(ArtefactError) as caught:
        read_outputs(path)
    assert one_line_of(path, caught.value).startswith(f"{path} is damaged")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"schema: '2.0'\nstages: {a: {cmd: x, dep: []}}\n",
            "not as DVC writes it at stages.a.dep",
        ),
        (b"schema: '2.0'\nstages: {a: {}}\n", "not as DVC writes it at stages.a.cmd"),
        (b"schema: '3.0'\nstages: {}\n", "not as DVC writes it at schema"),
        (b"- 1\n", "it has no entries"),
        *((content + b"\n", "it is no YAML") for content in NO_YAML.values()),
    ],
)
def test_a_dvc_lock_is_repaired_in_words_of_ours(
    tmp_path: Path, content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairing, "_SETTLING_SECONDS", 0.0)
    (tmp_path / "dvc.lock").write_bytes(content)
    [sentence] = repair(tmp_path)
    assert f"dvc.lock is damaged ({reason})" in one_line(sentence)
    assert (tmp_path / "dvc.lock.damaged").read_bytes() == content


def test_an_access_file_is_repaired_in_words_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairing, "_SETTLING_SECONDS", 0.0)
    path = tmp_path / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True)
    for content, reason in {
        b'{"write": {"x": 1}, "read": {}}': "not as DVC writes it at write.x",
        b"[" * 100_000: "it is cut off",
        b"\xff": "it is cut off",
    }.items():
        path.write_bytes(content)
        [sentence] = repair(tmp_path)
        assert f"DVC's lock file is damaged ({reason})" in one_line(sentence)


def test_a_folder_without_a_pipeline_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match=r"no dvc\.yaml in .*: run this in the project's folder"):
        reproduce(Project(tmp_path))
    assert prune_work_store(Project(tmp_path), days=0) == (0, 0)
    assert CliRunner().invoke(app, ["gc"]).exit_code == 0
    assert list(tmp_path.iterdir()) == []
