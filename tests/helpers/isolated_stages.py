"""Stages that are given nothing but what dvc.yaml says that they depend on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from safetensors.torch import save_file

from helpers.checkout import environment
from helpers.files import files_below
from helpers.repository import ROOT
from vital.networks.build import build_network

METHODS = ("vital", "activation", "maco")

KWARGS = {"channels": [8, 8, 16, 16], "output_stride": 16, "num_classes": 3}

PARAMS: dict[str, Any] = {
    "seed": 0,
    "data": {
        "source": "photographs", "size": 32,
        "per_class": {"train": 6, "validation": 3, "heldout": 5},
        "classes": ["brick wall", "cat", "pagoda"],
    },
    "model": {
        "name": "timm/resnet10t", "kwargs": KWARGS, "checkpoint": "weights.safetensors",
        "classes": ["brick wall", "cat", "pagoda"], "preprocessing": {"size": 32},
    },
    "units": {
        "random": {"taps": ["layer2"], "count": 1},
        "circuit": {"classes": ["cat"], "count": 1},
    },
    "extract": {"taps": ["input", "conv1", "layer2"], "references": 4, "batch": 4},
    "references": {"count": 3, "patch": 16, "shortlist": 6, "criterion": "relevance"},
    "relevance": {"shown": 2},
    "methods": list(METHODS),
    "visualize": {
        "seeds": 1, "steps": 4, "lr": 0.3, "jitter": 4, "batch": 4, "history_every": 2,
        "inner": {"steps": 4, "batch": 2, "parametrization": "fourier", "lr": 0.05},
    },
    "peers": {"activation": {"steps": 3}, "maco": {"steps": 2}, "budget": "published"},
    "judges": [
        {
            "name": "timm/resnet10t", "alias": "judge", "kwargs": {"channels": [8, 8, 8, 8]},
            "train": {"steps": 2, "batch": 8, "lr": 1.0e-3},
        }
    ],
    "score": {"perplexity": 3.0},
    "report": {"references": 2},
}  # fmt: skip
"""A run that uses every part: inner units of two kinds, a judge, a peer, a checkpoint."""

TRAINED: dict[str, Any] = {
    **PARAMS,
    "model": {
        "name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 16, 16]},
        "train": {"steps": 2, "batch": 8, "lr": 1.0e-3},
    },
}  # fmt: skip
"""The same with a network that the run trains."""

OTHER: dict[str, Any] = {
    **PARAMS,
    "seed": 1,
    "data": {**PARAMS["data"], "size": 40},
    "model": {**PARAMS["model"], "kwargs": {**KWARGS, "stem_width": 16}, "pretrained": False},
    "units": {"random": {"taps": ["layer2"], "count": 2}},
    "extract": {"taps": ["input", "layer1"], "references": 3, "batch": 4},
    "references": {"count": 2, "patch": 24, "shortlist": 6},
    "relevance": {"shown": 1, "composite": "guided_backpropagation"},
    "methods": ["activation"],
    "visualize": {**PARAMS["visualize"], "steps": 5, "inner": {"steps": 5, "batch": 2}},
    "peers": {"activation": {"steps": 2}, "maco": {"steps": 1}, "budget": "published"},
    "judges": [{**PARAMS["judges"][0], "train": {"steps": 1, "batch": 8, "lr": 1.0e-3}}],
    "score": {"perplexity": 2.0, "neighbours": 1},
    "report": {"references": 1},
}
"""The same blocks with other legal values."""


@dataclass(frozen=True)
class Declared:
    """A stage as dvc.yaml has it, for one method where there are several."""

    name: str
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]


def declared_stages() -> Iterator[Declared]:
    """The stages in the order in which they can run, without inputs, which is run by itself."""
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        if name == "inputs":
            continue
        for method in METHODS if "matrix" in stage else ("",):
            yield Declared(
                f"{name}@{method}" if method else name,
                _filled(stage["cmd"], method),
                tuple(_filled(dep, method) for dep in stage["deps"]),
                tuple(stage["params"]),
                tuple(_outs(stage, method)),
            )


def _outs(stage: Mapping[str, Any], method: str) -> Iterator[str]:
    for out in (*stage.get("outs", ()), *stage.get("metrics", ())):
        yield _filled(next(iter(out)) if isinstance(out, Mapping) else out, method)


def _filled(text: str, method: str) -> str:
    return text.replace("${item.method}", method)


def make_project(root: Path, params: Mapping[str, Any]) -> None:
    """The code, the checkpoint and the parameters, and nothing that a stage has made."""
    root.mkdir(parents=True)
    for package in ("stages", "vital"):
        (root / package).symlink_to(ROOT / package)
    save_checkpoint(root)
    save_params(root, params)


def save_params(root: Path, params: Mapping[str, Any]) -> None:
    """A project's params.yaml."""
    with (root / "params.yaml").open("w", encoding="utf-8") as handle:
        YAML(typ="safe").dump(dict(params), handle)


def save_checkpoint(root: Path) -> None:
    """The file that ``model.checkpoint`` of PARAMS names."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("timm/resnet10t", KWARGS)
    save_file(network.state_dict(), root / "weights.safetensors")


_NOTE_MODULES = """
import atexit, json, pathlib, runpy, sys
note, module, *sys.argv[1:] = sys.argv[1:]
ours = lambda name: name.partition(".")[0] in ("stages", "vital")
atexit.register(
    lambda: pathlib.Path(note).write_text(json.dumps(sorted(filter(ours, sys.modules))))
)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def run_stage(
    root: Path, command: str, *, note: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a stage's command; it may fail.

    With ``note`` it is tracked in a store of its own, and the names of the modules of ours that it
    has loaded by its end are written there.
    """
    words = command.split()
    if note is not None:
        words = [words[0], "-c", _NOTE_MODULES, str(note), *words[2:]]
    env = {**environment(track=note is not None), "OMP_NUM_THREADS": "1"}
    return subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=False)


def run_isolated(
    whole: Path,
    root: Path,
    stage: Declared,
    deps: Sequence[str],
    params: Sequence[str],
    content: Mapping[str, Any] = PARAMS,
) -> str:
    """Run a stage on these of the whole run's files and parameters; others differ or are absent.

    ``content`` is that of the whole run. Returns in what the result is not the whole run's, empty
    where it is the same.
    """
    make_project(root, {name: (content if name in params else OTHER)[name] for name in PARAMS})
    for dep in deps:
        (root / dep).parent.mkdir(parents=True, exist_ok=True)
        (root / dep).symlink_to(whole / dep)
    done = run_stage(root, stage.command)
    if done.returncode != 0:
        return f"it failed: {done.stderr[-400:]}"
    differing = [out for out in stage.outs if files_below(root / out) != files_below(whole / out)]
    return f"other bytes of {', '.join(differing)}" if differing else ""
