"""Nearest upsampling by f, then a convolution: one transposed convolution.

Upsampling by f is a transposed convolution of stride f with f ones; followed by a convolution of kernel w (k taps,
padding p) it is a transposed convolution of stride f, kernel (ones_f * flipped w) of k + f - 1 taps, padding k - 1 - p.
For f = 2, k = 3 that is k4 s2 p1, which ``phase_conv`` runs in 2.25 times fewer multiplies than upsampling first.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.nn.functional import conv2d

from edgegan.graph.editing import add_weight, arguments, aten, is_call, pair, replace, shape, sole_user, weight

UPSAMPLES = (aten.upsample_nearest2d.vec, aten.upsample_nearest2d.default)


def upsample_conv(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, aten.conv2d.default):
            continue
        call = arguments(node)
        upsample, kernel = call["input"], weight(module, call["weight"])
        if kernel is None or not is_call(upsample, *UPSAMPLES) or sole_user(upsample) is not node:
            continue
        factors = _factors(upsample)
        padding = call["padding"]
        if factors is None or factors[0] != factors[1] or isinstance(padding, str) or call["groups"] != 1:
            continue
        if pair(call["stride"]) != (1, 1) or pair(call["dilation"]) != (1, 1):
            continue
        padding = [k - 1 - p for k, p in zip(kernel.shape[2:], pair(padding), strict=True)]
        if min(padding) < 0:
            continue
        merged = add_weight(module, f"{node.name}_upsampling_weight", _merge(kernel, factors[0]))
        arguments_ = (upsample.args[0], merged, call["bias"], [factors[0]] * 2, padding)
        replace(node, lambda graph, a=arguments_: graph.call_function(aten.conv_transpose2d.input, a))
        count += 1
    return count


def _factors(upsample: fx.Node) -> tuple[int, int] | None:
    before, after = shape(upsample.args[0])[2:], shape(upsample)[2:]
    if any(a % b for a, b in zip(after, before, strict=True)):
        return None
    return after[0] // before[0], after[1] // before[1]


def _merge(kernel: torch.Tensor, factor: int) -> torch.Tensor:
    """(Cout, Cin, k, k) -> (Cin, Cout, k + f - 1, k + f - 1): every tap summed over the f positions that it covers."""
    outputs, inputs, height, width = kernel.shape
    flipped = kernel.double().flip(2, 3).reshape(outputs * inputs, 1, height, width)
    ones = torch.ones(1, 1, factor, factor, dtype=torch.float64)
    full = conv2d(flipped, ones, padding=factor - 1)
    return full.view(outputs, inputs, *full.shape[2:]).transpose(0, 1).to(kernel.dtype).contiguous()
