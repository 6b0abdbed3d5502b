"""What torch computes does not depend on what its caller has set, nor is that changed.

A caller may have another default dtype or device, autocast, no gradients, inference mode, other
precisions or deterministic algorithms. Two things stay the caller's to choose: how many threads
there are, and what the modules that it hands over do.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, ParamSpec, TypeVar

import torch

from vital.runtime.process_state import ProcessState

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

CUDNN_TF32, MATMUL = "cudnn.allow_tf32", "float32_matmul_precision"
"""Torch's older names; what is set by them changes some of the newer, too."""

_AUTOCAST = ("cpu", "cuda")


class _Setting(NamedTuple):
    """A setting of the whole process, and its value where nobody has set it."""

    read: Callable[[], Any]
    write: Callable[[Any], None]
    neutral: Any


def _of_backend(place: str, neutral: Any) -> _Setting:
    """An attribute below torch.backends; None where this torch does not have it."""
    parent, _, name = place.rpartition(".")

    def owner() -> Any:
        found: Any = torch.backends
        for part in filter(None, parent.split(".")):
            found = getattr(found, part, None)
        return found

    def read() -> Any:
        try:
            return getattr(owner(), name, None)
        except RuntimeError:  # the caller has set it by a newer name
            return neutral

    def write(value: Any) -> None:
        if value is not None and read() is not None:
            setattr(owner(), name, value)

    return _Setting(read, write, neutral)


def _matmul_precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # the caller has set it by a newer name
        return "highest"


def _write_deterministic(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


_BACKENDS = {
    CUDNN_TF32: True,
    "cudnn.enabled": True,
    "cudnn.benchmark": False,
    "cudnn.deterministic": False,
    "mkldnn.enabled": True,
    # Torch's newer names, those of several others first.
    "fp32_precision": "none",
    "cudnn.fp32_precision": "none",
    "cudnn.conv.fp32_precision": "tf32",
    "cudnn.rnn.fp32_precision": "tf32",
    "cuda.matmul.fp32_precision": "none",
    "mkldnn.fp32_precision": "none",
    "mkldnn.conv.fp32_precision": "none",
    "mkldnn.rnn.fp32_precision": "none",
    "mkldnn.matmul.fp32_precision": "none",
}
_SETTINGS = {
    "dtype": _Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    "deterministic": _Setting(
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        _write_deterministic,
        (False, False),
    ),
    "flash_sdp": _Setting(
        torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp, True
    ),
    "math_sdp": _Setting(
        torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp, True
    ),
    MATMUL: _Setting(_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    **{place: _of_backend(place, neutral) for place, neutral in _BACKENDS.items()},
}
NEUTRAL: Mapping[str, Any] = {name: setting.neutral for name, setting in _SETTINGS.items()}
"""Settings of the whole process, as they are where nobody has set any."""


def _read() -> Mapping[str, Any]:
    # The generator, too, is the caller's, and is put back with the rest.
    return {**{name: one.read() for name, one in _SETTINGS.items()}, "draws": torch.get_rng_state()}


def _write(values: Mapping[str, Any]) -> None:
    for name, setting in _SETTINGS.items():
        if setting.read() != values[name]:
            setting.write(values[name])
    if "draws" in values:
        torch.set_rng_state(values["draws"])


_PROCESS = ProcessState(_read, _write)


@contextmanager
def process_settings(changes: Mapping[str, Any]) -> Iterator[None]:
    """While the block runs, the process's settings are NEUTRAL but for these."""
    with _PROCESS.holding({**NEUTRAL, **changes}):
        yield


@contextmanager
def neutral_state() -> Iterator[None]:
    """While the block runs, torch is as if nobody had set anything; then it is as before.

    Not to be held over a ``yield``: see :func:`in_neutral_state`.
    """
    with ExitStack() as stack:
        stack.enter_context(process_settings({}))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in _AUTOCAST:
            stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def in_neutral_state(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that runs in :func:`neutral_state`; a generator's consumer does not."""
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
            items = function(*args, **kwargs)
            try:
                while True:
                    with neutral_state():
                        try:
                            item = next(items)
                        except StopIteration:
                            return
                    yield item
            finally:
                items.close()

        return generate

    @functools.wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with neutral_state():
            return function(*args, **kwargs)

    return run
