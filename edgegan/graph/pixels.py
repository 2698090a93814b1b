"""Post-processing in the graph: the device reads uint8 pixels and computes nothing after them."""

from __future__ import annotations

import copy

import torch

from edgegan.core.errors import ModelError
from edgegan.graph.editing import input_of
from edgegan.graph.graph import Graph, first_output, refresh
from edgegan.graph.operators import aten


def with_pixels(graph: Graph) -> Graph:
    """``graph`` ending in uint8 (N, H, W, C): floor(255 (y - lo) / (hi - lo) + 1/2), clipped to 0..255.

    Halves are rounded up, where NumPy rounds them to even: backends have no other rounding in common. Raises ModelError
    for what is no picture.
    """
    if len(graph.output_shape) != 4:
        raise ModelError(f"--uint8-output is for pictures; this generator gives {graph.output_shape}")
    module = copy.deepcopy(graph.module)
    low, high = graph.spec.output_range
    output = next(n for n in module.graph.nodes if n.op == "output")
    scale = 255.0 / (high - low)
    with module.graph.inserting_before(output):
        call = module.graph.call_function
        value = call(aten.mul.Tensor, (first_output(input_of(output)), scale))
        value = call(aten.add.Tensor, (value, 0.5 - low * scale))
        value = call(aten.clamp.default, (value, 0.0, 255.0))
        value = call(aten.permute.default, (value, [0, 2, 3, 1]))
        value = call(aten._to_copy.default, (value,), {"dtype": torch.uint8})
    output.args = (value,)
    refresh(module, graph.example_inputs())
    return graph.with_module(module)
