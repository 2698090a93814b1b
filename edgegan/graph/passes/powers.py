"""x ** 2 = x * x and x ** 0.5 = sqrt(x): what every backend has, where a general power is refused by some."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import argument, input_of, is_call, replace
from edgegan.graph.operators import aten


def powers(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        square = is_call(node, aten.square.default) or (is_call(node, aten.pow.Tensor_Scalar) and node.args[1] == 2)
        if square:
            read = input_of(node)
            replace(node, lambda graph, x=read: graph.call_function(aten.mul.Tensor, (x, x)))
        elif is_call(node, aten.pow.Tensor_Scalar) and node.args[1] in (0.5, -0.5):
            root = aten.sqrt.default if argument(node, 1) > 0 else aten.rsqrt.default
            read = input_of(node)
            replace(node, lambda graph, x=read, root=root: graph.call_function(root, (x,)))
        else:
            continue
        count += 1
    return count
