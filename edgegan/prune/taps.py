"""Values of some layers beside the picture: what teacher and student make at the same place."""

from __future__ import annotations

from torch import fx

from edgegan.prune.layers import PRUNABLE

COUNT = 3


def shared_layers(teacher: fx.GraphModule, student: fx.GraphModule) -> list[tuple[str, str]]:
    """Up to COUNT pairs of nodes, teacher's and student's, evenly over the layers that make maps of one size in both.

    A student that was pruned has its layers' names from the teacher's nodes.
    """
    known = {node.name: node for node in teacher.graph.nodes if node.op == "call_function"}
    pairs = [
        (name, node.name)
        for node in student.graph.nodes
        if node.op == "call_module"
        and isinstance(student.get_submodule(str(node.target)), PRUNABLE)
        and (name := str(node.target).removeprefix("layer_")) in known
        and len(known[name].meta["val"].shape) == 4
        and known[name].meta["val"].shape[2:] == node.meta["val"].shape[2:]
    ][:-1]
    if len(pairs) <= COUNT:
        return pairs
    return [pairs[(2 * place + 1) * len(pairs) // (2 * COUNT)] for place in range(COUNT)]


def tap(network: fx.GraphModule, names: list[str]) -> None:
    """Let ``network`` give a tuple: its picture, then the values of those nodes."""
    nodes = {node.name: node for node in network.graph.nodes}
    output = next(node for node in network.graph.nodes if node.op == "output")
    output.args = ((output.args[0], *(nodes[name] for name in names)),)
    network.recompile()
