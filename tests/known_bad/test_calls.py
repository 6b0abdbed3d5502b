"""Calls, commands and files changed by hand that must be refused, with a line that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn
from typer.testing import CliRunner

import vital
from helpers.messages import one_line
from helpers.report_artefacts import write_artefacts
from helpers.small_networks import KWARGS, tiny, write_noise, write_references
from vital.artefacts.checked import named_path
from vital.artefacts.model import read_accuracies, read_description, read_judge_accuracies
from vital.artefacts.project import Project
from vital.artefacts.scores import read_history, read_metrics, read_reasons
from vital.cli import app
from vital.errors import ArtefactError, ParamsError, VitalError
from vital.images.preprocessing import Preprocessing
from vital.networks.model import open_model
from vital.runtime.files import read_json
from vital.runtime.table_files import read_parquet

FLAT = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.5, 0.0, 0.5))
QUICK = {"steps": 4, "batch": 2, "history_every": 2}


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return write_references(tmp_path / "references")


CALLS: list[tuple[dict[str, Any], str]] = [
    ({"seeds": 0}, "seeds: 0 cannot be used: it must be above 0"),
    ({"seeds": 10**7}, "seeds: 10000000 cannot be used: it must be at most 10000"),
    ({"seeds": True}, "seeds: True cannot be used: it must be a whole number"),
    ({"seeds": 1.0}, "seeds: 1.0 cannot be used: it must be a whole number"),
    ({"seeds": "2"}, "seeds: '2' cannot be used: it must be a whole number"),
    ({"seed": -1}, "seed: -1 cannot be used: it must be at least 0"),
    ({"seed": False}, "seed: False cannot be used: it must be a whole number"),
    ({"seed": 10**400}, "seed is a number of 1329 bits, which is too large"),
    ({"per_class": 0}, "per_class: 0 cannot be used: it must be above 0"),
    ({"per_class": True}, "per_class: True cannot be used"),
    ({"size": 64.5}, "size: 64.5 cannot be used: it must be a whole number"),
    ({"size": True}, "size: True cannot be used"),
    ({"size": 0}, "size: 0 cannot be used: it must be at least 16"),
    ({"size": 10**6}, "size: 1000000 cannot be used: it must be at most 16384"),
    ({"size": 64, "preprocessing": {"size": 32}}, "size: 64 contradicts the size of preprocessing"),
    ({"preprocessing": {"size": 64.5}}, "preprocessing.size: 64.5 cannot be used"),
    ({"preprocessing": [1]}, "preprocessing: [1] cannot be used: it must be keys with values"),
    ({"preprocessing": FLAT}, "preprocessing.std.1: 0.0 cannot be used: it must be at least 1e-30"),
    ({"units": []}, "units: [] cannot be used: it must be at least 1 long"),
    ({"units": "one"}, "units: 'one' cannot be used: it must be a list"),
    ({"units": [True]}, "units.0: True cannot be used: it must be text or a whole number"),
    ({"units": [0, 0]}, "units names 0 more than once"),
    ({"taps": []}, "taps: [] cannot be used: it must be at least 1 long"),
    ({"taps": "conv1"}, "taps: 'conv1' cannot be used: it must be a list"),
    ({"taps": ["conv1", "conv1"]}, "taps names 'conv1' more than once"),
    ({"classes": []}, "classes: [] cannot be used: it must be at least 1 long"),
    ({"classes": "abcd"}, "classes: 'abcd' cannot be used: it must be a list"),
    ({"device": None}, "device 'None' cannot be used here"),
    ({"device": "meta"}, "device 'meta' cannot be used here: nothing is computed there"),
    ({"device": "cpu:3"}, "device 'cpu:3' cannot be used here: there is one CPU device"),
    ({"device": ""}, "device: '' cannot be used"),
    ({"weights": ""}, "weights: '' cannot be used: it must be text of at least 1 character"),
    ({"checkpoint": ""}, "checkpoint: '' cannot be used"),
    ({"out": ""}, "out: '' cannot be used"),
    ({"model_kwargs": [1]}, "model_kwargs: [1] cannot be used: it must be keys with values"),
    ({"params": [1]}, "params: [1] cannot be used: it must be keys with values"),
    ({"params": {"seeds": 3}}, "params: 'seeds' has no effect: give the keyword seeds"),
    ({"params": {"units": "all"}}, "params: 'units' has no effect: give the keyword units"),
    ({"params": {"device": "cpu"}}, "params: 'device' has no effect: give the keyword device"),
    ({"params": {"inner": {}}}, "params: 'inner' has no effect"),
    ({"params": {"ray": {"workers": 3}}}, "params: 'ray' has no effect without engine: ray"),
    (
        {"params": {"parametrization": "pixels", "fourier": {"start": 0.1}}},
        "params: 'fourier' has no effect: parametrization is pixels",
    ),
    (
        {"params": {"parametrization": "fourier", "clamp": False}},
        "params: 'clamp' has no effect: parametrization is fourier",
    ),
    ({"params": {"steps": 10**12}}, "visualize.steps: 1000000000000 cannot be used"),
    ({"params": {1.5: 3}}, "visualize has the key 1.5, which must be text"),
]


@pytest.mark.parametrize(("changes", "expected"), CALLS)
def test_a_call(changes: dict[str, Any], expected: str, checkpoint: Path, references: Path) -> None:
    options = {"checkpoint": checkpoint, "model_kwargs": KWARGS, "params": QUICK}
    if "preprocessing" not in changes:
        options["size"] = 32
    with pytest.raises(VitalError) as caught:
        vital.visualize("timm/resnet10t", references, **{**options, **changes})
    assert expected in one_line(caught.value)


OTHERS: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: vital.visualize(3, folder), "model: 3 is neither a name nor a torch.nn.Module"),
    (lambda folder: vital.visualize(nn.ReLU, folder), "is neither a name nor a torch.nn.Module"),
    (
        lambda folder: vital.visualize(tiny(), folder, model_kwargs={"num_classes": 4}),
        "the model is a module as it is, so {'num_classes': 4} (arguments to build it with)",
    ),
    (
        lambda folder: vital.visualize(tiny(), folder, weights="DEFAULT"),
        "the model is a module as it is, so 'DEFAULT' (torchvision's weights) would have no effect",
    ),
    (lambda _: open_model(tiny(), kwargs={"a": 1}), "would have no effect"),
    (lambda _: open_model(tiny(), taps=[]), "taps: [] cannot be used"),
    (lambda _: open_model(tiny(), taps="conv1"), "taps: 'conv1' cannot be used"),
    (
        lambda folder: vital.visualize(tiny(), {"source": str(folder), "splot": 1}, size=32),
        "unknown parameter references.splot; did you mean 'split'",
    ),
    (
        lambda folder: vital.visualize(tiny(), {"source": str(folder), "root": "x"}, size=32),
        "references.root has no meaning for the source",
    ),
    (
        lambda folder: vital.visualize(
            tiny(), {"source": str(folder / "0"), "class_map": {"a": 1}}, units=[0], size=32
        ),
        "class_map has no meaning for",
    ),
    (
        lambda folder: vital.visualize(tiny(), folder, size=32, out=folder / "made"),
        "lies in the references' folder",
    ),
    (lambda _: vital.visualize(tiny(), [1], size=32), "references: [1] cannot be used"),
]


@pytest.mark.parametrize(("call", "expected"), OTHERS)
def test_another_call(call: Callable[[Path], object], expected: str, references: Path) -> None:
    with pytest.raises(VitalError) as caught:
        call(references)
    assert expected in str(caught.value)


def test_numbers_and_sequences_of_other_kinds_are_what_they_say(references: Path) -> None:
    one = vital.visualize(
        tiny(), references, size=np.int64(32), units=range(1), seeds=np.int32(1), params=QUICK
    )
    assert list(one.table["unit"]) == [0]


COMMANDS: list[tuple[list[str], str]] = [
    (["--set", "seeds=3"], "--set: 'seeds' has no effect: give --seeds"),
    (["--set", "units="], "--set: 'units' has no effect: give --units"),
    (["--set", "device="], "--set: 'device' has no effect: give --device"),
    (["--set", "steps=3", "--steps", "3"], "--set: 'steps' has no effect: give --steps"),
    (["--set", "lr=1", "--set", "lr=2"], "--set: 'lr' is given twice"),
    (["--set", "lr"], "--set: 'lr' is not of the form KEY=VALUE"),
    (["--set", "lr=NaN"], "--set lr is nan, which cannot be used"),
    (["--set", "inner={}"], "--set: 'inner' has no effect"),
    (["--data", "source=x"], "--data: 'source' has no effect: give --references"),
    (["--units", ""], "--units: '' names nothing at one place"),
    (["--units", "0,,1"], "--units: '0,,1' names nothing at one place"),
    (["--taps", ","], "--taps: ',' names nothing at one place"),
    (["--model-kwargs", "a=1", "--model-kwargs", "a=2"], "--model-kwargs: 'a' is given twice"),
]


@pytest.mark.parametrize(("options", "expected"), COMMANDS)
def test_a_command(options: list[str], expected: str) -> None:
    line = ["visualize", "--model", "timm/resnet10t", "--references", "x", *options]
    with pytest.raises(ParamsError) as caught:
        CliRunner().invoke(app, line, catch_exceptions=False)
    assert expected in str(caught.value)


@pytest.mark.parametrize("option", ["--seeds", "--steps", "--set", "--model-kwargs", "--per-class"])
def test_options_that_a_stage_would_not_see(option: str) -> None:
    with pytest.raises(ParamsError, match=f"{option} has no effect on the stage"):
        CliRunner().invoke(app, ["visualize", option, "3"], catch_exceptions=False)


def test_seeds_below_one_and_unknown_days_are_refused_by_the_options() -> None:
    for line in (
        ["gc", "--days", "nan"],
        ["visualize", "--seeds", "0"],
        ["taps", "x", "--size", "1"],
    ):
        assert CliRunner().invoke(app, line).exit_code == 2


def _changed(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: {**content, **changes}


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda content: {name: value for name, value in content.items() if name != key}


DESCRIPTIONS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    *((_without(key), f"{key} is missing") for key in ("architecture", "kwargs", "classes")),
    *((_without(key), f"{key} is missing") for key in ("preprocessing", "taps", "sha256")),
    (lambda _: [], "[] cannot be used: it must be keys with values"),
    (lambda _: 3, "3 cannot be used"),
    (lambda _: None, "None cannot be used"),
    (_changed(architecture=3), "architecture: 3 cannot be used: it must be text"),
    (_changed(kwargs=[]), "kwargs: [] cannot be used"),
    (_changed(classes="ab"), "classes: 'ab' cannot be used: it must be a list"),
    (_changed(classes=[1]), "classes.0: 1 cannot be used: it must be text"),
    (_changed(taps=["a"]), "taps: ['a'] cannot be used"),
    (_changed(taps={"a": "1"}), "taps.a: '1' cannot be used: it must be a number"),
    (_changed(taps={"a": float("nan")}), "taps.a is nan"),
    (_changed(preprocessing={}), "preprocessing.size is missing"),
    (
        _changed(preprocessing={"size": [0, 32], "mean": [0] * 3, "std": [1] * 3}),
        "preprocessing.size.0: 0 cannot be used",
    ),
    (_changed(sha256=None), "sha256: None cannot be used"),
    (_changed(accuracy=7), "accuracy: 7 cannot be used: it must be at most 1"),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return write_artefacts(tmp_path / "run", ("cat", "dog"), seeds=1)


@pytest.mark.parametrize(("change", "expected"), DESCRIPTIONS)
def test_a_description(
    change: Callable[[dict[str, Any]], object], expected: str, project: Project
) -> None:
    path = project.model / "model.json"
    read_description(project.model)
    path.write_text(json.dumps(change(json.loads(path.read_text()))), encoding="utf-8")
    with pytest.raises(ArtefactError) as caught:
        read_description(project.model)
    for line in str(caught.value).splitlines():
        assert line.startswith(f"{path} is damaged: ")
        assert line.endswith("; run the stage that writes it")
    assert expected in str(caught.value)


BROKEN = [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_json_that_is_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"metrics\.json is damaged: .+") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


WRONG: list[tuple[Callable[[Path], object], str, str]] = [
    (read_accuracies, "metrics.json", "[1]"),
    (read_accuracies, "metrics.json", '{"accuracy_top1": "0.9"}'),
    (read_accuracies, "metrics.json", '{"accuracy_top1": {"a": 1}}'),
    (read_accuracies, "metrics.json", '{"accuracy_top1": NaN}'),
    (read_judge_accuracies, "metrics.json", '{"judge": 0.9}'),
    (read_judge_accuracies, "metrics.json", '["judge"]'),
    (read_metrics, "metrics.json", '{"vital": [1]}'),
    (read_metrics, "metrics.json", '{"vital": {"kid": "low"}}'),
    (read_metrics, "metrics.json", '{"vital": {"kid": true}}'),
    (read_metrics, "metrics.json", '{"vital": {"kid": Infinity}}'),
    (read_reasons, "reasons.json", '{"vital": "none"}'),
    (read_reasons, "reasons.json", '{"vital": {"kid": 3}}'),
    (read_history, "history.csv", "method,target,step,loss\nvital,class/0/0,first,1\n"),
    (read_history, "history.csv", ""),
    (lambda folder: read_parquet(folder / "index.parquet"), "index.parquet", "PAR1 and so on"),
]


@pytest.mark.parametrize(("read", "name", "content"), WRONG)
def test_a_file_changed_by_hand(
    read: Callable[[Path], object], name: str, content: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ArtefactError) as caught:
        read(tmp_path)
    assert f"{tmp_path / name} is damaged" in one_line(caught.value)


@pytest.mark.parametrize("name", [None, 3, "", "../a.png", "/etc/hostname"])
def test_a_name_in_a_table_that_leads_nowhere(name: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=f"a table of {tmp_path} names"):
        named_path(tmp_path, name)


def test_a_flat_folder_is_no_fault_by_itself(tmp_path: Path) -> None:
    write_noise(tmp_path / "flat", 4)
    made = vital.visualize(tiny(), tmp_path / "flat", size=32, units=[1], params=QUICK)
    assert list(made.table["unit"]) == [1]
