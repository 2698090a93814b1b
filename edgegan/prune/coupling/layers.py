"""What layers, norms and products tie together."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import fx

from edgegan.graph.editing import argument, arguments, input_of, is_call, shape
from edgegan.graph.operators import CONVOLUTIONS, TRANSPOSED, VOLUMETRIC, VOLUMETRIC_TRANSPOSED, aten
from edgegan.prune.coupling.atoms import still
from edgegan.prune.coupling.trace import Axes, Rule, Trace


def _convolution(trace: Trace, node: fx.Node) -> Axes:
    call = arguments(node)
    source, kernel, groups = trace.of(call["input"]), trace.of(call["weight"]), call["groups"]
    if len(source) != len(kernel):
        trace.fix(*source, *kernel)
        return tuple(map(still, shape(node)))
    transposed = is_call(node, *TRANSPOSED, *VOLUMETRIC_TRANSPOSED)
    trace.fix(source[0], *source[2:], *kernel[2:])
    trace.layer(node, call["weight"], *((1, 0) if transposed else (0, 1)))
    if groups == 1:
        outputs, inputs = (kernel[1], kernel[0]) if transposed else (kernel[0], kernel[1])
        trace.tie(source[1], inputs)
    else:
        outputs = _grouped(trace, source[1], kernel, groups, transposed)
    if call["bias"] is not None:
        trace.tie(trace.of(call["bias"])[0], outputs)
    return (source[0], outputs, *map(still, shape(node)[2:]))


def _grouped(trace: Trace, inputs: np.ndarray, kernel: Axes, groups: int, transposed: bool) -> np.ndarray:
    """Groups of one channel go as a whole; wider groups all lose the same places."""
    if transposed:
        trace.tie(inputs, kernel[0])
    if len(inputs) == groups:
        trace.fix(kernel[1])
        outputs = np.repeat(inputs, kernel[1].size if transposed else kernel[0].size // groups)
        if not transposed:
            trace.tie(kernel[0], outputs)
        return outputs
    places = _same_places(trace, inputs, groups)
    if transposed:
        return np.tile(kernel[1], groups)
    trace.tie(places, kernel[1])
    _same_places(trace, kernel[0], groups)
    return kernel[0]


def _same_places(trace: Trace, channels: np.ndarray, groups: int) -> np.ndarray:
    rows = channels.reshape(groups, -1)
    trace.tie(rows, np.broadcast_to(rows[0], rows.shape))
    return rows[0]


def _linear(trace: Trace, node: fx.Node) -> Axes:
    call = arguments(node)
    source, kernel = trace.of(call["input"]), trace.of(call["weight"])
    trace.layer(node, call["weight"], 0, 1)
    trace.tie(source[-1], kernel[1])
    if call["bias"] is not None:
        trace.tie(trace.of(call["bias"])[0], kernel[0])
    return (*source[:-1], kernel[0])


def _addmm(trace: Trace, node: fx.Node) -> Axes:
    bias, source, matrix = (trace.of(value) for value in node.args[:3])
    trace.layer(node, node.args[2], 1, 0)
    trace.tie(source[1], matrix[0])
    if len(bias[-1]) == len(matrix[1]):
        trace.tie(bias[-1], matrix[1])
    return (source[0], matrix[1])


def _product(trace: Trace, node: fx.Node) -> Axes:
    """Matrix products of any rank from two on: rows of one, columns of the other, and what stands before both."""
    one, other = trace.of(node.args[0]), trace.of(node.args[1])
    if len(one) < 2 or len(other) < 2:
        trace.fix(*one, *other)
        return tuple(map(still, shape(node)))
    trace.layer(node, node.args[1], len(other) - 1, len(other) - 2)
    trace.tie(one[-1], other[-2])
    before = broadcast(trace, [one[:-2], other[:-2]], shape(node)[:-2])
    return (*before, one[-2], other[-1])


def _batch_norm(trace: Trace, node: fx.Node) -> Axes:
    call = arguments(node)
    source = trace.of(call["input"])
    trace.scale(call["weight"])
    for name in ("weight", "bias", "running_mean", "running_var"):
        if call[name] is not None:
            trace.tie(trace.of(call[name])[0], source[1])
    return source


def _group_norm(trace: Trace, node: fx.Node) -> Axes:
    """A group goes as a whole, so that those that stay have the statistics that they had; one group over all channels
    is a norm like any other."""
    call = arguments(node)
    source, groups = trace.of(call["input"]), call["num_groups"]
    trace.scale(call["weight"])
    if groups > 1:
        rows = source[1].reshape(groups, -1)
        trace.tie(rows, np.broadcast_to(rows[:, :1], rows.shape))
    for name in ("weight", "bias"):
        if call[name] is not None:
            trace.tie(trace.of(call[name])[0], source[1])
    return source


def _layer_norm(trace: Trace, node: fx.Node) -> Axes:
    call = arguments(node)
    source = trace.of(call["input"])
    trace.scale(call["weight"])
    for name in ("weight", "bias"):
        if call[name] is not None:
            held = trace.of(call[name])
            for mine, its in zip(held, source[-len(held) :], strict=True):
                trace.tie(mine, its)
    return source


def _prelu(trace: Trace, node: fx.Node) -> Axes:
    source, slopes = trace.of(input_of(node)), trace.of(node.args[1])
    if slopes and len(slopes[0]) > 1:
        trace.tie(slopes[0], source[1])
    return source


def _embedding(trace: Trace, node: fx.Node) -> Axes:
    table, places = trace.of(node.args[0]), trace.of(node.args[1])
    trace.fix(table[0])
    return (*places, table[1])


def _attention(trace: Trace, node: fx.Node) -> Axes:
    """Features of queries and keys stay, for their number is the scale; heads and the values' features may go."""
    query, key, value = (trace.of(source) for source in node.args[:3])
    trace.fix(query[-1], key[-1], query[-2], key[-2], value[-2])
    if any(isinstance(more, fx.Node) for more in node.args[3:]):
        trace.fix(*query, *value)
    before = broadcast(trace, [query[:-2], key[:-2], value[:-2]], shape(node)[:-2])
    return (*before, query[-2], value[-1])


