"""A transposed convolution of a 1x1 input is a linear layer and a reshape: y[c, i, j] = sum_d x[d] W[d, c, p + i, p +
j] + b[c]."""

from __future__ import annotations

from functools import partial

import torch
from torch import fx
from torch.nn.functional import pad

from edgegan.graph.editing import add_weight, arguments, is_call, pair, replace, shape, weight
from edgegan.graph.operators import aten


def pixel_linear(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, aten.conv_transpose2d.input):
            continue
        call = arguments(node)
        source, kernel = call["input"], weight(module, call["weight"])
        bias = weight(module, call["bias"])
        if kernel is None or (call["bias"] is not None and bias is None) or shape(source)[2:] != (1, 1):
            continue
        if call["groups"] != 1 or pair(call["dilation"]) != (1, 1):
            continue
        _, channels, height, width = shape(node)
        taps = _window(kernel, pair(call["padding"]), (height, width))
        matrix = add_weight(
            module, f"{node.name}_matrix", taps.permute(1, 2, 3, 0).reshape(channels * height * width, -1)
        )
        offset = (
            None if bias is None else add_weight(module, f"{node.name}_offset", bias.repeat_interleave(height * width))
        )

        replace(node, partial(_product, source, matrix, offset, shape(node)))
        count += 1
    return count


def _product(
    source: fx.Node, matrix: fx.Node, offset: fx.Node | None, sizes: tuple[int, ...], graph: fx.Graph
) -> fx.Node:
    flat = graph.call_function(aten.reshape.default, (source, [sizes[0], shape(source)[1]]))
    product = graph.call_function(aten.linear.default, (flat, matrix, offset))
    return graph.call_function(aten.reshape.default, (product, list(sizes)))


def _window(kernel: torch.Tensor, padding: tuple[int, ...], size: tuple[int, int]) -> torch.Tensor:
    """The taps that reach the output: ``size`` of them from ``padding`` on, zeros where output padding goes beyond."""
    top, left = padding
    missing = [
        max(0, start + length - taps) for start, length, taps in zip(padding, size, kernel.shape[2:], strict=True)
    ]
    full = pad(kernel, (0, missing[1], 0, missing[0]))
    return full[:, :, top : top + size[0], left : left + size[1]]
