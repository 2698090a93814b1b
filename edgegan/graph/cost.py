"""What a graph costs on paper: multiply-accumulates per sample, parameters, and what its operators move to and from
memory."""

from __future__ import annotations

from math import prod

from torch import fx

from edgegan.graph.editing import aten, is_call, shape, weight
from edgegan.graph.graph import Graph

CONVS = (aten.conv1d.default, aten.conv2d.default, aten.conv3d.default)
TRANSPOSED = (aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input)
VIEWS = (
    aten.reshape.default,
    aten.view.default,
    aten._unsafe_view.default,
    aten.unsqueeze.default,
    aten.squeeze.dim,
    aten.flatten.using_ints,
    aten.alias.default,
)
PRODUCTS = (aten.matmul.default, aten.mm.default, aten.bmm.default)


def macs(graph: Graph) -> int:
    """Multiply-accumulates of one sample: convolutions, linear layers and matrix products; nothing else is counted."""
    return sum(node_macs(n) for n in graph.module.graph.nodes) // graph.batch


def node_macs(node: fx.Node) -> int:
    """Multiply-accumulates of one operator, for the whole batch."""
    if is_call(node, *CONVS):
        return prod(shape(node)) * prod(shape(node.args[1])[1:])
    if is_call(node, *TRANSPOSED):
        return prod(shape(node.args[0])) * prod(shape(node.args[1])[1:])
    if is_call(node, aten.linear.default):
        return prod(shape(node)) * shape(node.args[1])[-1]
    if is_call(node, aten.addmm.default):
        return prod(shape(node)) * shape(node.args[1])[-1]
    if is_call(node, *PRODUCTS):
        return prod(shape(node)) * shape(node.args[0])[-1]
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
    return value.numel() if hasattr(value, "numel") else 0
