"""All checks, in the order in which their faults are told."""

from __future__ import annotations

from vital.pipeline.checks.networks import (
    check_classes,
    check_images,
    check_judges,
    check_network,
    check_shown,
)
from vital.pipeline.checks.sizes import check_jitter, check_patches, check_pools
from vital.pipeline.checks.taps import check_taps, check_weights
from vital.pipeline.checks.units import check_classes_of_units, check_methods, check_units

CHECKS = (
    check_network,
    check_classes,
    check_images,
    check_taps,
    check_units,
    check_classes_of_units,
    check_shown,
    check_weights,
    check_patches,
    check_pools,
    check_jitter,
    check_methods,
    check_judges,
)
