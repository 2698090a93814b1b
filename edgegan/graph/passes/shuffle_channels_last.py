"""PixelShuffle and nearest upsampling as one transpose of whole channel vectors in NHWC, which XNNPACK copies fastest.

PixelShuffle has its phases innermost in the channels. Where they come from layers, the rows of the layers' weights are
reordered to have them outermost; elsewhere the shuffle is a transpose of single values. Upsampling is that many copies
concatenated, then the same transpose.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph import interleaving
from edgegan.graph.editing import (
    add_weight,
    argument,
    arguments,
    channel_values,
    factors,
    input_of,
    is_call,
    replace,
    shape,
    weight,
)
from edgegan.graph.operators import LAYERS, POINTWISE, SUMS, aten

MOST_COPIES = 16


def shuffle_channels_last(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if is_call(node, aten.pixel_shuffle.default) and len(shape(node)) == 4:
            _shuffle(module, node)
            count += 1
        elif (repeats := factors(node)) is not None and repeats[0] * repeats[1] <= MOST_COPIES:
            _upsample(node, repeats)
            count += 1
    return count


def _upsample(node: fx.Node, repeats: tuple[int, int]) -> None:
    batch, channels, rows, columns = shape(input_of(node))

    def build(graph: fx.Graph) -> fx.Node:
        copies = graph.call_function(aten.cat.default, ([input_of(node)] * (repeats[0] * repeats[1]), 1))
        pixels = interleaving.channels_last(graph, copies, batch, channels, (rows, columns), repeats)
        return interleaving.to_channels_first(graph, pixels, 2)

    replace(node, build)


def _shuffle(module: fx.GraphModule, node: fx.Node) -> None:
    source, stride = input_of(node), int(argument(node, 1))
    batch, wide, rows, columns = shape(source)
    channels = wide // stride**2
    outermost = torch.arange(wide).view(channels, stride * stride).t().reshape(-1)
    reordered = _can_reorder(module, source, node)
    if reordered:
        _reorder(module, source, outermost)

    def build(graph: fx.Graph) -> fx.Node:
        if reordered:
            pixels = interleaving.channels_last(graph, source, batch, channels, (rows, columns), (stride, stride))
        else:
            value = graph.call_function(aten.permute.default, (source, [0, 2, 3, 1]))
            value = graph.call_function(
                aten.reshape.default, (value, [batch * rows, columns, channels, stride, stride])
            )
            value = graph.call_function(aten.permute.default, (value, [0, 3, 1, 4, 2]))
            pixels = graph.call_function(
                aten.reshape.default, (value, [batch, rows * stride, columns * stride, channels])
            )
        return interleaving.to_channels_first(graph, pixels, 2)

    replace(node, build)


def _can_reorder(module: fx.GraphModule, node: fx.Node, user: fx.Node) -> bool:
    """Whether the channels of ``node`` come from layers, with nothing between that mixes or shares them."""
    if not isinstance(node, fx.Node) or set(node.users) != {user}:
        return False
    if is_call(node, *LAYERS):
        call = arguments(node)
        return (
            call.get("groups", 1) == 1
            and weight(module, call["weight"]) is not None
            and (call["bias"] is None or weight(module, call["bias"]) is not None)
        )
    if is_call(node, *POINTWISE):
        return _can_reorder(module, input_of(node), node)
    if is_call(node, aten.prelu.default):
        return weight(module, node.args[1]) is not None and _can_reorder(module, input_of(node), node)
    if is_call(node, *SUMS, aten.mul.Tensor):
        return all(
            channel_values(module, a, shape(node)[1], 4) is not None
            or (isinstance(a, fx.Node) and shape(a) == shape(node) and _can_reorder(module, a, node))
            for a in node.args[:2]
        )
    return False


def _reorder(module: fx.GraphModule, node: fx.Node, order: torch.Tensor) -> None:
    if is_call(node, *LAYERS):
        for index in (1, 2):
            held = weight(module, node.args[index]) if len(node.args) > index else None
            if held is not None:
                node.update_arg(index, add_weight(module, f"{node.name}_reordered{index}", held[order]))
        return
    if is_call(node, aten.prelu.default):
        slopes = weight(module, node.args[1])
        assert slopes is not None
        node.update_arg(
            1, add_weight(module, f"{node.name}_reordered", slopes[order] if slopes.numel() > 1 else slopes)
        )
        return _reorder(module, input_of(node), order)
    for index, value in enumerate(node.args[:2]):
        held = weight(module, value)
        if held is not None and held.numel() > 1:
            node.update_arg(
                index, add_weight(module, f"{node.name}_reordered{index}", held.index_select(held.ndim - 3, order))
            )
        elif held is None and isinstance(value, fx.Node):
            _reorder(module, value, order)
