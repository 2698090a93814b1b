"""Arithmetic on maps with their channels last, as TensorFlow and Keras leave it, on maps with their channels first:
f(permute(x), c) = permute(f(x, c')), c' the constant in the other order.

The permutation moves down until it meets its inverse, or the picture; layers then stand beside their norms and
activations again, where other passes fold them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from edgegan.graph.editing import add_weight, argument, input_of, is_call, replace, weight
from edgegan.graph.operators import POINTWISE, SCALINGS, SUMS, aten

LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
AXES = {0: 0, 1: 2, 2: 3, 3: 1}
"""Where an axis of a map with its channels last lies with them first."""
PAIRED = (*SUMS, *SCALINGS)


def channels_first(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        moved = _moved(module, node)
        if moved is None:
            continue
        args, kwargs = moved
        target: Any = node.target

        def build(graph: fx.Graph, target: Any = target, args: Any = args, kwargs: Any = kwargs) -> fx.Node:
            first = graph.call_function(target, args, kwargs)
            first.meta["val"] = None
            return graph.call_function(aten.permute.default, (first, LAST))

        value = node.meta["val"]
        last = replace(node, build)
        last.meta["val"] = value
        input_of(last).meta["val"] = value.permute(FIRST)
        count += 1
    return count


def _moved(module: fx.GraphModule, node: fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments by which ``node`` computes the same with the channels first; None where it does not."""
    if node.op != "call_function" or getattr(node.meta.get("val"), "ndim", 0) != 4:
        return None
    if node.target in POINTWISE and _is_last(node.args[0]):
        return (input_of(input_of(node)), *node.args[1:]), dict(node.kwargs)
    if is_call(node, *PAIRED) and any(_is_last(a) for a in node.args[:2]):
        pair = [_other_order(module, node, a) for a in node.args[:2]]
        return None if None in pair else ((*pair, *node.args[2:]), dict(node.kwargs))
    if is_call(node, aten.cat.default) and all(_is_last(part) for part in argument(node, 0)):
        axis = int(node.args[1]) if len(node.args) > 1 else int(node.kwargs.get("dim", 0))  # type: ignore[arg-type]
        return ([input_of(part) for part in argument(node, 0)], AXES[axis % 4]), {}
    if is_call(node, aten.mean.dim) and len(node.args) > 2 and node.args[2] is True and _is_last(node.args[0]):
        axes = [AXES[axis % 4] for axis in argument(node, 1)]
        return (input_of(input_of(node)), axes, True), dict(node.kwargs)
    return None


def _is_last(node: Any) -> bool:
    return is_call(node, aten.permute.default) and list(argument(node, 1)) == LAST


def _other_order(module: fx.GraphModule, node: fx.Node, operand: Any) -> Any:
    """An operand with its channels first: what was permuted, a number, or a constant; None for anything else."""
    if not isinstance(operand, fx.Node):
        return operand
    if _is_last(operand):
        return input_of(operand)
    constant = weight(module, operand)
    if constant is None or constant.ndim > 4:
        return None
    if constant.ndim == 0:
        return operand
    whole = constant.reshape([1] * (4 - constant.ndim) + list(constant.shape))
    with module.graph.inserting_before(node):
        return add_weight(module, f"{operand.name}_first", torch.permute(whole, FIRST).contiguous())
