"""Change parameters and images at random: each change is refused in clean lines, or has its effect.

``python tests/fuzz/params.py --seconds 1800 --seed 0`` prints what is neither, with the seed that
makes it again (``--only``), and at the end counts as JSON. Each case runs in a process of its own,
with bounds on time and memory.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers.changed_images import images_case  # noqa: E402 (the paths come first)
from helpers.changed_params import base, params_case  # noqa: E402

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
    """Run cases until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-images", action="store_true")
    parser.add_argument("--only", help="one case again, by the name that was printed")
    options = parser.parse_args()
    base()  # which every case begins with
    counts: Counter[str] = Counter()
    end, number = time.monotonic() + options.seconds, 0
    while options.only or time.monotonic() < end:
        share = Random(f"{options.seed}/{number}").random()
        kind = "images" if share < IMAGES_SHARE and not options.without_images else "params"
        name = options.only or f"{kind}/{options.seed}/{number}"
        case = images_case if name.startswith("images") else params_case
        verdict = run_case(case, name)
        counts[f"{name.partition('/')[0]}: {verdict.kind}"] += 1
        if not verdict.is_good or options.only:
            sys.stdout.write(f"{name}: {verdict.kind}\n{verdict.detail}\n")
            sys.stdout.flush()
        number += 1
        if options.only:
            break
    bad = sum(
        count for kind, count in counts.items() if not kind.endswith(("refused", "effective"))
    )
    sys.stdout.write(
        json.dumps({"cases": number, "bad": bad, **dict(sorted(counts.items()))}) + "\n"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
