"""Under the canonical rules no relevance is made or lost, in any family."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from helpers.additive import Ran, affine, channels, pairs, run, terms
from helpers.families import (
    FAMILIES,
    FULL_SIZE,
    Family,
    images_of,
    network_of,
    without_additive_terms,
)
from vital.relevance import ChannelStart, RelevanceReader, Start, canonical_composite, class_start
from vital.units import CLASS_TAP

BAR = 0.01
EPSILON = 1e-7
STARTS: dict[str, Callable[[Family], Start]] = {
    "class": lambda _: class_start(3),
    "channel": lambda family: ChannelStart(family.start, 5),
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_relevance_is_kept_where_nothing_is_added(name: str, start: str) -> None:
    check_without_additive_terms(FAMILIES[name], STARTS[start](FAMILIES[name]), count=2)


@pytest.mark.parametrize("gamma", [0.0, 0.25])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_not_kept_is_what_additive_terms_take(name: str, start: str, gamma: float) -> None:
    check_with_additive_terms(name, FAMILIES[name], STARTS[start](FAMILIES[name]), gamma, count=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_SIZE)
def test_relevance_is_kept_at_full_size(name: str) -> None:
    check_without_additive_terms(FULL_SIZE[name], class_start(3), count=1)
    check_with_additive_terms(name, FULL_SIZE[name], class_start(3), gamma=0.25, count=1)


def check_without_additive_terms(family: Family, start: Start, count: int) -> None:
    network = without_additive_terms(network_of(family))
    images = images_of(family, count)
    composite = canonical_composite(epsilon=EPSILON)
    with RelevanceReader(network, ["input", *family.taps], composite) as read:
        reading = read(images, [start] * count)
    for tap, relevance in reading.relevance.items():
        assert_kept(tap, relevance.sum((1, 2)), reading.starts)


def check_with_additive_terms(
    name: str, family: Family, start: Start, gamma: float, count: int
) -> None:
    network = network_of(family)
    images = images_of(family, count)
    ran = run(network, images)
    additive = list(terms(network, ran, gamma, EPSILON))
    taps = ["input", *family.taps]
    until = ran[start.tap].place if start.tap != CLASS_TAP else len(ran)
    sites = [term.site for term in additive if ran[term.site].place <= until]
    composite = canonical_composite("gamma" if gamma else "epsilon", gamma=gamma, epsilon=EPSILON)
    with RelevanceReader(network, dict.fromkeys([*taps, *sites]), composite) as read:
        reading = read(images, [start] * count)
    relevance = {site: raw(reading.relevance[site], ran[site], network, site) for site in sites}
    shares = {id(term): term.share(relevance[term.site]) for term in additive if term.site in sites}
    for tap in taps:
        place = -1 if tap == "input" else ran[tap].place
        taken = sum(
            (shares[id(term)] for term in additive if place < ran[term.site].place <= until),
            start=own_shift(tap, network, ran, relevance, shares, additive),
        )
        kept = reading.relevance[tap].sum((1, 2))
        report(f"{name}, {start}, {tap}", at_tap=kept, additive=taken, start=reading.starts)
        assert_kept(tap, kept + taken, reading.starts)


def own_shift(
    tap: str,
    network: nn.Module,
    ran: dict[str, Ran],
    relevance: dict[str, torch.Tensor],
    shares: dict[int, torch.Tensor],
    additive: list,
) -> torch.Tensor:
    """What to correct at a convolution that is merged with the batch norm after it.

    Between the two there is the plain gradient, so that of their common bias the convolution's
    output has seen the norm's shift only, and in full.
    """
    nothing = torch.zeros(())
    norm = pairs(network, ran).get(tap)
    if norm is None:
        return nothing
    (term,) = [term for term in additive if term.site in (norm, f"{norm}.drop")]
    output = ran[term.site].output
    _, shift = affine(dict(network.named_modules())[norm])
    plain = (channels(shift, output) * relevance[term.site] / output).flatten(1).sum(1)
    return plain - shares[id(term)]


def raw(relevance: torch.Tensor, ran: Ran, network: nn.Module, site: str) -> torch.Tensor:
    """Relevance (B, C, D) in the layout of the module's own output."""
    shape = ran.output.shape
    if len(shape) == 2:
        return relevance.squeeze(-1)
    if len(shape) == 3:
        return relevance.transpose(1, 2)
    last, first = shape[1] == shape[2], shape[2] == shape[3]  # the images are square
    declared = getattr(network, "output_fmt", "") == "NHWC"
    convolution = isinstance(network.get_submodule(site), nn.Conv2d)
    channels_last = not convolution and (declared if last == first else last)
    return relevance.transpose(1, 2).reshape(shape) if channels_last else relevance.reshape(shape)


def report(where: str, **parts: torch.Tensor) -> None:
    """Print the parts of the balance; ``pytest -rP`` shows them."""
    shown = "; ".join(f"{name} {part.tolist()}" for name, part in parts.items())
    print(f"{where}: {shown}")  # noqa: T201


def assert_kept(where: str, found: torch.Tensor, start: torch.Tensor) -> None:
    off = (found - start).abs() / start.abs()
    assert float(off.max()) < BAR, f"{where}: {found.tolist()} of {start.tolist()}"
