"""Networks of one's own, by the place of a factory in Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

from vital.errors import ModelError
from vital.networks.build import build_network, outline_network
from vital.networks.factories import factory_sha256, source_sha256
from vital.runtime.files import digest_file

SOURCE = """
from torch import nn

NUMBER = 3

class Net(nn.Sequential):
    def __init__(self, width: int = 2) -> None:
        super().__init__(nn.Conv2d(3, width, 1))

def small(width: int = 4) -> nn.Module:
    return Net(width)

def failing() -> nn.Module:
    raise KeyError("no such thing")

def number() -> int:
    return 3
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's folder that is not on Python's path, with a package of networks."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "zoo_of_tests"
    folder.mkdir()
    (folder / "nets.py").write_text(SOURCE, encoding="utf-8")
    (folder / "__init__.py").write_text("from zoo_of_tests.nets import small\n", encoding="utf-8")
    (folder / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    (folder / "hungry.py").write_text("import no_such_module_here\n", encoding="utf-8")
    yield folder
    for name in [name for name in sys.modules if name.startswith("zoo_of_tests")]:
        del sys.modules[name]


def test_a_factory_in_the_current_folder_is_called_with_the_keyword_arguments(
    package: Path,
) -> None:
    path = list(sys.path)
    assert build_network("python:zoo_of_tests.nets:small", {"width": 5})[0].out_channels == 5
    assert build_network("python:zoo_of_tests.nets:Net", {})[0].out_channels == 2
    outline = outline_network("python:zoo_of_tests.nets:small", {})
    assert not outline.training
    assert not outline[0].weight.is_meta
    assert sys.path == path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python:zoo_of_tests.nets", "must be of the form python:<package.module>:<factory>"),
        ("python::small", "must be of the form"),
        ("python:zoo_of_tests.netz:small", r"no module 'zoo_of_tests\.netz', neither in .* nor"),
        ("python:zoo_of_tests.hungry:small", "no module 'no_such_module_here'"),
        ("python:zoo_of_tests.broken:small", "broken cannot be imported: ZeroDivisionError"),
        ("python:zoo_of_tests.nets:smal", "no function 'smal'; did you mean 'small'"),
        ("python:zoo_of_tests.nets:NUMBER", "no function 'NUMBER'; "),
        ("python:zoo_of_tests.nets:failing", "failed with {}: KeyError: 'no such thing'"),
        ("python:zoo_of_tests.nets:number", r"gave int, not a torch\.nn\.Module"),
    ],
)
def test_what_is_wrong_is_named(package: Path, name: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        build_network(name, {})


def test_arguments_that_the_factory_does_not_take_are_named(package: Path) -> None:
    with pytest.raises(ModelError, match=r"failed with {'widht': 5}: TypeError: .*widht"):
        build_network("python:zoo_of_tests.nets:small", {"widht": 5})


def test_the_file_that_defines_the_factory_is_what_counts(package: Path) -> None:
    expected = digest_file(package / "nets.py")
    assert factory_sha256("python:zoo_of_tests.nets:small") == expected
    assert factory_sha256("python:zoo_of_tests:small") == expected
    assert factory_sha256("timm/resnet18") is None
    (package / "nets.py").write_text(SOURCE + "\n# changed\n", encoding="utf-8")
    assert factory_sha256("python:zoo_of_tests.nets:small") != expected


def test_a_factory_without_a_file_is_refused() -> None:
    with pytest.raises(ModelError, match="has no source file"):
        factory_sha256("python:builtins:len")
    assert source_sha256(nn.Sequential) is not None
