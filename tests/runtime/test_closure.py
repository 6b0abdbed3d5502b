"""A closure holds all that a module imports, of ours and of the user's own, and nothing besides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.repository import ROOT
from vital.methods.registry import MODULES
from vital.runtime.closure import CHOOSERS, NEUTRAL, closure_of, code_digest

MOST_NEUTRAL = 10


def test_packages_and_what_functions_import_are_in_it() -> None:
    files = closure_of("stages.units").files
    for path in ("stages/__init__.py", "stages/units.py", "vital/__init__.py", "vital/units.py"):
        assert path in files
    assert "vital/relevance/composites.py" in files  # imported within a function
    assert "vital/relevance/__init__.py" in files
    assert "vital/report/page/build.py" not in files


def test_templates_and_style_sheets_are_in_it() -> None:
    files = closure_of("stages.report").files
    folder = ROOT / "vital" / "report" / "page" / "templates"
    assert {f"vital/report/page/templates/{path.name}" for path in folder.iterdir()} <= set(files)
    assert not any("templates" in path for path in closure_of("stages.score").files)


def test_a_method_depends_on_itself_and_on_no_other() -> None:
    for name, module in MODULES.items():
        files = closure_of("stages.visualize", module).files
        others = {f"{other.replace('.', '/')}.py" for other in MODULES.values()} - {
            f"{module.replace('.', '/')}.py"
        }
        assert not others & set(files), name


def test_what_is_neutral_is_little_and_loads_neither_torch_nor_numpy() -> None:
    assert len(NEUTRAL) <= MOST_NEUTRAL
    assert all(NEUTRAL.values())
    for name in _neutral_modules():
        closure = closure_of(name)
        assert closure.packages.isdisjoint({"torch", "numpy"}), name
        assert not any(name.replace(".", "/") in path for path in closure.files)


def _neutral_modules() -> list[str]:
    places = [ROOT / name.replace(".", "/") for name in NEUTRAL]
    files = [file for place in places for file in (*place.glob("*.py"), place.with_suffix(".py"))]
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.is_file()
    ]
    assert len(names) >= len(NEUTRAL)
    return [name.removesuffix(".__init__") for name in names]


def test_choosers_exist() -> None:
    assert all(closure_of(name).files for name in CHOOSERS)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Modules of a user: a package with a network, what it needs, and a stranger."""
    for name, text in {
        "nets/__init__.py": "",
        "nets/tiny.py": "import torch\nfrom nets.layers import block\nfrom nets import sizes\n",
        "nets/layers.py": "from torch import nn\nimport helper\nblock = nn.ReLU\n",
        "nets/sizes.py": "side = 3\n",
        "nets/stranger.py": "x = 1\n",
        "helper.py": "import zennit\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_modules_of_the_users_own_are_followed(own: Path) -> None:
    found = closure_of("nets.tiny", folder=own)
    assert set(found.files) == {
        "helper.py", "nets/__init__.py", "nets/layers.py", "nets/sizes.py", "nets/tiny.py",
    }  # fmt: skip
    assert found.packages == {"torch", "zennit"}


def test_a_change_of_what_a_module_imports_changes_the_digest(own: Path) -> None:
    before = closure_of("nets.tiny", folder=own).digest()
    (own / "nets" / "stranger.py").write_text("x = 2222\n")
    assert closure_of("nets.tiny", folder=own).digest() == before
    (own / "helper.py").write_text("import zennit\ny = 1\n")
    assert closure_of("nets.tiny", folder=own).digest() != before


def test_nothing_is_run_to_know_it(own: Path) -> None:
    (own / "nets" / "tiny.py").write_text("import nets.layers\nraise SystemExit('it ran')\n")
    assert "nets/layers.py" in closure_of("nets.tiny", folder=own).files


def test_what_is_installed_counts_by_its_version() -> None:
    found = closure_of("timm.models.resnet")
    assert not found.files
    assert found.packages == {"timm"}


def test_the_digest_is_the_same_in_another_process() -> None:
    code = "from vital.runtime.closure import code_digest; print(code_digest('vital.engine.local'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == code_digest("vital.engine.local")
