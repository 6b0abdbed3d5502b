"""The report's cards of inner units: images, reference patches, and what is relevant in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from vital.artefacts.project import Project
from vital.images.files import read_image
from vital.report.figures.overlays import lay_relevance
from vital.report.page.pictures import Picture, PictureFolder
from vital.report.unit_files import (
    PatchFile,
    Visualization,
    dead_units,
    unit_patches,
    unit_reasons,
    unit_visualizations,
)
from vital.units import CLASS_TAP


@dataclass(frozen=True)
class ShownVisualization:
    """One visualization of an inner unit; ``transparent`` is None where it has no such variant."""

    whole: Picture
    transparent: Picture | None
    seed: int


@dataclass(frozen=True)
class ShownPatch:
    """A reference patch; ``relevance`` is the same with its heat map, None without a mask."""

    picture: Picture
    relevance: Picture | None
    caption: str


@dataclass(frozen=True)
class UnitCard:
    """An inner unit: why it was asked for, what each method made for it, what it responds to."""

    unit: str
    reasons: list[str]
    is_dead: bool
    methods: list[tuple[str, list[ShownVisualization]]]
    patches: list[ShownPatch]


def unit_cards(project: Project, most: int, pictures: PictureFolder) -> list[UnitCard]:
    """A card per inner unit in the order of the request, with at most ``most`` patches each.

    Raises ArtefactError for a table that is damaged or names a file outside its folder.
    """
    reasons, dead = unit_reasons(project), dead_units(project)
    visualizations = unit_visualizations(project)
    patches = unit_patches(project, most)
    return [
        UnitCard(
            unit=unit,
            reasons=reasons.get(unit, []),
            is_dead=unit in dead,
            methods=[
                (method, [_visualization(one, pictures) for one in made])
                for method, made in groupby(visualizations.get(unit, []), lambda one: one.method)
            ],
            patches=[_patch(one, pictures) for one in patches.get(unit, [])],
        )
        for unit in dict.fromkeys([*reasons, *visualizations, *patches])
        if not unit.startswith(f"{CLASS_TAP}/")
    ]


def _visualization(made: Visualization, pictures: PictureFolder) -> ShownVisualization:
    transparent = made.transparent
    return ShownVisualization(
        whole=pictures.copy(made.image, "unit"),
        transparent=None if transparent is None else pictures.copy(transparent, "transparent"),
        seed=made.seed,
    )


def _patch(patch: PatchFile, pictures: PictureFolder) -> ShownPatch:
    relevance = None
    if patch.mask is not None:
        laid = lay_relevance(read_image(patch.path), read_image(patch.mask))
        relevance = pictures.draw(laid, "relevance")
    return ShownPatch(
        picture=pictures.shrink(patch.path, "patch"),
        relevance=relevance,
        caption=f"part of {patch.photograph}, {patch.criterion} {patch.score:.3g}",
    )
