"""NumPy's sort is kept from instructions that are slow, on processors where they are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vital.runtime.numpy_sort import AVX512, VARIABLE, is_zen4

SHOW = f"import os, vital; print(os.environ.get({VARIABLE!r}))"


def processor(vendor: str, family: int, flags: str) -> str:
    return f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nflags\t\t: {flags}\n"


@pytest.mark.parametrize(
    ("name", "text", "slow"),
    [
        ("Zen 4", processor("AuthenticAMD", 25, "fpu avx2 avx512f avx512dq"), True),
        ("Zen 3", processor("AuthenticAMD", 25, "fpu avx2"), False),
        ("Zen 5", processor("AuthenticAMD", 26, "fpu avx2 avx512f"), False),
        ("Sapphire Rapids", processor("GenuineIntel", 6, "fpu avx2 avx512f"), False),
        ("Arm", "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\n", False),
        ("none", "", False),
    ],
)
def test_only_zen_4_is_slow(name: str, text: str, slow: bool) -> None:
    assert is_zen4(text) == slow, name


def run(code: str, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("slow", "value"), [(True, AVX512), (False, "None")])
def test_numpy_is_told_before_it_is_loaded(slow: bool, value: str) -> None:
    text = processor("AuthenticAMD", 25 if slow else 26, "avx512f")
    code = (
        f"from pathlib import Path; real = Path.read_text; text = {text!r}\n"
        "Path.read_text = lambda path, *args, **rest: (\n"
        "    text if str(path) == '/proc/cpuinfo' else real(path, *args, **rest))\n"
    )
    assert run(code + SHOW) == value
    assert run(code + "import numpy\n" + SHOW) == "None"
    assert run(code + SHOW, **{VARIABLE: ""}) == ""


def test_stages_are_told_too() -> None:
    """Whatever else a stage's file imports first."""
    assert run("import stages, sys; print('vital' in sys.modules, 'numpy' in sys.modules)") == (
        "True False"
    )
