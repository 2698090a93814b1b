"""A convolution over volumes as one over pictures, whose channels are those of all depths that a kernel reaches:

    y[d] = sum_t w[t] * x[s d + t - p] = [w[0] .. w[k - 1]] * [x[s d - p] .. x[s d + k - 1 - p]]

LiteRT has no int8 of the former, and its delegates take the latter alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import fx

from edgegan.graph.editing import add_weight, argument, arguments, input_of, is_call, pair, replace, shape, weight
from edgegan.graph.operators import aten


def depth_as_channels(module: fx.GraphModule) -> int:
    count = 0
    for node in [n for n in module.graph.nodes if is_call(n, aten.conv3d.default)]:
        given = arguments(node)
        if weight(module, argument(node, 1)) is not None and given["groups"] == 1:
            replace(node, partial(_over_pictures, module, node, given))
            count += 1
    return count


def _over_pictures(module: fx.GraphModule, node: fx.Node, given: dict[str, Any], graph: fx.Graph) -> fx.Node:
    source, kernel = input_of(node), weight(module, argument(node, 1))
    assert kernel is not None
    outputs, _, taps, *sides = kernel.shape
    stride, padding, dilation = (pair(given[name], 3) for name in ("stride", "padding", "dilation"))
    samples, channels, _, height, width = shape(source)
    depth, *size = shape(node)[2:]
    call = graph.call_function
    if padding[0]:
        source = call(aten.constant_pad_nd.default, (source, [0, 0, 0, 0, padding[0], padding[0]]))
    reached = []
    for tap in range(taps):
        first = tap * dilation[0]
        reached.append(call(aten.slice.Tensor, (source, 2, first, first + (depth - 1) * stride[0] + 1, stride[0])))
    pictures = call(aten.permute.default, (call(aten.cat.default, (reached, 1)), [0, 2, 1, 3, 4]))
    pictures = call(aten.reshape.default, (pictures, [samples * depth, taps * channels, height, width]))
    flat = kernel.transpose(1, 2).reshape(outputs, taps * channels, *sides)
    flat_weight = add_weight(module, f"{argument(node, 1).target}_flat", flat)
    ends = (list(stride[1:]), list(padding[1:]), list(dilation[1:]))
    drawn = call(aten.conv2d.default, (pictures, flat_weight, given["bias"], *ends))
    return call(
        aten.permute.default,
        (call(aten.reshape.default, (drawn, [samples, depth, outputs, *size])), [0, 2, 1, 3, 4]),
    )
