"""A vector of its own for each operator that reads it: files that were optimised hold equal ones once, and norms of
ones and zeros would otherwise couple the channels of the whole network."""

from __future__ import annotations

from edgegan.graph.editing import add_weight, weight
from edgegan.graph.graph import Graph


def own_vectors(graph: Graph) -> Graph:
    """A copy in which no two operators read the same constant of one axis; kernels that are shared stay so."""
    module = graph.copy().module
    read: set[str] = set()
    for node in [n for n in module.graph.nodes if n.op == "get_attr"]:
        held = weight(module, node)
        if held is None or not held.is_floating_point() or sum(size > 1 for size in held.shape) != 1:
            continue
        for user in list(node.users):
            if node.target in read:
                copy = add_weight(module, f"{node.name}_of_{user.name}", held.clone())
                copy.meta = dict(node.meta)
                user.replace_input_with(node, copy)
            read.add(str(node.target))
    module.recompile()
    return graph.with_module(module)
