"""What a network has beside its layers that int8 may leave in float."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import is_call, weight
from edgegan.graph.graph import Graph
from edgegan.graph.operators import STATISTICS, SUMS
from edgegan.quantize.scheme import FloatParts


def network_parts(graph: Graph) -> frozenset[FloatParts]:
    """What there is beside layers: arithmetic, above all normalisation by the input's own statistics, and sums of what
    the network computes."""
    nodes = graph.module.graph.nodes
    parts = {FloatParts.STATISTICS} if any(is_call(n, *STATISTICS) for n in nodes) else set()
    return frozenset(parts | ({FloatParts.SUMS} if any(_is_sum(graph, n) for n in nodes) else set()))


def _is_sum(graph: Graph, node: fx.Node) -> bool:
    return is_call(node, *SUMS) and all(
        isinstance(a, fx.Node) and weight(graph.module, a) is None for a in node.args[:2]
    )
