"""Nearest upsampling by f, then a convolution: one transposed convolution.

Upsampling by f is a transposed convolution of stride f with f ones; followed by a convolution of kernel w (k taps,
padding p) it is a transposed convolution of stride f, kernel (ones_f * flipped w) of k + f - 1 taps, padding k - 1 - p.
For f = 2, k = 3 that is k4 s2 p1, which ``phase_conv`` runs in 2.25 times fewer multiplies than upsampling first.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.nn.functional import conv2d

from edgegan.graph.editing import UPSAMPLES, add_weight, arguments, aten, is_call, pair, replace, shape, weight


def upsample_conv(module: fx.GraphModule) -> int:
    merged = [merge(module, node) for node in list(module.graph.nodes) if mergeable(module, node)]
    return len(merged)


def mergeable(module: fx.GraphModule, node: fx.Node) -> bool:
    """Whether ``node`` is a plain convolution of an upsampled map that the formula covers."""
    if not is_call(node, aten.conv2d.default):
        return False
    call = arguments(node)
    kernel = weight(module, call["weight"])
    if kernel is None or not is_call(call["input"], *UPSAMPLES) or isinstance(call["padding"], str) or call["groups"] != 1:
        return False
    repeats = factors(call["input"])
    if repeats is None or repeats[0] != repeats[1] or pair(call["stride"]) != (1, 1) or pair(call["dilation"]) != (1, 1):
        return False
    return all(p < k for k, p in zip(kernel.shape[2:], pair(call["padding"]), strict=True))


def merge(module: fx.GraphModule, node: fx.Node) -> fx.Node:
    """Put one transposed convolution in the place of a ``mergeable`` one and its upsampling; returns it."""
    call = arguments(node)
    kernel, upsample = weight(module, call["weight"]), call["input"]
    repeats = factors(upsample)
    assert kernel is not None and repeats is not None
    padding = [k - 1 - p for k, p in zip(kernel.shape[2:], pair(call["padding"]), strict=True)]
    merged = add_weight(module, f"{node.name}_upsampling_weight", _merge(kernel, repeats[0]))
    new = (upsample.args[0], merged, call["bias"], list(repeats), padding)
    return replace(node, lambda graph: graph.call_function(aten.conv_transpose2d.input, new))


def factors(upsample: fx.Node) -> tuple[int, int] | None:
    """Whole numbers of times that rows and columns are repeated; None for other sizes."""
    before, after = shape(upsample.args[0])[2:], shape(upsample)[2:]
    if any(a % b for a, b in zip(after, before, strict=True)):
        return None
    return after[0] // before[0], after[1] // before[1]


def _merge(kernel: torch.Tensor, factor: int) -> torch.Tensor:
    """(Cout, Cin, k, k) -> (Cin, Cout, k + f - 1, k + f - 1): every tap summed over the f positions that it covers."""
    return spread(kernel.flip(2, 3), factor).transpose(0, 1).contiguous()


def spread(kernel: torch.Tensor, factor: int) -> torch.Tensor:
    """(Cout, Cin, k, k) -> (Cout, Cin, k + f - 1, k + f - 1): full convolution of each kernel with f x f ones."""
    outputs, inputs, height, width = kernel.shape
    flat = kernel.double().reshape(outputs * inputs, 1, height, width)
    full = conv2d(flat, torch.ones(1, 1, factor, factor, dtype=torch.float64), padding=factor - 1)
    return full.view(outputs, inputs, *full.shape[2:]).to(kernel.dtype)
