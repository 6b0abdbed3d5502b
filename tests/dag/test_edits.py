"""After an edit of the code, `dvc repro` makes what a run from scratch makes, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.checkout import Checkout
from helpers.isolated_stages import METHODS, declared_stages, run_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
"""Each runs the pipeline twice."""

IMAGES = tuple(f"visualize@{method}" for method in METHODS)
AFTER_IMAGES = ("score", "report")
ALL_BUT_PREPARE = tuple(stage.name for stage in declared_stages() if stage.name != "prepare")


@dataclass(frozen=True)
class Edit:
    """Text of a module in place of other text; ``runs`` are the stages that have to run."""

    path: str
    old: str
    new: str
    runs: tuple[str, ...]


# The first modules that random.Random(19).sample draws from the sorted closures of all stages, as
# far as they can change results on a CPU; then those known for having been missed before.
EDITS = {
    "nearest": Edit(
        "vital/scoring/metrics/nearest.py", "largest=False).indices", "largest=True).indices",
        AFTER_IMAGES,
    ),
    "chosen units": Edit(
        "vital/artefacts/chosen_units.py", "columns=list(UNITS.columns)).astype(_DTYPES)",
        "columns=list(UNITS.columns)).astype(_DTYPES)[::-1]",
        ("units", "references", "relevance", *IMAGES, "report"),  # the same images, so no scores
    ),
    "losses": Edit(
        "vital/report/page/losses.py", "draw_losses(histories)",
        "draw_losses({name: table[::2] for name, table in histories.items()})", ("report",),
    ),
    "build": Edit(
        "vital/report/page/build.py", 'description.get(ARCHITECTURE, "the network")', '"a network"',
        ("report",),
    ),
    "response": Edit(
        "vital/methods/response.py", "-found.mean(dim=1)", "-2 * found.mean(dim=1)",
        ("visualize@activation", "visualize@maco", *AFTER_IMAGES),
    ),
    "patches": Edit(
        "vital/references/patches.py",
        "return sorted({*range(0, extent - side, step), extent - side})", "return [0]",
        ("references", "relevance", "visualize@vital", *AFTER_IMAGES),
    ),
    "relevance parameters": Edit(
        "vital/params/relevance.py", '| None = "vital"', '| None = "canonical"',
        ("units", "references", "relevance", *IMAGES, *AFTER_IMAGES),
    ),
    "metric texts": Edit(
        "vital/report/page/metric_texts.py", "In the studied network", "In it", ("report",)
    ),
    "training": Edit(
        "vital/networks/training.py", "pct_start=0.2", "pct_start=0.4",
        ("model", "judges", *AFTER_IMAGES),
    ),
    "preprocessing": Edit(
        "vital/images/preprocessing.py",
        "return (pixels - self._column(self.mean, pixels)) / self._column(self.std, pixels)",
        "return (pixels - self._column(self.mean, pixels)) / self._column(self.std, pixels) * 1.01",
        ALL_BUT_PREPARE,
    ),
    "optimize": Edit(
        "vital/engine/optimize.py", "gradient.abs().mean(dim=1)", "gradient.square().mean(dim=1)",
        (*IMAGES, *AFTER_IMAGES),
    ),
    "freeze": Edit(
        "vital/networks/build.py", "    for module in network.modules():\n",
        "    for module in network.modules():\n"
        "        if isinstance(module, nn.BatchNorm2d):\n            module.eps = 0.01\n",
        ALL_BUT_PREPARE,
    ),
    "responses": Edit(
        "vital/networks/taps/responses.py", "read(shown)[tap].mean(dim=2)",
        "read(shown)[tap].amax(dim=2)", (*IMAGES, *AFTER_IMAGES),
    ),
    "engine": Edit(
        "vital/engine/local.py", "mul(255).round()", "mul(250).round()", (*IMAGES, *AFTER_IMAGES)
    ),
    "a table reader": Edit(
        "vital/artefacts/patches.py", "return PATCHES.read(folder)",
        "return PATCHES.read(folder)[::-1].reset_index(drop=True)",
        ("references", "relevance", *IMAGES, "report"),  # the same images, so no scores
    ),
}  # fmt: skip

SPREADS_NO_FURTHER = {
    "an error's text": Edit("vital/errors.py", "did you mean ", "did you perhaps mean ", ()),
    "a comment": Edit("vital/runtime/files.py", '"""Files that are', '"""All files that are', ()),
    "a style sheet": Edit("vital/report/page/templates/page.css", "{", "{ --x: 1;", ("report",)),
    "scoring": Edit(
        "vital/scoring/metrics/nearest.py", "largest=False).indices", "largest=True).indices",
        AFTER_IMAGES,
    ),
    "maco": Edit(
        "vital/methods/maco.py", 'self._draws(target, "phases")', 'self._draws(target, "others")',
        ("visualize@maco", *AFTER_IMAGES),
    ),
    "a table reader": EDITS["a table reader"],
}  # fmt: skip


@pytest.fixture
def edited(complete: Checkout, tmp_path: Path) -> Checkout:
    """A copy for one edit."""
    return complete.copy(tmp_path / "edited")


@pytest.mark.parametrize("name", EDITS)
def test_the_results_are_those_of_a_run_from_scratch(
    edited: Checkout, tmp_path: Path, name: str, record_property: Callable[[str, object], None]
) -> None:
    edit = EDITS[name]
    edited.edit(edit.path, edit.old, edit.new)
    ran, reused = _repro(edited)
    record_property("edit", {"name": name, "expected": edit.runs, "ran": ran, "reused": reused})
    assert set(ran) >= {"inputs", *edit.runs}
    assert edited.results() == _from_scratch(edited, tmp_path / "scratch")


@pytest.mark.parametrize("name", SPREADS_NO_FURTHER)
def test_an_edit_spreads_no_further(
    edited: Checkout, name: str, record_property: Callable[[str, object], None]
) -> None:
    edit = SPREADS_NO_FURTHER[name]
    edited.edit(edit.path, edit.old, edit.new)
    ran, reused = _repro(edited)
    record_property("edit", {"name": name, "expected": edit.runs, "ran": ran, "reused": reused})
    assert set(ran) == {"inputs", *edit.runs}


def _repro(checkout: Checkout) -> tuple[list[str], list[str]]:
    """Which stages ran, and what they say of what the work store had."""
    done = checkout.run("dvc", "repro")
    ran = re.findall(r"Running stage '([^']+)'", done.stdout)
    return ran, re.findall(r"\d+ of \d+ targets are in the work store", done.stderr)


def _from_scratch(edited: Checkout, root: Path) -> dict[str, bytes]:
    root.mkdir()
    for name in ("stages", "vital", "params.yaml", "weights.safetensors"):
        (root / name).symlink_to(edited.root / name)
    for command in ("python3 -m stages.inputs", *(stage.command for stage in declared_stages())):
        done = run_stage(root, command)
        assert done.returncode == 0, done.stderr
    return Checkout(root).results()
