"""A convolution of pixels that code has spread apart with zeros, or has put one channel to a batch row: on the map
itself.

With u - 1 zeros between pixels and t before them,   conv(spread(x), K) = convT(x, flip(K), stride u, padding k - 1 -
t); one kernel over every channel as a batch row of its own is that kernel in groups of one channel. Along an axis on
which K has one tap it may be spread after the layer as well as before it: a filter in two steps, one for each axis,
becomes two layers. So public code writes the filters of StyleGAN2 and 3 (upfirdn2d), in six dimensions that few
runtimes take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as with_fields
from typing import Any

import torch
from torch import fx

from edgegan.graph.editing import add_weight, arguments, input_of, is_call, pair, replace, shape, sized, weight
from edgegan.graph.moves import moved, numbers, pads_zeros, way_from, way_to
from edgegan.graph.operators import aten


@dataclass(frozen=True)
class Spread:
    """``source`` (N, C, H, W), ``steps`` apart after ``before`` zeros; with ``rows`` every channel stands in a batch
    row."""

    source: fx.Node
    steps: tuple[int, int]
    before: tuple[int, int]
    rows: bool


Layer = tuple[Any, torch.Tensor, tuple[Any, ...]]
"""An operator, its weight, and its arguments from the stride on."""


def spread_input(module: fx.GraphModule) -> int:
    return sum(_rewrite(module, node) for node in list(module.graph.nodes) if is_call(node, aten.conv2d.default))


def _rewrite(module: fx.GraphModule, node: fx.Node) -> bool:
    call = arguments(node)
    kernel, bias = weight(module, call["weight"]), weight(module, call["bias"])
    if (
        kernel is None
        or (call["bias"] is not None and bias is None)
        or isinstance(call["padding"], str)
        or pair(call["dilation"]) != (1, 1)
    ):
        return False
    spread, groups = _spread(node), call["groups"]
    if spread is None or (spread.rows and kernel.shape[0] != 1):
        return False
    batch, channels = shape(spread.source)[:2]
    if spread.rows:
        kernel, bias, groups = (
            kernel.expand(channels, -1, -1, -1),
            None if bias is None else bias.expand(channels),
            channels,
        )
    size = (batch, kernel.shape[0], *shape(node)[2:])
    zeros = [before + p for before, p in zip(spread.before, pair(call["padding"]), strict=True)]
    later = [] if bias is not None or pair(call["stride"]) != (1, 1) else _later(spread, kernel)
    now = _without(spread, later)
    own = tuple(shape(spread.source)[i] if i - 2 in later else n for i, n in enumerate(size))
    layer = (_plain if now.steps == (1, 1) else _transposed)(
        now, kernel, groups, pair(call["stride"]), [0 if axis in later else z for axis, z in enumerate(zeros)], own
    )
    if layer is None:
        return False
    operator, turned, settings = layer
    held = add_weight(module, f"{node.name}_spread_weight", turned)
    offset = None if bias is None else add_weight(module, f"{node.name}_spread_bias", bias)

    def build(graph: fx.Graph) -> fx.Node:
        value = sized(graph.call_function(operator, (spread.source, held, offset, *settings)), own)
        for axis in later:
            value = _spread_apart(graph, value, axis, spread.steps[axis], zeros[axis], size[2 + axis])
        return value

    _put(node, size, build)
    return True


def _later(spread: Spread, kernel: torch.Tensor) -> list[int]:
    """Of the axes that are spread those on which ``kernel`` has one tap, where it has more on another."""
    single = [axis for axis in (0, 1) if kernel.shape[2 + axis] == 1 and spread.steps[axis] > 1]
    return single if len(single) == 1 else []


def _without(spread: Spread, axes: list[int]) -> Spread:
    down, across = (1 if axis in axes else step for axis, step in enumerate(spread.steps))
    top, left = (0 if axis in axes else zeros for axis, zeros in enumerate(spread.before))
    return with_fields(spread, steps=(down, across), before=(top, left))


def _spread_apart(graph: fx.Graph, value: fx.Node, axis: int, step: int, before: int, length: int) -> fx.Node:
    """``value`` with its rows, or columns, ``step`` apart after ``before`` zeros, ``length`` of them in all."""
    size, place = list(shape(value)), 2 + axis
    apart = _reshaped(graph, value, [*size[: place + 1], 1, *size[place + 1 :]])
    wide = _padded(graph, apart, place + 1, 0, step - 1)
    size[place] *= step
    return _padded(graph, _reshaped(graph, wide, size), place, before, length - before - size[place])


def _reshaped(graph: fx.Graph, value: fx.Node, size: list[int]) -> fx.Node:
    return sized(graph.call_function(aten.reshape.default, (value, list(size))), size)


def _padded(graph: fx.Graph, value: fx.Node, axis: int, before: int, behind: int) -> fx.Node:
    """Fewer than no zeros crop."""
    size = list(shape(value))
    margins = [0, 0] * (len(size) - 1 - axis) + [before, behind]
    size[axis] += before + behind
    return sized(graph.call_function(aten.constant_pad_nd.default, (value, margins)), size)


def _spread(node: fx.Node) -> Spread | None:
    """The map furthest back that data movement alone spreads into what ``node`` reads; mere padding is
    ``absorb_padding``'s."""
    steps = way_to(input_of(node))
    if all(pads_zeros(step) for step in steps):
        return None
    for index, step in enumerate(steps):
        source = input_of(step)
        if (
            len(shape(source)) == 4
            and (spread := _read(source, moved(numbers(shape(source)), steps[index:]))) is not None
        ):
            return spread
    return None


