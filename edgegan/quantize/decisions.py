"""Layers before a choice among codes or places: rounding them makes the picture jump, which no derivative foretells."""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import input_of, is_call
from edgegan.graph.graph import Graph
from edgegan.graph.operators import CASTS, CHOICES
from edgegan.quantize.layers import Layer
from edgegan.quantize.sensitivity import Simulation


def decides(graph: Graph) -> bool:
    """Whether something is chosen in the network by what it computed: then float32 itself may choose otherwise in a
    picture here and there."""
    return any(_chooses(node) for node in graph.module.graph.nodes)


def deciding(simulation: Simulation) -> list[Layer]:
    """The layers from which something is chosen (argmax, the nearest code, rounding to whole numbers), in order."""
    before: set[fx.Node] = set()
    for node in reversed(simulation.graph.module.graph.nodes):
        if node in before or _chooses(node):
            before.update(node.all_input_nodes)
    return [layer for layer in simulation.layers if simulation.chosen[layer.index] in before]


def _chooses(node: fx.Node) -> bool:
    return is_call(node, *CHOICES) or (is_call(node, *CASTS) and _is_float(input_of(node)) and not _is_float(node))


def _is_float(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()
