"""report: a page that shows everything, and the pipeline's run completed from the files."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.artefacts.report import PAGE
from vital.params.report import ReportParams
from vital.pipeline.tracking import complete_parent
from vital.report.page.build import build_report


def report(stage: Stage) -> None:
    """Write data/report and complete the parent run."""
    build_report(stage.project, stage.params("report", ReportParams))
    stage.run.file(stage.project.report / PAGE, "report")
    complete_parent(stage.project)


if __name__ == "__main__":
    run(report, "seed", "report")
