"""A convolution and the average of f x f of its outputs: one convolution of stride f, kernel (w * ones_f / f^2).

k + f - 1 taps at a f*f-th of the places: for k = 3, f = 2 that is 2.25 times fewer multiplies.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import add_weight, arguments, is_call, pair, replace, sole_user, weight
from edgegan.graph.operators import aten
from edgegan.graph.passes.upsample_conv import spread


def conv_pool(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, aten.avg_pool2d.default):
            continue
        pool = arguments(node)
        layer, size = pool["self"], pair(pool["kernel_size"])
        stride = pair(pool["stride"]) if pool["stride"] else size
        if (
            not is_call(layer, aten.conv2d.default)
            or sole_user(layer) is not node
            or size[0] != size[1]
            or stride != size
        ):
            continue
        if pair(pool["padding"]) != (0, 0) or pool["ceil_mode"] or pool["divisor_override"]:
            continue
        call = arguments(layer)
        kernel = weight(module, call["weight"])
        if (
            kernel is None
            or pair(call["stride"]) != (1, 1)
            or pair(call["dilation"]) != (1, 1)
            or isinstance(call["padding"], str)
        ):
            continue
        merged = add_weight(module, f"{layer.name}_pooled_weight", spread(kernel, size[0]) / size[0] ** 2)
        new = (call["input"], merged, call["bias"], list(stride), call["padding"], [1, 1], call["groups"])
        replace(node, lambda graph, new=new: graph.call_function(aten.conv2d.default, new))
        count += 1
    return count
