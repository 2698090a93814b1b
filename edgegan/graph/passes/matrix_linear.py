"""A product with a constant matrix is a linear layer: x W + b = linear(x, W^T, b). As such it folds, prunes and
quantizes."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import add_weight, arguments, input_of, is_call, replace, shape, weight
from edgegan.graph.operators import MATRIX_PRODUCTS, aten


def matrix_linear(module: fx.GraphModule) -> int:
    products = [n for n in module.graph.nodes if is_call(n, *MATRIX_PRODUCTS, aten.addmm.default)]
    return sum(_linear(module, node) for node in products)


def _linear(module: fx.GraphModule, node: fx.Node) -> bool:
    call = arguments(node)
    if is_call(node, aten.addmm.default):
        source, matrix, offset = call["mat1"], weight(module, call["mat2"]), weight(module, call["self"])
        if call["alpha"] != 1 or call["beta"] != 1 or offset is None or offset.numel() != shape(node)[-1]:
            return False
    else:
        source, matrix, offset = input_of(node), weight(module, node.args[1]), None
    if matrix is None or matrix.ndim != 2 or len(shape(source)) < 2:
        return False
    kernel = add_weight(module, f"{node.name}_weight", matrix.T)
    bias = None if offset is None else add_weight(module, f"{node.name}_bias", offset.reshape(-1))
    replace(node, lambda graph: graph.call_function(aten.linear.default, (source, kernel, bias)))
    return True
