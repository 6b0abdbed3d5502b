"""Which rule each kind of module gets: the composites that can be chosen by name.

- ``vital``: the paper's rules (section 4). z+ on convolutions and linear layers, without their
  biases; normalisation, non-linearities and gates pass relevance on; max pooling counts as 2x2
  average pooling, average pooling shares in proportion; a sum of branches is split by magnitude; a
  concatenation is split as it was joined; the first layer sees ones in place of pixels.
- ``canonical``: relevance is gradient times activation under rules that make the network linear in
  each activation. Batch norm is merged into the layer before it; sums are split in proportion by
  themselves; non-linearities, normalisation, gates and attention weights are constant factors.
- ``guided_backpropagation``: gradients, of which every ReLU lets the positive part through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import timm.layers
import torch
import torchvision
from timm.layers.adaptive_avgmax_pool import FastAdaptiveAvgPool
from timm.layers.grn import GlobalResponseNorm
from timm.models import _efficientnet_blocks as efficientnet_blocks
from torch import nn
from zennit.core import BasicHook
from zennit.rules import AlphaBeta, ClampMod, Epsilon, Gamma, ZPlus
from zennit.types import BatchNorm, Convolution

from vital.errors import ParamsError, nearest
from vital.params.relevance import MaskParams
from vital.relevance import functions, operations, rules
from vital.relevance.linear import Form
from vital.relevance.numerics import away_from_zero
from vital.relevance.rules import Rule

ModuleTypes = tuple[type, ...]

PAPER_STABILIZER = 1e-5

LINEAR: ModuleTypes = (Convolution, nn.Linear)
BATCH_NORM: ModuleTypes = (BatchNorm,)

NON_LINEAR: ModuleTypes = (
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Tanh,
    timm.layers.GELU,
    timm.layers.GELUTanh,
    timm.layers.QuickGELU,
    timm.layers.Swish,
    timm.layers.Mish,
    timm.layers.HardSwish,
    timm.layers.HardMish,
)
"""Functions that are zero at zero, element by element; ReLU stands apart."""

CHANNELS_FIRST_NORM: ModuleTypes = (
    timm.layers.LayerNorm2d,
    torchvision.models.convnext.LayerNorm2d,
)
LAYER_NORM: ModuleTypes = (nn.LayerNorm,)
LAYER_SCALE: ModuleTypes = (timm.layers.LayerScale, timm.layers.LayerScale2d)
RESPONSE_NORM: ModuleTypes = (GlobalResponseNorm,)

GATED: ModuleTypes = (
    timm.layers.SqueezeExcite,
    timm.layers.EffectiveSEModule,
    efficientnet_blocks.SqueezeExcite,
    torchvision.ops.SqueezeExcitation,
)
"""Modules that multiply their input by a gate that they compute from it."""

MAX_POOL: ModuleTypes = (nn.MaxPool2d,)
AVERAGE_POOL: ModuleTypes = (nn.AvgPool2d, FastAdaptiveAvgPool, timm.layers.BlurPool2d)


@dataclass(frozen=True)
class Composite:
    """The rules of modules, of functions outside of modules, and what may go without.

    ``linear`` and ``first`` are zennit's rules of layers with weights, and of the first of them to
    run; None leaves them their gradient. ``operations`` are the autograd operations through which
    the plain gradient is right; None where it always is.
    """

    name: str
    form: Form
    modules: Sequence[tuple[ModuleTypes, Rule]] = ()
    functions: Mapping[type[nn.Module], Rule] = field(default_factory=dict)
    operations: operations.Allowed | None = None
    linear: Callable[[nn.Module], BasicHook] | None = None
    first: BasicHook | None = None
    merge_batch_norm: bool = False

    def rule_for(self, module: nn.Module) -> Rule | None:
        """A new rule for a module without weights, or None where it needs none."""
        for types, rule in self.modules:
            if isinstance(module, types):
                return rule.copy()
        return None

    def linear_rule_for(self, module: nn.Module, first: bool) -> BasicHook | None:
        """The zennit rule of a layer with weights, None for anything else."""
        if self.linear is None or not isinstance(module, LINEAR):
            return None
        return self.first if first and self.first is not None else self.linear(module)


def vital_composite() -> Composite:
    """The paper's rules (section 4), for convolutional networks."""
    z_plus = ZPlus(partial(away_from_zero, epsilon=PAPER_STABILIZER), zero_params=["bias"])
    passed = (*NON_LINEAR, *LAYER_NORM, *LAYER_SCALE, *RESPONSE_NORM, *GATED, *BATCH_NORM)
    return Composite(
        name="vital",
        form=Form.RELEVANCE,
        modules=[
            (passed, rules.Pass()),
            (MAX_POOL, rules.MaxAsAverage(PAPER_STABILIZER)),
            (AVERAGE_POOL, rules.InProportion(PAPER_STABILIZER)),
        ],
        functions={
            functions.Relu: rules.Pass(),
            functions.Sum: rules.SplitByMagnitude(),
            functions.Scale: rules.Pass(),
            functions.Pool: rules.InProportion(PAPER_STABILIZER),
        },
        operations=operations.STRUCTURAL,
        linear=lambda _: z_plus,
        first=_positive_weights_of_ones(),
    )


