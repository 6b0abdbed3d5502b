"""Whatever a caller has set of torch, the library computes the same and leaves it so."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vital
from helpers.small_networks import CPU, TAPS, small_model, tiny, write_references
from vital.engine.precision import gpu_arithmetic
from vital.networks.model import open_model
from vital.references.extract import extract_statistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.neutral_state import NEUTRAL, _read, in_neutral_state, neutral_state

backends = torch.backends


@contextmanager
def setting(write: Callable[[Any], None], value: Any, before: Any) -> Iterator[None]:
    """A setting of the process while the block runs."""
    write(value)
    try:
        yield
    finally:
        write(before)


def _attribute(owner: object, name: str, value: Any) -> AbstractContextManager[None]:
    return setting(lambda new: setattr(owner, name, new), value, getattr(owner, name))


CALLERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "nothing": nullcontext,
    "float64": lambda: setting(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: setting(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "a default device": lambda: setting(torch.set_default_device, "meta", None),
    "a device as context": lambda: torch.device("meta"),
    "deterministic algorithms": lambda: setting(torch.use_deterministic_algorithms, True, False),
    "medium precision": lambda: setting(torch.set_float32_matmul_precision, "medium", "highest"),
    "newer precision": lambda: _attribute(backends.cuda.matmul, "fp32_precision", "tf32"),
    "newer precision of one": lambda: _attribute(backends.cudnn.conv, "fp32_precision", "ieee"),
    "newer precision of the CPU": lambda: _attribute(backends.mkldnn, "fp32_precision", "bf16"),
    "no oneDNN": lambda: _attribute(backends.mkldnn, "enabled", False),
    "benchmarks": lambda: _attribute(backends.cudnn, "benchmark", True),
    "no flash attention": lambda: setting(backends.cuda.enable_flash_sdp, False, True),
}


def seen() -> dict[str, Any]:
    """All that torch has set for this thread, and what it would draw next."""
    return {
        **{name: value for name, value in _read().items() if name != "draws"},
        "draws": torch.get_rng_state().tolist(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "device": torch.get_default_device(),
    }


def test_a_fresh_process_is_neutral() -> None:
    code = (
        "from vital.runtime.neutral_state import NEUTRAL, _read;"
        "now = _read(); now.pop('draws'); assert now == NEUTRAL, (now, NEUTRAL)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("caller", CALLERS)
def test_within_nothing_is_set_and_afterwards_all_is_as_before(caller: str) -> None:
    with CALLERS[caller]():
        before = seen()
        with neutral_state():
            assert {name: value for name, value in _read().items() if name != "draws"} == NEUTRAL
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
            assert not torch.is_autocast_enabled("cpu")
            assert torch.empty(1).device.type == "cpu"
            torch.rand(3)
        assert seen() == before


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_references(tmp_path_factory.mktemp("references"))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return small_model(["conv1"]).network


def made(network: nn.Module, references: Path) -> torch.Tensor:
    params = {"steps": 2, "batch": 1, "jitter": 2}
    return vital.visualize(
        network, references, units=["1"], size=32, taps=["conv1"], params=params, per_class=2
    ).images


@pytest.fixture(scope="module")
def expected(network: nn.Module, references: Path) -> torch.Tensor:
    return made(network, references)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_call_makes_the_same_bytes(
    caller: str, network: nn.Module, references: Path, expected: torch.Tensor
) -> None:
    with CALLERS[caller]():
        before = seen()
        images = made(network, references)
        assert seen() == before
    assert images.dtype == torch.float32
    assert torch.equal(images, expected)


A, B = ReferenceSet("a"), ReferenceSet("b")


@pytest.mark.parametrize("caller", CALLERS)
def test_a_network_is_opened_and_read_in_the_same_way(caller: str) -> None:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    batches = [([A, A], images[:2]), ([B, B], images[2:])]
    plain = small_model(list(TAPS))
    wanted = dict(extract_statistics(plain, TAPS, batches, CPU))
    network = plain.network
    with CALLERS[caller]():
        before = seen()
        model = open_model(network, preprocessing={"size": (32, 32)}, taps=list(TAPS))
        found = {}
        for unit, statistics in extract_statistics(model, TAPS, batches, CPU):
            assert seen() == before
            found[unit] = statistics
    assert model.sha256 == plain.sha256
    for unit, tap in itertools.product((A, B), TAPS):
        assert (found[unit][tap].quantiles == wanted[unit][tap].quantiles).all()


def test_a_network_that_was_built_in_inference_mode(references: Path) -> None:
    with torch.inference_mode():
        network = tiny()
    assert made(network, references).isfinite().all()


def test_a_generator_that_is_left_is_closed() -> None:
    closed = []

    @in_neutral_state
    def numbers() -> Iterator[int]:
        try:
            yield from range(3)
        finally:
            closed.append(True)

    with torch.no_grad():
        for number in numbers():
            assert not torch.is_grad_enabled()
            if number == 1:
                break
    assert closed == [True]


def test_threads_in_several_precisions_leave_the_callers() -> None:
    before = seen()

    def work(number: int) -> bool:
        right = []
        for _ in range(20):
            with neutral_state(), gpu_arithmetic("float32" if number % 2 else "tf32"):
                right.append(backends.cudnn.allow_tf32 == (number % 2 == 0))
                right.append(backends.cuda.matmul.allow_tf32 == (number % 2 == 0))
                right.append(backends.cudnn.benchmark)
        return all(right)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert seen() == before
