"""What is known of a method before it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vital.methods.base import Method, MethodInputs
from vital.params.base import Block

Make = Callable[[MethodInputs], Method]


@dataclass(frozen=True)
class MethodRecord:
    """A method: its name, its parameter block, and what makes it for classes and inner units.

    Without ``of_inner_units`` it makes images of classes only.
    """

    name: str
    params: type[Block]
    of_classes: Make
    of_inner_units: Make | None
