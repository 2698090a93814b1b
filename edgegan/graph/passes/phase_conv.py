"""A transposed convolution as ordinary convolutions whose outputs are interleaved and cropped; ``edgegan.graph.phases``
has the algebra. Three forms of the same numbers: which one a device runs best is for measurement to say."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import fx

from edgegan.graph import interleaving
from edgegan.graph.editing import add_weight, is_call, replace
from edgegan.graph.operators import CONVOLUTION_OF_RANK, TRANSPOSED, aten
from edgegan.graph.phases import Phases, match

Form = Callable[[fx.GraphModule, fx.Graph, fx.Node, Phases], fx.Node]


def phase_conv(module: fx.GraphModule) -> int:
    """One convolution for all phases, PixelShuffle, crop; NCHW throughout."""
    return rewrite_layers(module, lambda _: _stacked)


def phase_conv_split(module: fx.GraphModule) -> int:
    """A convolution for each phase where stacking would waste taps (s does not divide k), stacked elsewhere."""
    return rewrite_layers(module, lambda _: _split)


def phase_conv_channels_last(module: fx.GraphModule) -> int:
    """One convolution with the phases outermost in its channels, interleaved as one transpose of whole channel vectors
    in NHWC: what XNNPACK copies fastest."""
    return rewrite_layers(module, lambda _: _stacked_channels_last)


def phase_conv_split_channels_last(module: fx.GraphModule) -> int:
    """As ``phase_conv_split``, interleaved in NHWC."""
    return rewrite_layers(module, lambda _: _split_channels_last)


def rewrite_layers(module: fx.GraphModule, choose: Callable[[fx.Node], Form | None]) -> int:
    """Give each transposed convolution the form that ``choose`` names for it; None leaves it."""
    count = 0
    for node in [n for n in module.graph.nodes if is_call(n, *TRANSPOSED)]:
        form, phases = choose(node), match(module, node)
        if form is not None and phases is not None:
            replace(node, lambda graph, node=node, phases=phases, form=form: form(module, graph, node, phases))
            count += 1
    return count


def _stacked(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    bias = None if phases.bias is None else phases.bias.repeat_interleave(phases.count)
    value = _convolution(module, graph, f"{node.name}_phase", phases, phases.stacked(), bias)
    return _crop(graph, _interleave(graph, value, phases), phases, 2)


def _stacked_channels_last(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    if phases.count == 1 or phases.groups > 1:
        return _stacked(module, graph, node, phases)
    kernel = phases.stacked()
    outermost = kernel.view(phases.channels, phases.count, *kernel.shape[1:]).transpose(0, 1).reshape(kernel.shape)
    value = _convolution(
        module,
        graph,
        f"{node.name}_phase",
        phases,
        outermost,
        None if phases.bias is None else phases.bias.repeat(phases.count),
    )
    return _interleave_channels_last(graph, value, phases)


def _split(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    parts = _parts(module, graph, node, phases)
    if parts is None:
        return _stacked(module, graph, node, phases)
    positions = [a.positions for a in phases.axes]
    wide = graph.call_function(aten.stack.default, (parts, 2))
    value = graph.call_function(
        aten.reshape.default, (wide, [phases.batch, phases.channels * phases.count, *positions])
    )
    return _crop(graph, _interleave(graph, value, phases), phases, 2)


def _split_channels_last(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> fx.Node:
    parts = _parts(module, graph, node, phases) if phases.groups == 1 else None
    if parts is None:
        return _stacked_channels_last(module, graph, node, phases)
    return _interleave_channels_last(graph, graph.call_function(aten.cat.default, (parts, 1)), phases)


def _parts(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, phases: Phases) -> list[fx.Node] | None:
    kernels = None if all(a.kernel % a.stride == 0 for a in phases.axes) else phases.split()
    if kernels is None:
        return None
    return [
        _convolution(module, graph, f"{node.name}_phase{i}", phases, kernel, phases.bias)
        for i, kernel in enumerate(kernels)
    ]


def _convolution(
    module: fx.GraphModule, graph: fx.Graph, name: str, phases: Phases, kernel: torch.Tensor, bias: torch.Tensor | None
) -> fx.Node:
    rank, source = len(phases.axes), phases.source
    margins = [a.margins(taps) for a, taps in zip(phases.axes, kernel.shape[2:], strict=True)]
    padding = [before for before, _ in margins]
    if any(before != after or before < 0 for before, after in margins):
        source, padding = _padded(graph, source, phases, margins), [0] * rank
    stacked = add_weight(module, f"{name}_weight", kernel)
    offset = None if bias is None else add_weight(module, f"{name}_bias", bias)
    settings = ([1] * rank, padding, [1] * rank, phases.groups)
    return graph.call_function(CONVOLUTION_OF_RANK[rank], (source, stacked, offset, *settings))


def _padded(graph: fx.Graph, source: fx.Node, phases: Phases, margins: list[tuple[int, int]]) -> fx.Node:
    """Zeros where a margin is positive, rows left out where it is negative."""
    for dim, (a, (before, after)) in enumerate(zip(phases.axes, margins, strict=True), start=2):
        if before < 0 or after < 0:
            source = graph.call_function(aten.slice.Tensor, (source, dim, max(0, -before), a.size - max(0, -after)))
    zeros = [max(0, m) for before, after in reversed(margins) for m in (before, after)]
    return graph.call_function(aten.constant_pad_nd.default, (source, zeros, 0.0)) if any(zeros) else source


def _interleave(graph: fx.Graph, value: fx.Node, phases: Phases) -> fx.Node:
    return interleaving.channels_first(
        graph, value, phases.batch, phases.channels, [a.positions for a in phases.axes], phases.strides
    )


def _interleave_channels_last(graph: fx.Graph, value: fx.Node, phases: Phases) -> fx.Node:
    value = interleaving.channels_last(
        graph, value, phases.batch, phases.channels, [a.positions for a in phases.axes], phases.strides
    )
    return interleaving.to_channels_first(graph, _crop(graph, value, phases, 1), len(phases.axes))


def _crop(graph: fx.Graph, value: fx.Node, phases: Phases, first_dim: int) -> fx.Node:
    for dim, part in enumerate(phases.axes, start=first_dim):
        if not part.is_whole:
            value = graph.call_function(aten.slice.Tensor, (value, dim, part.start, part.start + part.length))
    return value


CHANNELS_FIRST: dict[str, Form] = {"stacked": _stacked, "split": _split}
CHANNELS_LAST: dict[str, Form] = {"stacked": _stacked_channels_last, "split": _split_channels_last}
