"""Families of operators that rewriting, pruning and quantizing speak of: what the members of each have in common.

A family is named for what holds of all its members. Where two lists nearly agree, the difference is the reason for the
second one, and stands beside it.
"""

from __future__ import annotations

import torch

aten = torch.ops.aten

CONVOLUTIONS = (aten.conv1d.default, aten.conv2d.default)
"""Convolutions over one and two axes; weights are (Cout, Cin / groups, *k)."""
CONVOLUTION_OF_RANK = {1: aten.conv1d.default, 2: aten.conv2d.default}
TRANSPOSED = (aten.conv_transpose1d.default, aten.conv_transpose2d.input)
"""Transposed convolutions over one and two axes; weights are (Cin, Cout / groups, *k)."""
VOLUMETRIC = (aten.conv3d.default,)
VOLUMETRIC_TRANSPOSED = (aten.conv_transpose3d.input,)
"""Over three axes: counted as work, but neither rewritten nor quantized."""
LAYERS = (*CONVOLUTIONS, aten.linear.default)
"""What every backend has an int8 kernel for, where the weights are constant."""
MATRIX_PRODUCTS = (aten.matmul.default, aten.mm.default)
"""Products that are linear layers where one side is a constant matrix; ``bmm`` has a matrix for each sample."""
PRODUCTS = (*MATRIX_PRODUCTS, aten.bmm.default)

RECTIFIERS = (aten.relu.default, aten.relu_.default)
"""Activations that int8 layers compute within themselves on every backend: the zero point is where they cut."""
POINTWISE = frozenset({
    aten.relu.default, aten.leaky_relu.default, aten.tanh.default, aten.sigmoid.default, aten.elu.default,
    aten.gelu.default, aten.silu.default, aten.clamp.default, aten.hardtanh.default, aten.softplus.default,
    aten.neg.default, aten.abs.default,
})  # fmt: skip
"""f(x) of every value by itself, with no other tensor: they commute with whatever only moves values."""

RESHAPES = (aten.reshape.default, aten.view.default, aten._unsafe_view.default)
"""The same values in the same order in other sizes, which they are told."""
UNIT_AXES = (aten.unsqueeze.default, aten.squeeze.dim, aten.squeeze.dims)
PERMUTATIONS = (aten.permute.default, aten.transpose.int, aten.t.default)
CROPS = (aten.slice.Tensor, aten.select.int)
REPEATS = (aten.expand.default, aten.repeat.default)
"""The same values more than once, in sizes that they are told."""
CLONES = (aten.clone.default, aten.contiguous.default)
MOVES = (*RESHAPES, *UNIT_AXES, *PERMUTATIONS, *CROPS, *REPEATS, *CLONES)
"""Hand on values of their one input, whatever code writes them: numbers run through them show where each goes."""
SHUFFLES = (
    aten.pixel_shuffle.default, aten.slice.Tensor, aten.permute.default, aten.reshape.default, aten.view.default,
)  # fmt: skip
"""What stands between a layer in one of its forms and its activation; no value is there twice, so that an activation
moved in front of them costs nothing."""
MOVES_IN_INT8 = (
    *SHUFFLES, aten.transpose.int, aten.unsqueeze.default, aten.squeeze.dim, aten.upsample_nearest2d.vec,
)  # fmt: skip
"""Hand on values as they are and have kernels for int8; copies and clones are gone before edges are rounded."""
VIEWS = (
    *RESHAPES, aten.unsqueeze.default, aten.squeeze.dim, aten.flatten.using_ints, aten.alias.default,
)  # fmt: skip
"""Cost nothing: memory stays as it lies."""
SPLITS = (aten.split.Tensor, aten.split_with_sizes.default)
"""Give lists of parts."""
SIZED = (*RESHAPES, *REPEATS)
"""Hold sizes as numbers, the batch among them."""
CHOICES = (
    aten.argmax.default, aten.argmin.default, aten.topk.default, aten.sort.default, aten.sort.stable,
    aten.argsort.default, aten.argsort.stable, aten.round.default, aten.floor.default, aten.ceil.default,
    aten.sign.default,
)  # fmt: skip
"""Jump where what they read moves: the nearest code of a codebook, the likeliest token. No derivative tells how far the
picture follows."""
IDENTITIES = (*CLONES, aten.detach.default, aten.alias.default, aten.lift_fresh_copy.default)
"""y = x, whatever x is."""
CASTS = (aten.to.dtype, aten._to_copy.default, aten.to.dtype_layout)
DROPOUTS = (aten.dropout.default, aten.feature_dropout.default, aten.alpha_dropout.default)

CONSTANT_PADS = (aten.pad.default, aten.constant_pad_nd.default)
"""Put one value around a map; ``pad`` may be told to copy instead."""
COPYING_PADS = {
    aten.reflection_pad1d.default: "reflect",
    aten.reflection_pad2d.default: "reflect",
    aten.replication_pad1d.default: "replicate",
    aten.replication_pad2d.default: "replicate",
}
"""Put a map's own values around it, by the mode's name."""
PADS = (*CONSTANT_PADS, *COPYING_PADS)

UPSAMPLES = (aten.upsample_nearest2d.vec, aten.upsample_nearest2d.default)
"""Copy pixels: whatever works on each pixel alone commutes with them."""
MIXING_UPSAMPLES = (
    aten.upsample_bilinear2d.vec, aten.upsample_bilinear2d.default,
    aten.upsample_bicubic2d.vec, aten.upsample_bicubic2d.default,
)  # fmt: skip
"""Mix pixels by weights that sum to one: constants and 1x1 convolutions commute with them."""

HOMOGENEOUS = (
    *RECTIFIERS, aten.leaky_relu.default, aten.leaky_relu_.default, aten.prelu.default, aten.max_pool2d.default,
    aten.avg_pool2d.default, *CONSTANT_PADS, aten.reflection_pad1d.default, aten.reflection_pad2d.default,
    aten.dropout.default, aten.upsample_bilinear2d.vec, *UPSAMPLES,
)  # fmt: skip
"""f(s x) = s f(x) for s > 0, channel by channel (padding with zeros or a map's own values)."""

SUMS = (aten.add.Tensor, aten.sub.Tensor)
SCALINGS = (aten.mul.Tensor, aten.div.Tensor)
SQUARES = (aten.square.default, aten.pow.Tensor_Scalar)

STATISTICS = (
    aten.instance_norm.default, aten.group_norm.default, aten.layer_norm.default, aten.mean.dim, aten.var.correction,
    aten.rsqrt.default, aten.softmax.int, aten.matmul.default, aten.bmm.default, aten.pow.Tensor_Scalar,
    aten.sqrt.default,
)  # fmt: skip
"""Arithmetic beside layers, above all normalisation by the input's own statistics: what int8 ruins first."""
