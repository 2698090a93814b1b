"""BatchNorm after a convolution, transposed convolution or linear layer: one layer.

g (W x + b - m) / sqrt(v + e) + h  =  (s W) x + (s (b - m) + h),   s = g / sqrt(v + e), per output channel.
InstanceNorm that tracked its statistics while training computes the same in evaluation.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, arguments, has_fixed_statistics, input_of, is_call, replace, shape, weight
from edgegan.graph.operators import LAYERS, TRANSPOSED, aten


def fold_batch_norm(module: fx.GraphModule) -> int:
    """Fold where the layer feeds the BatchNorm alone; a BatchNorm elsewhere becomes one multiply and one add."""
    count = 0
    for node in list(module.graph.nodes):
        if not has_fixed_statistics(node):
            continue
        call = arguments(node)
        mean, variance = weight(module, call["running_mean"]), weight(module, call["running_var"])
        if mean is None or variance is None:
            continue
        gain, offset = weight(module, call["weight"]), weight(module, call["bias"])
        scale = (variance.double() + call["eps"]).rsqrt() * (1.0 if gain is None else gain.double())
        shift = (0.0 if offset is None else offset.double()) - mean.double() * scale
        layer = call["input"]
        if (
            is_call(layer, *LAYERS, *TRANSPOSED)
            and len(layer.users) == 1
            and len(shape(layer)) == len(shape(node))
            and _channels_last_of_linear(layer)
        ):
            if fold_into(module, layer, node, scale, shift):
                count += 1
                continue
        _affine(module, node, scale, shift)
        count += 1
    return count


def _channels_last_of_linear(layer: fx.Node) -> bool:
    return layer.target is not aten.linear.default or len(shape(layer)) == 2


def fold_into(module: fx.GraphModule, layer: fx.Node, norm: fx.Node, scale: torch.Tensor, shift: torch.Tensor) -> bool:
    """Put ``scale`` and ``shift`` (float64, one per output channel) into ``layer`` and drop ``norm``; False where its
    weights are not constant."""
    call = arguments(layer)
    kernel, bias = weight(module, call["weight"]), weight(module, call.get("bias"))
    if kernel is None or (call.get("bias") is not None and bias is None):
        return False
    if layer.target in TRANSPOSED:
        groups = call["groups"]
        per_input = scale.view(groups, 1, -1).expand(groups, kernel.shape[0] // groups, -1).reshape(kernel.shape[0], -1)
        scaled = kernel.double() * per_input.view(*per_input.shape, *[1] * (kernel.ndim - 2))
    else:
        scaled = kernel.double() * scale.view(-1, *[1] * (kernel.ndim - 1))
    total = shift + (0.0 if bias is None else bias.double() * scale)
    new_kernel = add_weight(module, f"{layer.name}_folded_weight", scaled.to(kernel.dtype))
    new_bias = add_weight(module, f"{layer.name}_folded_bias", total.to(kernel.dtype))
    layer.args = (input_of(layer), new_kernel, new_bias, *layer.args[3:])
    norm.replace_all_uses_with(layer)
    module.graph.erase_node(norm)
    return True


def _affine(module: fx.GraphModule, node: fx.Node, scale: torch.Tensor, shift: torch.Tensor) -> None:
    view = (1, -1, *[1] * (len(shape(node)) - 2))
    dtype = node.meta["val"].dtype
    gain = add_weight(module, f"{node.name}_scale", scale.view(view).to(dtype))
    offset = add_weight(module, f"{node.name}_shift", shift.view(view).to(dtype))

    def build(graph: fx.Graph) -> fx.Node:
        scaled = graph.call_function(aten.mul.Tensor, (input_of(node), gain))
        return graph.call_function(aten.add.Tensor, (scaled, offset))

    replace(node, build)
