"""A convolution of pixels that code has spread apart with zeros, or has put one channel to a batch row: on the map itself.

With u - 1 zeros between pixels and t before them,   conv(spread(x), K) = convT(x, flip(K), stride u, padding k - 1 - t);
one kernel over every channel as a batch row of its own is that kernel in groups of one channel. So public code writes the
filters of StyleGAN2 (upfirdn2d), in six dimensions that few runtimes take.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from edgegan.graph.editing import add_weight, arguments, aten, is_call, pair, replace, shape, weight
from edgegan.graph.moves import PADS, moved, numbers, way_from, way_to


@dataclass(frozen=True)
class Spread:
    """``source`` (N, C, H, W), ``steps`` apart after ``before`` zeros; with ``rows`` every channel stands in a batch row."""

    source: fx.Node
    steps: tuple[int, int]
    before: tuple[int, int]
    rows: bool


def spread_input(module: fx.GraphModule) -> int:
    return sum(_rewrite(module, node) for node in list(module.graph.nodes) if is_call(node, aten.conv2d.default))


def _rewrite(module: fx.GraphModule, node: fx.Node) -> bool:
    call = arguments(node)
    kernel, bias = weight(module, call["weight"]), weight(module, call["bias"])
    if kernel is None or (call["bias"] is not None and bias is None) or isinstance(call["padding"], str) or pair(call["dilation"]) != (1, 1):
        return False
    found = _spread(node)
    if found is None or (found.rows and kernel.shape[0] != 1) or (found.steps != (1, 1) and pair(call["stride"]) != (1, 1)):
        return False
    channels, groups = shape(found.source)[1], call["groups"]
    if found.rows:
        kernel, groups = kernel.expand(channels, -1, -1, -1), channels
        bias = None if bias is None else bias.expand(channels)
    zeros = [before + p for before, p in zip(found.before, pair(call["padding"]), strict=True)]
    after = (shape(found.source)[0], channels if found.rows else shape(node)[1], *shape(node)[2:])
    settings = _transposed(found, kernel, zeros, after) if found.steps != (1, 1) else _plain(found, kernel, zeros, after, pair(call["stride"]))
    if settings is None:
        return False
    operator = aten.conv2d.default
    if found.steps != (1, 1):
        operator, kernel = aten.conv_transpose2d.input, _turned(kernel, groups)
        settings = (*settings, groups)
    else:
        settings = (*settings, [1, 1], groups)
    held = add_weight(module, f"{node.name}_spread_weight", kernel)
    offset = None if bias is None else add_weight(module, f"{node.name}_spread_bias", bias)
    _put(node, after, lambda graph: graph.call_function(operator, (found.source, held, offset, *settings)))
    return True


def _spread(node: fx.Node) -> Spread | None:
    """The map furthest back that data movement alone spreads into what ``node`` reads; mere padding is ``absorb_padding``'s."""
    steps = way_to(node.args[0])
    if all(is_call(step, *PADS) for step in steps):
        return None
    for index, step in enumerate(steps):
        source = step.args[0]
        if len(shape(source)) == 4 and (found := _read(source, moved(numbers(shape(source)), steps[index:]))) is not None:
            return found
    return None


def _read(source: fx.Node, spread: torch.Tensor) -> Spread | None:
    batch, channels, height, width = shape(source)
    rows = tuple(spread.shape[:2]) == (batch * channels, 1) and channels > 1
    if not rows and tuple(spread.shape[:2]) != (batch, channels):
        return None
    spread = spread.reshape(batch, channels, *spread.shape[2:])
    places = [torch.nonzero(spread[0, 0].sum(1 - axis)).flatten() for axis in (0, 1)]
    steps = tuple(int(p[1] - p[0]) if len(p) > 1 else 1 for p in places)
    if (len(places[0]), len(places[1])) != (height, width) or int((spread != 0).sum()) != batch * channels * height * width:
        return None
    (top, left), (down, across) = (int(p[0]) for p in places), steps
    there = spread[:, :, top::down, left::across][:, :, :height, :width]
    if not torch.equal(there, numbers(shape(source))):
        return None
    return Spread(source, (down, across), (top, left), rows)


def _transposed(found: Spread, kernel: torch.Tensor, zeros: list[int], after: tuple[int, ...]) -> tuple | None:
    """Stride, padding and output padding; None where no such settings give the size ``after``."""
    taps, sizes = kernel.shape[2:], shape(found.source)[2:]
    padding = [k - 1 - z for k, z in zip(taps, zeros, strict=True)]
    extra = [a - ((n - 1) * u - 2 * p + k) for a, n, u, p, k in zip(after[2:], sizes, found.steps, padding, taps, strict=True)]
    if min(padding) < 0 or any(not 0 <= e < u for e, u in zip(extra, found.steps, strict=True)):
        return None
    return list(found.steps), padding, extra


def _plain(found: Spread, kernel: torch.Tensor, zeros: list[int], after: tuple[int, ...], stride: tuple[int, ...]) -> tuple | None:
    """Stride and padding; None where the zeros behind the map are not as many as those before it."""
    sizes = [(n + 2 * z - k) // s + 1 for n, z, k, s in zip(shape(found.source)[2:], zeros, kernel.shape[2:], stride, strict=True)]
    return (list(stride), zeros) if tuple(sizes) == tuple(after[2:]) else None


def _turned(kernel: torch.Tensor, groups: int) -> torch.Tensor:
    """(O, I / g, *k) of a convolution -> (I, O / g, *k) of the transposed one, taps reversed."""
    outputs, inputs, *taps = kernel.shape
    grouped = kernel.flip(2, 3).reshape(groups, outputs // groups, inputs, *taps).transpose(1, 2)
    return grouped.reshape(groups * inputs, outputs // groups, *taps)


def _put(node: fx.Node, after: tuple[int, ...], build) -> None:
    """``build``'s result of shape ``after`` in the place of ``node``, or of the step behind it that gives that shape again."""
    steps = way_from(node)
    for index in range(len(steps) - 1, -1, -1):
        if shape(steps[index]) == after and torch.equal(moved(numbers(shape(node)), steps[: index + 1]), numbers(after)):
            replace(steps[index], build)
            return
    replace(node, build if shape(node) == after else lambda graph: graph.call_function(aten.reshape.default, (build(graph), list(shape(node)))))
