"""Constant multiplies and adds beside a layer join its weights.

After it:   a (W x + b) + c  =  (a W) x + (a b + c)          a, c numbers or one value per channel
Before it:  W (a x)          =  (W a) x                      exact with zero padding too, unlike an add before the layer
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, arguments, channel_values, input_of, is_call, shape, sole_user, weight
from edgegan.graph.operators import LAYERS, TRANSPOSED, aten
from edgegan.graph.passes.fold_batch_norm import fold_into

SCALES = (aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar)
SHIFTS = (aten.add.Tensor, aten.sub.Tensor, aten.add.Scalar, aten.sub.Scalar)


def fold_affine(module: fx.GraphModule) -> int:
    count, changed = 0, True
    while changed:
        changed = any(
            _after(module, node) or _before(module, node)
            for node in list(module.graph.nodes)
            if is_call(node, *SCALES, *SHIFTS, aten.neg.default)
        )
        count += changed
    return count


def _after(module: fx.GraphModule, node: fx.Node) -> bool:
    """The layer's sole user is this affine operation."""
    layer = next((n for n in node.all_input_nodes if is_call(n, *LAYERS, *TRANSPOSED)), None)
    if layer is None or sole_user(layer) is not node or shape(layer) != shape(node):
        return False
    affine = _affine(module, node, layer)
    return affine is not None and fold_into(module, layer, node, *affine)


def _affine(module: fx.GraphModule, node: fx.Node, source: fx.Node) -> tuple[torch.Tensor, torch.Tensor] | None:
    """(scale, shift) per channel of ``node`` as a function of ``source``; None where it is not one."""
    channels = shape(source)[1] if len(shape(source)) != 3 or source.target is not aten.linear.default else None
    if channels is None:
        return None
    one, zero = torch.ones(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64)
    if is_call(node, aten.neg.default):
        return -one, zero
    first, second = node.args[:2]
    if first is second or node.kwargs.get("alpha", 1) != 1 or len(node.args) > 2:
        return None
    other = channel_values(module, second if first is source else first, channels, len(shape(node)))
    if other is None:
        return None
    if node.target in (aten.mul.Tensor, aten.mul.Scalar):
        return other, zero
    if node.target in (aten.div.Tensor, aten.div.Scalar):
        return (1 / other, zero) if first is source else None
    if node.target in (aten.add.Tensor, aten.add.Scalar):
        return one, other
    return (one, -other) if first is source else (-one, other)


def _before(module: fx.GraphModule, node: fx.Node) -> bool:
    """This scale feeds one layer alone."""
    layer = sole_user(node)
    if (
        not is_call(node, *SCALES, aten.neg.default)
        or layer is None
        or not is_call(layer, *LAYERS, *TRANSPOSED)
        or input_of(layer) is not node
    ):
        return False
    source = next((a for a in node.args[:2] if isinstance(a, fx.Node) and a.op != "get_attr"), None)
    if (
        source is None
        or shape(source) != shape(node)
        or (is_call(layer, aten.linear.default) and len(shape(node)) != 2)
    ):
        return False
    affine = _affine(module, node, source)
    kernel = weight(module, layer.args[1])
    if affine is None or kernel is None:
        return False
    call = arguments(layer)
    scale, groups = affine[0], call.get("groups", 1)
    if layer.target in TRANSPOSED:
        scaled = kernel.double() * scale.view(-1, *[1] * (kernel.ndim - 1))
    else:
        per_group = scale.view(groups, -1).repeat_interleave(kernel.shape[0] // groups, 0)
        scaled = kernel.double() * per_group.view(kernel.shape[0], -1, *[1] * (kernel.ndim - 2))
    layer.update_arg(1, add_weight(module, f"{layer.name}_scaled_weight", scaled.to(kernel.dtype)))
    layer.update_arg(0, source)
    module.graph.erase_node(node)
    return True
