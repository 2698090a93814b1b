"""Rectifiers that LiteRT fuses into nothing, in forms that its int8 kernels take.

relu(x) = relu(I x) with the identity as a 1x1 depthwise convolution, into which the rectifier fuses;
prelu(x) = a x + relu((1 - a) x) for a <= 1, and a x - relu((a - 1) x) above; where channels differ, the sign is a
factor of its own. One slope for all channels is LeakyReLU.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, input_of, is_call, replace, shape, sole_user, weight
from edgegan.graph.operators import LAYERS, SUMS, aten

FUSING = (*LAYERS, *SUMS, aten.mul.Tensor, aten.max_pool2d.default)


def rectified_layers(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if is_call(node, aten.relu.default) and len(shape(node)) == 4 and not _fuses(node):
            channels = shape(node)[1]
            replace(
                node,
                lambda graph, node=node, channels=channels: _rectified(
                    module, graph, node.name, input_of(node), torch.ones(channels, dtype=node.meta["val"].dtype)
                ),
            )
            count += 1
        elif is_call(node, aten.prelu.default):
            count += _prelu(module, node)
    return count


def _fuses(node: fx.Node) -> bool:
    return is_call(input_of(node), *FUSING) and sole_user(input_of(node)) is node


def _prelu(module: fx.GraphModule, node: fx.Node) -> int:
    slopes = weight(module, node.args[1])
    if slopes is None:
        return 0
    if bool((slopes == slopes.flatten()[0]).all()):
        slope = slopes.flatten()[0].item()
        replace(node, lambda graph: graph.call_function(aten.leaky_relu.default, (input_of(node), slope)))
        return 1
    if len(shape(node)) != 4:
        return 0

    def build(graph: fx.Graph) -> fx.Node:
        sloped = graph.call_function(
            aten.mul.Tensor, (input_of(node), add_weight(module, f"{node.name}_slopes", slopes.view(1, -1, 1, 1)))
        )
        rectified = _rectified(module, graph, node.name, input_of(node), (1 - slopes).abs())
        if bool((slopes > 1).all()):
            return graph.call_function(aten.sub.Tensor, (sloped, rectified))
        if bool((slopes > 1).any()):
            one = torch.ones_like(slopes)
            signs = add_weight(module, f"{node.name}_signs", torch.where(slopes > 1, -one, one).view(1, -1, 1, 1))
            rectified = graph.call_function(aten.mul.Tensor, (rectified, signs))
        return graph.call_function(aten.add.Tensor, (sloped, rectified))

    replace(node, build)
    return 1


def _rectified(module: fx.GraphModule, graph: fx.Graph, name: str, value: fx.Node, scale: torch.Tensor) -> fx.Node:
    kernel = add_weight(module, f"{name}_scale", scale.view(-1, 1, 1, 1))
    scaled = graph.call_function(aten.conv2d.default, (value, kernel, None, [1, 1], [0, 0], [1, 1], len(scale)))
    return graph.call_function(aten.relu.default, (scaled,))
