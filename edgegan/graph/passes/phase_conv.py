"""A transposed convolution of stride s is one ordinary convolution, PixelShuffle(s) and a crop.

Uncropped output row o = s w + r takes input row w - j with tap j s + r, j = 0 .. T-1, T = ceil(k / s). The s*s phases
are stacked as output channels of a T x T convolution whose taps are reversed; the shuffle interleaves them; the crop
starts at the padding. Only the rows that the crop keeps are computed, so no multiply is wasted but at the border.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import fx
from torch.nn.functional import pad

from edgegan.graph.editing import add_weight, arguments, aten, is_call, pair, replace, shape, weight


@dataclass(frozen=True)
class Axis:
    """One spatial axis: taps per phase, zeros before and after the input, and where the output starts after the shuffle."""

    taps: int
    before: int
    after: int
    start: int
    length: int


def axis(size: int, kernel: int, stride: int, padding: int, length: int) -> Axis | None:
    """How an axis of ``size`` inputs and ``length`` outputs is computed; None where padding would cut into the input."""
    taps = -(-kernel // stride)
    first = padding // stride
    positions = -(-(padding + length) // stride) - first
    before = taps - 1 - first
    after = positions - size - before + taps - 1
    if before < 0 or after < 0:
        return None
    return Axis(taps, before, after, padding - first * stride, length)


def phase_weight(kernel: torch.Tensor, stride: int, groups: int) -> torch.Tensor:
    """(Cin, Cout / groups, kh, kw) -> (Cout * s * s, Cin / groups, Th, Tw), phases innermost, taps reversed."""
    inputs, per_group, height, width = kernel.shape
    taps = (-(-height // stride), -(-width // stride))
    full = pad(kernel, (0, taps[1] * stride - width, 0, taps[0] * stride - height))
    split = full.view(groups, inputs // groups, per_group, taps[0], stride, taps[1], stride).flip(3, 5)
    return split.permute(0, 2, 4, 6, 1, 3, 5).reshape(groups * per_group * stride * stride, inputs // groups, *taps)


@dataclass(frozen=True)
class Phases:
    """A transposed convolution that the phase form covers: its axes, stride, groups, stacked weight and bias."""

    source: fx.Node
    rows: Axis
    columns: Axis
    stride: int
    groups: int
    weight: torch.Tensor
    bias: torch.Tensor | None

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the convolution's output."""
        height, width = shape(self.source)[2:]
        return height + self.rows.before + self.rows.after - self.rows.taps + 1, width + self.columns.before + self.columns.after - self.columns.taps + 1


def phase_conv(module: fx.GraphModule) -> int:
    """Convolution, PixelShuffle, crop; NCHW throughout."""
    return _rewrite_all(module, _pixel_shuffle_form)


def phase_conv_channels_last(module: fx.GraphModule) -> int:
    """Convolution, then the interleaving as one transpose of whole channel vectors in NHWC: what XNNPACK copies fastest.

    Phases are outermost in the channels, so that a pixel's channels stay together.
    """
    return _rewrite_all(module, _channels_last_form)


def _rewrite_all(module: fx.GraphModule, form: Callable[[fx.GraphModule, fx.Graph, fx.Node, Phases], fx.Node]) -> int:
    count = 0
    for node in list(module.graph.nodes):
        phases = _match(module, node) if is_call(node, aten.conv_transpose2d.input) else None
        if phases is not None:
            replace(node, lambda graph, node=node, phases=phases: form(module, graph, node, phases))
            count += 1
    return count


def _match(module: fx.GraphModule, node: fx.Node) -> Phases | None:
    call = arguments(node)
    kernel, bias = weight(module, call["weight"]), weight(module, call["bias"])
    stride, padding = pair(call["stride"]), pair(call["padding"])
    if kernel is None or (call["bias"] is not None and bias is None) or stride[0] != stride[1] or pair(call["dilation"]) != (1, 1):
        return None
    sizes = zip(shape(call["input"])[2:], kernel.shape[2:], padding, shape(node)[2:], strict=True)
    rows, columns = (axis(size, k, stride[0], p, length) for size, k, p, length in sizes)
    if rows is None or columns is None:
        return None
    return Phases(call["input"], rows, columns, stride[0], call["groups"], phase_weight(kernel, stride[0], call["groups"]), bias)


def _convolution(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases, kernel: torch.Tensor, bias: torch.Tensor | None) -> fx.Node:
    rows, columns = phases.rows, phases.columns
    stacked = add_weight(module, f"{node.name}_phase_weight", kernel)
    offset = None if bias is None else add_weight(module, f"{node.name}_phase_bias", bias)
    source, margins = phases.source, [rows.before, columns.before]
    if rows.before != rows.after or columns.before != columns.after:
        source = graph.call_function(aten.constant_pad_nd.default, (source, [columns.before, columns.after, rows.before, rows.after], 0.0))
        margins = [0, 0]
    return graph.call_function(aten.conv2d.default, (source, stacked, offset, [1, 1], margins, [1, 1], phases.groups))


def _crop(graph: fx.Graph, value: fx.Node, phases: Phases, first_dim: int) -> fx.Node:
    for dim, part, positions in zip((first_dim, first_dim + 1), (phases.rows, phases.columns), phases.size, strict=True):
        if (part.start, part.length) != (0, positions * phases.stride):
            value = graph.call_function(aten.slice.Tensor, (value, dim, part.start, part.start + part.length))
    return value


def _pixel_shuffle_form(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    s = phases.stride
    bias = None if phases.bias is None else phases.bias.repeat_interleave(s * s)
    value = _convolution(module, graph, node, phases, phases.weight, bias)
    if s > 1:
        value = graph.call_function(aten.pixel_shuffle.default, (value, s))
    return _crop(graph, value, phases, 2)


def _channels_last_form(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    s, batch, channels = phases.stride, shape(node)[0], shape(node)[1]
    if s == 1 or phases.groups > 1:
        return _pixel_shuffle_form(module, graph, node, phases)
    outermost = phases.weight.view(channels, s * s, *phases.weight.shape[1:]).transpose(0, 1).reshape(phases.weight.shape)
    value = _convolution(module, graph, node, phases, outermost, None if phases.bias is None else phases.bias.repeat(s * s))
    rows, columns = phases.size
    value = graph.call_function(aten.permute.default, (value, [0, 2, 3, 1]))
    value = graph.call_function(aten.reshape.default, (value, [batch * rows, columns, s, s * channels]))
    value = graph.call_function(aten.permute.default, (value, [0, 2, 1, 3]))
    value = graph.call_function(aten.reshape.default, (value, [batch, rows * s, columns * s, channels]))
    return graph.call_function(aten.permute.default, (_crop(graph, value, phases, 1), [0, 3, 1, 2]))
