"""What the documentation shows, runs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from ruamel.yaml import YAML
from safetensors.torch import save_file

from docs import parameters
from helpers.repository import ROOT
from vital.networks.build import build_network
from vital.params.flat import flatten


def test_the_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    draws = np.random.default_rng(0)
    folder = tmp_path / "photos" / "tabby"
    folder.mkdir(parents=True)
    for number in range(2):
        array = draws.integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(array).save(folder / f"{number}.png")
    weights = build_network("timm/resnet18", {}).state_dict()
    save_file(weights, tmp_path / "weights.safetensors")
    monkeypatch.chdir(tmp_path)
    assert '"steps": 300' in example
    names: dict[str, object] = {}
    exec(example.replace('"steps": 300', '"steps": 1, "batch": 2'), names)
    made = names["made"]
    assert made.images.shape == (2, 3, 224, 224)
    assert list(made.table["name"]) == ["tabby", "tabby"]


def test_the_notebook_runs() -> None:
    notebook = nbformat.read(ROOT / "docs" / "visualize.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    last = notebook.cells[-1].outputs[-1]
    assert "image/png" in last["data"]


def test_files_that_the_readme_names_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(links) > 3
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_page_of_parameters_is_of_the_present_blocks() -> None:
    """`make parameters` writes it anew."""
    assert parameters.PAGE.read_text(encoding="utf-8") == parameters.page()


def test_every_key_is_told_of_and_nothing_else() -> None:
    told = YAML(typ="safe").load(parameters.TOLD.read_text(encoding="utf-8"))
    names = [key.name for block in parameters.BLOCKS for key in parameters.keys_of(block)]
    assert len(names) == len(set(names))
    assert {parameters.entry_of(name, told) for name in names} == set(told)
    assert all(set(facts) <= {"unit", "meaning", "paper"} for facts in told.values())


def test_every_key_of_the_profiles_is_on_the_page() -> None:
    names = {key.name for block in parameters.BLOCKS for key in parameters.keys_of(block)}
    names |= {name.rsplit(".", 1)[0].removesuffix("[]") for name in names}
    for path in [ROOT / "params.yaml", *(ROOT / "profiles").glob("*.yaml")]:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        for name, _ in flatten({key: content[key] for key in content if content[key] is not None}):
            known = name in names or any(name.startswith(f"{one}.") for one in FREE)
            assert known, f"{path.name}: {name}"


FREE = (
    "data.class_map", "model.kwargs", "model.taps", "visualize.tap_weights",
    "visualize.inner.tap_weights",
)  # fmt: skip
"""Mappings whose keys are names."""
