"""A second device without the hardware: tensors say that they are on it, and refuse to mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils import _pytree

HOST = torch.device("cpu")
PRETENDED = torch.device("cuda")
"""Where tensors pretend to be."""

_MARK = "_is_pretended"
_MAY_MIX = frozenset(
    f"torch.Tensor.{name}" for name in ("__getitem__", "__setitem__", "copy_", "data.__set__")
)
"""What real devices do with tensors of the CPU, too."""

_ARE_MOVED_FIRST = frozenset({"torch.Tensor.numpy", "torch.Tensor.__array__"})


class PretendedDevice(TorchFunctionMode):
    """While it is open, ``cuda`` is the CPU under another name.

    What is made there or moved there is marked, and so is what is computed from it. As on a real
    device, a function that is given marked and unmarked tensors raises RuntimeError, except for
    unmarked ones of a single number. What runs in C++ alone, as a backward pass does, is not seen;
    the gradients that it gives lie where their tensors do.
    """

    def __init__(self) -> None:
        super().__init__()
        marking, plain = partial(_gradients, torch.autograd.grad), torch.Generator
        self._patches = [
            mock.patch("torch.autograd.grad", marking),
            mock.patch("torch.Generator", lambda device="cpu": plain()),
        ]

    def __enter__(self) -> Self:
        for patch in self._patches:
            patch.start()
        super().__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        for patch in self._patches:
            patch.stop()

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, args, options = resolve_name(func), list(args), dict(kwargs or {})
        if name is None:  # a question of torch's own about tensors
            return func(*args, **options)
        if name == "torch.Tensor.device.__get__":
            return PRETENDED if _is_marked(args[0]) else HOST
        if name in ("torch.Tensor.is_cuda.__get__", "torch.Tensor.is_cpu.__get__"):
            return _is_marked(args[0]) == ("cuda" in name)
        given = [one for one in _pytree.tree_leaves((args, options)) if _is_tensor(one)]
        place = _named_device(name, args, options)
        marked = any(_is_marked(one) for one in given)
        if place is None:
            _refuse(name, given)
            place = PRETENDED if marked else HOST
        result = func(*args, **options)
        if name == "torch.Tensor.data.__set__":
            setattr(args[0], _MARK, _is_marked(args[1]))
        return _pytree.tree_map(lambda one: _placed(one, place, given), result)


def _gradients(plain: Any, outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
    found = plain(outputs, inputs, *args, **options)
    for one, gradient in zip([inputs] if _is_tensor(inputs) else inputs, found, strict=True):
        setattr(gradient, _MARK, _is_marked(one))
    return found


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _is_marked(tensor: torch.Tensor) -> bool:
    return getattr(tensor, _MARK, False)


def _named_device(name: str, args: list[Any], options: dict[str, Any]) -> torch.device | None:
    """The device that a call names, which is taken out of its arguments."""
    named = HOST if name == "torch.Tensor.cpu" else None
    if options.get("device") is not None:
        named, options["device"] = torch.device(options["device"]), HOST
    if name == "torch.Tensor.to":
        for i, value in enumerate(args[1:], start=1):
            if isinstance(value, torch.device | str):
                named, args[i] = torch.device(value), HOST
            elif _is_tensor(value):
                named, args[i] = (PRETENDED if _is_marked(value) else HOST), value.dtype
    return named


def _refuse(name: str, given: Sequence[torch.Tensor]) -> None:
    marked = [one for one in given if _is_marked(one)]
    unmarked = [one for one in given if not _is_marked(one) and one.dim() > 0]
    if marked and unmarked and name not in _MAY_MIX:
        raise RuntimeError(f"{name} is given tensors on cuda and on the CPU")
    if marked and name in _ARE_MOVED_FIRST:
        raise RuntimeError(f"{name} is given a tensor on cuda")


def _placed(value: Any, place: torch.device, given: Sequence[torch.Tensor]) -> Any:
    """A result, marked if it lies there; one that was an argument gets a name of its own."""
    if not _is_tensor(value) or _is_marked(value) == (place.type == PRETENDED.type):
        return value
    if any(value is one for one in given):
        value = value.view_as(value)
    setattr(value, _MARK, place.type == PRETENDED.type)
    return value
