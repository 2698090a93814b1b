"""Adaptive rounding: each weight up or down as suits the layer's output, rather than to the nearest step (Nagel et al.
2020, arXiv:2004.10568).

    min over V of  |W x - W'(V) x'|^2 + strength * sum(1 - |2 h(V) - 1|^beta),      W'(V) = scale (floor(W / scale) +
    h(V))

with h the stretched sigmoid and beta falling from 20 to 2. The weights that result lie on the grid of their own scale,
so whatever quantizes the graph later, by the largest magnitude of a channel, finds exactly these integers.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.editing import add_weight, weight, weighted_layers
from edgegan.graph.graph import Graph, refresh
from edgegan.quantize.calibration import Batches
from edgegan.quantize.local import LayerInput, layer_inputs, layer_output, round_activation, weight_axis, weight_scale
from edgegan.quantize.scheme import Scheme

STEPS, BATCH, RATE, STRENGTH = 300, 8, 1e-2, 0.01
LOWEST, HIGHEST = -0.1, 1.1
WARM_UP = 0.2
"""Share of the steps before weights are pushed to one side."""


def round_adaptively(graph: Graph, scheme: Scheme, batches: Batches, steps: int = STEPS) -> StageResult[Graph]:
    """``graph`` with the weights of its layers on their grids, rounded for the least error of each layer."""
    with stopwatch() as seconds:
        result = graph.copy()
        module = result.module
        nodes = weighted_layers(module)
        better = 0
        for node, seen in layer_inputs(module, nodes, scheme, batches).items():
            rounded, gained = _rounded(module, node, seen, scheme, steps, scheme.bits(nodes.index(node), len(nodes)))
            node.update_arg(1, add_weight(module, f"{node.name}_rounded_weight", rounded))
            better += gained
        refresh(module, result.example_inputs())
        return StageResult(
            result,
            (f"adaptive rounding: better than to the nearest in {better} of {len(nodes)} layers, {steps} steps each",),
            seconds(),
        )


def _rounded(
    module: fx.GraphModule, node: fx.Node, seen: LayerInput, scheme: Scheme, steps: int, bits: int
) -> tuple[torch.Tensor, bool]:
    """The layer's weights on their grid, and whether they are better than the nearest ones."""
    kernel = weight(module, node.args[1])
    assert kernel is not None
    scale, most = weight_scale(kernel, weight_axis(node), bits), 2 ** (bits - 1) - 1
    with torch.no_grad():
        wanted = layer_output(module, node, seen.samples)
        inputs = round_activation(seen.samples, *seen.range, scheme)
        span = wanted.var().clamp_min(1e-12)
    below = torch.floor(kernel / scale)
    share = (kernel / scale - below).clamp(1e-4, 1 - 1e-4)
    variable = torch.logit((share - LOWEST) / (HIGHEST - LOWEST)).requires_grad_()
    optimizer = torch.optim.Adam([variable], lr=RATE)
    chosen = torch.Generator().manual_seed(0)
    for step in range(steps):
        rows = torch.randint(len(inputs), (min(BATCH, len(inputs)),), generator=chosen)
        up = (torch.sigmoid(variable) * (HIGHEST - LOWEST) + LOWEST).clamp(0, 1)
        given = layer_output(module, node, inputs[rows], (below + up).clamp(-most, most) * scale)
        loss = ((given - wanted[rows]) ** 2).mean() / span
        past = (step / steps - WARM_UP) / (1 - WARM_UP)
        if past > 0:
            loss = loss + STRENGTH * (1 - (2 * up - 1).abs() ** (20 - 18 * past)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        adapted = (below + (variable > 0)).clamp(-most, most) * scale
        nearest = torch.round(kernel / scale).clamp(-most, most) * scale
        errors = [((layer_output(module, node, inputs, k) - wanted) ** 2).mean().item() for k in (adapted, nearest)]
    return (adapted, True) if errors[0] < errors[1] else (nearest, False)