def _einsum(trace: Trace, node: fx.Node) -> Axes:
    """The same letter is the same axis."""
    equation, sources = str(argument(node, 0)).replace(" ", ""), argument(node, 1)
    if "." in equation or "->" not in equation:
        for source in sources:
            trace.fix(*trace.of(source))
        return tuple(map(still, shape(node)))
    read, given = equation.split("->")
    seen: dict[str, np.ndarray] = {}
    for letters, source in zip(read.split(","), sources, strict=True):
        for letter, axis in zip(letters, trace.of(source), strict=True):
            trace.tie(seen.setdefault(letter, axis), axis)
    return tuple(seen[letter] for letter in given)


def broadcast(trace: Trace, several: list[Axes], sizes: tuple[int, ...]) -> Axes:
    """Axes that lie above each other, from the last one on, are one; where one of a single index is repeated it says
    nothing."""
    given: list[np.ndarray] = []
    for place, size in enumerate(sizes):
        meeting = [axes[place - len(sizes)] for axes in several if len(axes) >= len(sizes) - place]
        meeting = [axis for axis in meeting if len(axis) == size]
        for axis in meeting[1:]:
            trace.tie(axis, meeting[0])
        given.append(meeting[0] if meeting else still(size))
    return tuple(given)


LAYER_RULES: dict[Any, Rule] = {
    **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED, *VOLUMETRIC, *VOLUMETRIC_TRANSPOSED), _convolution),
    aten.linear.default: _linear,
    aten.addmm.default: _addmm,
    **dict.fromkeys((aten.matmul.default, aten.mm.default, aten.bmm.default), _product),
    aten.batch_norm.default: _batch_norm,
    aten.instance_norm.default: _batch_norm,
    aten.group_norm.default: _group_norm,
    aten.layer_norm.default: _layer_norm,
    aten.prelu.default: _prelu,
    aten.embedding.default: _embedding,
    aten.scaled_dot_product_attention.default: _attention,
    aten.einsum.default: _einsum,
}
