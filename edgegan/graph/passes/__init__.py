"""Exact rewrites, a file each, and the order in which a formulation applies them.

A pass is a function ``GraphModule -> number of places changed`` that edits in place; it may rely on ``meta["val"]`` of
every node. It never decides whether its form is faster: the formulations below are measured on the backend.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import fx

from edgegan.graph.passes import (
    activation_first,
    drop_identities,
    fold_batch_norm,
    fold_constants,
    phase_conv,
    pixel_linear,
    reflection_slices,
    upsample_conv,
)

Pass = Callable[[fx.GraphModule], int]

CLEAN: tuple[Pass, ...] = (drop_identities.drop_identities, fold_constants.fold_constants, fold_batch_norm.fold_batch_norm)
BEFORE_PHASE: tuple[Pass, ...] = (upsample_conv.upsample_conv, pixel_linear.pixel_linear)

FORMULATIONS: dict[str, tuple[Pass, ...]] = {
    "native": CLEAN,
    "phase": (*CLEAN, *BEFORE_PHASE, phase_conv.phase_conv, activation_first.activation_first),
    "phase-nhwc": (*CLEAN, *BEFORE_PHASE, phase_conv.phase_conv_channels_last, activation_first.activation_first, reflection_slices.reflection_slices),
}
