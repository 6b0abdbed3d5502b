"""What the terminal shows of a finished pipeline."""

from __future__ import annotations

from pathlib import Path

from vital.artefacts.project import Project
from vital.artefacts.visualizations import method_order
from vital.pipeline.summary import summarize
from vital.runtime.files import write_json


def test_methods_stand_in_the_order_that_they_have_everywhere(tmp_path: Path) -> None:
    project = Project(tmp_path)
    names = ["real", "activation", "maco", "vital"]
    write_json(project.scores / "metrics.json", {name: {"n": 3, "kid": None} for name in names})
    write_json(project.model / "metrics.json", {"accuracy_top1": 0.5})
    header, *rows = summarize(project).splitlines()
    assert header.split() == ["vital", "activation", "maco", "real"]
    assert header.split() == sorted(names, key=method_order)
    assert [row.split() for row in rows[:2]] == [["kid", *"----"], ["n", *"3333"]]
