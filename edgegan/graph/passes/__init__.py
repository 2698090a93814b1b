"""Exact rewrites, a file each, and the order in which a formulation applies them.

A pass is a function ``GraphModule -> number of places changed`` that edits in place; it may rely on ``meta["val"]`` of
every node. It never decides whether its form is faster: the formulations below are measured on the backend.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import fx

from edgegan.graph.passes.absorb_padding import absorb_padding
from edgegan.graph.passes.activation_first import activation_first
from edgegan.graph.passes.broadcast_by_arithmetic import broadcast_by_arithmetic
from edgegan.graph.passes.channels_first import channels_first
from edgegan.graph.passes.computed_kernels import computed_kernels
from edgegan.graph.passes.conv_pool import conv_pool
from edgegan.graph.passes.crop_late import crop_late
from edgegan.graph.passes.depth_as_channels import depth_as_channels
from edgegan.graph.passes.drop_identities import drop_identities
from edgegan.graph.passes.fold_affine import fold_affine
from edgegan.graph.passes.fold_batch_norm import fold_batch_norm
from edgegan.graph.passes.fold_constants import fold_constants
from edgegan.graph.passes.matrix_linear import matrix_linear
from edgegan.graph.passes.modulated_conv import modulated_conv
from edgegan.graph.passes.phase_conv import (
    phase_conv,
    phase_conv_channels_last,
    phase_conv_split,
    phase_conv_split_channels_last,
)
from edgegan.graph.passes.picked_pixels import gathered_pixels, picked_pixels
from edgegan.graph.passes.pixel_linear import pixel_linear
from edgegan.graph.passes.powers import powers
from edgegan.graph.passes.rectified_layers import rectified_layers
from edgegan.graph.passes.reflection_slices import reflection_slices
from edgegan.graph.passes.resize_matrices import resize_matrices
from edgegan.graph.passes.rows_as_pictures import rows_as_pictures
from edgegan.graph.passes.select_before_reshape import select_before_reshape
from edgegan.graph.passes.shuffle_channels_last import shuffle_channels_last
from edgegan.graph.passes.spread_input import spread_input
from edgegan.graph.passes.strided_slices import strided_slices
from edgegan.graph.passes.sum_before_shuffle import sum_before_shuffle
from edgegan.graph.passes.transposed_products import transposed_products
from edgegan.graph.passes.upsample_conv import upsample_conv
from edgegan.graph.passes.upsample_late import upsample_late
from edgegan.graph.passes.warp_by_rows import warp_by_rows

Pass = Callable[[fx.GraphModule], int]

CLEAN: tuple[Pass, ...] = (
    drop_identities,
    fold_constants,
    channels_first,
    crop_late,
    drop_identities,
    matrix_linear,
    fold_batch_norm,
    modulated_conv,
    spread_input,
    strided_slices,
    fold_affine,
    absorb_padding,
    powers,
    upsample_late,
    conv_pool,
    gathered_pixels,
    drop_identities,
)
BEFORE_PRUNING: tuple[Pass, ...] = (drop_identities, fold_constants, matrix_linear, modulated_conv, spread_input)
LAST: tuple[Pass, ...] = (activation_first, sum_before_shuffle)
LITERT: tuple[Pass, ...] = (
    *LAST,
    depth_as_channels,
    warp_by_rows,
    broadcast_by_arithmetic,
    select_before_reshape,
    computed_kernels,
    picked_pixels,
    resize_matrices,
    shuffle_channels_last,
    reflection_slices,
    rows_as_pictures,
    transposed_products,
    drop_identities,
)
LITERT_INT8: tuple[Pass, ...] = (rectified_layers,)
"""What a LiteRT form takes on before it is quantized, beside its float form's passes."""

FORMULATIONS: dict[str, tuple[Pass, ...]] = {
    "native": CLEAN,
    "native-nhwc": (*CLEAN, *LITERT),
    "phase": (*CLEAN, upsample_conv, pixel_linear, phase_conv, *LAST),
    "phase-split": (*CLEAN, upsample_conv, pixel_linear, phase_conv_split, *LAST),
    "phase-nhwc": (*CLEAN, upsample_conv, pixel_linear, phase_conv_channels_last, *LITERT),
    "phase-split-nhwc": (*CLEAN, upsample_conv, pixel_linear, phase_conv_split_channels_last, *LITERT),
}
