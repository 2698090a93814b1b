"""Equalization across layers: scale a channel down in one layer and up in the next, so that 8 bits for the whole tensor
suit every channel of it.

    W2 f(W1 x + b1)  =  (W2 S) f(S^-1 (W1 x + b1))        S a positive diagonal, f with f(s v) = s f(v)

Nagel et al. 2019 (arXiv:1906.04721) take S from the weights; Xiao et al. 2023 (arXiv:2211.10438) weigh the range of the
activation against that of the weights, s = r^a / w^(1-a), as here. Weights have a scale per output channel, so the
first layer loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import fx

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.editing import add_weight, arguments, input_of, is_call, shape, sole_user, weight
from edgegan.graph.graph import Graph, refresh
from edgegan.graph.moves import pads_own_values_or_zeros
from edgegan.graph.operators import HOMOGENEOUS, LAYERS, PADS, TRANSPOSED, aten
from edgegan.quantize.calibration import Batches
from edgegan.quantize.local import LayerInput, layer_inputs, layer_output, rounded_output, weight_axis
from edgegan.quantize.scheme import Scheme

STRENGTHS = (0.25, 0.5, 0.75)
"""Values of a that are tried for each pair; the one with the least error at the second layer's output wins, if any
helps."""
MOST = 64.0


@dataclass(frozen=True)
class Pair:
    """Two layers with nothing but homogeneous operators between them; each channel of the second's input is ``repeat``
    outputs of the first in a row."""

    first: fx.Node
    second: fx.Node
    repeat: int


def equalize(graph: Graph, scheme: Scheme, batches: Batches) -> StageResult[Graph]:
    """``graph`` as the same function in float, with its channels scaled so that rounding costs its layers less."""
    with stopwatch() as seconds, torch.no_grad():
        result = graph.copy()
        module = result.module
        pairs = list(_pairs(module))
        seen = layer_inputs(module, [pair.second for pair in pairs], scheme, batches)
        count = 0
        for pair in pairs:
            scale = _best_scale(module, pair, seen[pair.second], scheme)
            if scale is not None:
                _apply(module, pair, scale)
                count += 1
        if not count:
            return StageResult(graph, (f"equalization: none of {len(pairs)} pairs of layers gains",), seconds())
        refresh(module, result.example_inputs())
        return StageResult(result, (f"equalization: {count} of {len(pairs)} pairs of layers",), seconds())


def share_of_pairs(graph: Graph) -> float:
    """The share of the layers whose input's channels can be scaled."""
    layers = [node for node in graph.module.graph.nodes if is_call(node, *LAYERS, *TRANSPOSED)]
    return len(list(_pairs(graph.module))) / max(1, len(layers))


def _pairs(module: fx.GraphModule) -> Iterator[Pair]:
    for second in module.graph.nodes:
        if not _is_plain(module, second):
            continue
        node, repeat = input_of(second), 1
        while is_call(node, *HOMOGENEOUS, aten.reshape.default, aten.view.default) and sole_user(node) is not None:
            if is_call(node, *PADS) and not pads_own_values_or_zeros(node):
                break
            source = input_of(node)
            if is_call(node, aten.reshape.default, aten.view.default):
                if repeat != 1 or len(shape(source)) != 2 or len(shape(node)) < 3 or shape(source)[1] % shape(node)[1]:
                    break
                repeat = shape(source)[1] // shape(node)[1]
            node = source
        if (
            _is_plain(module, node)
            and sole_user(node) is not None
            and _outputs(module, node) == repeat * _inputs(module, second)
        ):
            yield Pair(node, second, repeat)


def _is_plain(module: fx.GraphModule, node: fx.Node) -> bool:
    """A layer of one group with constant weights."""
    if not is_call(node, *LAYERS, *TRANSPOSED) or weight(module, node.args[1]) is None:
        return False
    call = arguments(node)
    return (
        call.get("groups", 1) == 1
        and (call["bias"] is None or weight(module, call["bias"]) is not None)
        and (node.target is not aten.linear.default or len(shape(node)) == 2)
    )


def _outputs(module: fx.GraphModule, node: fx.Node) -> int:
    return int(weight(module, node.args[1]).shape[weight_axis(node)])  # type: ignore[union-attr]


def _inputs(module: fx.GraphModule, node: fx.Node) -> int:
    return int(weight(module, node.args[1]).shape[1 - weight_axis(node)])  # type: ignore[union-attr]


def _best_scale(module: fx.GraphModule, pair: Pair, seen: LayerInput, scheme: Scheme) -> torch.Tensor | None:
    """Factor of every channel of the second layer's input; None where none lowers the error."""
    kernel = weight(module, pair.second.args[1])
    assert kernel is not None
    axis = 1 - weight_axis(pair.second)
    heaviest = kernel.abs().amax([d for d in range(kernel.ndim) if d != axis]).clamp_min(1e-8)
    wanted = layer_output(module, pair.second, seen.samples)
    best, least = None, _error(module, pair.second, seen.samples, torch.ones_like(heaviest), wanted, scheme)
    for strength in STRENGTHS:
        scale = seen.highest.clamp_min(1e-8) ** strength / heaviest ** (1 - strength)
        scale = (scale / scale.log().mean().exp()).clamp(1 / MOST, MOST)
        error = _error(module, pair.second, seen.samples, scale, wanted, scheme)
        if error < 0.98 * least:
            best, least = scale, error
    return best


def _error(
    module: fx.GraphModule,
    node: fx.Node,
    inputs: torch.Tensor,
    scale: torch.Tensor,
    wanted: torch.Tensor,
    scheme: Scheme,
) -> float:
    kernel = weight(module, node.args[1])
    assert kernel is not None
    given = rounded_output(
        module,
        node,
        inputs / _along(scale, inputs.ndim, 1),
        kernel * _along(scale, kernel.ndim, 1 - weight_axis(node)),
        scheme,
    )
    return float(((given - wanted) ** 2).mean())


def _along(values: torch.Tensor, rank: int, axis: int) -> torch.Tensor:
    return values.view([-1 if d == axis else 1 for d in range(rank)])


def _apply(module: fx.GraphModule, pair: Pair, scale: torch.Tensor) -> None:
    per_output = scale.repeat_interleave(pair.repeat)
    for node, factor, axis in (
        (pair.first, 1 / per_output, weight_axis(pair.first)),
        (pair.second, scale, 1 - weight_axis(pair.second)),
    ):
        kernel = weight(module, node.args[1])
        assert kernel is not None
        node.update_arg(
            1, add_weight(module, f"{node.name}_equalized_weight", kernel * _along(factor, kernel.ndim, axis))
        )
    bias = weight(module, arguments(pair.first)["bias"])
    if bias is not None:
        pair.first.update_arg(2, add_weight(module, f"{pair.first.name}_equalized_bias", bias / per_output))