LinearRuleName = Literal["epsilon", "gamma", "alpha_beta", "z_plus"]


def canonical_composite(
    convolution: LinearRuleName = "gamma",
    linear: LinearRuleName = "epsilon",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    alpha: float = 2.0,
    beta: float = 1.0,
) -> Composite:
    """Gradient times activation, with zennit's rules on layers with weights.

    ``epsilon`` is the stabiliser of all of them. Raises ParamsError for a rule that is unknown, an
    epsilon that is not positive, or an alpha that is not beta + 1.
    """
    known = _linear_rules(epsilon, gamma, alpha, beta)
    chosen = {"convolution": convolution, "linear": linear}
    for kind, name in chosen.items():
        if name not in known:
            raise ParamsError(f"no rule {name!r} for a {kind}; {nearest(name, known)}")
    for_convolution, for_linear = known[convolution], known[linear]
    return Composite(
        name="canonical",
        form=Form.GRADIENT_TIMES_INPUT,
        modules=[
            ((*NON_LINEAR, *GATED, timm.layers.RmsNorm), rules.Ratio()),
            (CHANNELS_FIRST_NORM, rules.LayerNorm(axis=1)),
            (LAYER_NORM, rules.LayerNorm()),
            (RESPONSE_NORM, rules.ResponseNorm()),
        ],
        functions={functions.Softmax: rules.Stop()},
        operations=operations.LINEAR,
        linear=lambda layer: for_convolution if isinstance(layer, Convolution) else for_linear,
        merge_batch_norm=True,
    )


def guided_composite() -> Composite:
    """Positive gradients only, at every non-linearity and at the taps."""
    return Composite(
        name="guided_backpropagation",
        form=Form.GRADIENT,
        modules=[(NON_LINEAR, rules.PositiveOnly())],
        functions={functions.Relu: rules.PositiveOnly()},
    )


DEFAULT_COMPOSITE = "vital"

COMPOSITES: Mapping[str, Callable[[], Composite]] = {
    "vital": vital_composite,
    "canonical": canonical_composite,
    "guided_backpropagation": guided_composite,
}


def composite(name: str) -> Composite:
    """The composite of this name with its default choices.

    Raises ParamsError for an unknown name.
    """
    if name not in COMPOSITES:
        raise ParamsError(f"no composite {name!r}; {nearest(name, COMPOSITES)}")
    return COMPOSITES[name]()


def selecting_composite(params: MaskParams) -> Composite:
    """The composite by which units are chosen, also where images are made without relevance."""
    return composite(params.composite or DEFAULT_COMPOSITE)


def _linear_rules(
    epsilon: float, gamma: float, alpha: float, beta: float
) -> Mapping[str, BasicHook]:
    if epsilon <= 0:
        raise ParamsError(f"epsilon is {epsilon}; it must be above 0")
    if gamma < 0:
        raise ParamsError(f"gamma is {gamma}; it must not be below 0")
    if beta < 0 or alpha - beta != 1:
        raise ParamsError(f"alpha is {alpha} and beta {beta}; alpha must be beta + 1, beta >= 0")
    stabilizer = partial(away_from_zero, epsilon=epsilon)
    return {
        "epsilon": Epsilon(stabilizer),
        "gamma": Gamma(gamma, stabilizer),
        "alpha_beta": AlphaBeta(alpha, beta, stabilizer),
        "z_plus": ZPlus(stabilizer),
    }


def _positive_weights_of_ones() -> BasicHook:
    """z+ with every input one, so that no pixel's value counts (paper section 4)."""
    return BasicHook(
        input_modifiers=[torch.ones_like],
        param_modifiers=[ClampMod(min=0.0, zero_params=["bias"])],
        gradient_mapper=lambda relevance, outputs: [
            relevance / away_from_zero(outputs[0], PAPER_STABILIZER)
        ],
    )
