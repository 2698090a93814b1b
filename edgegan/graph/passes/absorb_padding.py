"""Zeros put around a layer's input become its own padding, and a crop of what it gives becomes less of it.

conv(pad(x, c), p) = conv(x, p + c);   crop(conv(x, p), c) = conv(x, p - s c);   crop(convT(x, p), c) = convT(x, p + c).
What the far side loses or gains follows from the lengths; where no padding gives them, nothing is changed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from edgegan.graph.editing import arguments, input_of, is_call, pair, shape, sole_user, weight
from edgegan.graph.moves import pads_zeros
from edgegan.graph.operators import CONVOLUTIONS, POINTWISE, TRANSPOSED, aten


def absorb_padding(module: fx.GraphModule) -> int:
    nodes = list(module.graph.nodes)
    return sum(_absorb_zeros(module, n) for n in nodes if is_call(n, *CONVOLUTIONS)) + sum(
        _absorb_crop(module, n) for n in nodes if is_call(n, aten.slice.Tensor)
    )


def _absorb_zeros(module: fx.GraphModule, node: fx.Node) -> bool:
    call = arguments(node)
    zeros, rank = call["input"], len(shape(node)) - 2
    kernel = weight(module, call["weight"])
    if not pads_zeros(zeros) or kernel is None or isinstance(call["padding"], str):
        return False
    margins = list(arguments(zeros)["pad"])
    if min(margins) < 0 or len(margins) > 2 * rank:
        return False
    before = [0] * (rank - len(margins) // 2) + margins[::2][::-1]
    padding = [p + more for p, more in zip(pair(call["padding"], rank), before, strict=True)]
    source = input_of(zeros)
    if _lengths(call, kernel, shape(source)[2:], padding) != shape(node)[2:]:
        return False
    _set(node, call, {"input": source, "padding": padding})
    return True


def _absorb_crop(module: fx.GraphModule, node: fx.Node) -> bool:
    layer = _cropped_layer(node)
    crop = arguments(node)
    axis = crop["dim"] % len(shape(node)) - 2
    if layer is None or axis < 0 or crop["step"] != 1 or isinstance(arguments(layer)["padding"], str):
        return False
    kernel = weight(module, layer.args[1])
    if kernel is None:
        return False
    call, rank, start = arguments(layer), len(shape(layer)) - 2, (crop["start"] or 0) % shape(input_of(node))[axis + 2]
    sizes, padding = shape(call["input"])[2:], list(pair(call["padding"], rank))
    wanted = shape(node)[2:]
    changed: dict[str, Any] = {"padding": padding}
    if is_call(layer, *TRANSPOSED):
        padding[axis] += start
        stride, dilation = pair(call["stride"], rank)[axis], pair(call["dilation"], rank)[axis]
        extra = list(pair(call["output_padding"], rank))
        extra[axis] = wanted[axis] - ((sizes[axis] - 1) * stride - 2 * padding[axis] + _spans(call, kernel)[axis])
        changed["output_padding"] = extra
        if not 0 <= extra[axis] < max(stride, dilation):
            return False
    else:
        padding[axis] -= start * pair(call["stride"], rank)[axis]
        if padding[axis] < 0 or _lengths(call, kernel, sizes, padding)[axis] != wanted[axis]:
            return False
    _set(layer, call, changed)
    between = input_of(node)
    while True:
        between.meta["val"] = between.meta["val"].new_empty((*shape(between)[:2], *wanted))
        if between is layer:
            break
        between = input_of(between)
    node.replace_all_uses_with(input_of(node))
    node.graph.erase_node(node)
    return True


def _cropped_layer(node: fx.Node) -> fx.Node | None:
    """The layer whose output, or what activations make of it, ``node`` crops and nothing else reads."""
    source = input_of(node)
    while is_call(source, *POINTWISE) and sole_user(source) is not None:
        source = input_of(source)
    is_alone = sole_user(source) is not None and sole_user(input_of(node)) is node
    return source if is_alone and is_call(source, *CONVOLUTIONS, *TRANSPOSED) else None


def _lengths(call: dict[str, Any], kernel: torch.Tensor, sizes: tuple[int, ...], padding: list[int]) -> tuple[int, ...]:
    """Spatial output sizes of a convolution with another ``padding``."""
    rank = len(sizes)
    spans = _spans(call, kernel)
    return tuple(
        (n + 2 * p - span) // s + 1
        for n, p, span, s in zip(sizes, padding, spans, pair(call["stride"], rank), strict=True)
    )


def _spans(call: dict[str, Any], kernel: torch.Tensor) -> list[int]:
    """Places from a kernel's first tap to its last, both counted."""
    return [d * (k - 1) + 1 for d, k in zip(pair(call["dilation"], kernel.ndim - 2), kernel.shape[2:], strict=True)]


def _set(node: fx.Node, call: dict[str, Any], changed: dict[str, Any]) -> None:
    node.args, node.kwargs = tuple((call | changed).values()), {}
