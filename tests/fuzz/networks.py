"""Checkpoints and modules drawn at random: each is refused in one clean line, or right.

    python tests/fuzz/networks.py --seconds 1800 --seed 0

prints each case that is neither, with what draws it again (``--first N --cases 1``), and at the
end the counts of each verdict by mutation as a line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn

from helpers import fuzzed_checkpoints, fuzzed_modules
from helpers.fuzzed_checkpoints import File
from helpers.fuzzed_modules import Brought
from helpers.fuzzed_networks import (
    ARCHITECTURES,
    Draws,
    State,
    drawn_state,
    fault_of,
    kept,
    side,
)
from vital.errors import VitalError
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.gradients import check_gradients
from vital.networks.taps.reader import TapReader
from vital.networks.weights import load_weights
from vital.units import CLASS_TAP

GOOD = ("refused", "right", "converted")
"""Verdicts that a case may have; every other is a fault."""


_WITHOUT_TAPS = "no default taps are known"
"""What is said of a network, however good, whose taps have to be named."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw cases until the time or their number is over; 1 where any was at fault."""
    asked = _asked(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    ends, faults = time.monotonic() + asked.seconds, 0
    for number in itertools.count(asked.first):
        if number - asked.first == asked.cases or time.monotonic() > ends:
            break
        label, verdict, detail = case(asked.only, asked.seed, number)
        counts[label][verdict] += 1
        if verdict not in GOOD:
            faults += 1
            _say(f"--seed {asked.seed} --first {number}: {label}: {verdict}: {detail}")
    total = sum(sum(each.values()) for each in counts.values())
    _say(json.dumps({"cases": total, "faults": faults, "counts": counts}, sort_keys=True))
    return int(faults > 0)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=-1, help="how many at most; -1 for any number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--only", choices=("checkpoints", "modules"))
    return parser.parse_args(arguments)


def case(only: str | None, seed: int, number: int) -> tuple[str, str, str]:
    """What was drawn, its verdict, and what there is to say of it."""
    draws = Draws(f"{seed}/{number}")
    architecture = draws.choice(list(ARCHITECTURES))
    kind = only or ("checkpoints", "modules")[number % 2]
    mutations = fuzzed_checkpoints.MUTATIONS if kind == "checkpoints" else fuzzed_modules.MUTATIONS
    mutation = draws.choice(list(mutations))
    torch.manual_seed(draws.randrange(2**31))
    judge = _judge_checkpoint if kind == "checkpoints" else _judge_module
    verdict, detail = judge(architecture, mutation, draws)
    return f"{kind}: {mutation}", verdict, f"{architecture}: {detail}"


def _judge_checkpoint(architecture: str, mutation: str, draws: Draws) -> tuple[str, str]:
    state = drawn_state(architecture, draws.randrange(2**31))
    network = kept(architecture)
    network.load_state_dict(drawn_state(architecture, draws.randrange(2**31)))
    with tempfile.TemporaryDirectory() as folder:
        mutate = fuzzed_checkpoints.MUTATIONS[mutation]
        file = mutate(state, draws, Path(folder), architecture)
        try:
            load_weights(network, file.path, file.key)
        except VitalError as error:
            if file.expected is not None:
                return "refused though good", str(error)
            fault = fault_of(str(error), file.path)
            return ("bad message", f"{fault}: {error}") if fault else ("refused", "")
        except Exception as error:
            return "another error", f"{type(error).__name__}: {error}"
        return _judge_weights(network.state_dict(), file, architecture)


def _judge_weights(own: State, file: File, architecture: str) -> tuple[str, str]:
    """Whether the weights taken are the file's, or else what timm itself would have taken."""
    held = fuzzed_checkpoints.independently_read(file.path)
    expected = held if file.damaged else file.expected
    if expected is not None and not _other_than(own, expected):
        return "right", ""
    converted = held and fuzzed_checkpoints.converted_by_timm(architecture, held)
    if converted and not _other_than(own, converted):
        return "converted", ""
    if expected is None:
        return "taken though bad", file.path.name
    return "other weights", str(_other_than(own, expected)[:3])


def _other_than(own: State, expected: State) -> list[str]:
    return [
        name
        for name, value in own.items()
        if name not in expected or not torch.equal(value, expected[name].to(value.dtype))
    ]


def _judge_module(architecture: str, mutation: str, draws: Draws) -> tuple[str, str]:
    made = fuzzed_modules.brought(architecture, mutation, draws)
    images = torch.rand(2, 3, side(architecture), side(architecture))
    try:
        answer = _answer(made.module.eval(), images) if made.runs else None
    except Exception:  # it cannot be asked, and will hardly be taken
        made, answer = replace(made, runs=False), None
    try:
        opened = _opened(made.module, architecture)
        if opened.outputs < 1:
            return "taken though bad", "no logits"
        return _judge_opened(opened, made, images, answer, architecture)
    except VitalError as error:
        if made.taken and _WITHOUT_TAPS not in str(error):
            return "refused though good", str(error)
        fault = fault_of(str(error))
        return ("bad message", f"{fault}: {error}") if fault else ("refused", "")
    except Exception as error:
        return "another error", f"{type(error).__name__}: {error}"


def _opened(module: nn.Module, architecture: str) -> StudiedModel:
    size = (side(architecture), side(architecture))
    how = {"size": size, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    opened = open_model(module, preprocessing=how)
    # As every method does before its first step.
    check_gradients(opened.network, [*opened.taps, CLASS_TAP], torch.rand(1, 3, *size))
    return opened


def _answer(module: nn.Module, images: torch.Tensor) -> Any:
    with torch.no_grad():
        return module(images.clone())


def _judge_opened(
    opened: StudiedModel, made: Brought, images: torch.Tensor, answer: Any, architecture: str
) -> tuple[str, str]:
    """A module that was taken must answer as before, and lead gradients to the pixels."""
    if made.taken is False:
        return "taken though bad", ""
    if made.runs:
        again = _answer(opened.network, images)
        if not _alike(answer, again):
            return "other answers", ""
        if not _finite(again):
            return "taken though bad", "its answers are not finite"
    if made.other is not None and _opened(made.other, architecture).sha256 == opened.sha256:
        return "mistaken", "for one that answers otherwise"
    shown = images.to(next(opened.network.parameters()).dtype).requires_grad_()
    with TapReader(opened.network, opened.taps) as read:
        for tap, values in read(shown).items():
            if not values.requires_grad:
                return "taken though bad", f"no gradient from {tap}"
            (gradient,) = torch.autograd.grad(values.square().sum(), shown, retain_graph=True)
            if not gradient.isfinite().all() or not gradient.any():
                return "taken though bad", f"no use of the gradient from {tap}"
    return "right", ""


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.allclose(
            one, other, rtol=1e-4, atol=1e-5, equal_nan=True
        )
    if isinstance(one, tuple):
        return all(itertools.starmap(_alike, zip(one, other, strict=True)))
    if isinstance(one, dict):
        return all(_alike(one[key], other[key]) for key in one)
    return bool(one == other)


def _finite(answer: Any) -> bool:
    return not isinstance(answer, torch.Tensor) or bool(answer.isfinite().all())


if __name__ == "__main__":
    sys.exit(main())
