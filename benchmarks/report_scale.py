"""Does the report stay quick with 1000 classes and five methods?

    python -m benchmarks.report_scale [--classes 1000] [--methods 5] [--side 224] [--folder FOLDER]

Artefacts of made-up classes, with an image per class and method, become a report as the pipeline
would make it, which a headless chromium opens from the disk. One line of JSON says how long

- ``open_seconds``: navigation takes to the end of the load event;
- ``longest_task_ms``: the page's longest task after it lasts, over 10 seconds of doing nothing,
  scrolling, filtering, sorting and pointing at the map (0: none of 50 ms or more);
- ``frame_ms_95``: 95 % of frames take at most while the wheel scrolls through the rows.

``build_seconds`` is how long the report takes to make, ``page_megabytes`` and ``folder_megabytes``
how large it is. A folder that is given is kept, and not filled again when it has a report.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from PIL import Image
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.folders import kept_or_temporary
from vital.artefacts.project import Project
from vital.artefacts.reference_images import write_references
from vital.artefacts.report import PAGE
from vital.artefacts.visualizations import INDEX, PHOTOGRAPH, REAL
from vital.params.methods import METHODS
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.runtime.files import write_json, write_text
from vital.runtime.table_files import write_csv, write_parquet

CHROMIUM = "/usr/bin/chromium"
PHOTOGRAPHS = 4
COARSE = 7
"""Cells along a side of an image before it is enlarged: as large a file as a smooth photograph."""

WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries()
    .map((task) => [task.startTime, task.duration]))).observe({type: "longtask", buffered: true});
}"""
RECORD_FRAMES = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const record = (now) => {
    frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(record);
  };
  requestAnimationFrame((now) => { last = now; requestAnimationFrame(record); });
}"""


def main(
    classes: Annotated[int, typer.Option(min=2)] = 1000,
    methods: Annotated[int, typer.Option(min=1, max=len(METHODS))] = len(METHODS),
    side: Annotated[int, typer.Option(min=8)] = 224,
    folder: Path | None = None,
) -> None:
    """Build the report, open it, use it."""
    with kept_or_temporary(folder) as root:
        project = Project(root)
        built = None
        if not (project.report / PAGE).exists():
            write_artefacts(project, classes, METHODS[:methods], side)
            began = time.perf_counter()
            build_report(project, ReportParams())
            built = round(time.perf_counter() - began, 1)
        files = [path for path in project.report.rglob("*") if path.is_file()]
        line = {
            "classes": classes,
            "methods": methods,
            "side": side,
            "build_seconds": built,
            "page_megabytes": round((project.report / PAGE).stat().st_size / 1e6, 2),
            "folder_megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 1),
            **measure(project.report / PAGE),
            "load_average": round(os.getloadavg()[0], 1),
        }
        typer.echo(json.dumps(line))


@dataclass(frozen=True)
class MadeUp:
    """Where the files of a made-up experiment go, and the draws that fill them."""

    project: Project
    names: list[str]
    side: int
    draws: np.random.Generator

    def image(self, path: Path) -> None:
        """Write blurred blotches of colour."""
        coarse = self.draws.integers(0, 256, (COARSE, COARSE, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((self.side, self.side), Image.Resampling.BICUBIC)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, compress_level=1)

    def places(self, kind: str, image: str) -> pd.DataFrame:
        """A point of the map for every class, near the class's own place."""
        turns = np.arange(len(self.names)) * 2.4  # a sunflower's seeds: evenly spread
        radii = np.sqrt(np.arange(len(self.names)))
        noise = self.draws.normal(0, 0.6, (2, len(self.names)))
        return pd.DataFrame(
            {
                "kind": kind,
                "unit": range(len(self.names)),
                "name": self.names,
                "x": radii * np.cos(turns) + noise[0],
                "y": radii * np.sin(turns) + noise[1],
                "image": [image.format(unit) for unit in range(len(self.names))],
            }
        )


