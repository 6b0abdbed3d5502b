"""Does the whole pipeline bear ImageNet's number of classes and references?

    python -m benchmarks.scale [--classes 1000] [--references 50] [--folder FOLDER]

A fresh copy of the project, with git, DVC and MLflow of its own, is given a folder of generated
images, a small network with random weights and as many logits as there are classes, and a few
optimization steps. ``dvc repro`` runs all stages there, then once more with nothing to do but
``inputs``, which every run does. One line of JSON: under ``stages``, for each,

- ``seconds`` and ``peak_mib``: how long its process took, and its greatest resident memory;
- ``files`` and ``megabytes``: what it wrote, as dvc.lock has it.

``seconds`` is the whole run, ``dvc_seconds`` what is in no stage: DVC's hashing, mostly, with its
``dvc_share``; ``noop_seconds`` and ``noop_peak_mib`` are those of the run with nothing to do;
``page_megabytes``, ``report_megabytes`` and ``report_files`` tell the report's size. A folder
that is given is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image
from ruamel.yaml import YAML

from benchmarks.checkout import copy_sources
from benchmarks.folders import kept_or_temporary
from vital.artefacts.project import Project
from vital.artefacts.report import PAGE
from vital.networks.build import build_network
from vital.runtime.seeds import derive_seed
from vital.runtime.tensors import write_tensors

NETWORK = "timm/test_resnet"
SOURCE, WEIGHTS, MEASURED = "generated", "redrawn.safetensors", "measured.jsonl"
COARSE = 4
"""Cells along a side of an image before it is enlarged."""

RECORDER = """\
#!{python}
# Stands before the interpreter on the PATH: notes a process's seconds and greatest memory.
import json, os, subprocess, sys, time
began = time.time()
process = subprocess.Popen([{python!r}, *sys.argv[1:]])
_, status, usage = os.wait4(process.pid, 0)
line = dict(arguments=sys.argv[1:], seconds=time.time() - began, peak_mib=usage.ru_maxrss / 1024)
with open({measured!r}, "a") as file:
    print(json.dumps(line), file=file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def main(
    classes: Annotated[int, typer.Option(min=2)] = 1000,
    references: Annotated[int, typer.Option(min=2)] = 50,
    heldout: Annotated[int, typer.Option(min=4, help="Images of each class to judge by.")] = 20,
    side: Annotated[int, typer.Option(min=16, help="Of images, in pixels.")] = 32,
    steps: Annotated[int, typer.Option(min=1)] = 5,
    method: Annotated[list[str] | None, typer.Option(help="Repeat for several.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to; it must be empty.")] = None,
) -> None:
    """Run the pipeline at the given scale, and once more with nothing to do."""
    trial = Trial(classes, references, heldout, side, steps, tuple(method or ("vital", "fourier")))
    with kept_or_temporary(folder) as root:
        typer.echo(json.dumps({"benchmark": "scale", **trial.facts(), **trial.measure(root)}))


@dataclass(frozen=True)
class Trial:
    """How large an experiment to run."""

    classes: int
    references: int
    heldout: int
    side: int
    steps: int
    methods: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """What was asked for."""
        return {
            "classes": self.classes,
            "references": self.references,
            "heldout": self.heldout,
            "side": self.side,
            "steps": self.steps,
            "methods": list(self.methods),
        }

    def measure(self, root: Path) -> dict[str, Any]:
        """Run the pipeline twice in the empty folder ``root``, and say what that took."""
        self._set_up(root)
        *stages, whole = _reproduce(root)
        *repeated, noop = _reproduce(root)
        if again := [_stage(record) for record in repeated if _stage(record) != "inputs"]:
            raise RuntimeError(f"{again[0]} ran again, though nothing had changed")
        in_stages = sum(record["seconds"] for record in stages)
        return {
            "stages": {_stage(record): _of_stage(root, record) for record in stages},
            "seconds": round(whole["seconds"], 1),
            "dvc_seconds": round(whole["seconds"] - in_stages, 1),
            "dvc_share": round(1 - in_stages / whole["seconds"], 3),
            "noop_seconds": round(noop["seconds"], 1),
            "noop_peak_mib": round(noop["peak_mib"]),
            **_report_size(Project(root)),
        }

    def _set_up(self, root: Path) -> None:
        copy_sources(root)
        names = [f"class {number:04d}" for number in range(self.classes)]
        per_class = self.references + self._validation + self.heldout
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda name: self._write_class(root, name, per_class), names):
                pass
        self._write_network(root)
        with (root / "params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(self._params(names), file)
        _put_recorder_first(root)
        for command in (["git", "init", "-q"], ["git", "add", "-A"], ["git", *_COMMIT]):
            subprocess.run(command, cwd=root, check=True)

    @property
    def _validation(self) -> int:
        return 5

    def _write_class(self, root: Path, name: str, count: int) -> None:
        draws = np.random.default_rng(derive_seed(0, "scale", name))
        folder = root / SOURCE / name
        folder.mkdir(parents=True)
        for number in range(count):
            coarse = draws.integers(0, 256, (COARSE, COARSE, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((self.side,) * 2, Image.Resampling.BICUBIC)
            image.save(folder / f"{number:04d}.png", compress_level=1)

    def _write_network(self, root: Path) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(0, "scale", "weights"))
            network = build_network(NETWORK, {"num_classes": self.classes})
        write_tensors(root / WEIGHTS, network.state_dict())

    def _params(self, names: list[str]) -> dict[str, Any]:
        inner = [{"tap": "layer3", "classes": names[:2], "count": 2}]
        return {
            "seed": 0,
            "data": {
                "source": SOURCE,
                "per_class": {
                    "train": self.references,
                    "validation": self._validation,
                    "heldout": self.heldout,
                },
            },
            "model": {
                "name": NETWORK,
                "kwargs": {"num_classes": self.classes},
                "checkpoint": WEIGHTS,
                "preprocessing": {"size": self.side},
                "classes": names,
            },
            "units": {"top": inner},
            "extract": {"references": self.references, "batch": 50},
            "references": {"patch": self.side // 2},
            "relevance": {},
            "methods": list(self.methods),
            "visualize": {"seeds": 1, "steps": self.steps, "lr": 0.3, "batch": 50},
            "peers": {},
            "judges": [],
            "score": {"perplexity": 30.0},
            "report": {"references": 4},
        }


_COMMIT = (
    "-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org",
    "commit", "-q", "-m", "A pipeline to run",
)  # fmt: skip


def _put_recorder_first(root: Path) -> None:
    recorder = root / "bin" / "python3"
    recorder.parent.mkdir()
    measured = str(root / MEASURED)
    recorder.write_text(RECORDER.format(python=sys.executable, measured=measured))
    recorder.chmod(0o755)
    kept_out = [f"/{name}" for name in (SOURCE, WEIGHTS, MEASURED, "bin")]
    with (root / ".gitignore").open("a", encoding="utf-8") as file:
        file.write("\n".join(["", *kept_out, ""]))


def _reproduce(root: Path) -> list[dict[str, Any]]:
    """Run DVC; returns the notes of the stages that it ran, and of itself, which comes last."""
    measured = root / MEASURED
    measured.unlink(missing_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment = {
        **kept,
        "PATH": os.pathsep.join([str(root / "bin"), kept["PATH"]]),
        "PYTHONPATH": str(root),
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [str(root / "bin" / "python3"), "-m", "dvc", "repro"]
    subprocess.run(command, cwd=root, env=environment, stdout=sys.__stderr__, check=True)
    return [json.loads(line) for line in measured.read_text().splitlines()]


def _stage(record: dict[str, Any]) -> str:
    """DVC's name of the stage: python3 -m stages.<stage> [--method <method>]."""
    name, *method = (word for word in record["arguments"] if not word.startswith("-"))
    return "@".join([name.removeprefix("stages."), *method])


def _of_stage(root: Path, record: dict[str, Any]) -> dict[str, float]:
    outs = YAML(typ="safe").load(root / "dvc.lock")["stages"][_stage(record)]["outs"]
    return {
        "seconds": round(record["seconds"], 1),
        "peak_mib": round(record["peak_mib"]),
        "files": sum(out.get("nfiles", 1) for out in outs),
        "megabytes": round(sum(out["size"] for out in outs) / 1e6, 2),
    }


def _report_size(project: Project) -> dict[str, float]:
    sizes = [path.stat().st_size for path in project.report.rglob("*") if path.is_file()]
    return {
        "page_megabytes": round((project.report / PAGE).stat().st_size / 1e6, 2),
        "report_megabytes": round(sum(sizes) / 1e6, 1),
        "report_files": len(sizes),
    }


if __name__ == "__main__":
    typer.run(main)
