"""Block ``judges``: networks that judge the images and that no method optimises."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated

from pydantic import Field, RootModel, field_validator

from vital.params.base import rule_error
from vital.params.model import ModelParams

Alias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class JudgeParams(ModelParams):
    """A network as in block ``model``; ``alias`` is what folders and metrics call it."""

    alias: Alias | None = None

    @property
    def called(self) -> str:
        """The alias, or what the architecture's name leaves without its origin."""
        short = re.split(r"[/:]", self.name)[-1]
        return self.alias or re.sub(r"[^A-Za-z0-9_]+", "_", short)


class JudgesParams(RootModel[tuple[JudgeParams, ...]]):
    """The list of judges, perhaps empty."""

    @field_validator("root")
    @classmethod
    def _differ(cls, judges: tuple[JudgeParams, ...]) -> tuple[JudgeParams, ...]:
        for name, count in Counter(judge.called for judge in judges).items():
            if count > 1:
                raise rule_error(f"holds {count} judges called {name!r}: give them an alias each")
        return judges
