"""Bias correction: what rounding shifts a channel by on average goes back into its bias (Nagel et al. 2019,
arXiv:1906.04721).

    b'  =  b + E[W x] - E[W' x']        W', x' as rounded; the mean over calibration inputs and places
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.editing import add_weight, arguments, weight, weighted_layers
from edgegan.graph.graph import Graph, refresh
from edgegan.graph.operators import aten
from edgegan.quantize.calibration import Batches
from edgegan.quantize.local import layer_inputs, layer_output, round_activation, round_weight, weight_axis
from edgegan.quantize.scheme import Scheme


def correct_biases(graph: Graph, scheme: Scheme, batches: Batches) -> StageResult[Graph]:
    """``graph`` with the biases that its layers need once they are rounded; every layer's own shift, from float
    inputs."""
    with stopwatch() as seconds, torch.no_grad():
        result = graph.copy()
        module = result.module
        nodes = weighted_layers(module)
        bits = {n: scheme.bits(place, len(nodes)) for place, n in enumerate(nodes)}
        nodes = [n for n in nodes if len(n.meta["val"].shape) > 1 and _has_bias(module, n)]
        for node, seen in layer_inputs(module, nodes, scheme, batches).items():
            kernel = weight(module, node.args[1])
            assert kernel is not None
            given = layer_output(
                module,
                node,
                round_activation(seen.samples, *seen.range, scheme),
                round_weight(kernel, weight_axis(node), bits[node]),
            )
            shift = layer_output(module, node, seen.samples) - given
            channel = shift.ndim - 1 if node.target is aten.linear.default else 1
            bias = weight(module, arguments(node)["bias"])
            assert bias is not None
            node.update_arg(
                2,
                add_weight(
                    module,
                    f"{node.name}_corrected_bias",
                    bias + shift.mean([d for d in range(shift.ndim) if d != channel]),
                ),
            )
        refresh(module, result.example_inputs())
        return StageResult(result, (f"bias correction: {len(nodes)} layers",), seconds())


def _has_bias(module: fx.GraphModule, node: fx.Node) -> bool:
    return weight(module, arguments(node)["bias"]) is not None
