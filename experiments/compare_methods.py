"""How do the methods compare on the embedded default, with ten images of each class?

    python -m experiments.compare_methods [--out FOLDER] [--budget NAME ...] [--profile NAME]

Each budget of the peers, ``equal`` and ``published``, is a pipeline of its own in a folder below
--out, run up to its scores; both share one DVC cache, so that what a budget leaves as it was is
not run again. A folder that is finished stays as it is: delete it to run it again. Written are
NAME.md per budget: the metrics of every method and of as many real photographs, in the studied
network and in the judge, and VITAL minus each peer with 95 % intervals over classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from benchmarks.checkout import ROOT
from experiments.options import asked_for
from experiments.pipelines import run_pipeline
from experiments.score_tables import score_markdown
from vital.params.peers import Budget
from vital.pipeline.profiles import compose_profile
from vital.runtime.files import write_text

BUDGETS: tuple[str, ...] = get_args(Budget)


def main(
    out: Annotated[Path, typer.Option(help="Folders of runs, tables")] = Path("compare"),
    budget: Annotated[list[str] | None, typer.Option(help="; ".join(BUDGETS))] = None,
    profile: Annotated[str, typer.Option(help="What is run, perhaps with +variants")] = (
        "photographs+compare"
    ),
    profiles: Annotated[Path, typer.Option(help="The folder of profiles")] = ROOT / "profiles",
) -> None:
    """Run the budgets asked for, or both, and print their tables."""
    for name in asked_for(budget, BUDGETS, BUDGETS, "--budget"):
        params = compose_profile(profiles, f"{profile}+{name}")
        run = run_pipeline(out.resolve(), name, params)
        tables = score_markdown(run.project)
        write_text(out / f"{name}.md", tables)
        typer.echo(f"Budget {name}:\n\n{tables}")


if __name__ == "__main__":
    typer.run(main)
