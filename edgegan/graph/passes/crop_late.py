"""What is computed channel by channel is computed before a crop: f(crop(x)) = crop(f(x)).

Frameworks that pad by "same" crop behind a transposed convolution; its norm and bias then stand beside it and fold.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from edgegan.graph.editing import argument, input_of, is_call, replace, shape, sole_user, weight
from edgegan.graph.operators import SCALINGS, SUMS, aten

CHANNELWISE = (*SUMS, *SCALINGS)


def crop_late(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        while (place := _cropped(module, node)) is not None:
            node = _exchanged(node, place)
            count += 1
    return count


def _cropped(module: fx.GraphModule, node: fx.Node) -> int | None:
    """Which operand of a channelwise operator is a crop of a map that nothing else reads, the other being a number or a
    constant a channel; None where there is none."""
    if not is_call(node, *CHANNELWISE):
        return None
    for place in (0, 1):
        crop, other = node.args[place], node.args[1 - place]
        if not is_call(crop, aten.slice.Tensor) or sole_user(crop) is not node or len(shape(crop)) != 4:
            continue
        axis = argument(crop, 1) if len(crop.args) > 1 else 0
        if axis in (2, 3) and (not isinstance(other, fx.Node) or _is_channelwise(weight(module, other))):
            return place
    return None


def _is_channelwise(constant: torch.Tensor | None) -> bool:
    return constant is not None and (
        constant.ndim == 0 or (constant.ndim == 4 and constant.numel() == constant.shape[1])
    )


def _exchanged(node: fx.Node, place: int) -> fx.Node:
    """The operator, now in front of the crop."""
    crop: fx.Node = argument(node, place)
    source = input_of(crop)
    args: list[Any] = list(node.args)
    args[place] = source
    target: Any = node.target

    def build(graph: fx.Graph) -> fx.Node:
        first = graph.call_function(target, tuple(args), dict(node.kwargs))
        first.meta["val"] = source.meta["val"]
        return graph.call_function(aten.slice.Tensor, (first, *crop.args[1:]), dict(crop.kwargs))

    last = replace(node, build)
    last.graph.erase_node(crop)
    return input_of(last)