def _read(source: fx.Node, spread: torch.Tensor) -> Spread | None:
    batch, channels, height, width = shape(source)
    rows = tuple(spread.shape[:2]) == (batch * channels, 1) and channels > 1
    if not rows and tuple(spread.shape[:2]) != (batch, channels):
        return None
    spread = spread.reshape(batch, channels, *spread.shape[2:])
    places = [torch.nonzero(spread[0, 0].sum(1 - axis)).flatten() for axis in (0, 1)]
    steps = tuple(int(p[1] - p[0]) if len(p) > 1 else 1 for p in places)
    if (len(places[0]), len(places[1])) != (height, width) or int(
        (spread != 0).sum()
    ) != batch * channels * height * width:
        return None
    (top, left), (down, across) = (int(p[0]) for p in places), steps
    there = spread[:, :, top::down, left::across][:, :, :height, :width]
    if not torch.equal(there, numbers(shape(source))):
        return None
    return Spread(source, (down, across), (top, left), rows)


def _plain(
    spread: Spread, kernel: torch.Tensor, groups: int, stride: tuple[int, ...], zeros: list[int], size: tuple[int, ...]
) -> Layer | None:
    """None where the zeros behind the map are not as many as those before it."""
    lengths = [
        (n + 2 * z - k) // s + 1
        for n, z, k, s in zip(shape(spread.source)[2:], zeros, kernel.shape[2:], stride, strict=True)
    ]
    return (aten.conv2d.default, kernel, (list(stride), zeros, [1, 1], groups)) if tuple(lengths) == size[2:] else None


def _transposed(
    spread: Spread, kernel: torch.Tensor, groups: int, stride: tuple[int, ...], zeros: list[int], size: tuple[int, ...]
) -> Layer | None:
    """None where no padding and output padding give ``size``."""
    taps = kernel.shape[2:]
    padding = [k - 1 - z for k, z in zip(taps, zeros, strict=True)]
    extra = [
        a - ((n - 1) * u - 2 * p + k)
        for a, n, u, p, k in zip(size[2:], shape(spread.source)[2:], spread.steps, padding, taps, strict=True)
    ]
    if stride != (1, 1) or min(padding) < 0 or any(not 0 <= e < u for e, u in zip(extra, spread.steps, strict=True)):
        return None
    return aten.conv_transpose2d.input, _turned(kernel, groups), (list(spread.steps), padding, extra, groups)


def _turned(kernel: torch.Tensor, groups: int) -> torch.Tensor:
    """(O, I / g, *k) of a convolution -> (I, O / g, *k) of the transposed one, taps reversed."""
    outputs, inputs, *taps = kernel.shape
    grouped = kernel.flip(2, 3).reshape(groups, outputs // groups, inputs, *taps).transpose(1, 2)
    return grouped.reshape(groups * inputs, outputs // groups, *taps)


def _put(node: fx.Node, size: tuple[int, ...], build: Callable[[fx.Graph], fx.Node]) -> None:
    """``build``'s result of shape ``size`` in the place of ``node``, or of the step behind it that gives that shape
    again."""
    steps = way_from(node)
    for index in range(len(steps) - 1, -1, -1):
        if shape(steps[index]) == size and torch.equal(moved(numbers(shape(node)), steps[: index + 1]), numbers(size)):
            replace(steps[index], build)
            return
    replace(
        node,
        build
        if shape(node) == size
        else lambda graph: graph.call_function(aten.reshape.default, (build(graph), list(shape(node)))),
    )
