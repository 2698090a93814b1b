"""f(weights) = a weight: whatever depends on weights alone is computed once.

This bakes weight norm, spectral norm and equalized learning rate, whichever code implements them.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, may_draw, weight

LARGEST_GROWTH = 1 << 20


def fold_constants(module: fx.GraphModule) -> int:
    """Replace each call whose inputs are all weights by its value, unless it would grow the file by megabytes."""
    values: dict[fx.Node, torch.Tensor | tuple[torch.Tensor, ...]] = {}
    count = 0
    for node in list(module.graph.nodes):
        if node.op == "get_attr":
            held = weight(module, node)
            if held is not None:
                values[node] = held
            continue
        inputs = node.all_input_nodes
        if node.op != "call_function" or not all(i in values for i in inputs) or may_draw(node):
            continue
        with torch.no_grad():
            result = node.target(
                *fx.map_arg(node.args, values.__getitem__), **fx.map_arg(node.kwargs, values.__getitem__)
            )
        if isinstance(result, tuple | list) and all(isinstance(part, torch.Tensor) for part in result):
            values[node] = tuple(result)
            continue
        if (
            not isinstance(result, torch.Tensor)
            or result.numel() > sum(_size(values[i]) for i in inputs) + LARGEST_GROWTH
        ):
            continue
        new = add_weight(module, node.name, result)
        values[new] = result
        new.meta["val"] = result
        node.replace_all_uses_with(new)
        module.graph.erase_node(node)
        count += 1
    return count


def _size(value: torch.Tensor | tuple[torch.Tensor, ...]) -> int:
    return value.numel() if isinstance(value, torch.Tensor) else sum(part.numel() for part in value)
