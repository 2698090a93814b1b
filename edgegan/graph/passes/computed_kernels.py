"""A convolution whose kernels the network computes is a product of them with each place's pixels, and a transposed one
the sum of what such products draw at each place: contextual attention compares patches so (Yu et al. 2018,
arXiv:1801.07892). litert-torch lays computed kernels out wrongly, and refuses them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from torch import fx

from edgegan.graph.editing import argument, arguments, input_of, is_call, pair, replace, shape, weight
from edgegan.graph.operators import aten


def computed_kernels(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, aten.conv2d.default, aten.conv_transpose2d.input):
            continue
        if weight(module, argument(node, 1)) is not None or not _is_plain(node):
            continue
        transposed = is_call(node, aten.conv_transpose2d.input)
        replace(node, lambda graph, node=node, build=_drawn if transposed else _compared: build(graph, node))
        count += 1
    return count


def _is_plain(node: fx.Node) -> bool:
    call = arguments(node)
    one = shape(input_of(node))[0] == 1 and call["groups"] == 1 and not isinstance(call["padding"], str)
    return one and pair(call["dilation"]) == (1, 1)


def _compared(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """Each row of the product is one kernel at all places, rows and columns of it the taps and channels."""
    source, kernel, call = input_of(node), argument(node, 1), arguments(node)
    outputs, channels, *taps = shape(kernel)
    height, width = shape(node)[2:]
    (down, across), (top, left) = pair(call["stride"]), pair(call["padding"])
    if top or left:
        source = _call(graph, aten.constant_pad_nd.default, source, [left, left, top, top])
    views = []
    for row, column in product(*map(range, taps)):
        rows = _call(graph, aten.slice.Tensor, source, 2, row, row + (height - 1) * down + 1, down)
        views.append(_call(graph, aten.slice.Tensor, rows, 3, column, column + (width - 1) * across + 1, across))
    count = channels * taps[0] * taps[1]
    patches = _call(graph, aten.reshape.default, _call(graph, aten.cat.default, views, 1), [count, height * width])
    turned = _call(graph, aten.permute.default, kernel, [0, 2, 3, 1])
    flat = _call(graph, aten.reshape.default, turned, [outputs, count])
    made = _call(graph, aten.reshape.default, _call(graph, aten.mm.default, flat, patches), list(shape(node)))
    return _with_bias(graph, made, call["bias"], outputs)


def _drawn(graph: fx.Graph, node: fx.Node) -> fx.Node:
    """What each tap draws, a product for all taps at once; those of one phase lie over each other, a place apart."""
    source, kernel, call = input_of(node), argument(node, 1), arguments(node)
    inputs, outputs, *taps = shape(kernel)
    height, width = shape(source)[2:]
    down, across = pair(call["stride"])
    turned = _call(graph, aten.permute.default, kernel, [2, 3, 1, 0])
    flat = _call(graph, aten.reshape.default, turned, [taps[0] * taps[1] * outputs, inputs])
    places = _call(graph, aten.reshape.default, source, [inputs, height * width])
    strokes = _call(
        graph, aten.reshape.default, _call(graph, aten.mm.default, flat, places),
        [taps[0] * taps[1], outputs, height, width],
    )  # fmt: skip
    deep, wide = -(-taps[0] // down), -(-taps[1] // across)
    phases = []
    for row, column in product(range(down), range(across)):
        parts = [
            _moved(
                graph, strokes, (row + a * down) * taps[1] + column + b * across, (a, deep - 1 - a), (b, wide - 1 - b)
            )
            for a, b in product(range(deep), range(wide))
            if row + a * down < taps[0] and column + b * across < taps[1]
        ]
        phases.append(_sum(graph, parts, [1, outputs, height + deep - 1, width + wide - 1]))
    whole = _interleaved(graph, phases, (down, across), (outputs, height + deep - 1, width + wide - 1))
    for axis, start in zip((2, 3), pair(call["padding"]), strict=True):
        whole = _call(graph, aten.slice.Tensor, whole, axis, start, start + shape(node)[axis], 1)
    return _with_bias(graph, whole, call["bias"], outputs)


def _moved(graph: fx.Graph, strokes: fx.Node, tap: int, rows: tuple[int, int], columns: tuple[int, int]) -> fx.Node:
    one = _call(graph, aten.slice.Tensor, strokes, 0, tap, tap + 1, 1)
    return _call(graph, aten.constant_pad_nd.default, one, [*columns, *rows]) if any(rows + columns) else one


def _sum(graph: fx.Graph, parts: list[fx.Node], size: list[int]) -> fx.Node:
    """Of a phase that no tap draws, zeros."""
    if not parts:
        return _call(graph, aten.zeros.default, size)
    total = parts[0]
    for part in parts[1:]:
        total = _call(graph, aten.add.Tensor, total, part)
    return total


def _interleaved(graph: fx.Graph, phases: list[fx.Node], steps: tuple[int, int], size: tuple[int, int, int]) -> fx.Node:
    (down, across), (channels, height, width) = steps, size
    stacked = _call(graph, aten.stack.default, phases, 2)
    apart = _call(graph, aten.reshape.default, stacked, [channels, down, across, height, width])
    laid = _call(graph, aten.permute.default, apart, [0, 3, 1, 4, 2])
    return _call(graph, aten.reshape.default, laid, [1, channels, height * down, width * across])


def _with_bias(graph: fx.Graph, value: fx.Node, bias: fx.Node | None, channels: int) -> fx.Node:
    if bias is None:
        return value
    return _call(graph, aten.add.Tensor, value, _call(graph, aten.reshape.default, bias, [1, channels, 1, 1]))


def _call(graph: fx.Graph, operator: Callable[..., object], *given: object) -> fx.Node:
    return graph.call_function(operator, given)  # type: ignore[arg-type]
