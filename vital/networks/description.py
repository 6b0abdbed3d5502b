"""Values, functions and objects as plain data that is the same in every process.

Functions are told by their source file and their code, with what they enclose; objects of any other
kind by their class and by what pickle would keep of them.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import hashlib
import json
import re
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any
from weakref import ReferenceType

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from vital.networks.factories import source_sha256

_BY_REPR = (
    complex,
    float,
    range,
    slice,
    type(...),
    type(NotImplemented),
    decimal.Decimal,
    fractions.Fraction,
    datetime.date,
    datetime.timedelta,
    re.Pattern,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.memory_format,
    np.generic,
    np.dtype,
    types.GenericAlias,
    types.UnionType,
)
"""Kinds whose ``repr`` says all there is to say."""

_BUILT_IN = (
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
    np.ufunc,
)

_PROTOCOL = 4
"""Of pickle."""

_MEMBERS = (FunctionType, property, partial, bool, int, float, str, tuple)
"""What of a class is described besides its source: what may be put in place of what is there."""

_KNOWN_CODE = frozenset({*sys.stdlib_module_names, "torch", "numpy"})
"""Packages whose source is not looked at: their versions tell."""

OfModule = Callable[["Describer", nn.Module, str], Any]


class Describer:
    """Describes values; ``unknown`` collects the places of those that it cannot describe.

    ``modules`` names modules that are described elsewhere, by their ids; ``of_module`` describes
    any other.
    """

    def __init__(self, modules: Mapping[int, str], of_module: OfModule) -> None:
        self.unknown: list[str] = []
        self._modules = modules
        self._of_module = of_module
        self._seen: dict[int, tuple[int, Any]] = {}
        self._sources: dict[Any, str | None] = {}

    def describe(self, value: Any, where: str) -> Any:
        """The value as plain data; where it cannot be, its place is noted."""
        if value is None or type(value) in (bool, int, str):
            return value
        if isinstance(value, _BY_REPR):
            return [type(value).__name__, repr(value)]
        if isinstance(value, nn.Module) and id(value) in self._modules:
            return ["module", self._modules[id(value)]]
        if not isinstance(value, tuple | frozenset):  # which of these are one object is chance
            if id(value) in self._seen:
                return ["seen", self._seen[id(value)][0]]
            self._seen[id(value)] = (len(self._seen), value)  # what is kept alive keeps its id
        return [_name(type(value)), self._describe_once(value, where)]

    def _describe_once(self, value: Any, where: str) -> Any:
        for kinds, how in _HOW:
            if isinstance(value, kinds):
                return how(self, value, where)
        if callable(value) and (wrapped := getattr(value, "__wrapped__", None)) is not None:
            return self.describe(wrapped, where)
        return self._object(value, where)

    def _module(self, module: nn.Module, where: str) -> Any:
        """A module that the network does not know as its own, such as one in a list."""
        return [
            self._of_module(self, module, where),
            self._container(dict(module.named_parameters(recurse=False)), where),
            self._container(dict(module.named_buffers(recurse=False)), where),
            self._container(dict(module.named_children()), where),
        ]

    def _array(self, value: Any, where: str) -> Any:
        try:
            if isinstance(value, torch.Generator):
                value = value.get_state()
            if isinstance(value, torch.Tensor):
                kind = str(value.dtype)
                flat = value.detach().cpu().contiguous().reshape(-1)
                data = flat.view(torch.uint8).numpy().tobytes()
            else:
                kind, data = str(value.dtype), value.tobytes()
                if value.dtype.hasobject:
                    return self._container(value.reshape(-1).tolist(), where)
        except (RuntimeError, TypeError, ValueError, NotImplementedError):
            return self._note(where, value)
        return [kind, list(value.shape), hashlib.sha256(data).hexdigest()]

    def _container(self, value: Any, where: str) -> list[Any]:
        if isinstance(value, dict | MappingProxyType):
            return [
                [self.describe(key, where), self.describe(one, f"{where}[{key!r}]")]
                for key, one in value.items()
            ]
        if isinstance(value, set | frozenset):
            return sorted((self.describe(one, where) for one in value), key=json.dumps)
        return [self.describe(one, f"{where}[{i}]") for i, one in enumerate(value)]

    def _partial(self, value: partial[Any], where: str) -> Any:
        return self._container([value.func, value.args, value.keywords], where)

    def _method(self, method: MethodType, where: str) -> Any:
        return self._container([method.__func__, method.__self__], where)

    def _built_in(self, function: Any, where: str) -> Any:
        owner = getattr(function, "__self__", None)
        bound = not isinstance(owner, type | ModuleType | None)
        name = getattr(function, "__qualname__", function.__name__)
        return [
            getattr(function, "__module__", None),
            name,
            self.describe(owner, where) if bound else None,
        ]

    def _function(self, function: FunctionType, where: str) -> Any:
        known = _is_known(function)
        cells = function.__closure__ or ()
        enclosed = [cell.cell_contents for cell in cells if cell != types.CellType()]
        return [
            _name(function),
            None if known else self._source(function),
            None if known else _code(function.__code__),
            self.describe(function.__defaults__, where),
            self.describe(function.__kwdefaults__, where),
            [self.describe(one, f"{where}, enclosed") for one in enclosed],
            None if known else _constants(function),
        ]

    def of_class(self, kind: type, where: str) -> Any:
        """A class by its name, its source, and its present methods and plain attributes."""
        return [
            [_name(one), None if _is_known(one) else self._of_own_class(one, where)]
            for one in kind.__mro__
            if one is not object
        ]

    def _of_own_class(self, kind: type, where: str) -> Any:
        if id(kind) in self._sources:
            return ["class", self._sources[id(kind)]]
        self._sources[id(kind)] = source = source_sha256(kind)
        members = [(key, _member(value)) for key, value in sorted(vars(kind).items())]
        return [
            source,
            [
                [key, self.describe(value, f"{where}.{key}")]
                for key, value in members
                if value is not None and not (key.startswith("__") and key.endswith("__"))
            ],
        ]

    def _source(self, function: FunctionType) -> str | None:
        file = function.__code__.co_filename
        if file not in self._sources:
            self._sources[file] = source_sha256(function)
        return self._sources[file]

    def _object(self, value: Any, where: str) -> Any:
        """What pickle would keep of the object; one that it cannot keep hides something."""
        try:
            parts = value.__reduce_ex__(_PROTOCOL)
        except Exception:  # an object may refuse in its own way
            return self._note(where, value)
        if isinstance(parts, str):
            return parts
        make, arguments, state, *items = (*parts, None)[:5]
        return [
            self.of_class(type(value), where),
            self.describe(make, where),
            self._container(arguments, where),
            self.describe(state, where),
            [self._container(list(more or ()), where) for more in items],
        ]

    def _note(self, where: str, value: Any) -> None:
        self.unknown.append(f"{where} ({type(value).__name__})")


_HOW: tuple[tuple[Any, Callable[[Describer, Any, str], Any]], ...] = (
    (nn.Module, Describer._module),
    (torch.Tensor | np.ndarray | torch.Generator, Describer._array),
    (enum.Enum, lambda _one, value, _where: value.name),
    (bool | int | str | bytes | bytearray | PurePath, lambda _one, value, _where: repr(value)),
    (list | tuple | deque | set | frozenset | dict | MappingProxyType, Describer._container),
    (type, Describer.of_class),
    (FunctionType, Describer._function),
    (partial, Describer._partial),
    (MethodType, Describer._method),
    (torch.jit.ScriptFunction, lambda _one, value, _where: str(value.code)),
    (torch._ops.OpOverload | torch._ops.OpOverloadPacket, lambda _one, value, _where: str(value)),
    (_BUILT_IN, Describer._built_in),
    (ModuleType, lambda _one, value, _where: [value.__name__, source_sha256(value)]),
    (ReferenceType, lambda one, value, where: one.describe(value(), where)),
    (property, lambda one, value, where: one._container([value.fget, value.fset], where)),
    (RemovableHandle, lambda _one, _value, _where: None),  # numbered as the process hooks
)
"""How each kind is described; a value is of the first kind that fits."""


def _name(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"


def _is_known(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] in _KNOWN_CODE


def _member(value: Any) -> Any:
    """What of a class's attribute is described: functions and plain values; None for the rest."""
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    return value if isinstance(value, _MEMBERS) else None


def _code(code: types.CodeType) -> list[Any]:
    """The instructions and constants of a function, not where they stand."""
    return [
        hashlib.sha256(code.co_code).hexdigest(),
        [_constant(one) for one in code.co_consts],
        [*code.co_names, *code.co_varnames, *code.co_freevars],
    ]


def _constant(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return repr(value)


def _constants(function: FunctionType) -> list[list[Any]]:
    """The plain values in its module that a function may use, as they are now."""
    known = function.__globals__
    return [
        [name, repr(known[name])]
        for name in sorted(set(function.__code__.co_names) & set(known))
        if type(known[name]) in (bool, int, float, str) and not name.startswith("__")
    ]
