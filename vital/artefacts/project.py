"""Where a pipeline's files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

METRICS_FILE = "metrics.json"
"""In the folders of the network, of the judges and of the scores: what DVC shows as metrics."""

STAGES = (
    "inputs", "prepare", "model", "units", "extract", "references", "relevance", "visualize",
    "judges", "score", "report",
)  # fmt: skip


@dataclass(frozen=True)
class Project:
    """The folder that holds params.yaml and dvc.yaml, and everything inside it."""

    root: Path

    @property
    def home(self) -> Path:
        """The checkout that lasts: an experiment's temporary copy belongs to the one around it."""
        parts = self.root.resolve().parts
        for i in range(len(parts) - 2):
            if parts[i : i + 3] == (".dvc", "tmp", "exps"):
                return Path(*parts[:i])
        return self.root.resolve()

    @property
    def params(self) -> Path:
        """The experiment's parameters."""
        return self.root / "params.yaml"

    @property
    def inputs(self) -> Path:
        """Written by inputs: what each stage depends on besides parameters and files of data/."""
        return self.root / "data" / "inputs"

    @property
    def images(self) -> Path:
        """Written by prepare: images and their manifest."""
        return self.root / "data" / "images"

    @property
    def model(self) -> Path:
        """Written by model: weights, their description, the network's accuracy."""
        return self.root / "data" / "model"

    @property
    def units(self) -> Path:
        """Written by units: which inner units are studied."""
        return self.root / "data" / "units"

    @property
    def references(self) -> Path:
        """Written by references: the image patches that inner units respond to most."""
        return self.root / "data" / "references"

    @property
    def relevance(self) -> Path:
        """Written by relevance: weighted statistics of inner units, heat maps, circuits."""
        return self.root / "data" / "relevance"

    @property
    def statistics(self) -> Path:
        """Written by extract: quantile functions of class units, a file per tap."""
        return self.root / "data" / "statistics"

    def visualizations(self, method: str) -> Path:
        """Written by visualize: images, index and history of one method."""
        return self.root / "data" / "visualizations" / method

    @property
    def judges(self) -> Path:
        """Written by judges: a folder as that of the model for each judge, and their accuracy."""
        return self.root / "data" / "judges"

    @property
    def scores(self) -> Path:
        """Written by score: metrics and what they were made of."""
        return self.root / "data" / "scores"

    @property
    def report(self) -> Path:
        """Written by report: the static page."""
        return self.root / "data" / "report"

    def timing(self, stage: str) -> Path:
        """How long a stage took; in no hashed artefact."""
        return self.root / "data" / "timings" / f"{stage}.json"

    @property
    def written(self) -> tuple[Path, ...]:
        """The folders below data/ whose content stages write, and delete before they do."""
        return (
            self.images, self.model, self.units, self.statistics, self.references, self.relevance,
            self.root / "data" / "visualizations", self.judges, self.scores, self.report,
            self.inputs, self.root / "data" / "timings",
        )  # fmt: skip

    @property
    def state(self) -> Path:
        """What outlives the stages: the work store and the tracking store's notes."""
        return self.home / ".vital"

    @property
    def locks(self) -> Path:
        """Who writes which outputs here; an experiment's temporary copy has its own."""
        return self.root / ".vital" / "locks"

    @property
    def work(self) -> Path:
        """What is finished of the stages' work, and checkpoints."""
        return self.state / "work"
