"""What a graph costs on paper: multiply-accumulates per sample, parameters, and what its operators move to and from
memory."""

from __future__ import annotations

from math import prod

import torch
from torch import fx

from edgegan.graph.editing import argument, input_of, is_call, shape, weight
from edgegan.graph.graph import Graph
from edgegan.graph.operators import CONVOLUTIONS, PRODUCTS, TRANSPOSED, VIEWS, VOLUMETRIC, VOLUMETRIC_TRANSPOSED, aten


def macs(graph: Graph) -> int:
    """Multiply-accumulates of one sample: convolutions, linear layers and matrix products; nothing else is counted."""
    return sum(node_macs(n) for n in graph.module.graph.nodes) // graph.batch


LARGE = 1 << 31
"""Multiply-accumulates of a batch beyond which one more run of a network, or one more candidate, is worth avoiding."""


def is_large(graph: Graph) -> bool:
    """Whether the network computes more than LARGE."""
    return macs(graph) * graph.batch > LARGE


def node_macs(node: fx.Node) -> int:
    """Multiply-accumulates of one operator, for the whole batch."""
    if is_call(node, *CONVOLUTIONS, *VOLUMETRIC):
        return prod(shape(node)) * prod(shape(argument(node, 1))[1:])
    if is_call(node, *TRANSPOSED, *VOLUMETRIC_TRANSPOSED):
        return prod(shape(input_of(node))) * prod(shape(argument(node, 1))[1:])
    if is_call(node, aten.linear.default):
        return prod(shape(node)) * shape(argument(node, 1))[-1]
    if is_call(node, aten.addmm.default):
        return prod(shape(node)) * shape(argument(node, 1))[-1]
    if is_call(node, *PRODUCTS):
        return prod(shape(node)) * shape(input_of(node))[-1]
    return 0


def params(graph: Graph) -> int:
    """Floating-point weights that the graph reads."""
    held = {str(n.target): weight(graph.module, n) for n in graph.module.graph.nodes if n.op == "get_attr" and n.users}
    return sum(t.numel() for t in held.values() if t is not None and t.is_floating_point())


def values_moved(graph: Graph) -> int:
    """Values that the operators of one run read and write, weights among them, each operator by itself: what a backend
    fuses it saves of this. Reshapes move nothing."""
    called = [n for n in graph.module.graph.nodes if n.op == "call_function" and not is_call(n, *VIEWS)]
    return sum(_size(node) + sum(_size(source) for source in node.all_input_nodes) for node in called)


def _size(node: fx.Node) -> int:
    value = node.meta.get("val")
    return value.numel() if isinstance(value, torch.Tensor) else 0
