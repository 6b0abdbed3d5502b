"""The parts of the benchmark of faithfulness, on images and networks whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import nn

from experiments.faithfulness import (
    CANDIDATES,
    CELL,
    STEPS,
    Photograph,
    RelevanceRanking,
    areas,
    by_chance,
    by_gradient,
    cell_totals,
    draw,
    interval,
    main,
    replaced,
)
from helpers.commands import run_main
from vital.images.preprocessing import Preprocessing
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import INPUT_TAP
from vital.relevance import RelevanceReader

ROWS, COLUMNS = 4, 5


class CornerNetwork(nn.Module):
    """Its logit 0 is the sum of the pixels of the first cell, its logit 1 is always 0."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 2, CELL, stride=CELL, bias=False)
        self.classifier = nn.Linear(2 * ROWS * COLUMNS, 2, bias=False)
        with torch.no_grad():
            self.features.weight.fill_(1.0)
            self.classifier.weight.zero_()
            self.classifier.weight[0, 0] = 1.0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def photograph(name: str = "a") -> Photograph:
    draws = torch.Generator().manual_seed(0)
    image = torch.rand(3, ROWS * CELL, COLUMNS * CELL, generator=draws)
    image[:, :CELL, :CELL] += 1.0
    return Photograph(name, image, 0)


def network() -> nn.Module:
    return CornerNetwork().eval().requires_grad_(False)


def test_cell_totals_are_sums_over_colours_and_pixels() -> None:
    image = photograph().image
    expected = [
        image[:, CELL * row : CELL * (row + 1), CELL * column : CELL * (column + 1)].sum()
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    torch.testing.assert_close(cell_totals(image), torch.stack(expected))


def test_cells_are_replaced_by_the_mean_colour_in_order() -> None:
    image = photograph().image
    order = torch.randperm(ROWS * COLUMNS, generator=torch.Generator().manual_seed(1))
    scores = torch.empty(ROWS * COLUMNS)
    scores[order] = torch.arange(ROWS * COLUMNS, 0, -1.0)
    images = replaced(image, scores)
    assert images.shape == (STEPS + 1, *image.shape)
    expected = image.clone()
    assert torch.equal(images[0], expected)
    # There are as many cells as steps here: each step replaces one.
    for step, cell in enumerate(order.tolist(), start=1):
        row, column = divmod(cell, COLUMNS)
        for colour in range(3):
            rows = slice(CELL * row, CELL * (row + 1))
            columns = slice(CELL * column, CELL * (column + 1))
            expected[colour, rows, columns] = image[colour].mean()
        assert torch.equal(images[step], expected)


@pytest.mark.parametrize("name", CANDIDATES)
def test_relevance_finds_the_one_cell_that_counts(name: str) -> None:
    shown = photograph()
    with RelevanceReader(network(), [INPUT_TAP], CANDIDATES[name].make()) as read:
        ranking = RelevanceRanking(read)
        (found,) = areas(network(), [shown], ranking)
    whole = float(shown.image[:, :CELL, :CELL].sum())
    blank = float(shown.image.mean(dim=(1, 2)).sum()) * CELL**2
    assert found == pytest.approx((whole + STEPS * blank) / (STEPS + 1), rel=1e-5)
    # Nothing here is negative: of alpha = 2 and beta = 1 only alpha counts, in the one convolution.
    kept = 2.0 if name == "canonical_alpha_beta" else 1.0
    assert ranking.kept == pytest.approx(kept, rel=1e-3)


def test_the_gradient_finds_it_too() -> None:
    scores = by_gradient(network())(photograph())
    assert scores.nonzero().flatten().tolist() == [0]
    assert float(scores[0]) == 3 * CELL**2


def test_chance_has_an_order_per_photograph_and_seed() -> None:
    first, second = photograph("a"), photograph("b")
    assert torch.equal(by_chance(0)(first), by_chance(0)(first))
    assert not torch.equal(by_chance(0)(first), by_chance(0)(second))
    assert not torch.equal(by_chance(0)(first), by_chance(1)(first))


def test_the_interval_is_that_of_a_mean() -> None:
    differences = np.random.default_rng(0).normal(-2.0, 3.0, 400)
    found = interval(differences, seed=0)
    error = 1.96 * differences.std() / np.sqrt(len(differences))
    assert found["mean"] == pytest.approx(differences.mean(), abs=1e-3)
    assert found["low"] == pytest.approx(differences.mean() - error, abs=0.03)
    assert found["high"] == pytest.approx(differences.mean() + error, abs=0.03)
    assert found == interval(differences, seed=0)
    assert interval(np.full(5, 1.5), seed=0) == {"mean": 1.5, "low": 1.5, "high": 1.5}


def test_what_it_cannot_run_on_is_refused(tmp_path: Path) -> None:
    assert run_main(main, "--data", tmp_path / "absent").exit_code == 2
    wrong = run_main(main, "--data", tmp_path, "--composite", "gamma")
    assert wrong.exit_code == 2
    assert "unknown: gamma" in wrong.output


def test_more_photographs_than_there_are_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n01").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "n01" / "one.png")
    with pytest.raises(typer.BadParameter, match="has 1"):
        draw(tmp_path, studied(), count=2, seed=0)


def test_photographs_are_drawn_once_each_with_their_folders_class(tmp_path: Path) -> None:
    for label in range(6):
        (tmp_path / f"n{label}").mkdir()
        Image.new("RGB", (8, 8), (40 * label,) * 3).save(tmp_path / f"n{label}" / f"{label}.png")
    drawn = draw(tmp_path, studied(), count=5, seed=0)
    assert len({shown.label for shown in drawn}) == 5
    for shown in drawn:
        assert shown.name == f"{shown.label}.png"
        torch.testing.assert_close(shown.image, torch.full((3, 8, 8), 40 * shown.label / 255))
    again = draw(tmp_path, studied(), count=5, seed=0)
    assert [shown.name for shown in again] == [shown.name for shown in drawn]


def studied() -> StudiedModel:
    plain = Preprocessing(size=(8, 8), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return StudiedModel("corner", network(), plain, classes=(), taps={}, sha256="")
