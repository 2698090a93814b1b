"""PixelShuffle moves values and nearest upsampling copies them, so sums can be taken before both:
shuffle(a) + shuffle(b) = shuffle(a + b), and up(x) = shuffle(x, each channel repeated s * s times).

The skip of a super-resolution network then costs an addition at the small size, and no upsampling is left.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, argument, factors, input_of, is_call, replace, shape, sole_user
from edgegan.graph.operators import aten


def sum_before_shuffle(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if (
            not is_call(node, aten.add.Tensor)
            or node.kwargs.get("alpha", 1) != 1
            or not all(isinstance(a, fx.Node) and a.op != "get_attr" for a in node.args[:2])
        ):
            continue
        parts: list[fx.Node] = [argument(node, 0), argument(node, 1)]
        shuffles = [p for p in parts if is_call(p, aten.pixel_shuffle.default)]
        if (
            not shuffles
            or parts[0] is parts[1]
            or not all(sole_user(p) is node and _is_copy(p, argument(shuffles[0], 1)) for p in parts)
        ):
            continue
        stride = argument(shuffles[0], 1)
        replace(node, lambda graph, parts=parts, stride=stride: _shuffled_sum(module, graph, parts, stride))
        count += 1
    return count


def _is_copy(part: fx.Node, stride: int) -> bool:
    if is_call(part, aten.pixel_shuffle.default):
        return bool(part.args[1] == stride)
    return factors(part) == (stride, stride)


def _shuffled_sum(module: fx.GraphModule, graph: fx.Graph, parts: list[fx.Node], stride: int) -> fx.Node:
    total = graph.call_function(aten.add.Tensor, tuple(_unshuffled(module, graph, part, stride) for part in parts))
    return graph.call_function(aten.pixel_shuffle.default, (total, stride))


def _unshuffled(module: fx.GraphModule, graph: fx.Graph, part: fx.Node, stride: int) -> fx.Node:
    source: fx.Node = input_of(part)
    if is_call(part, aten.pixel_shuffle.default):
        return source
    copies = torch.eye(shape(source)[1], dtype=source.meta["val"].dtype).repeat_interleave(stride * stride, 0)[
        :, :, None, None
    ]
    kernel = add_weight(module, f"{part.name}_copies", copies)
    return graph.call_function(aten.conv2d.default, (source, kernel, None, [1, 1], [0, 0], [1, 1], 1))
