"""Change parameters and images at random: each change is refused in clean lines, or has its effect.

``python tests/fuzz/params.py --seconds 1800 --seed 0`` prints what is neither, with the seed that
makes it again (``--only``), and at the end counts as JSON. Each case runs in a process of its own,
with bounds on time and memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers.fuzzed_images import images_case  # noqa: E402 (the paths come first)
from helpers.fuzzed_params import base, params_case  # noqa: E402

SECONDS = 120
MEMORY = 4 * 2**30

MOST_SAID = 10_000
"""Characters of a verdict's detail: a pipe takes 64 KiB at once."""

IMAGES_SHARE = 0.1


class Verdict(NamedTuple):
    """``kind`` is ``refused``, ``effective``, or what must not be."""

    kind: str
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.kind in ("refused", "effective")


def run_case(case: Callable[[Random, Path], tuple[str, str]], seed: str) -> Verdict:
    """The verdict on one case, which a process of its own comes to."""
    read, write = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            os.close(read)
            _within_bounds(case, seed, Path(folder), write)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            content = answer.read()
        _, status = os.waitpid(child, 0)
    if content:
        return Verdict(*pickle.loads(content))
    code = os.waitstatus_to_exitcode(status)
    return Verdict("too slow" if code == -signal.SIGALRM else "died", f"exit code {code}")


def _within_bounds(
    case: Callable[[Random, Path], tuple[str, str]], seed: str, folder: Path, answer: int
) -> None:
    """In the child: come to the verdict, write it, and end."""
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    os.chdir(folder)
    try:
        verdict = case(Random(seed), folder)
    except subprocess.TimeoutExpired:
        verdict = ("too slow", "")
    except MemoryError:
        verdict = ("too large", "")
    except BaseException:
        verdict = ("traceback", traceback.format_exc())
    kind, detail = verdict
    os.write(answer, pickle.dumps((kind, detail[:MOST_SAID])))
    os._exit(0)


def main() -> None:
    """Run cases; exit with 1 where any was neither refused nor effective."""
    options = _options()
    base()  # which every case begins with
    counts: Counter[str] = Counter()
    bad = 0
    for name in _names(options):
        verdict = run_case(images_case if name.startswith("images") else params_case, name)
        counts[f"{name.partition('/')[0]}: {verdict.kind}"] += 1
        bad += not verdict.is_good
        if not verdict.is_good or options.only:
            _say(f"{name}: {verdict.kind}\n{verdict.detail}")
    _say(json.dumps({"cases": counts.total(), "bad": bad, **dict(sorted(counts.items()))}))
    sys.exit(1 if bad else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=-1, help="how many at most; -1 for any number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-images", action="store_true")
    parser.add_argument("--only", help="one case again, by the name that was printed")
    return parser.parse_args()


def _names(options: argparse.Namespace) -> Iterator[str]:
    """The cases' names, until the time or their number is over."""
    if options.only:
        yield options.only
        return
    end = time.monotonic() + options.seconds
    for number in itertools.count():
        if number == options.cases or time.monotonic() > end:
            return
        share = Random(f"{options.seed}/{number}").random()
        kind = "images" if share < IMAGES_SHARE and not options.without_images else "params"
        yield f"{kind}/{options.seed}/{number}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
