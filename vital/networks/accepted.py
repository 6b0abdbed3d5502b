"""Which modules can be read and optimised through, and a copy of one that is the caller's."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from vital.errors import ModelError, first_line

_COMPILED = "_orig_mod"
"""Where ``torch.compile`` keeps the module that it wraps."""

_QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.ao.nn.sparse")
"""Packages of modules that compute with whole numbers, through which no gradient flows."""


def accepted(network: nn.Module) -> nn.Module:
    """The network itself, without what compiles or distributes it.

    Raises ModelError that names the module which cannot be read, or optimised through: scripted,
    quantised or uninitialised ones, and such as have weights of another kind than plain tensors.
    """
    network = _unwrapped(network)
    _check(network)
    for module in list(network.modules()):
        module._compiled_call_impl = None  # compiled in place, it would pass over hooks
        for place, child in module.named_children():
            if (inner := _unwrapped(child)) is not child:
                setattr(module, place, inner)
    return network


def own_copy(network: nn.Module) -> nn.Module:
    """A copy of a caller's module, as :func:`accepted` has it.

    Raises ModelError as that does, for a module that cannot be copied, and for one whose weights
    have no values, or such as are not finite.
    """
    network = _unwrapped(network)
    _check(network)
    try:
        copied = copy.deepcopy(network, _computed(network))
    except Exception as error:  # each attribute may refuse in its own way
        raise ModelError(
            f"{type(network).__name__} cannot be copied ({type(error).__name__}: "
            f"{first_line(error)}): name a function that makes it (python:<module>:<function>)"
        ) from None
    copied = accepted(copied)
    for name, value in copied.named_parameters():
        if value.is_meta:
            raise ModelError(f"{name!r} has no values (it is on the device meta): load weights")
        if not torch.isfinite(value).all():
            raise ModelError(f"{name!r} of the network holds values that are not finite")
    return copied


def _unwrapped(network: nn.Module) -> nn.Module:
    while True:
        if isinstance(network, DataParallel | DistributedDataParallel):
            network = network.module
        elif (inner := dict(network.named_children()).get(_COMPILED)) is not None:
            network = inner
        else:
            return network


def _computed(network: nn.Module) -> dict[int, Any]:
    """What deepcopy shall take in place of tensors that were computed: the same values.

    Old weight norm keeps the weights that it computes, others what they gave last.
    """
    kept = [vars(module) for module in network.modules()]
    return {id(one): one.detach().clone() for one in _tensors(kept) if one.grad_fn is not None}


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, Mapping):
            yield from _tensors(value.values())
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def with_plain_weights(network: nn.Module) -> nn.Module:
    """Have weights that are computed at every pass, as by weight norm, computed once; returns it.

    The network must be in inference mode.
    """
    for module in network.modules():
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                remove_weight_norm(module, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(module, hook.name)
        if parametrize.is_parametrized(module):
            for name in list(module.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(module, name)
    return network


def _check(network: nn.Module) -> None:
    for name, module in network.named_modules():
        _check_module(name or "the network", module)


def _check_module(name: str, module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelError(
            f"{name!r} is scripted or traced (torch.jit): its layers cannot be read; give the "
            "module that it was made from"
        )
    kind = type(module)
    if kind.__module__.startswith(_QUANTISED):
        raise ModelError(
            f"{name!r} is quantised ({kind.__name__}): no gradient flows through it; give the "
            "network as it was before"
        )
    own = [*module._parameters.items(), *module._buffers.items()]
    for key, value in own:
        if value is None:
            continue
        if is_lazy(value):
            raise ModelError(
                f"{name!r} is lazy ({kind.__name__}) and has no weights yet: run the network once "
                "on an image of its size"
            )
        if value.is_quantized or value.layout != torch.strided:
            raise ModelError(
                f"{key!r} of {name!r} ({kind.__name__}) is quantised or sparse; plain tensors work"
            )
