"""What a call is about to do and about how long that takes, in one line of the log."""

from __future__ import annotations

import logging
import time

import torch

from vital.api.plan import CallPlan
from vital.methods.base import Setup
from vital.methods.schedule import total_steps
from vital.params.studied_method import STUDIED
from vital.params.visualize import VisualizeParams
from vital.pipeline.estimate import full_size_steps

log = logging.getLogger(__name__)

_RUNS = 3
"""So often the network is run to see how long it takes, the first times to warm up."""

_ENOUGH = 0.5
"""Seconds after which it is not run again: with what one run takes, well below two."""

_STEP = 3
"""A step takes so many times as long as the network's answer: the way back, and the rest."""

_MASKS = 3
"""The same of the relevance by which masks of channels' images are made."""


def announce(plan: CallPlan, seeds: int) -> None:
    """Log what there is to make; how long it takes is measured in less than two seconds."""
    params = plan.settings.visualize if plan.classes else plan.settings.visualize.for_inner()
    references = plan.references.images.values() if plan.references else ()
    counted = [
        _count(len(plan.classes), "class", "classes"),
        _count(len(plan.channels), "channel"),
        _count(sum(map(len, references)), "reference"),
        _count(_steps(plan, params), "step"),
    ]
    seconds = answers(plan, seeds) * seconds_per_answer(plan.setup, plan.settings.visualize.batch)
    searched = plan.channels and plan.method == STUDIED
    rest = ", and the search for patches" if searched else ""
    log.info("%s: %s%s", ", ".join(filter(None, counted)), duration(seconds), rest)


def duration(seconds: float) -> str:
    """About how long something takes, as people say it."""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} seconds"
    if seconds < 5400:
        return f"about {_count(max(1, round(seconds / 60)), 'minute')}"
    return f"about {_count(round(seconds / 3600), 'hour')}"


def answers(plan: CallPlan, seeds: int) -> float:
    """The answers of the network for one image that take as long as all steps."""
    classes = plan.settings.visualize
    channels = classes.for_inner()
    per_channel = _STEP * _shown(plan, channels)
    if plan.method == STUDIED:
        per_channel *= 1 + _MASKS / _STEP / classes.inner.masks_every
    return (
        _padded(len(plan.classes) * seeds, classes.batch) * _STEP * _shown(plan, classes)
        + _padded(len(plan.channels) * seeds, channels.batch) * per_channel
    )


def seconds_per_answer(setup: Setup, batch: int) -> float:
    """How long the network's answer for one image takes, of several where a GPU takes them."""
    several = batch if setup.device.type == "cuda" else 1
    size = setup.model.preprocessing.size
    images = torch.zeros(several, 3, *size, device=setup.device)
    network = setup.model.to(setup.device).network
    begun = now = time.perf_counter()
    seconds = 0.0
    for _ in range(_RUNS):
        with torch.no_grad():
            network(images)
        if setup.device.type == "cuda":
            torch.cuda.synchronize(setup.device)
        seconds, now = time.perf_counter() - now, time.perf_counter()
        if now - begun > _ENOUGH:
            break
    return seconds / several


def _shown(plan: CallPlan, params: VisualizeParams) -> float:
    """How many images of full size the network sees for each that is made."""
    if plan.method == STUDIED:
        return full_size_steps(params.method())
    passes: int = getattr(plan.settings.peers, plan.method).passes_per_step
    return _steps(plan, params) * passes


def _steps(plan: CallPlan, params: VisualizeParams) -> int:
    steps = total_steps(params.method())
    return steps if plan.method == STUDIED else plan.settings.peers.steps(plan.method, steps)


def _padded(count: int, batch: int) -> int:
    """So many images as batches are full."""
    return -(-count // batch) * batch


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or f'{one}s'}" if number else ""