def write_artefacts(project: Project, classes: int, methods: tuple[str, ...], side: int) -> None:
    """Write what the stages before the report leave about classes."""
    names = [f"made-up class number {unit}" for unit in range(classes)]
    made_up = MadeUp(project, names, side, np.random.default_rng(0))
    write_text(project.params, Path("params.yaml").read_text(encoding="utf-8"))
    points = [_photographs(made_up)]
    targets = []
    for method in methods:
        index = _visualizations(made_up, method)
        targets.append(_verdicts(made_up, index))
        points.append(made_up.places(method, "images/{:04d}.png"))
    write_parquet(project.scores / "targets.parquet", pd.concat(targets, ignore_index=True))
    write_csv(project.scores / "embedding.csv", pd.concat(points, ignore_index=True))
    scores: dict[str, Any] = {
        kind: {"accuracy_top1": 0.75, "frechet": 12.0, "kid": 0.01, "n": classes, "m": classes}
        for kind in (*methods, REAL)
    }
    write_json(project.scores / "metrics.json", scores)


def _photographs(made_up: MadeUp) -> pd.DataFrame:
    path = "photographs/{:04d}-{}.png"
    rows = [
        {"label": unit, "class_name": name, "path": path.format(unit, number)}
        for unit, name in enumerate(made_up.names)
        for number in range(PHOTOGRAPHS)
    ]
    for row in rows:
        made_up.image(made_up.project.images / str(row["path"]))
    references = pd.DataFrame(rows).assign(sha256="", probability=np.nan, reference_set=0)
    write_references(made_up.project.statistics, references)
    points = [made_up.places(PHOTOGRAPH, path.replace("{}", str(n))) for n in range(PHOTOGRAPHS)]
    return pd.concat(points, ignore_index=True)


def _visualizations(made_up: MadeUp, method: str) -> pd.DataFrame:
    folder = made_up.project.visualizations(method)
    index = pd.DataFrame(
        {
            "method": method,
            "tap": "class",
            "unit": range(len(made_up.names)),
            "name": made_up.names,
            "seed": 0,
            "image": [f"images/{unit:04d}.png" for unit in range(len(made_up.names))],
            "probability": made_up.draws.beta(5, 1, len(made_up.names)),
        }
    )
    for image in index["image"]:
        made_up.image(folder / image)
    INDEX.write(folder, index)
    return index


def _verdicts(made_up: MadeUp, index: pd.DataFrame) -> pd.DataFrame:
    is_right = made_up.draws.random(len(index)) < 0.75
    others = index["name"].to_numpy()[made_up.draws.permutation(len(index))]
    return index.assign(
        top1=is_right,
        predicted_name=np.where(is_right, index["name"], others),
        centroid_distance=made_up.draws.uniform(0.5, 3, len(index)),
    )


def measure(page_file: Path) -> dict[str, float]:
    """Open the page as a reader would, then use it; see the module's words for the figures."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        errors: list[Error] = []
        page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - not a builtin
        page.add_init_script(f"({WATCH})()")
        page.goto(page_file.as_uri())
        load_end = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        page.wait_for_timeout(2000)
        frames = _scroll(page)
        _filter_and_sort(page)
        _point_at_map(page)
        tasks = [taken for began, taken in page.evaluate("tasks") if began > load_end]
        browser.close()
    if errors:
        raise errors[0]
    return {
        "open_seconds": round(load_end / 1000, 2),
        "longest_task_ms": round(max(tasks, default=0)),
        "frame_ms_95": round(float(np.quantile(frames, 0.95)), 1),
        "frame_ms_longest": round(max(frames)),
        "frames": len(frames),
    }


def _scroll(page: Page) -> list[float]:
    """Turn the wheel through the rows for some four seconds; the frames' lengths."""
    page.mouse.move(680, 600)
    page.evaluate(RECORD_FRAMES)
    for _ in range(80):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(50)
    frames: list[float] = page.evaluate("frames_ms")
    return frames


def _filter_and_sort(page: Page) -> None:
    for text in ("number 1", "number 12", ""):
        page.locator("#wanted").fill(text)
        page.wait_for_timeout(300)
    for choice in (page.locator("#sorted-by"), page.locator("#misread-by")):
        for value in ("2", "0"):
            choice.select_option(value)
            page.wait_for_timeout(300)


def _point_at_map(page: Page) -> None:
    page.evaluate("location.hash = '#map'")
    box = page.locator("canvas.all").bounding_box()
    assert box is not None, "the map is on the page"
    page.wait_for_timeout(1000)
    for part in np.linspace(0.1, 0.9, 20):
        page.mouse.move(box["x"] + part * box["width"], 500)
        page.wait_for_timeout(50)


if __name__ == "__main__":
    typer.run(main)
